import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sentiscore.checkpoint import DEFAULT, Manifest, load_checkpoint
from sentiscore.checkpoint.load import Base, check_base, find_base, find_folder, hash_base
from sentiscore.checkpoint.manifest import KeptAdapters
from sentiscore.errors import CheckpointError, SentiscoreWarning


@pytest.fixture
def copy(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_checkpoint, tmp_path / "copy"))


def test_a_checkpoint_is_what_its_manifest_says(tiny_checkpoint: Path) -> None:
    checkpoint = load_checkpoint(tiny_checkpoint)
    assert checkpoint.labels == ("negative", "positive")
    assert checkpoint.max_length == 32
    assert checkpoint.temperature == 1.5
    assert checkpoint.manifest is not None
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(checkpoint.manifest.files)


def test_the_embedded_default_is_whole_and_calibrated() -> None:
    checkpoint = load_checkpoint(DEFAULT)
    assert checkpoint.manifest is not None
    assert checkpoint.temperature is not None
    assert checkpoint.manifest.base_revision is None


def test_a_manifest_survives_a_round_trip(tiny_checkpoint: Path, tmp_path: Path) -> None:
    manifest = Manifest.read(tiny_checkpoint)
    assert manifest is not None
    (tmp_path / "sentiscore.json").write_text(manifest.to_json())
    assert Manifest.read(tmp_path) == manifest


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_one_flipped_byte_in_any_file_is_found(copy: Path, name: str) -> None:
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(bytes(data))
    with pytest.raises(CheckpointError, match=f"{name} is not the file"):
        load_checkpoint(copy)


def test_a_missing_file_is_found(copy: Path) -> None:
    (copy / "tokenizer.json").unlink()
    with pytest.raises(CheckpointError, match=r"lacks the file tokenizer\.json"):
        load_checkpoint(copy)


def test_weights_that_the_manifest_does_not_name_are_refused(copy: Path) -> None:
    shutil.copy(copy / "model.safetensors", copy / "other.safetensors")
    with pytest.raises(CheckpointError, match=r"other\.safetensors"):
        load_checkpoint(copy)


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": -1.0},
        {"temperature": "hot"},
        {"adapters": {"base_folder": "base"}},
        {"adapters": {"base_folder": 5, "base_files": {}, "in_4_bits": True}},
        {"max_length": 0},
        {"format": 99},
        {"surprise": 1},
        {"files": []},
        {"labels": [0, 1]},
    ],
)
def test_a_manifest_with_a_wrong_value_is_refused(
    copy: Path, edit_json: Callable[..., None], change: dict[str, Any]
) -> None:
    edit_json(copy / "sentiscore.json", **change)
    with pytest.raises(CheckpointError, match="manifest"):
        load_checkpoint(copy)


def test_a_manifest_cannot_point_out_of_its_folder(copy: Path, edit_json: Callable[..., None]) -> None:
    edit_json(copy / "sentiscore.json", files={"../config.json": "0" * 64})
    with pytest.raises(CheckpointError, match="lacks the file"):
        load_checkpoint(copy)


def test_a_folder_with_pickled_weights_alone_is_refused(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="can run code") as refused:
        load_checkpoint(copy)
    assert "safetensors" in refused.value.hint


def test_a_folder_without_weights_or_config_is_refused(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="no weights"):
        load_checkpoint(copy)
    (copy / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"no config\.json"):
        load_checkpoint(copy)


def test_a_plain_classifier_takes_its_labels_from_its_config(tiny_bert: Callable[..., Path]) -> None:
    folder = tiny_bert(id2label={0: "Positive", 1: "NEGATIVE", 2: "neutral"})
    checkpoint = load_checkpoint(folder)
    assert checkpoint.labels == ("positive", "negative", "neutral")
    assert checkpoint.temperature is None
    assert checkpoint.manifest is None
    assert checkpoint.max_length == 48


