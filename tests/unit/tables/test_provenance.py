"""What an output says of how it was made."""

import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pyarrow import parquet

from sentiscore import Scorer, evaluate, monitor, score_file
from sentiscore.errors import InputError, OutputError
from sentiscore.tables import check_target, open_sink, sidecar_path, write_frame
from sentiscore.tables.labelled import LabelledData
from sentiscore.tables.provenance import (
    DAILY_FEATURES,
    KEY,
    SCORED_ROWS,
    ModelFacts,
    Provenance,
    SourceFacts,
    held_provenance,
    read_provenance,
    write_sidecar,
)
from tests.faults.bombs import claimed_columns
from tests.scored_rows import scored_rows

ROWS = pl.DataFrame({"text": ["a", "b"]})
TOLD = Provenance(
    kind=SCORED_ROWS,
    rows=2,
    sources=(SourceFacts(file="news.csv", sha256="ab" * 32, rows=2),),
    n_sources=1,
    options={"text_col": "headline", "limit": None, "columns": ["a", "b"], "config": {"z": [20]}},
    job_key="cd" * 32,
    model=ModelFacts(
        name="org/model",
        revision="0" * 40,
        sha256="ef" * 32,
        labels=("negative", "neutral", "positive"),
        temperature=1.5,
        dtype="bf16",
        device="cpu",
    ),
    created_at=datetime(2026, 11, 28, 16, tzinfo=UTC),
)
DAILY = dataclasses.replace(TOLD, kind=DAILY_FEATURES, model=None, scored=(TOLD,), n_unknown=1)


def write(path: Path, told: Provenance = TOLD, *, folder: bool = False) -> Path:
    with open_sink(path, metadata=told.to_metadata(), folder=folder) as sink:
        sink.write(ROWS)
        sink.finish()
        sink.sidecar = told.to_sidecar(sink.sha256)
    return path


@pytest.mark.parametrize("told", [TOLD, DAILY, dataclasses.replace(TOLD, model=None, sources=(), options={})])
def test_a_provenance_comes_back_from_metadata_and_from_the_file_beside(told: Provenance) -> None:
    metadata = {name.encode(): text.encode() for name, text in told.to_metadata().items()}
    assert Provenance.from_metadata(metadata) == told.without_time()
    beside = Provenance.from_dict(json.loads(told.to_sidecar("12" * 32)))
    assert beside == dataclasses.replace(told, sha256="12" * 32)


@pytest.mark.parametrize("name", ["out.parquet", "out.csv", "out.ndjson", "out"])
def test_every_output_says_how_it_was_made_and_whether_it_was_changed_since(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, folder="." not in name)
    found = read_provenance(path)
    assert found is not None
    assert dataclasses.replace(found.provenance, sha256="") == TOLD
    assert len(found.provenance.sha256) == 64
    assert found.intact is True
    assert found.where == ("metadata" if name.endswith("parquet") else "sidecar")
    changed = path / "part-00000.parquet" if path.is_dir() else path
    write_frame(ROWS.head(1), changed)
    after = read_provenance(path)
    assert after is not None
    assert after.intact is False
    assert after.where == "sidecar"


def test_a_parquet_file_without_the_file_beside_it_is_not_checked(tmp_path: Path) -> None:
    path = write(tmp_path / "out.parquet")
    sidecar_path(path).unlink()
    found = read_provenance(path)
    assert found is not None
    assert (found.provenance, found.where, found.intact) == (TOLD.without_time(), "metadata", None)
    folder = write(tmp_path / "out", folder=True)
    sidecar_path(folder).unlink()
    assert held_provenance(folder) == TOLD.without_time()


def test_an_output_of_something_else_says_nothing(tmp_path: Path) -> None:
    for name in ("a.parquet", "a.csv", "a.ndjson"):
        assert read_provenance(write_frame(ROWS, tmp_path / name)) is None
    (tmp_path / "empty").mkdir()
    assert read_provenance(tmp_path / "empty") is None
    with pytest.raises(InputError, match="no file"):
        read_provenance(tmp_path / "gone.csv")


def test_a_file_that_was_copied_without_its_neighbour_can_be_given_one(tmp_path: Path) -> None:
    path = write_frame(ROWS, tmp_path / "a.csv")
    assert write_sidecar(path, TOLD, "00" * 32) == tmp_path / "a.csv.provenance.json"
    found = read_provenance(path)
    assert found is not None
    assert found.intact is False


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"format": 2}',
        "[" * 100_000,
        b"\xff",
        '{"format": 1, "kind": 3}',
        '{"format": []}',
    ],
)
def test_what_makes_no_sense_is_one_message(tmp_path: Path, text: str | bytes) -> None:
    path = write_frame(ROWS, tmp_path / "a.csv")
    sidecar_path(path).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=r"a.csv.provenance.json says of how it was made cannot be read"):
        read_provenance(path)
    if isinstance(text, str):
        held = write_frame(ROWS, tmp_path / "a.parquet", metadata={KEY: text})
        with pytest.raises(InputError, match=r"a.parquet says of how it was made cannot be read"):
            read_provenance(held)


