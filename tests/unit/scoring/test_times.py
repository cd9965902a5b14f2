"""Scoring and the daily features in one pass: times in every form, and midnights, decided before a model is loaded."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sentiscore import InputError, Scorer, score_file
from sentiscore.errors import SentiscoreWarning
from sentiscore.scoring import job
from sentiscore.tables import write_frame
from tests.conftest import TEXTS

NEW_YORK = "America/New_York"
FRIDAY, MONDAY = date(2024, 1, 5), date(2024, 1, 8)


@pytest.fixture(scope="module")
def scorer(tiny_checkpoint: Path) -> Scorer:
    return Scorer.from_pretrained(tiny_checkpoint, device="cpu", dtype="fp32")


def write(path: Path, at: pl.Series | list[Any]) -> Path:
    column = pl.Series("at", at)
    frame = pl.DataFrame([column]).with_columns(headline=pl.lit(TEXTS[0]))
    return write_frame(frame, path)


def sessions(scorer: Scorer, path: Path, **more: Any) -> list[tuple[date, int]]:
    summary = score_file(path, text_col="headline", model=scorer, time_col="at", calendar="XNYS", **more)
    frame = pl.read_parquet(summary.daily[0]).filter(pl.col("n_docs") > 0)
    return frame.select("ds", "n_docs").rows()


@pytest.mark.parametrize("kind", ["csv", "parquet", "ndjson"])
@pytest.mark.parametrize(
    ("before", "after", "how"),
    [
        (1_704_488_340, 1_704_488_460, {"time_unit": "s"}),
        (1_704_488_340_123, 1_704_488_460_123, {"time_unit": "ms"}),
        (1_704_488_340.5, 1_704_488_460.5, {"time_unit": "s"}),
        ("1704488340", "1704488460", {"time_unit": "s"}),
        ("20240105T205900Z", "20240105T210100Z", {}),
        ("20240105T155900", "20240105T160100", {"tz": NEW_YORK}),
        ("Fri, 05 Jan 2024 15:59:00 -0500", "Fri, 05 Jan 2024 16:01:00 -0500", {}),
        ("Fri, 05 Jan 2024 15:59:00 EST", "Fri, 05 Jan 2024 16:01:00 EST", {"time_format": "rfc2822"}),
        ("Fri Jan 05 20:59:00 +0000 2024", "Fri Jan 05 21:01:00 +0000 2024", {}),
        ("Jan 5, 2024 3:59 PM ET", "Jan 5, 2024 4:01 PM ET", {"tz": NEW_YORK}),
        ("05/01/2024 15:59", "05/01/2024 16:01", {"tz": NEW_YORK, "time_format": "%d/%m/%Y %H:%M"}),
    ],
)
def test_times_in_every_form_are_placed_by_the_close(
    scorer: Scorer, tmp_path: Path, kind: str, before: Any, after: Any, how: dict[str, str]
) -> None:
    path = write(tmp_path / f"news.{kind}", [before, after])
    assert sessions(scorer, path, **how) == [(FRIDAY, 1), (MONDAY, 1)]


def refuse(*args: Any, **settings: Any) -> Scorer:
    raise AssertionError("the model was loaded before the times were looked at")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_numbers_that_cannot_be_read_are_shown_before_the_model_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(Scorer, "from_pretrained", refuse)
    path = write(tmp_path / f"news.{kind}", [1_704_488_340, 1_704_488_460])
    for how in ({}, {"time_unit": "ms"}):
        with pytest.raises(InputError, match=r"1704488340(.|\n)*20:59:00 UTC in seconds(.|\n)*--time-unit s"):
            score_file(path, text_col="headline", time_col="at", **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("how", [{"tz": "UTC"}, {"day_tz": "UTC"}, {"tz": NEW_YORK, "day_tz": NEW_YORK}])
def test_a_zone_without_a_time_column_is_refused_as_other_settings_of_times_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: dict[str, Any]
) -> None:
    monkeypatch.setattr(Scorer, "from_pretrained", refuse)
    path = write(tmp_path / "news.csv", ["2024-01-05T20:59:00Z"])
    with pytest.raises(InputError, match="need a time column"):
        score_file(path, text_col="headline", **how)


@pytest.mark.parametrize("how", [{"time_format": "%Y"}, {"time_unit": "h"}, {"midnight": "noon"}])
def test_a_setting_that_makes_no_sense_is_found_before_the_model_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: dict[str, Any]
) -> None:
    monkeypatch.setattr(Scorer, "from_pretrained", refuse)
    path = write(tmp_path / "news.csv", ["2024-01-05T20:59:00Z"])
    with pytest.raises(InputError):
        score_file(path, text_col="headline", time_col="at", **how)
    with pytest.raises(InputError, match="need a time column"):
        score_file(path, text_col="headline", **how)


@pytest.mark.filterwarnings("ignore:.*equal in entity, time and text")
@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("window", [3, 32_768])
def test_midnights_of_the_whole_file_decide_whatever_the_window(
    scorer: Scorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, window: int
) -> None:
    monkeypatch.setattr(job, "WINDOW_ROWS", window)
    stamps = [datetime(2024, 1, 5, 15 * (i % 10 > 2), i % 7 * (i % 10 > 2), tzinfo=UTC) for i in range(30)]
    path = write(tmp_path / f"news.{kind}", [f"{at:%FT%TZ}" for at in stamps] if kind == "csv" else stamps)
    with pytest.warns(SentiscoreWarning, match="9 of 30 times are midnight"):
        assert sessions(scorer, path) == [(FRIDAY, 21), (MONDAY, 9)]
    assert sessions(scorer, path, midnight="date") == [(FRIDAY, 21), (MONDAY, 9)]
    assert sessions(scorer, path, midnight="instant") == [(FRIDAY, 30)]
