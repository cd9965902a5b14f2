"""The back-fill: what it does again after a year has changed. Its kills are in tests/faults."""

import logging
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest

import backfill
from sentiscore import DailyRequest, InputError, ScorerOptions, inspect, update_daily
from tests.unit.pipelines.scored import scored_rows, write_scored

AS_OF: Final = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> backfill.Job:
    """Two years, of which a model would only copy the rows."""
    monkeypatch.chdir(tmp_path)

    def score_file(files: list[Path], *, output: Path, **_: Any) -> Any:
        write_scored(pl.concat(map(pl.read_parquet, files)), output, files)
        return type("Done", (), {"rows": 0, "n_resumed": 0})

    monkeypatch.setattr(backfill, "score_file", score_file)
    Path("years").mkdir()
    for year in (2022, 2023):
        scored_rows(datetime(year, 6, 1, tzinfo=UTC)).write_parquet(f"years/{year}.parquet")
    daily = DailyRequest(time_col="at", text_col="text", output=Path("daily.parquet"), as_of=AS_OF)
    return backfill.Job(text_col="text", daily=daily, as_of=AS_OF)


def n_docs() -> int:
    return int(pl.read_parquet("daily.parquet")["n_docs"].sum())


def test_features_are_made_again_from_a_corrected_or_added_year(job: backfill.Job) -> None:
    backfill.run(job)
    assert n_docs() == 20
    scored_rows(datetime(2022, 6, 1, tzinfo=UTC), 7).write_parquet("years/2022.parquet")
    backfill.run(job)
    assert n_docs() == 17
    assert Path("daily.revisions.parquet").exists()
    scored_rows(datetime(2021, 6, 1, tzinfo=UTC), 5).write_parquet("years/2021.parquet")
    backfill.run(job)
    assert n_docs() == 22


def test_features_of_the_same_years_stay_as_they_are(job: backfill.Job, caplog: pytest.LogCaptureFixture) -> None:
    backfill.run(job)
    before = Path("daily.state.parquet").stat().st_mtime_ns
    with caplog.at_level(logging.INFO):
        backfill.run(job)
    assert "extends to 2024-01-01" in caplog.text
    assert Path("daily.state.parquet").stat().st_mtime_ns == before


def test_other_options_of_scores_than_those_of_finished_years_are_an_error(job: backfill.Job) -> None:
    backfill.run(job)
    changed = replace(job, model=ScorerOptions(max_length=8))
    with pytest.raises(InputError, match=r"max_length of \[model\] was None and is 8"):
        backfill.run(changed)
    Path("history").rename("old")
    Path("daily.state.parquet").unlink()
    Path("daily.parquet").unlink()
    backfill.run(changed)
    assert n_docs() == 20


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[backfill]", "[backfill]\nyears = 3", "years is 3, and it has to be a path"),
        ("[backfill]", "[backfill]\nparallel = 3", "3 is no table"),
        ('text_col = "text"', "text_col = 3", "text_col is 3, and it has to be the name"),
        ("[backfill]", "[backfills]", "has no option backfills|are incomplete"),
        ('as_of = "2024-01-01T00:00:00Z"', "as_of = 2024", "not an instant"),
        ('[backfill]\nas_of = "2024-01-01T00:00:00Z"', "backfill = 3", "backfill is 3, and it has to be a table"),
    ],
)
def test_a_value_of_the_wrong_type_is_an_error(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = 'text_col = "text"\n[backfill]\nas_of = "2024-01-01T00:00:00Z"\n'
    daily = '[daily]\ntime_col = "at"\noutput = "daily.parquet"\n'
    changed = text.replace(old, new)
    path = tmp_path / "jobs.toml"
    path.write_text(changed + daily)
    with pytest.raises(InputError, match=message):
        backfill.Job.from_toml(path)


def test_an_instant_of_toml_is_an_instant(tmp_path: Path) -> None:
    path = tmp_path / "jobs.toml"
    daily = '[daily]\ntime_col = "at"\noutput = "daily.parquet"\n'
    path.write_text(f'text_col = "text"\n{daily}[backfill]\nas_of = 2024-01-01T00:00:00Z\n')
    assert backfill.Job.from_toml(path).as_of == AS_OF


def test_the_scored_rows_of_a_year_that_was_renamed_are_an_error(job: backfill.Job) -> None:
    backfill.run(job)
    Path("years/2023.parquet").rename("years/last.parquet")
    with pytest.raises(InputError, match=r"2023\.parquet belongs to none of the years"):
        backfill.run(job)
    assert not Path("history/last.parquet").exists()


def test_years_that_change_after_nights_were_added_are_an_error_before_anything_is_scored(job: backfill.Job) -> None:
    backfill.run(job)
    night = datetime(2024, 1, 2, tzinfo=UTC)
    write_scored(scored_rows(AS_OF), Path("night.parquet"), [])
    update_daily("night.parquet", replace(job.daily, as_of=night))
    backfill.run(job)
    assert inspect("daily.parquet").provenance.n_sources == 2
    before = Path("history/2022.parquet").read_bytes()
    scored_rows(datetime(2022, 6, 1, tzinfo=UTC), 7).write_parquet("years/2022.parquet")
    with pytest.raises(InputError, match="has been extended since"):
        backfill.run(job)
    assert Path("history/2022.parquet").read_bytes() == before