@pytest.mark.parametrize("name", [each.name for each in dataclasses.fields(Provenance)])
@pytest.mark.parametrize("wrong", ["gone", 1.5])
def test_a_field_that_is_missing_or_of_another_type_is_one_message(tmp_path: Path, name: str, wrong: Any) -> None:
    whole = DAILY.to_dict()
    if wrong == "gone":
        del whole[name]
    else:
        whole[name] = wrong
    path = write_frame(ROWS, tmp_path / "a.parquet", metadata={KEY: json.dumps(whole)})
    with pytest.raises(InputError, match="cannot be read"):
        read_provenance(path)


@pytest.mark.parametrize(
    "change",
    [
        {"sha256": 3},
        {"name": None},
        {"temperature": []},
        {"temperature": "hot"},
        {"labels": 7},
        {"dtype": {}},
        {"revision": [1]},
    ],
)
def test_facts_of_a_model_of_another_type_are_one_message(tmp_path: Path, change: dict[str, Any]) -> None:
    whole = TOLD.to_dict()
    whole["model"] |= change
    path = write_frame(ROWS, tmp_path / "a.parquet", metadata={KEY: json.dumps(whole)})
    with pytest.raises(InputError, match="cannot be read"):
        read_provenance(path)


def test_a_broken_parquet_file_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 broken")
    with pytest.raises(InputError, match="looks broken"):
        read_provenance(tmp_path / "a.parquet")


def test_no_folder_of_this_machine_is_told(tmp_path: Path) -> None:
    told = dataclasses.replace(
        TOLD,
        sources=(SourceFacts(file=str(tmp_path / "secret" / "news.csv"), sha256="", rows=1),),
        model=dataclasses.replace(TOLD.model, name="/home/alice/models/mine/"),  # type: ignore[type-var]
        options={
            "output": tmp_path / "secret" / "out.parquet",
            "daily": ["~alice/x.parquet", "../alice/y", r"C:\Users\alice\z.csv", "./w.csv"],
            "config": {"file": Path("/home/alice/features.toml"), "start": date(2024, 1, 1)},
            "hub": "org/name",
        },
    )
    text = told.to_sidecar("") + told.to_metadata()[KEY]
    assert [word for word in ("alice", "secret", str(tmp_path), "Users") if word in text] == []
    back = Provenance.from_dict(json.loads(told.to_sidecar("")))
    assert back.options == {
        "output": "out.parquet",
        "daily": ["x.parquet", "y", "z.csv", "w.csv"],
        "config": {"file": "features.toml", "start": "2024-01-01"},
        "hub": "org/name",
    }
    assert back.model is not None
    assert (back.model.name, back.sources[0].file) == ("mine", "news.csv")


def test_the_metadata_is_json_under_one_key(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet")
    found = parquet.read_metadata(path).metadata[b"sentiscore"]
    assert json.loads(found)["model"]["sha256"] == "ef" * 32


@pytest.mark.parametrize("where", ["secret-client/merger/m", "merger/m", "./m", "m/", "."])
def test_a_model_folder_is_told_by_its_last_name_however_it_was_typed(
    where: str, make_checkpoint: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "alice" / where
    make_checkpoint(folder)
    monkeypatch.chdir(folder if where == "." else tmp_path / "alice")
    outputs = [tmp_path / name for name in ("out.csv", "out.rejected.csv", "out.parquet", "daily.parquet")]
    (tmp_path / "n.csv").write_text("t,at\ngood,2024-02-05T16:05:30Z\n,\n")
    for output in (outputs[0], outputs[2]):
        score_file(
            tmp_path / "n.csv",
            text_col="t",
            output=output,
            model=where,
            bad_rows="drop",
            time_col="at",
            daily=outputs[3],
        )
    report = evaluate(
        LabelledData(name="rows", texts=["good", "bad"], label_names=["positive", "negative"]),
        model=where,
        resamples=10,
    )
    assert report.model == folder.name
    for output in outputs:
        found = read_provenance(output)
        assert found is not None
        model = found.provenance.model or found.provenance.scored[0].model
        assert model is not None
        assert model.name == folder.name
        told = found.provenance.to_sidecar("")
        assert [word for word in ("secret", "merger", "alice") if word in told and word != folder.name] == []


def test_the_id_of_a_model_on_the_hub_is_told_in_full(tiny_checkpoint: Path) -> None:
    known = Scorer.from_pretrained(tiny_checkpoint).checkpoint
    assert dataclasses.replace(known, name="org/model", revision="0" * 40).short_name == "org/model"
    assert dataclasses.replace(known, name="org/model").short_name == tiny_checkpoint.name


def test_a_drift_report_names_files_without_their_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").mkdir()
    scored_rows(300).write_parquet("secret/night.parquet")
    scored_rows(300).write_parquet("secret/history.parquet", metadata={"sentiscore": "broken"})
    report = monitor("secret/night.parquet", reference="secret/history.parquet")
    assert report.notes
    assert "secret" not in json.dumps(report.to_dict())
    assert (report.scored, report.reference) == ("night.parquet", ("history.parquet",))


def test_a_footer_that_claims_columns_is_refused_before_arrow_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "claims.parquet"
    path.write_bytes(claimed_columns())
    monkeypatch.setattr(parquet, "read_metadata", None)
    with pytest.raises(InputError, match="its footer makes no sense"):
        read_provenance(path)
    folder = tmp_path / "out"
    folder.mkdir()
    path.rename(folder / "part-00000.parquet")
    with pytest.raises(OutputError, match="that sentiscore did not write"):
        check_target(folder, pl.Schema(), folder=True)
