"""The processes of the benchmark, on a tiny model; nothing is said about how long they take."""

from pathlib import Path

import numpy as np
import pytest

from tests.benches import page
from tests.benches.models import BenchModel, make_ready
from tests.benches.runner import GaveUpError, Setting, Worker, measure, prepare
from tests.conftest import TEXTS


def quiet(line: str) -> None:
    """Nobody reads how it goes."""


def setting(limit_s: float = 300) -> Setting:
    return Setting(device="cpu", threads=1, limit_s=limit_s, note=quiet)


@pytest.fixture(scope="module")
def model(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> BenchModel:
    return make_ready(str(tiny_checkpoint), tmp_path_factory.mktemp("ready") / "model")


@pytest.mark.thorough
def test_everyone_gives_the_same_answers_in_a_process_of_their_own(model: BenchModel, tmp_path: Path) -> None:
    names = ["hf-fp32-b32", "sentiscore-fp32"]
    skipped = prepare(names, model, TEXTS, setting(), tmp_path)
    assert skipped == dict.fromkeys(names)
    measured = measure(skipped, model, TEXTS, setting(), tmp_path, repeats=2)
    peer, ours = (measured[name] for name in names)
    assert peer.probabilities is not None
    assert ours.probabilities is not None
    odds = np.exp(np.log(peer.probabilities) / model.temperature)
    assert ours.probabilities == pytest.approx(odds / odds.sum(axis=1, keepdims=True), abs=1e-5)
    assert [len(seen.seconds) for seen in (peer, ours)] == [2, 2]
    assert peer.tokens == len(TEXTS) * max(map(len, model.token_ids(TEXTS)))  # one batch, padded
    assert ours.peak_mib is not None


def test_a_base_gets_a_head_by_chance_and_the_same_one_each_time(tiny_base: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    base = tmp_path / "base"
    base.mkdir()
    for file in tiny_base.iterdir():
        (base / file.name).write_bytes(file.read_bytes())
    weights = load_file(base / "model.safetensors")
    del weights["score.weight"]
    save_file(weights, base / "model.safetensors", {"format": "pt"})
    made = [make_ready(str(base), tmp_path / name) for name in ("one", "two")]
    assert made[0].labels == ("negative", "positive")
    assert made[0].scorer_model == str(tmp_path / "one")
    heads = [load_file(model.folder / "model.safetensors")["score.weight"] for model in made]
    assert heads[0].equal(heads[1])


def test_a_process_that_takes_too_long_or_dies_is_left_out_with_a_reason(model: BenchModel, tmp_path: Path) -> None:
    late = prepare(["hf-fp32-b32"], model, TEXTS, setting(limit_s=0.01), tmp_path)
    assert late == {"hf-fp32-b32": "took longer than 0.01 s"}
    job = {"contestant": "nobody"}
    with Worker(job, setting(), tmp_path) as worker, pytest.raises(GaveUpError, match="KeyError"):
        worker.ask("start")


def test_the_table_of_page_sizes_has_a_line_for_each_number_of_entities(capsys: pytest.CaptureFixture[str]) -> None:
    page.main(["--entities", "12", "--years", "1"])
    head, *table = capsys.readouterr().out.splitlines()
    assert head == "12 entities, 1 years of weekdays, 3,120 rows"
    assert [line.split("|")[1].strip() for line in table[2:]] == ["1", "10", "12"]
