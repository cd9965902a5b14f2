"""Model folders from a stranger who means harm: each is a whole folder with one thing changed.

The process that is given them runs `python -m tests.faults.hostile_models`: it puts every folder through verify, score
and evaluate with an audit hook that notes code that is run and sockets that are opened.
"""

import json
import os
import pickle
import shutil
import struct
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

Attack = Callable[[Path], None]
ATTACKS: dict[str, Attack] = {}
"""What is done to a copy of a BERT classifier without a manifest, by name."""

IN_VAIN: dict[str, Attack] = {}
"""What is done to a copy of that classifier and leads nowhere: it is scored as if it were not there."""

ON_CHECKPOINTS: dict[str, Attack] = {}
"""What is done to a copy of a checkpoint with a manifest."""

HUB_ID, COMMIT = "some/model", "c" * 40
"""A model of the hub that the cache has whole."""

ELSEWHERE = "sentiscore-elsewhere"
"""A folder beside the hostile ones, where nothing has to be read."""


class Payload:
    """What a pickle that runs code looks like."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch pwned",)


def attack(kind: dict[str, Attack]) -> Callable[[Attack], Attack]:
    def register(function: Attack) -> Attack:
        kind[function.__name__] = function
        return function

    return register


def edit(folder: Path, name: str = "config.json", **changes: Any) -> None:
    path = folder / name
    path.write_text(json.dumps((json.loads(path.read_text()) if path.exists() else {}) | changes))


def setting(name: str, kind: dict[str, Attack] = ATTACKS, **changes: Any) -> None:
    """A config with some settings more."""
    kind[name] = lambda folder: edit(folder, **changes)


def tokenizer_setting(name: str, kind: dict[str, Attack] = ATTACKS, **changes: Any) -> None:
    kind[name] = lambda folder: edit(folder, "tokenizer_config.json", **changes)


setting(
    "auto_map",
    auto_map={"AutoConfig": "stranger_configuration.X", "AutoModelForSequenceClassification": "stranger_modeling.X"},
)
setting("auto_map_of_a_repository", auto_map={"AutoModelForSequenceClassification": "evil/repo--stranger_modeling.X"})
setting("unknown_model_type", model_type="my_model", auto_map={"AutoConfig": "stranger_modeling.X"})
setting("a_model_type_that_compiles_kernels", model_type="yoso")
setting("trust_remote_code", trust_remote_code=True)
setting("attention_internal", _attn_implementation_internal="evil/kernels")
setting("attention_from_the_hub", _attn_implementation="evil/kernels:attention")
setting("attention_setting_from_the_hub", attn_implementation="evil/kernels")
setting("experts_internal", _experts_implementation_internal="evil/kernels")
setting("quantization_config", quantization_config={"quant_method": "gptq", "bits": 4, "tokenizer": "evil/repo"})
setting(
    "custom_pipelines", custom_pipelines={"text-classification": {"impl": "stranger_modeling.X", "pt": ["AutoModel"]}}
)
setting("fusion_config", fusion_config={"patch_embeddings": True})
setting("weights_elsewhere", transformers_weights="../sentiscore-elsewhere/model.safetensors")
setting("use_kernels", use_kernels=True)
setting("per_layer_config", per_layer_config={"0": {"hidden_size": 2**40}})
setting("a_path_as_a_word", hidden_act="../../etc/passwd")
setting("an_unknown_word_that_is_a_class", loader="stranger_modeling.X")
setting("an_unknown_word_that_is_a_path", loader=f"../{ELSEWHERE}/vocab.txt")
setting("an_unknown_word", IN_VAIN, loader="stranger_modeling")
setting("settings_of_adapters", IN_VAIN, adapters={"adapters": {"evil": "stranger_modeling.X"}, "path": "/etc/passwd"})
setting("settings_of_another_library", IN_VAIN, **{"transformers.js_config": {"dtype": f"../{ELSEWHERE}/vocab.txt"}})
setting("huge_hidden_size", hidden_size=2**30, num_attention_heads=1)
setting("huge_vocabulary", vocab_size=2**31)
setting("huge_positions", max_position_embeddings=2**40)
setting("huge_number", intermediate_size=10**4000)
setting("endless_layers", num_hidden_layers=10**9)
setting("more_layers_than_weights", num_hidden_layers=12)
setting("endless_labels", num_labels=10**9)
setting("no_heads", num_attention_heads=0)
setting("heads_that_do_not_divide", num_attention_heads=3)
setting("hidden_size_is_text", hidden_size="16")
setting("other_shapes", hidden_size=8, intermediate_size=8)
setting("another_kind_with_other_weights", model_type="llama", num_key_value_heads=2, hidden_act="silu")
setting("too_many_labels", id2label={str(i): f"label {i}" for i in range(900)})
setting("labels_that_do_not_fit", id2label={str(i): f"label {i}" for i in range(90)})
tokenizer_setting("tokenizer_auto_map", auto_map={"AutoTokenizer": ["stranger_tokenization.X", None]})
tokenizer_setting("tokenizer_vocab_path", IN_VAIN, vocab_file="../sentiscore-elsewhere/vocab.txt")
tokenizer_setting("tokenizer_absolute_path", IN_VAIN, tokenizer_file="/etc/passwd")
tokenizer_setting("tokenizer_template_path", IN_VAIN, chat_template_file="/etc/passwd")
tokenizer_setting("tokenizer_class_of_a_module", tokenizer_class="os.system")
tokenizer_setting("tokenizer_unknown_class", tokenizer_class="Popen")
tokenizer_setting("tokenizer_backend", backend="evil_backend")


def text(name: str, file: str, content: str) -> None:
    """A file with another content."""

    def write(folder: Path) -> None:
        (folder / file).write_text(content)

    ATTACKS[name] = write


text("config_nested_deeply", "config.json", '{"model_type": "bert", "id2label": ' + "[" * 200_000 + "]" * 200_000 + "}")
text("config_with_a_key_twice", "config.json", '{"model_type": "bert", "model_type": "evil"}')
text("config_with_nan", "config.json", '{"model_type": "bert", "layer_norm_eps": NaN}')
text("config_with_infinity", "config.json", '{"model_type": "bert", "layer_norm_eps": 1e999}')
text("config_is_a_list", "config.json", "[1, 2]")
text("config_is_empty", "config.json", "")
text("config_is_large", "config.json", '{"model_type": "bert", "name": "' + "x" * 3_000_000 + '"}')
text("config_is_no_text", "config.json", "\0" * 1000)
text("tokenizer_is_no_json", "tokenizer.json", "import os; os.system('touch pwned')")
text("tokenizer_nested_deeply", "tokenizer.json", "[" * 200_000)
text("tokenizer_config_nested_deeply", "tokenizer_config.json", '{"a":' * 100_000)
text("special_tokens_nested_deeply", "special_tokens_map.json", '{"a":' * 100_000)
text("manifest_is_no_manifest", "sentiscore.json", '{"format": 2}')


@attack(ATTACKS)
def pickle_named_safetensors(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(pickle.dumps(Payload()))


@attack(ATTACKS)
def zip_named_safetensors(folder: Path) -> None:
    with zipfile.ZipFile(folder / "model.safetensors", "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps(Payload()))


@attack(ATTACKS)
def hdf5_named_safetensors(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(1000))


@attack(ATTACKS)
def pickle_alone(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Payload()))


@attack(ATTACKS)
def truncated(folder: Path) -> None:
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) * 2 // 3])


@attack(ATTACKS)
def more_bytes_than_tensors(folder: Path) -> None:
    with (folder / "model.safetensors").open("ab") as file:
        file.write(pickle.dumps(Payload()))


def header(folder: Path) -> tuple[dict[str, Any], bytes]:
    data = (folder / "model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def write(folder: Path, about: dict[str, Any] | bytes, rest: bytes, length: int | None = None) -> None:
    raw = about if isinstance(about, bytes) else json.dumps(about).encode()
    size = struct.pack("<Q", len(raw) if length is None else length)
    (folder / "model.safetensors").write_bytes(size + raw + rest)


def in_header(name: str, change: Callable[[dict[str, Any]], None]) -> None:
    """A header in which the place or shape of tensors is another."""

    def apply(folder: Path) -> None:
        about, rest = header(folder)
        change(about)
        write(folder, about, rest)

    ATTACKS[name] = apply


def first(about: dict[str, Any]) -> dict[str, Any]:
    return next(entry for name, entry in about.items() if name != "__metadata__")


def overlap(about: dict[str, Any]) -> None:
    a, b = [entry for name, entry in about.items() if name != "__metadata__"][:2]
    b["data_offsets"], b["shape"], b["dtype"] = a["data_offsets"], a["shape"], a["dtype"]


in_header("overlapping_tensors", overlap)
in_header("offsets_out_of_the_file", lambda about: first(about).update(data_offsets=[0, 2**40]))
in_header("negative_offsets", lambda about: first(about).update(data_offsets=[-8, 0]))
in_header("shape_of_terabytes", lambda about: first(about).update(shape=[2**20, 2**20]))
in_header("shape_that_overflows", lambda about: first(about).update(shape=[2**32, 2**32, 2**32]))
in_header("negative_shape", lambda about: first(about).update(shape=[-1, -16]))
in_header("unknown_dtype", lambda about: first(about).update(dtype="OBJECT"))
in_header("more_in_an_entry", lambda about: first(about).update(loader="stranger_modeling"))
in_header("no_tensors", lambda about: about.clear())
in_header("notes_that_are_no_text", lambda about: about.update(__metadata__={"format": ["pt"]}))


@attack(ATTACKS)
def absurd_header_length(folder: Path) -> None:
    about, rest = header(folder)
    write(folder, about, rest, length=2**63)


@attack(ATTACKS)
def header_as_long_as_the_file(folder: Path) -> None:
    write(folder, b" " * 10_000, b"")


@attack(ATTACKS)
def header_nested_deeply(folder: Path) -> None:
    write(folder, b'{"a":' * 1_000_000, b"")


@attack(ATTACKS)
def header_with_a_tensor_twice(folder: Path) -> None:
    about, rest = header(folder)
    raw = json.dumps(about)
    write(folder, (raw[:-1] + "," + raw[1:]).encode(), rest)


@attack(ATTACKS)
def wrong_shapes(folder: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    save_file({name: torch.cat([x, x]) for name, x in weights.items()}, folder / "model.safetensors")


@attack(ATTACKS)
def a_layer_is_missing(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    save_file({name: x for name, x in weights.items() if "layer.1" not in name}, folder / "model.safetensors")


@attack(ATTACKS)
def weights_that_are_not_numbers(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    save_file({name: x * float("nan") for name, x in weights.items()}, folder / "model.safetensors")


@attack(ATTACKS)
def index_that_names_another_folder(folder: Path) -> None:
    shutil.copy(folder / "model.safetensors", folder.parent / ELSEWHERE / "model.safetensors")
    (folder / "model.safetensors").unlink()
    edit(folder, "model.safetensors.index.json", weight_map={"a": f"../{ELSEWHERE}/model.safetensors"})


@attack(ATTACKS)
def index_that_names_a_pickle(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Payload()))
    edit(folder, "model.safetensors.index.json", weight_map={"a": "pytorch_model.bin"})


def link(name: str, file: str) -> None:
    """A file that is a link to one elsewhere, which would do."""

    def apply(folder: Path) -> None:
        place = folder.parent / ELSEWHERE / f"{name}-{file}"
        (folder / file).rename(place)
        (folder / file).symlink_to(place)

    ATTACKS[name] = apply


link("config_links_out", "config.json")
link("weights_link_out", "model.safetensors")
link("tokenizer_links_out", "tokenizer.json")
link("tokenizer_config_links_out", "tokenizer_config.json")


@attack(ATTACKS)
def links_in_a_circle(folder: Path) -> None:
    (folder / "config.json").unlink()
    (folder / "config.json").symlink_to("config.json")


@attack(ATTACKS)
def links_to_a_device(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer.json").symlink_to("/dev/zero")


def pipe(name: str, file: str) -> None:
    """A pipe that nobody writes to: who opens it waits for ever."""

    def apply(folder: Path) -> None:
        (folder / file).unlink(missing_ok=True)
        os.mkfifo(folder / file)

    ATTACKS[name] = apply


pipe("config_is_a_pipe", "config.json")
pipe("weights_are_a_pipe", "model.safetensors")
pipe("tokenizer_is_a_pipe", "tokenizer.json")
pipe("manifest_is_a_pipe", "sentiscore.json")
pipe("another_json_is_a_pipe", "special_tokens_map.json")


@attack(ATTACKS)
def config_is_a_folder(folder: Path) -> None:
    (folder / "config.json").unlink()
    (folder / "config.json").mkdir()


def adapters(name: str, **changes: Any) -> None:
    """A whole model that says it is adapters, with more than plain LoRA has."""

    def apply(folder: Path) -> None:
        plain = {
            "peft_type": "LORA",
            "r": 2,
            "lora_alpha": 4,
            "fan_in_fan_out": False,
            "target_modules": ["query"],
            "modules_to_save": ["classifier"],
        }
        edit(folder, "adapter_config.json", **plain | changes)
        (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")

    ATTACKS[name] = apply


adapters("adapters_without_a_manifest")
adapters("adapters_auto_mapping", auto_mapping={"base_model_class": "X", "parent_library": "stranger_modeling"})
adapters("adapters_megatron", megatron_config={"a": 1}, megatron_core="stranger_modeling")
adapters("adapters_of_a_base_elsewhere", base_model_name_or_path="evil/repo", peft_type="EVIL")
adapters("adapters_with_a_pattern", target_modules="(a+)+$")
adapters("adapters_of_a_huge_rank", r=2**40)


@attack(ON_CHECKPOINTS)
def manifest_that_names_another_folder(folder: Path) -> None:
    manifest = json.loads((folder / "sentiscore.json").read_text())
    shutil.copy(folder / "config.json", folder.parent / ELSEWHERE / "config.json")
    edit(folder, "sentiscore.json", files=manifest["files"] | {f"../{ELSEWHERE}/config.json": "0" * 64})


@attack(ON_CHECKPOINTS)
def another_byte_in_the_weights(folder: Path) -> None:
    data = bytearray((folder / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "model.safetensors").write_bytes(bytes(data))


@attack(ON_CHECKPOINTS)
def a_file_that_the_manifest_does_not_name(folder: Path) -> None:
    shutil.copy(folder / "model.safetensors", folder / "more.safetensors")


@attack(ON_CHECKPOINTS)
def manifest_with_an_endless_length(folder: Path) -> None:
    edit(folder, "sentiscore.json", max_length=10**12)


@attack(ON_CHECKPOINTS)
def manifest_with_a_temperature_that_is_none(folder: Path) -> None:
    path = folder / "sentiscore.json"
    path.write_text(path.read_text().replace('"temperature": 1.5', '"temperature": NaN'))


@attack(ON_CHECKPOINTS)
def manifest_with_a_base_elsewhere(folder: Path) -> None:
    kept = {"base_folder": "/etc", "base_files": {"passwd": "0" * 64}, "in_4_bits": False}
    edit(folder, "sentiscore.json", base="../../etc", adapters=kept)


@attack(ON_CHECKPOINTS)
def manifest_with_a_base_on_the_hub(folder: Path) -> None:
    kept: dict[str, Any] = {"base_folder": None, "base_files": {}, "in_4_bits": False}
    edit(folder, "sentiscore.json", base="evil/repo", base_revision="main", adapters=kept)


@attack(ON_CHECKPOINTS)
def manifest_with_a_base_at_a_commit_on_the_hub(folder: Path) -> None:
    kept: dict[str, Any] = {"base_folder": None, "base_files": {}, "in_4_bits": False}
    edit(folder, "sentiscore.json", base="stranger/evil", base_revision="d" * 40, adapters=kept)


def make(kind: dict[str, Attack], whole: Path, root: Path) -> None:
    """A folder for each attack, each with Python files that an import would run."""
    (root / ELSEWHERE).mkdir(exist_ok=True)
    (root / ELSEWHERE / "vocab.txt").write_text("[UNK]\n")
    for name, apply in kind.items():
        folder = Path(shutil.copytree(whole, root / name))
        for module in ("stranger_modeling", "stranger_configuration", "stranger_tokenization"):
            (folder / f"{module}.py").write_text("from pathlib import Path\nPath('pwned').touch()\nX = object\n")
        apply(folder)


def main(root: Path, rows: Path) -> None:
    """Put each folder through verify, score and evaluate, and write what happened as JSON lines."""
    import contextlib
    import io

    import torch
    import transformers  # noqa: F401 - what they do when they are imported is not what is tested

    with suppress(ImportError):
        import urllib3  # noqa: F401 - which transformers imports with some models, and which tries IPv6 by binding a socket

    from sentiscore.cli.main import cli
    from sentiscore.errors import SentiscoreError

    seen: list[str] = []
    watched = {"socket.connect", "socket.getaddrinfo", "socket.bind", "socket.sendto", "subprocess.Popen"}
    watched |= {"os.system", "os.exec", "os.posix_spawn", "os.fork", "pickle.find_class", "pty.spawn"}

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        is_ours = event in ("import", "open", "exec", "compile") and str(root) in str(arguments)[:4000]
        elsewhere = event == "open" and (ELSEWHERE in str(arguments[0]) or "/etc/passwd" in str(arguments[0]))
        ran = event == "exec" and str(root) in str(getattr(arguments[0], "co_filename", ""))
        a_module = event in ("import", "open") and str(arguments[0]).rpartition("/")[2].startswith("stranger_")
        if event in watched or elsewhere or ran or a_module or (is_ours and event in ("exec", "compile")):
            seen.append(f"{event} {str(arguments)[:200]}")

    sys.addaudithook(hook)
    torch.set_num_threads(1)
    models = {path.name: [str(path)] for path in sorted(root.iterdir()) if path.name != ELSEWHERE}
    for name, model in (models | {"hub": [HUB_ID, "--revision", COMMIT]}).items():
        scored = rows.parent / f"{name}.parquet"
        columns = ["--text-col", "text"]
        commands = {
            "verify": ["verify", *model],
            "score": ["score", str(rows), *columns, "-o", str(scored), "-m", *model],
            "evaluate": [
                "evaluate",
                *model,
                "--eval-file",
                str(rows),
                *columns,
                "--label-col",
                "gold",
                "--resamples",
                "10",
            ],
        }
        for command, arguments in commands.items():
            seen.clear()
            out, err = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                try:
                    cli.main(arguments, standalone_mode=False)
                    raised = message = ""
                except BaseException as error:  # noqa: BLE001 - whatever it is, it is reported
                    refused = isinstance(error.__cause__, SentiscoreError)
                    raised = "SentiscoreError" if refused else type(error).__name__
                    message = str(error.__cause__ if refused else error)[-300:]
            report: dict[str, Any] = {"model": name, "command": command, "raised": raised, "seen": list(seen)}
            report |= {"message": message, "output": scored.exists()}
            sys.stdout.write(json.dumps(report) + "\n")
    seen.clear()
    misbehave(root / "harmless")
    sys.stdout.write(json.dumps({"model": "control", "command": "none", "seen": seen}) + "\n")


def misbehave(folder: Path) -> None:
    """What no model may do, so that the hook is known to notice it."""
    import importlib.util
    import socket

    pickle.loads(b"cos\ngetpid\n.")  # noqa: S301
    with socket.socket() as connection:
        connection.settimeout(0.1)
        connection.connect_ex(("127.0.0.1", 9))
    module = importlib.util.spec_from_file_location("stranger_modeling", folder / "stranger_modeling.py")
    assert module is not None
    assert module.loader is not None
    importlib.util.module_from_spec(module)
    module.loader.get_code("stranger_modeling")  # type: ignore[attr-defined]
    os.system("true")  # noqa: S605


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
