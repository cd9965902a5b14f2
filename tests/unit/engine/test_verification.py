import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tokenizers import Tokenizer

from sentiscore import Scorer
from sentiscore.checkpoint import load_checkpoint
from sentiscore.checkpoint.lock import LOCK, Pin, read_lock
from sentiscore.cli.main import cli
from sentiscore.engine.verification import verify
from sentiscore.errors import CheckpointError, InputError, SentiscoreWarning
from tests.unit.engine.kinds import network_of, save

OLD, NEW = "a" * 40, "b" * 40
NAMES = ["files", "adapters", "manifest", "config", "weights", "tokenizer", "labels", "loading"]


class Hub:
    """A hub with one model, whose branch moves."""

    def __init__(self, root: Path, source: Path) -> None:
        self.asked: list[tuple[str | None, bool]] = []
        self.branch = OLD
        self._root, self._source = root, source

    def download(
        self, model: str, *, revision: str | None, allow_patterns: list[str], local_files_only: bool = False
    ) -> str:
        from huggingface_hub.errors import LocalEntryNotFoundError

        assert "*.bin" not in allow_patterns
        self.asked.append((revision, local_files_only))
        commit = revision if revision in (OLD, NEW) else self.branch
        folder = self._root / "models--some--model" / "snapshots" / str(commit)
        if not folder.exists():
            if local_files_only:
                raise LocalEntryNotFoundError("it is not there")
            shutil.copytree(self._source, folder)
        return str(folder)


