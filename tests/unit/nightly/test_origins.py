"""Daily features say of which scored rows, and so of which model, they were made."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sentiscore.errors import SentiscoreWarning
from sentiscore.nightly import origins
from sentiscore.nightly.daily_file import daily_file
from sentiscore.nightly.origins import look_at
from sentiscore.nightly.update_daily import update_daily
from sentiscore.tables import hash_output, open_sink, read_table, sidecar_path, write_frame
from sentiscore.tables.provenance import Found, ModelFacts, Provenance, SourceFacts, read_provenance
from tests.effort import combined
from tests.unit.nightly.test_update_daily import ARGS, END, NOON, at_day, before_and_after, rows_of, stopped
from tests.unit.tables.test_provenance import TOLD


def model(sha256: str = "ef" * 32, **changes: Any) -> ModelFacts:
    assert TOLD.model is not None
    return dataclasses.replace(TOLD.model, sha256=sha256, **changes)


def scored(path: Path, rows: pl.DataFrame, told: Provenance | None = TOLD) -> Path:
    with open_sink(path, metadata={} if told is None else told.to_metadata()) as sink:
        sink.write(rows)
        sink.finish()
        sink.sidecar = None if told is None else told.to_sidecar(sink.sha256)
    return path


def told_of(path: Path | str) -> Found:
    found = read_provenance(Path(path))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("source", "output"),
    combined(["news.scored.parquet", "news.scored.csv", "news.scored.ndjson"], ["daily.parquet", "daily.csv"]),
)
def test_daily_features_keep_what_their_scored_rows_say(tmp_path: Path, source: str, output: str) -> None:
    rows = rows_of()
    if source.endswith("csv"):
        rows = rows.with_columns(pl.col("at").dt.to_string("iso:strict"))
    path = scored(tmp_path / source, rows)
    done = daily_file(path, output=tmp_path / output, **ARGS)
    found = told_of(done.output)
    assert found.intact is True
    told = found.provenance
    assert (told.kind, told.rows, told.n_unknown) == ("daily features", done.days.rows, 0)
    assert told.sources == (SourceFacts(file=source, sha256=hash_output(path), rows=rows.height),)
    assert [each.model for each in told.scored] == [TOLD.model]
    assert told.options["time_col"] == "at"
    assert told.options["calendar"] == "days UTC"
    assert told.options["config"]["fill"] == "none"


def test_rows_that_say_nothing_give_features_that_say_so(tmp_path: Path) -> None:
    done = daily_file(scored(tmp_path / "news.parquet", rows_of(), None), **ARGS)
    told = told_of(done.output).provenance
    assert (told.scored, told.n_unknown, told.n_sources) == ((), 1, 1)


def test_rows_towards_targets_are_not_of_the_scale_of_whole_texts(tmp_path: Path) -> None:
    towards = dataclasses.replace(TOLD, options={**TOLD.options, "target_col": "ticker"})
    before = dataclasses.replace(TOLD, scored=(TOLD,))
    file = look_at(scored(tmp_path / "news.parquet", rows_of(), towards), 1)
    with pytest.warns(SentiscoreWarning, match=r"was scored by .* towards targets\)\. Their sentiment may not"):
        origins.warn_of_another_model(tmp_path / "daily.parquet", before, file)
    origins.warn_of_another_model(tmp_path / "daily.parquet", dataclasses.replace(TOLD, scored=(towards,)), file)


def test_a_provenance_of_another_file_is_not_believed(tmp_path: Path) -> None:
    path = scored(tmp_path / "news.ndjson", rows_of())
    path.write_text(path.read_text().replace('"positive"', '"negative"'))
    with pytest.warns(SentiscoreWarning, match="is of another file, or news.ndjson was changed"):
        done = daily_file(path, **ARGS)
    assert told_of(done.output).provenance.n_unknown == 1


def test_a_provenance_that_makes_no_sense_stops_nothing(tmp_path: Path) -> None:
    path = write_frame(rows_of(), tmp_path / "news.parquet", metadata={"sentiscore": "{"})
    with pytest.warns(SentiscoreWarning, match="cannot be read.*made all the same"):
        done = daily_file(path, **ARGS)
    assert told_of(done.output).provenance.n_unknown == 1


def test_what_is_not_known_and_what_was_asked_changes_the_job_key(tmp_path: Path) -> None:
    path = scored(tmp_path / "news.parquet", rows_of())
    keys = [
        told_of(daily_file(path, **{**ARGS, **change}).output).provenance.job_key
        for change in ({}, {}, {"day_tz": "Asia/Tokyo"}, {"entity_col": None})
    ]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


# --- night by night ---


def test_an_update_keeps_the_models_and_the_sources_of_all_nights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(origins, "MOST_SOURCES", 3)
    target, rows = tmp_path / "daily.parquet", rows_of()
    for night in range(5):
        low, high = at_day(8 * night), at_day(8 * night + 8)
        part = rows.filter(pl.col("at").is_between(low, high, closed="left"))
        told = None if night == 1 else dataclasses.replace(TOLD, job_key=str(night))
        update_daily(scored(tmp_path / f"{night}.parquet", part, told), daily=target, as_of=high, **ARGS)
        found = told_of(target)
        assert found.intact is True
        assert found.provenance.n_sources == night + 1
    told = found.provenance
    assert [source.file for source in told.sources] == ["2.parquet", "3.parquet", "4.parquet"]
    assert told.n_unknown == 1
    assert [each.job_key for each in told.scored] == ["4"]  # one model, as it last scored
    assert told.scored[0].sources == ()


@pytest.mark.parametrize("change", [{"sha256": "01" * 32}, {"temperature": None}, {"labels": ("negative", "positive")}])
def test_rows_of_another_model_are_told_once(tmp_path: Path, change: dict[str, Any]) -> None:
    target, rows = tmp_path / "daily.parquet", rows_of()
    first, second = before_and_after(rows, 20)
    other = dataclasses.replace(TOLD, model=model(**change))
    update_daily(scored(tmp_path / "a.parquet", first), daily=target, **NOON)
    with pytest.warns(SentiscoreWarning, match=r"rows that org/model .* scored, and b.parquet was scored by"):
        update_daily(scored(tmp_path / "b.parquet", second, other), daily=target, **END)
    assert [each.model for each in told_of(target).provenance.scored] == [TOLD.model, other.model]
    update_daily(scored(tmp_path / "c.parquet", rows.clear(), other), daily=target, as_of=at_day(50), **ARGS)


@pytest.mark.parametrize(
    "other",
    [
        dataclasses.replace(TOLD, model=model(dtype="fp32", device="cuda")),  # close enough
        dataclasses.replace(TOLD, model=model(name="elsewhere"), sentiscore="9.9"),
        None,
    ],
)
def test_rows_of_the_same_model_or_of_an_unknown_one_are_no_news(tmp_path: Path, other: Provenance | None) -> None:
    target = tmp_path / "daily.parquet"
    first, second = before_and_after(rows_of(), 20)
    update_daily(scored(tmp_path / "a.parquet", first), daily=target, **NOON)
    update_daily(scored(tmp_path / "b.parquet", second, other), daily=target, **END)


def test_all_rows_anew_forget_the_models_before(tmp_path: Path) -> None:
    target, other = tmp_path / "daily.parquet", dataclasses.replace(TOLD, model=model("01" * 32))
    update_daily(scored(tmp_path / "a.parquet", rows_of()), daily=target, **END)
    update_daily(scored(tmp_path / "b.parquet", rows_of(), other), daily=target, anew=True, **END)
    told = told_of(target).provenance
    assert [each.model for each in told.scored] == [other.model]
    assert told.n_sources == 1


def test_a_daily_file_of_an_earlier_version_tells_the_sources_of_its_state(tmp_path: Path) -> None:
    target = tmp_path / "daily.parquet"
    first, second = before_and_after(rows_of(), 20)
    update_daily(scored(tmp_path / "a.parquet", first), daily=target, **NOON)
    write_frame(read_table(target), target)  # nothing in its metadata, as before
    from sentiscore.nightly.state import read_state, state_path, write_state

    state = read_state(target, "")
    write_state(state_path(target), dataclasses.replace(state, daily=hash_output(target)))
    update_daily(scored(tmp_path / "b.parquet", second), daily=target, **END)
    told = told_of(target).provenance
    assert [source.file for source in told.sources] == ["a.parquet", "b.parquet"]
    assert (told.n_unknown, told.n_sources) == (1, 2)


def test_an_update_that_is_finished_later_is_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "daily.parquet"
    first, second = before_and_after(rows_of(), 20)
    stopped(scored(tmp_path / "a.parquet", first), target, monkeypatch, **NOON)
    assert not target.exists()
    with pytest.warns(SentiscoreWarning, match="finished now"):
        update_daily(scored(tmp_path / "b.parquet", second), daily=target, **END)
    found = told_of(target)
    assert found.intact is True
    assert [source.file for source in found.provenance.sources] == ["a.parquet", "b.parquet"]
    assert json.loads(sidecar_path(target).read_text())["n_sources"] == 2


def test_a_folder_of_parts_has_one_hash(tmp_path: Path) -> None:
    with open_sink(tmp_path / "out", folder=True, metadata=TOLD.to_metadata()) as sink:
        sink.write(rows_of())
    file = look_at(tmp_path / "out", 200)
    assert file.facts == SourceFacts(file="out", sha256=sink.sha256, rows=200)
    assert file.provenance == TOLD.without_time()
