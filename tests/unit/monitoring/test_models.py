import dataclasses
from pathlib import Path

import polars as pl
import pytest

from sentiscore.monitoring.models import compare_models
from sentiscore.tables import open_sink
from sentiscore.tables.provenance import SCORED_ROWS, ModelFacts, Provenance

MODEL = ModelFacts(
    name="org/model",
    revision=None,
    sha256="ef" * 32,
    labels=("negative", "neutral", "positive"),
    temperature=1.5,
    dtype="fp32",
    device="cpu",
)
OTHER = dataclasses.replace(MODEL, name="mine", sha256="12" * 32)


def scored(path: Path, model: ModelFacts | None = MODEL) -> Path:
    told = Provenance(kind=SCORED_ROWS, rows=1, sources=(), n_sources=0, options={}, job_key="ab", model=model)
    with open_sink(path, metadata=told.to_metadata(), folder=not path.suffix) as sink:
        sink.write(pl.DataFrame({"text": ["a"]}))
        sink.finish()
        sink.sidecar = told.to_sidecar(sink.sha256)
    return path


def plain(path: Path) -> Path:
    pl.DataFrame({"text": ["a"]}).write_csv(path)
    return path


@pytest.mark.parametrize("name", ["now.parquet", "now.csv", "now"])
def test_one_model_is_one_wherever_it_ran(tmp_path: Path, name: str) -> None:
    then = scored(tmp_path / "then.parquet", dataclasses.replace(MODEL, name="copy", dtype="bf16", device="cuda"))
    assert compare_models([scored(tmp_path / name)], [then]) == (True, [])


@pytest.mark.parametrize(
    ("other", "sign"),
    [
        (OTHER, "mine (sha256 121212121212"),
        (dataclasses.replace(MODEL, temperature=None), "not calibrated"),
        (dataclasses.replace(MODEL, temperature=2.0), "temperature 2)"),
        (dataclasses.replace(MODEL, labels=("positive", "neutral", "negative")), "positive/neutral/negative"),
    ],
)
@pytest.mark.parametrize("name", ["now.parquet", "now.csv", "now"])
def test_different_models_are_told(tmp_path: Path, other: ModelFacts, sign: str, name: str) -> None:
    same, (told,) = compare_models([scored(tmp_path / name, other)], [scored(tmp_path / "then.parquet")])
    assert same is False
    now, then = told.split("; the reference by ")
    assert (sign in now, sign in then) == (True, False)


def test_parts_of_a_reference_that_are_of_different_models_are_told(tmp_path: Path) -> None:
    now, then, other = (
        scored(tmp_path / "a.csv"), scored(tmp_path / "b.csv"), scored(tmp_path / "c.csv", OTHER)
    )  # fmt: skip
    same, (told,) = compare_models([now], [then, None, other, then])
    assert same is False
    assert told.split("; the reference by ")[1].count("sha256") == 2
    assert "an unknown one" in told


def test_files_that_do_not_say_their_model_are_of_unknown_ones(tmp_path: Path) -> None:
    known = scored(tmp_path / "known.csv")
    changed = scored(tmp_path / "changed.csv", OTHER)
    changed.write_text("text\nb\n", encoding="utf-8")  # what lies beside it speaks of other rows
    for unknown in (None, plain(tmp_path / "plain.csv"), scored(tmp_path / "without.csv", None), changed):
        assert compare_models([known], [unknown]) == (None, [])
        assert compare_models([unknown], [known]) == (None, [])


def test_what_makes_no_sense_is_told_and_no_error(tmp_path: Path) -> None:
    known, broken = scored(tmp_path / "known.csv"), plain(tmp_path / "broken.csv")
    (tmp_path / "broken.csv.provenance.json").write_text("{", encoding="utf-8")
    same, (told,) = compare_models([broken], [known])
    assert same is None
    assert told.startswith(f"Which model scored {broken} is not known. What {broken}.provenance.json says")
