"""What a model saw on a day: rebuilt from the daily file of today and its revisions, or refused."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from sentiscore import InputError, SentiscoreWarning, features
from sentiscore.features import DailyConfig, as_published, daily
from sentiscore.nightly import update_before
from sentiscore.nightly import update_daily as update
from sentiscore.nightly.state import revisions_path, state_path
from sentiscore.nightly.update_daily import update_daily
from sentiscore.tables import write_frame
from tests.unit.nightly.test_update_daily import ARGS, END, NOON, KilledError, at_day, before_and_after, rows_of


class Nights:
    """Updates of one file, with a copy of it after each."""

    def __init__(self, folder: Path) -> None:
        self.target = folder / "daily.parquet"
        self.copies: list[pl.DataFrame] = []
        self.made: list[datetime] = []

    def update(self, rows: pl.DataFrame, **args: Any) -> update.UpdatedFile:
        name = f"rows{len(self.copies)}.parquet"
        done = update_daily(write_frame(rows, self.target.with_name(name)), daily=self.target, **{**ARGS, **args})
        self.copies.append(pl.read_parquet(self.target))
        self.made.append(datetime.now(UTC))
        return done

    @property
    def revisions(self) -> pl.DataFrame:
        return pl.read_parquet(revisions_path(self.target))

    def check(self) -> None:
        for copy, made in zip(self.copies, self.made, strict=True):
            assert_frame_equal(as_published(self.copies[-1], self.revisions, made), copy, check_exact=True)


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    return Nights(tmp_path)


def row(entity: Any, day: float, text: str = "a") -> pl.DataFrame:
    made = rows_of(1).with_columns(at=pl.lit(at_day(day), pl.Datetime("us", "UTC")), ticker=pl.lit(entity))
    scores = {"text": pl.lit(text), "sentiment": pl.lit(0.5, pl.Float32), "label": pl.lit("positive")}
    return made.with_columns(**scores, status=pl.lit("ok"))


def test_rows_that_a_revision_fills_in_are_recorded(nights: Nights) -> None:
    nights.update(pl.concat([row("AAA", 0.5), row("BBB", 5.5)]), as_of=at_day(6))
    done = nights.update(row("BBB", 0.5), as_of=at_day(6), revise=True)
    assert nights.copies[1].height - nights.copies[0].height == 5
    kept = nights.revisions.drop_nulls("unique_id")
    assert kept.filter(pl.col("n_docs").is_null())["ds"].to_list() == [date(2024, 1, day) for day in range(1, 6)]
    assert kept.height == done.n_revised == 6  # the row of the sixth has another past
    nights.check()


def test_rows_that_a_start_puts_into_published_sessions_are_recorded(nights: Nights) -> None:
    config = DailyConfig(start=date(2023, 12, 30))
    nights.update(row("AAA", 0.5), as_of=at_day(3), config=config)
    done = nights.update(row("BBB", 3.5), as_of=at_day(4), config=config)
    assert (done.n_new, done.n_revised, done.revisions) == (2, 0, None)
    nights.update(row("AAA", 4.5), as_of=at_day(5), config=config)
    nights.check()
    assert as_published(nights.copies[-1], nights.revisions, at_day(3.5))["unique_id"].unique().to_list() == ["AAA"]


def test_an_instant_counts_by_when_updates_were_made_and_before_that_by_their_as_of(nights: Nights) -> None:
    first, second = before_and_after(rows_of(), 20)
    start = datetime.now(UTC)
    nights.update(first.slice(3), as_of=NOON["as_of"])
    nights.update(first.head(3), as_of=NOON["as_of"], revise=True)
    nights.update(second, as_of=END["as_of"])
    nights.check()
    last, revisions = nights.copies[-1], nights.revisions
    assert_frame_equal(as_published(last, revisions, NOON["as_of"]), nights.copies[1], check_exact=True)
    assert_frame_equal(as_published(last, revisions, "2024-02-01T00:00:00Z"), nights.copies[1], check_exact=True)
    assert_frame_equal(as_published(last, revisions, start), last, check_exact=True)  # as of which all were replayed
    early = as_published(last, revisions, NOON["as_of"] - timedelta(microseconds=1))
    assert (early.height, early.schema) == (0, last.schema)


def test_without_revisions_a_session_counts_from_its_close_on(nights: Nights) -> None:
    first, second = before_and_after(rows_of(), 20)
    nights.update(first, as_of=NOON["as_of"])
    nights.update(second, as_of=END["as_of"])
    for none in (None, nights.copies[1].clear(), pl.DataFrame()):
        assert_frame_equal(as_published(nights.copies[1], none, NOON["as_of"]), nights.copies[0], check_exact=True)


def test_other_columns_and_entities_of_another_type_come_back(nights: Nights) -> None:
    rows = rows_of().with_columns(pl.col("ticker").replace_strict({"AAA": 7, "BBB": 30, "ä": 9}, return_dtype=pl.Int64))
    first, _ = before_and_after(rows, 20)
    nights.update(first.slice(2), as_of=NOON["as_of"])
    nights.update(first.head(2), as_of=NOON["as_of"], revise=True)
    assert nights.revisions.schema["unique_id"] == pl.Int64
    nights.check()
    few = DailyConfig(sets=("level", "decay"), decay=(3.0,))
    nights.update(first, as_of=END["as_of"], anew=True, revise=True, config=few)
    names = first.with_columns(pl.col("ticker").cast(pl.String))
    nights.update(names, as_of=END["as_of"], anew=True, revise=True, calendar="XNYS")
    nights.update(names.clear(), as_of=END["as_of"] + timedelta(days=3), calendar="XNYS")
    nights.check()


def test_revisions_of_an_older_version_are_refused_and_stay(nights: Nights) -> None:
    first, _ = before_and_after(rows_of(), 20)
    nights.update(first.slice(3), as_of=NOON["as_of"])
    nights.update(first.head(3), as_of=NOON["as_of"], revise=True)
    older = nights.revisions.drop_nulls("unique_id").drop("as_of", "schema")
    with pytest.raises(InputError, match=r"did not record its updates.*\n.*read as they are"):
        as_published(nights.copies[-1], older, nights.made[0])
    write_frame(older, revisions_path(nights.target))
    state_path(nights.target).unlink()
    nights.update(first.slice(1), as_of=NOON["as_of"], anew=True, revise=True)
    nights.update(first.head(1), as_of=NOON["as_of"], revise=True)
    assert nights.revisions.head(older.height).select(older.columns).equals(older)
    for copy, made in zip(nights.copies[2:], nights.made[2:], strict=True):
        assert_frame_equal(as_published(nights.copies[-1], nights.revisions, made), copy, check_exact=True)
    for at in (nights.made[1], nights.made[0]):
        with pytest.raises(InputError, match=r"is not known: the record begins with the update of"):
            as_published(nights.copies[-1], nights.revisions, at)


def test_what_was_before_a_record_began_is_not_made_up(nights: Nights) -> None:
    first, second = before_and_after(rows_of(), 20)
    write_frame(daily(first, **NOON), nights.target)
    before = datetime.now(UTC)
    nights.update(first, as_of=NOON["as_of"], anew=True)
    nights.update(second, as_of=END["as_of"])
    nights.update(row("AAA", 3.5, "late"), as_of=END["as_of"], revise=True)
    nights.check()
    with pytest.raises(InputError, match="is not known"):
        as_published(nights.copies[-1], nights.revisions, before)


def test_revisions_that_were_put_elsewhere_are_not_made_up(nights: Nights) -> None:
    first, _ = before_and_after(rows_of(), 20)
    nights.update(first.slice(3), as_of=NOON["as_of"])
    for i in range(3):
        if i == 2:
            revisions_path(nights.target).unlink()
        nights.update(first.slice(i, 1), as_of=NOON["as_of"], revise=True)
    assert_frame_equal(as_published(nights.copies[3], nights.revisions, nights.made[3]), nights.copies[3])
    with pytest.raises(InputError, match="is not known"):
        as_published(nights.copies[3], nights.revisions, nights.made[2])


def test_a_file_that_is_made_again_keeps_its_record(nights: Nights) -> None:
    rows = rows_of()
    first, _ = before_and_after(rows, 20)
    nights.update(first, as_of=NOON["as_of"])
    nights.update(rows.with_columns(-pl.col("sentiment")), as_of=END["as_of"], anew=True, revise=True)
    nights.update(rows.filter(pl.col("ticker") != "BBB"), as_of=END["as_of"], anew=True, revise=True)
    nights.check()


def test_an_update_that_was_stopped_is_finished_before_a_new_file_and_is_in_the_record(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = before_and_after(rows_of(), 20)
    nights.update(first.slice(5), as_of=NOON["as_of"])
    nights.update(first.slice(4, 1), as_of=NOON["as_of"], revise=True)

    def killed(*_: Any, **__: Any) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(update_before, "put_in_place", killed)
        with pytest.raises(KilledError):
            nights.update(first.slice(3, 1), as_of=NOON["as_of"], revise=True)
    with pytest.warns(SentiscoreWarning, match="was stopped before its end; it has been finished now"):
        nights.update(first, as_of=END["as_of"], anew=True, revise=True)
    nights.check()
    assert nights.revisions["unique_id"].null_count() == 4


def test_frames_that_do_not_belong_together_are_refused(nights: Nights) -> None:
    first, second = before_and_after(rows_of(), 20)
    nights.update(first.slice(3), as_of=NOON["as_of"])
    nights.update(first.head(3), as_of=NOON["as_of"], revise=True)
    revisions = nights.revisions
    nights.update(second, as_of=END["as_of"])
    with pytest.raises(InputError, match="do not know of the update"):
        as_published(nights.copies[-1], revisions, nights.made[0])
    with pytest.raises(InputError, match="daily features lack available_at"):
        as_published(nights.copies[-1].drop("available_at"), revisions, nights.made[0])
    with pytest.raises(InputError, match="revisions lack revised_at"):
        as_published(nights.copies[-1], nights.copies[0], nights.made[0])
    with pytest.raises(InputError, match="no instant"):
        as_published(nights.copies[-1], nights.revisions, "yesterday")


@pytest.mark.parametrize("dtype", [pl.String, pl.Datetime("us"), pl.Date])
def test_times_that_are_not_instants_any_more_are_refused(nights: Nights, dtype: pl.DataType) -> None:
    first, _ = before_and_after(rows_of(), 20)
    nights.update(first.slice(3), as_of=NOON["as_of"])
    nights.update(first.head(3), as_of=NOON["as_of"], revise=True)
    daily, revisions, at = nights.copies[-1], nights.revisions, nights.made[0]
    for name, frame, record in (
        ("available_at", daily.with_columns(pl.col("available_at").cast(dtype)), revisions),
        ("available_at", daily.with_columns(pl.col("available_at").cast(dtype)), None),
        ("revised_at", daily, revisions.with_columns(pl.col("revised_at").cast(dtype))),
        ("as_of", daily, revisions.with_columns(pl.col("as_of").cast(dtype))),
    ):
        with pytest.raises(InputError, match=f"column '{name}', which is no instant"):
            as_published(frame, record, at)


def test_the_function_is_public() -> None:
    assert "as_published" in features.__all__