def test_numbered_labels_are_guessed_with_a_warning_that_the_option_silences(tiny_bert: Callable[..., Path]) -> None:
    folder = tiny_bert()
    with pytest.warns(SentiscoreWarning, match="--labels negative,positive"):
        assert load_checkpoint(folder).labels == ("negative", "positive")
    assert load_checkpoint(folder, labels=["positive", "negative"]).labels == ("positive", "negative")


@pytest.mark.parametrize("value", [["positive", "negative"], 5])
def test_labels_that_are_no_table_are_a_clear_error(
    tiny_bert: Callable[..., Path], edit_json: Callable[..., None], value: object
) -> None:
    folder = tiny_bert(id2label={0: "negative", 1: "positive"})
    edit_json(folder / "config.json", id2label=value)
    with pytest.raises(CheckpointError, match="id2label"):
        load_checkpoint(folder)


def test_a_tokenizer_that_the_manifest_does_not_name_is_refused(copy: Path, edit_json: Callable[..., None]) -> None:
    manifest = Manifest.read(copy)
    assert manifest is not None
    edit_json(copy / "sentiscore.json", files={k: v for k, v in manifest.files.items() if "tokenizer" not in k})
    with pytest.raises(CheckpointError, match=r"does not name: tokenizer\.json"):
        load_checkpoint(copy)


def test_unknown_label_names_need_the_option(tiny_bert: Callable[..., Path]) -> None:
    folder = tiny_bert(id2label={0: "joy", 1: "anger"})
    with pytest.raises(CheckpointError, match="'joy', 'anger'"):
        load_checkpoint(folder)
    assert load_checkpoint(folder, labels=["positive", "negative"]).labels == ("positive", "negative")


def test_label_names_must_be_as_many_as_the_classes(tiny_bert: Callable[..., Path]) -> None:
    with pytest.raises(CheckpointError, match="2 labels are named"):
        load_checkpoint(tiny_bert(id2label={0: "a", 1: "b", 2: "c"}), labels=["negative", "positive"])


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "a/b/c"])
def test_a_path_that_is_not_there_is_not_looked_for_on_the_hub(name: str) -> None:
    with pytest.raises(CheckpointError, match="not a model folder"):
        load_checkpoint(name)


def hub_cache(root: Path, model: str, source: Path, commit: str) -> None:
    """Lay a model into a hub cache as a download would."""
    repo = root / f"models--{model.replace('/', '--')}"
    shutil.copytree(source, repo / "snapshots" / commit)
    (repo / "blobs").mkdir()
    for i, file in enumerate(sorted((repo / "snapshots" / commit).iterdir())):
        file.rename(repo / "blobs" / str(i))
        file.symlink_to(f"../../blobs/{i}")
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(commit)


COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_a_hub_id_is_loaded_from_the_cache_with_its_commit(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub_cache(tmp_path, "some/model", tiny_checkpoint, COMMIT)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    checkpoint = load_checkpoint("some/model", revision=COMMIT)
    assert checkpoint.revision == COMMIT
    assert checkpoint.labels == ("negative", "positive")


@pytest.mark.parametrize("revision", [None, "main", COMMIT[:10], COMMIT.upper()])
def test_a_hub_id_without_a_commit_says_which_command_records_one(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, revision: str | None
) -> None:
    hub_cache(tmp_path, "some/model", tiny_checkpoint, COMMIT)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match="needs a fixed commit") as refused:
        load_checkpoint("some/model", revision=revision)
    assert f"sentiscore verify some/model --revision {revision or 'main'} --lock" in refused.value.hint
    assert refused.value.hint.endswith("If a folder is meant: there is none at some/model.")


def test_a_hub_id_that_cannot_be_fetched_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(CheckpointError, match="cannot be reached"):
        load_checkpoint("some/model", revision=COMMIT)
    with pytest.raises(CheckpointError, match="no folder and no hub model"):
        load_checkpoint("not a name!", revision=COMMIT)