@pytest.fixture
def hub(tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    hub = Hub(tmp_path / "cache", tiny_checkpoint)
    monkeypatch.setattr("huggingface_hub.snapshot_download", hub.download)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return hub


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_a_whole_checkpoint_passes_every_check(tiny_checkpoint: Path) -> None:
    found = verify(tiny_checkpoint)
    assert found.passed
    assert [check.name for check in found.checks] == NAMES
    assert found.checkpoint is not None
    assert found.checkpoint.files == load_checkpoint(tiny_checkpoint).files
    assert set(found.checkpoint.files) == {"config.json", "model.safetensors", "tokenizer.json"}


def test_checks_that_fail_are_told_and_the_model_is_not_loaded(
    tiny_bert: Callable[..., Path], edit_json: Callable[..., None]
) -> None:
    folder = tiny_bert(id2label={0: "negative", 1: "positive"})
    edit_json(folder / "config.json", auto_map={"AutoConfig": "x.X"})
    edit_json(folder / "tokenizer_config.json", auto_map={"AutoTokenizer": ["x.X", None]})
    found = verify(folder)
    assert [check.name for check in found.checks if not check.passed] == ["config", "weights", "tokenizer"]
    assert "auto_map" in str(found.error)
    assert found.checkpoint is None
    assert not found.passed


def test_the_command_shows_checks_and_hashes_and_ends_with_0_or_1(tiny_checkpoint: Path, tmp_path: Path) -> None:
    result = run("verify", tiny_checkpoint)
    assert result.exit_code == 0, result.output
    checkpoint = load_checkpoint(tiny_checkpoint)
    assert [line for line in result.stdout.splitlines() if line.startswith("passed")] == [f"passed  {n}" for n in NAMES]
    for expected in (checkpoint.sha256, "negative, positive", "1.5", *checkpoint.files.values()):
        assert expected in result.stdout
    broken = Path(shutil.copytree(tiny_checkpoint, tmp_path / "broken"))
    (broken / "model.safetensors").write_bytes(b"\x80\x04junk and more")
    result = run("verify", broken)
    assert result.exit_code == 1
    assert "FAILED  manifest" in result.stdout
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("error:") == 1


def test_json_has_all_of_it(tiny_checkpoint: Path, tiny_bert: Callable[..., Path]) -> None:
    found = json.loads(run("verify", tiny_checkpoint, "--json").stdout)
    assert found["passed"]
    assert found["sha256"] == load_checkpoint(tiny_checkpoint).sha256
    assert found["labels"] == ["negative", "positive"]
    assert found["temperature"] == 1.5
    assert found["manifest"] is True
    result = run("verify", tiny_bert(id2label={0: "joy", 1: "anger"}), "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert [one["name"] for one in found["checks"] if not one["passed"]] == ["labels"]
    assert found["sha256"] is None


def test_a_branch_is_resolved_once_and_then_kept_to(hub: Hub) -> None:
    with pytest.raises(CheckpointError, match="needs a fixed commit"):
        load_checkpoint("some/model")
    assert hub.asked == []
    result = run("verify", "some/model", "--revision", "main", "--lock")
    assert result.exit_code == 0, result.output
    assert f"recorded in        {LOCK}" in result.stdout
    assert read_lock() == {"some/model": Pin("main", OLD)}
    hub.branch = NEW
    hub.asked.clear()
    for revision in (None, "main", OLD):
        assert load_checkpoint("some/model", revision=revision).revision == OLD
    assert hub.asked == [(OLD, True)] * 3  # the cache has it, and nobody is asked
    assert load_checkpoint("some/model", revision=NEW).revision == NEW
    assert verify("some/model", revision="main", lock=True).revision == NEW
    assert read_lock() == {"some/model": Pin("main", NEW)}


def test_a_model_that_fails_is_not_recorded(hub: Hub, tmp_path: Path) -> None:
    verify("some/model", revision=OLD, lock=True)
    (tmp_path / "cache" / "models--some--model" / "snapshots" / OLD / "config.json").write_text("{}")
    Path(LOCK).unlink()
    assert run("verify", "some/model", "--lock").exit_code == 1
    assert not Path(LOCK).exists()


def test_a_commit_of_which_the_cache_has_a_part_is_fetched(hub: Hub, tmp_path: Path) -> None:
    part = tmp_path / "cache" / "models--some--model" / "snapshots" / OLD
    part.mkdir(parents=True)
    (part / "config.json").write_text("{}")
    with pytest.raises(CheckpointError):
        load_checkpoint("some/model", revision=OLD)
    assert hub.asked == [(OLD, True), (OLD, False)]


def test_only_a_model_from_the_hub_has_a_commit_to_record(tiny_checkpoint: Path) -> None:
    with pytest.raises(InputError, match="not from the hub"):
        verify(tiny_checkpoint, lock=True)
    assert run("verify", tiny_checkpoint, "--lock").exit_code == 1


def with_words_alone(folder: Path, copy: Path) -> Path:
    """The folder of a BERT with `vocab.txt` in place of `tokenizer.json`."""
    shutil.copytree(folder, copy)
    vocabulary = json.loads((copy / "tokenizer.json").read_text())["model"]["vocab"]
    (copy / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.__getitem__)) + "\n", encoding="utf-8")
    (copy / "tokenizer.json").unlink()
    return copy


def test_a_tokenizer_that_had_to_be_made_is_shown_and_pinned_with_the_commit(
    hub: Hub, tiny_bert: Callable[..., Path], tmp_path: Path, edit_json: Callable[..., None]
) -> None:
    from sentiscore import Scorer

    hub._source = with_words_alone(tiny_bert(id2label={0: "negative", 1: "positive"}), tmp_path / "old")
    result = run("verify", "some/model", "--revision", "main", "--lock")
    assert result.exit_code == 0, result.output
    pin = read_lock()["some/model"]
    assert pin.tokenizer is not None
    for expected in ("made from vocab.txt by transformers", pin.tokenizer, "48 tokens", "vocab.txt"):
        assert expected in result.stdout
    hub.asked.clear()
    with pytest.warns(SentiscoreWarning, match="not calibrated"):
        Scorer.from_pretrained("some/model", device="cpu")
    assert hub.asked == [(OLD, True)]  # the cache has all that is needed, so nobody is asked
    raw = json.loads(Path(LOCK).read_text())
    raw["models"]["some/model"]["tokenizer"] = "0" * 64
    Path(LOCK).write_text(json.dumps(raw))
    with pytest.raises(CheckpointError, match="makes another tokenizer of the files of some/model"):
        Scorer.from_pretrained("some/model", device="cpu")
    assert not verify("some/model").passed
    raw["models"]["some/model"]["tokenizer"] = 7
    Path(LOCK).write_text(json.dumps(raw))
    with pytest.raises(CheckpointError, match=r"sentiscore\.lock cannot be read"):
        load_checkpoint("some/model")