def test_training_may_begin_from_a_hub_id_without_a_commit_and_gets_to_know_it(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub_cache(tmp_path, "some/model", tiny_checkpoint, COMMIT)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert find_folder("some/model")[1] == COMMIT


def test_a_manifest_of_the_first_format_is_still_read(tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    shutil.copytree(tiny_checkpoint, folder)
    path = folder / "sentiscore.json"
    raw = json.loads(path.read_text())
    before = load_checkpoint(folder).manifest
    for name in ("training_data", "selection_data"):
        raw[name] = raw[name][0]
    path.write_text(json.dumps({**raw, "format": 1, "metrics": {"accuracy": 0.5}}))
    read = load_checkpoint(folder).manifest
    assert before is not None
    assert read is not None
    assert read.training_data == before.training_data
    assert read.metrics == {"none": {"accuracy": 0.5}}


@pytest.mark.parametrize("change", [{"labels": ["positive", "negative"]}, {"temperature": 5.0}, {"max_length": 7}])
def test_a_model_whose_manifest_says_something_else_has_another_hash(
    make_checkpoint: Callable[..., Path], tmp_path: Path, edit_json: Callable[..., None], change: dict[str, Any]
) -> None:
    folder = make_checkpoint(tmp_path / "model")
    before = load_checkpoint(folder).sha256
    edit_json(folder / "sentiscore.json", **change)
    assert load_checkpoint(folder).sha256 != before


def on_base(whole: Path, base: str, revision: str | None, folder: Path | None) -> Manifest:
    """The manifest of adapters that were trained on what is in a folder."""
    manifest = Manifest.read(whole)
    assert manifest is not None
    kept = KeptAdapters(
        base_folder=None if folder is None else str(folder), base_files=hash_base(whole), in_4_bits=False
    )
    return replace(manifest, base=base, base_revision=revision, adapters=kept)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """How the hub's library was called, which finds nothing."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    calls: list[dict[str, Any]] = []

    def snapshot_download(model: str, **options: Any) -> str:
        calls.append({"model": model, **options})
        raise LocalEntryNotFoundError("not there")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    return calls


def test_the_hub_is_not_asked_for_a_base_that_a_manifest_names(
    tiny_checkpoint: Path, tmp_path: Path, asked: list[dict[str, Any]]
) -> None:
    with pytest.raises(CheckpointError, match=r"hub model stranger/evil, which is not in the local cache") as refused:
        find_base(tmp_path / "adapters", on_base(tiny_checkpoint, "stranger/evil", COMMIT, None))
    assert f"sentiscore verify stranger/evil --revision {COMMIT} --lock" in refused.value.hint
    assert [call["local_files_only"] for call in asked] == [True]


@pytest.mark.parametrize(
    ("base", "revision"),
    [
        ("some/model", None),
        ("some/model", "main"),
        ("some/model; rm -rf x", COMMIT),
        ("--help", COMMIT),
        ("../../etc", COMMIT),
        ("/etc", COMMIT),
        ("a/b/c", COMMIT),
        ("", COMMIT),
    ],
)
def test_a_base_that_is_no_hub_model_at_a_commit_is_not_looked_for(
    tiny_checkpoint: Path, tmp_path: Path, asked: list[dict[str, Any]], base: str, revision: str | None
) -> None:
    with pytest.raises(CheckpointError, match=r"The manifest of .* names no (base|commit)"):
        find_base(tmp_path / "adapters", on_base(tiny_checkpoint, base, revision, None))
    assert asked == []


@pytest.mark.parametrize("name", ["", "..", "a/b", "/etc"])
def test_a_base_that_was_a_folder_has_a_plain_name(tiny_checkpoint: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(CheckpointError, match="names no base"):
        find_base(tmp_path / "adapters", on_base(tiny_checkpoint, name, None, tmp_path))


def test_a_base_beside_the_adapters_is_taken_and_no_other_place_is_touched(
    tiny_checkpoint: Path, tmp_path: Path, asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_checkpoint, tmp_path / "base")
    touched: list[Path] = []
    isfile = os.path.isfile

    def noted(path: Path) -> bool:
        touched.append(path)
        return isfile(path)

    monkeypatch.setattr("os.path.isfile", noted)
    for name, folder in (("some/base", None), ("base", Path("/net/stranger/base"))):
        manifest = on_base(tiny_checkpoint, name, COMMIT if folder is None else None, folder)
        assert find_base(tmp_path / "adapters", manifest) == Base(tmp_path / "base", in_4_bits=False)
    assert set(touched) == {tmp_path / "base" / "config.json"}
    assert asked == []


def test_another_folder_beside_the_adapters_does_not_hide_the_base(
    tiny_checkpoint: Path, tiny_bert: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_bert(), tmp_path / "base")
    hub_cache(tmp_path / "cache", "some/base", tiny_checkpoint, COMMIT)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    was = Path(shutil.copytree(tiny_checkpoint, tmp_path / "was"))
    from_hub = find_base(tmp_path / "adapters", on_base(tiny_checkpoint, "some/base", COMMIT, None))
    assert from_hub == Base(tmp_path / "cache" / "models--some--base" / "snapshots" / COMMIT, in_4_bits=False)
    assert find_base(tmp_path / "adapters", on_base(tiny_checkpoint, "base", None, was)) == Base(was, in_4_bits=False)
    shutil.rmtree(was)
    with pytest.raises(CheckpointError, match="is not the base that the adapters"):
        find_base(tmp_path / "adapters", on_base(tiny_checkpoint, "base", None, was))


def test_a_path_of_a_base_that_no_system_has_is_a_clear_error(tiny_checkpoint: Path, tmp_path: Path) -> None:
    for path in ("x" * 5000, "a\0b"):
        with pytest.raises(CheckpointError, match="which is not at"):
            find_base(tmp_path / "adapters", on_base(tiny_checkpoint, "base", None, Path(path)))


@pytest.mark.parametrize(
    "change",
    [{"tokenizer_file": "/etc/passwd"}, {"vocab_file": "../vocab.txt"}, {"chat_template_url": "https://stranger"}],
    ids=str,
)
def test_a_path_in_the_settings_of_a_tokenizer_stops_training_and_is_nothing_to_scoring(
    tiny_bert: Callable[..., Path], edit_json: Callable[..., None], change: dict[str, str]
) -> None:
    folder = tiny_bert(id2label={0: "negative", 1: "positive"})
    check_base(folder)
    before = load_checkpoint(folder).files
    edit_json(folder / "tokenizer_config.json", **change)
    assert load_checkpoint(folder).files == before
    with pytest.raises(CheckpointError, match="which is not in its folder"):
        check_base(folder)


@pytest.mark.parametrize("with_config", [False, True])
def test_adapters_from_elsewhere_are_recognised_with_their_base_and_the_way_to_a_whole_model(
    tiny_bert: Callable[..., Path], tmp_path: Path, with_config: bool
) -> None:
    settings = {
        "peft_type": "LORA",
        "r": 2,
        "lora_alpha": 8,
        "fan_in_fan_out": False,
        "modules_to_save": ["classifier"],
    }
    settings |= {"target_modules": ["query"], "base_model_name_or_path": "their/base"}
    (tmp_path / "adapter_config.json").write_text(json.dumps(settings))
    bert = tiny_bert(id2label={0: "negative", 1: "positive"})
    shutil.copy(bert / "model.safetensors", tmp_path / "adapter_model.safetensors")
    if with_config:
        shutil.copy(bert / "config.json", tmp_path)
    for use in (load_checkpoint, check_base):
        with pytest.raises(
            CheckpointError, match="holds adapters, not a whole model: they belong to the base their/base"
        ) as refused:
            use(tmp_path)
        for word in ("peft", "merge_and_unload()", "save_pretrained()", "--adapters merge"):
            assert word in refused.value.hint