def test_verify_says_what_scoring_will_be_like(
    tiny_bert: Callable[..., Path], edit_json: Callable[..., None], tmp_path: Path
) -> None:
    folder = tiny_bert(id2label={i: f"{i + 1} stars" for i in range(5)})
    edit_json(folder / "tokenizer_config.json", do_lower_case=False)
    result = run("verify", folder)
    assert result.exit_code == 0, result.output
    for expected in ("negative, negative, neutral, positive, positive", "48 tokens", "of texts of any length"):
        assert expected in result.stdout
    assert "lowercase is true in tokenizer.json and false by tokenizer_config.json" in result.stdout
    found = json.loads(run("verify", folder, "--json").stdout)
    assert found["labels"] == ["negative", "negative", "neutral", "positive", "positive"]
    assert found["max_length"] == 48
    assert found["takes_padding"] is True
    assert "tokenizer_config.json" in found["tokenizer"]
    assert len(found["contradictions"]) == 1
    xlnet = save(network_of("xlnet"), tmp_path / "xlnet")
    assert "of texts of equal length" in run("verify", xlnet).stdout


def test_a_model_that_loads_and_cannot_be_scored_does_not_pass(tmp_path: Path) -> None:
    folder = save(network_of("bart"), tmp_path, single="<s>:0 $A:0")  # its network wants an end in each text
    found = verify(folder)
    assert [check.name for check in found.checks if not check.passed] == ["loading"]
    assert "cannot read a text" in str(found.error)
    assert found.checkpoint is None
    assert found.trial is None


def test_a_token_that_the_network_does_not_know_is_found_before_a_text_holds_it(
    tiny_bert: Callable[..., Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_bert(), tmp_path / "model")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_special_tokens(["<never in a text>"])
    tokenizer.save(str(folder / "tokenizer.json"))
    assert verify(folder, labels=["negative", "positive"]).passed
    tokenizer.add_tokens(["zzz"])
    tokenizer.save(str(folder / "tokenizer.json"))
    found = verify(folder, labels=["negative", "positive"])
    assert "has the token 'zzz', and its network does not know it" in str(found.error)
    with pytest.raises(CheckpointError, match="'zzz'"):
        Scorer.from_pretrained(folder, labels=["negative", "positive"])


def test_a_kind_that_is_not_loaded_is_no_reason_to_mistrust_it(
    tiny_bert: Callable[..., Path], tmp_path: Path, edit_json: Callable[..., None]
) -> None:
    folder = shutil.copytree(tiny_bert(), tmp_path / "model")
    edit_json(folder / "config.json", model_type="t5")
    error = str(verify(folder).error)
    assert "'t5', which is not among the kinds that are loaded" in error
    assert "Choose a model of another kind" in error
    assert "trust" not in error
    assert "maker" not in error


def test_three_labels_without_names_are_counted(
    tiny_bert: Callable[..., Path], tmp_path: Path, edit_json: Callable[..., None]
) -> None:
    folder = shutil.copytree(tiny_bert(num_labels=3), tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    del config["id2label"], config["label2id"]
    (folder / "config.json").write_text(json.dumps(config | {"num_labels": 3}))
    assert "--labels negative,neutral,positive" in str(verify(folder).error)
