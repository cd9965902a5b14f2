"""Updates of a daily file: the same as one run, nothing published changes unasked, and a kill loses nothing."""

import os
import shlex
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner
from polars.testing import assert_frame_equal

from sentiscore.cli.main import cli
from sentiscore.errors import InputError, OutputError, SentiscoreWarning
from sentiscore.features import DailyConfig, DailySums, daily, join_target
from sentiscore.features.times import write_instant
from sentiscore.nightly import state, update_before
from sentiscore.nightly import update_daily as update
from sentiscore.nightly.daily_file import add_file
from sentiscore.nightly.state import next_path, next_revisions_path, revisions_path, state_path
from sentiscore.nightly.update_daily import update_daily
from sentiscore.tables import Source, write_frame
from tests.effort import combined, spread

Make = Callable[..., Path]
ARGS: dict[str, Any] = {"time_col": "at", "entity_col": "ticker", "text_col": "text"}
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
END: dict[str, Any] = {**ARGS, "as_of": datetime(2024, 2, 10, tzinfo=UTC)}
"""After all rows that `rows_of` makes by itself."""
NOON: dict[str, Any] = {**ARGS, "as_of": datetime(2024, 1, 21, 12, tzinfo=UTC)}
"""In the session after the first part of rows cut at day 20."""


def rows_of(n: int = 200, days: int = 40, seed: int = 0) -> pl.DataFrame:
    """Scored rows of three tickers in the order of their times, with repeats and a few without a text.

    Some were scored without probabilities.
    """
    random = Random(seed)  # noqa: S311 - made-up rows
    times = sorted(FIRST + timedelta(seconds=random.randrange(days * 86_400)) for _ in range(n))
    scores = [None if random.random() < 0.1 else random.uniform(-1, 1) for _ in range(n)]
    sentiment = pl.Series(scores, dtype=pl.Float32)
    positive = ((1 + sentiment) * 128).round() / 256  # which text and every type of numbers have exactly
    positive = positive.set(pl.Series([i % 9 == seed % 9 for i in range(n)], dtype=pl.Boolean), None)
    return pl.DataFrame(
        {
            "at": pl.Series(times, dtype=pl.Datetime("us", "UTC")),
            "ticker": [random.choice(["AAA", "BBB", "ä"]) for _ in range(n)],
            "text": [random.choice("abcdefg") for _ in range(n)],
            "weight": [random.uniform(0, 2) for _ in range(n)],
            "p_negative": 1 - positive,
            "p_positive": positive,
            "sentiment": sentiment,
            "label": [None if score is None else "positive" if score > 0 else "negative" for score in scores],
            "status": ["null" if score is None else "ok" for score in scores],
        }
    )


@pytest.fixture
def write(tmp_path: Path) -> Make:
    def write(rows: pl.DataFrame, name: str = "new.parquet") -> Path:
        return write_frame(rows, tmp_path / name)

    return write


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "daily.parquet"


def at_day(day: float) -> datetime:
    return FIRST + timedelta(days=day)


def before_and_after(rows: pl.DataFrame, day: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    cut = at_day(day)
    return rows.filter(pl.col("at") < cut), rows.filter(pl.col("at") >= cut)


@pytest.mark.parametrize(
    ("repeats", "fill", "weight_col"),
    combined(["keep", "drop", "discount"], ["none", "decay"], [None, "weight"]),
)
def test_updates_give_what_one_run_over_all_rows_gives(
    write: Make, target: Path, repeats: str, fill: str, weight_col: str | None
) -> None:
    rows = rows_of()
    args = {**ARGS, "weight_col": weight_col, "config": DailyConfig(repeats=repeats, fill=fill)}
    cuts = [at_day(day) for day in (0, 11, 11.5, 12, 30, 99)]
    for low, high in pairwise(cuts):
        part = rows.filter(pl.col("at").is_between(low, high, closed="left"))
        done = update_daily(write(part), daily=target, as_of=high, **args)
        whole = daily(rows.filter(pl.col("at") < high), as_of=high, **args)
        assert_frame_equal(pl.read_parquet(target), whole, check_exact=True)
        assert_frame_equal(done.daily, whole, check_exact=True)
        assert whole["available_at"].max() == high.replace(hour=0)  # noon is in an open day
    assert not revisions_path(target).exists()


@pytest.mark.parametrize("dtype", [pl.Int64(), pl.Categorical(), pl.Date()])
def test_entities_of_any_type_are_taken_up_again(write: Make, target: Path, dtype: pl.DataType) -> None:
    values: dict[str, Any] = {"AAA": 7, "BBB": 30, "ä": 9}
    rows = rows_of().with_columns(pl.col("ticker").replace_strict(values, return_dtype=pl.Int32))
    kinds = pl.col("ticker").cast(pl.String).cast(dtype) if dtype == pl.Categorical else pl.col("ticker").cast(dtype)
    rows = rows.with_columns(kinds)
    first, second = before_and_after(rows, 20)
    update_daily(write(first), daily=target, as_of=at_day(20), **ARGS)
    update_daily(write(second), daily=target, **END)
    found = pl.read_parquet(target)
    assert found.schema["unique_id"] == dtype
    assert_frame_equal(found, daily(rows, **END), check_exact=True)


def test_without_texts_and_on_an_exchange_it_is_the_same(write: Make, target: Path) -> None:
    args: dict[str, Any] = {"time_col": "at", "calendar": "XNYS", "config": DailyConfig(cutoff="open-30m")}
    rows = rows_of()
    cut = datetime(2024, 1, 16, 14, 0, tzinfo=UTC)  # half an hour before a Tuesday's open
    update_daily(write(rows.filter(pl.col("at") < cut)), daily=target, as_of=cut, **args)
    update_daily(write(rows.filter(pl.col("at") >= cut)), daily=target, as_of=at_day(40), **args)
    assert_frame_equal(pl.read_parquet(target), daily(rows, as_of=at_day(40), **args), check_exact=True)


def test_rows_for_published_sessions_are_refused_and_nothing_changes(write: Make, target: Path) -> None:
    first, second = before_and_after(rows_of(), 20)
    update_daily(write(first), daily=target, **NOON)
    before = target.read_bytes(), state_path(target).read_bytes()
    late = pl.concat([first.filter(status="ok").tail(1).with_columns(text=pl.lit("unheard of")), second])
    with pytest.raises(InputError, match=r"^1 of the .* rows count for sessions up to 2024-01-20.*\n.*--revise"):
        update_daily(write(late), daily=target, **END)
    assert (target.read_bytes(), state_path(target).read_bytes()) == before


def test_a_revision_gives_what_one_run_gives_and_keeps_the_old_values(write: Make, target: Path) -> None:
    rows = rows_of()
    first, _ = before_and_after(rows, 20)
    late = first.gather_every(9)
    early = first.join(late, on=first.columns, how="anti", nulls_equal=True)
    update_daily(write(early), daily=target, **NOON)
    old = pl.read_parquet(target)
    done = update_daily(write(late), daily=target, revise=True, **NOON)
    new = pl.read_parquet(target)
    assert_frame_equal(new, daily(first, **NOON), check_exact=True)
    assert done.revisions == revisions_path(target)
    record = pl.read_parquet(revisions_path(target))
    kept = record.filter(pl.col("unique_id").is_not_null())
    assert kept.height == done.n_revised > 0
    changed = kept.filter(pl.col("n_docs").is_not_null())
    assert_frame_equal(
        changed.select(old.columns), old.join(changed, on=["unique_id", "ds"], how="semi"), check_exact=True
    )
    same = old.join(kept, on=["unique_id", "ds"], how="anti")  # what was not kept did not change
    assert_frame_equal(same, new.join(same, on=["unique_id", "ds"], how="semi"), check_exact=True)
    assert kept["revised_at"].n_unique() == 1
    assert kept.columns == [*old.columns, "revised_at", "as_of", "schema"]
    updates = record.filter(pl.col("unique_id").is_null())
    assert updates["as_of"].to_list() == [NOON["as_of"]] * 2
    assert updates["revised_at"][1] == kept["revised_at"][0] > updates["revised_at"][0]


def test_earlier_revisions_stay(write: Make, target: Path) -> None:
    first, _ = before_and_after(rows_of(), 20)
    update_daily(write(first.slice(2)), daily=target, **NOON)
    counts = [update_daily(write(first.slice(i, 1)), daily=target, revise=True, **NOON).n_revised for i in range(2)]
    kept = pl.read_parquet(revisions_path(target)).drop_nulls("unique_id")
    assert kept["revised_at"].rle().struct.field("len").to_list() == counts


def test_all_rows_anew_replace_what_was_there_and_keep_what_changes(write: Make, target: Path) -> None:
    rows = rows_of()
    update_daily(write(rows), daily=target, **END)
    other = rows.with_columns(-pl.col("sentiment"))
    with pytest.raises(InputError, match="would change"):
        update_daily(write(other), daily=target, anew=True, **END)
    done = update_daily(write(other), daily=target, anew=True, revise=True, **END)
    assert_frame_equal(pl.read_parquet(target), daily(other, **END), check_exact=True)
    assert done.revisions is not None
    later = rows_of(days=5).with_columns(pl.col("at") + timedelta(days=50))
    update_daily(write(later), daily=target, as_of=at_day(60), **ARGS)


def test_a_daily_file_without_sums_can_be_made_anew_if_nothing_changes(write: Make, target: Path) -> None:
    rows = rows_of()
    write_frame(daily(rows, **END), target)
    with pytest.raises(InputError, match=r"no sums beside it.*\n.*--anew"):
        update_daily(write(rows), daily=target, **END)
    done = update_daily(write(rows), daily=target, anew=True, **END)
    assert (done.n_new, done.n_revised) == (0, 0)
    assert state_path(target).exists()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"config": DailyConfig(fill="zero")}, "config fill was 'none' and is 'zero'"),
        ({"config": DailyConfig(latency="5m")}, "config latency was '0s' and is '5m'"),
        ({"day_tz": "Asia/Tokyo"}, "calendar was 'days UTC' and is 'days Asia/Tokyo'"),
        ({"calendar": "XNYS"}, "calendar was"),
        ({"entity_col": None}, "entities was 'String' and is 'one series'"),
        ({"text_col": None}, "text column was True and is False"),
        ({"weight_col": "weight"}, "weight column was False and is True"),
    ],
)
def test_other_settings_are_refused_by_name(write: Make, target: Path, change: dict[str, Any], told: str) -> None:
    first, second = before_and_after(rows_of(), 20)
    update_daily(write(first), daily=target, **NOON)
    with pytest.raises(InputError, match="made with other settings") as caught:
        update_daily(write(second), daily=target, **{**END, **change})
    assert told in str(caught.value)


def test_a_daily_file_that_was_changed_is_refused(write: Make, target: Path) -> None:
    first, second = before_and_after(rows_of(), 20)
    update_daily(write(first), daily=target, **NOON)
    write_frame(pl.read_parquet(target).head(5), target)
    with pytest.raises(InputError, match="do not belong together"):
        update_daily(write(second), daily=target, **END)
    target.unlink()
    with pytest.raises(InputError, match="do not belong together"):
        update_daily(write(second), daily=target, **END)


def test_sums_that_are_something_else_are_refused(write: Make, target: Path) -> None:
    first, second = before_and_after(rows_of(), 20)
    update_daily(write(first), daily=target, **NOON)
    write_frame(first, state_path(target))
    with pytest.raises(InputError, match="does not hold the sums"):
        update_daily(write(second), daily=target, **END)


FINISHING = ("put_in_place", "write_sidecar")
"""Steps after the sums are in place."""


class KilledError(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize(
    ("step", "call"),
    [
        ("_keep", 1),
        ("write_frame", 1),
        ("write_frame", 2),
        ("write_state", 1),
        ("put_in_place", 1),
        ("write_sidecar", 1),
        ("put_in_place", 2),
    ],
)
def test_an_update_that_is_killed_at_any_step_loses_nothing(
    write: Make, target: Path, step: str, call: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = before_and_after(rows_of(), 20)
    late = pl.concat([second, first.head(3)])
    twin = target.with_name("twin.parquet")  # to which nothing happens
    for each in (target, twin):
        update_daily(write(first.slice(4)), daily=each, **NOON)
        update_daily(write(first.slice(3, 1)), daily=each, revise=True, **NOON)
    before = pl.read_parquet(target)
    update_daily(write(late), daily=twin, revise=True, **END)
    source = write(late)
    calls = 0
    where = update_before if step in FINISHING else update
    real = getattr(where, step)

    def killed(*args: Any, **others: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            raise KilledError
        return real(*args, **others)

    with monkeypatch.context() as patch:
        patch.setattr(where, step, killed)
        with pytest.raises(KilledError):
            update_daily(source, daily=target, revise=True, **END)
    assert_frame_equal(pl.read_parquet(target), before, check_exact=True)  # whole, as it was
    if step in FINISHING:  # the sums are ahead of the daily file
        with pytest.raises(InputError, match=r"stopped before its end; it has been finished now, with new.parquet"):
            update_daily(source, daily=target, revise=True, **END)
    else:
        update_daily(source, daily=target, revise=True, **END)
    assert_frame_equal(pl.read_parquet(target), daily(pl.concat([first, late.head(-3)]), **END), check_exact=True)
    found, expected = (pl.read_parquet(revisions_path(each)).drop("revised_at") for each in (target, twin))
    assert_frame_equal(found, expected, check_exact=True)  # each old value once
    again = update_daily(write(late.head(-1), "other.parquet"), daily=target, **END)  # and the pair is sound
    assert again.n_repeated == late.head(-1).filter(status="ok").height
    assert not next_path(target).exists()
    assert not next_revisions_path(target).exists()


def stopped(source: Path, target: Path, monkeypatch: pytest.MonkeyPatch, **args: Any) -> None:
    """An update that is killed before the daily file is in place."""

    def killed(*_: Any, **__: Any) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(update_before, "put_in_place", killed)
        with pytest.raises(KilledError):
            update_daily(source, daily=target, **args)


def test_the_first_file_that_was_stopped_is_finished_too(
    write: Make, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped(write(rows_of()), target, monkeypatch, **END)
    with pytest.raises(InputError, match="has been finished now"):
        update_daily(write(rows_of()), daily=target, **END)
    assert_frame_equal(pl.read_parquet(target), daily(rows_of(), **END), check_exact=True)


def test_after_a_stopped_update_other_rows_are_added_at_once(
    write: Make, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = before_and_after(rows_of(), 20)
    update_daily(write(first.head(50)), daily=target, as_of=first["at"][49], **ARGS)
    stopped(write(first.slice(50), "stopped.parquet"), target, monkeypatch, **NOON)
    with pytest.warns(SentiscoreWarning, match=r"finished now, with stopped.parquet\."):
        update_daily(write(second), daily=target, **END)
    assert_frame_equal(pl.read_parquet(target), daily(rows_of(), **END), check_exact=True)


def test_revisions_of_an_update_that_never_counted_are_not_kept(
    write: Make, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = before_and_after(rows_of(), 20)
    update_daily(write(first.slice(3)), daily=target, **NOON)

    def killed(*_: Any, **__: Any) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(update, "write_state", killed)
        with pytest.raises(KilledError):
            update_daily(write(first.head(3)), daily=target, revise=True, **NOON)
    update_daily(write(second), daily=target, **END)
    assert not revisions_path(target).exists()
    assert not next_revisions_path(target).exists()


def test_what_a_killed_process_left_is_removed(write: Make, target: Path) -> None:
    gone, alive = 999_999_999, os.getppid()
    left = [path.with_name(f".{path.name}.{gone}.part") for path in (target, state_path(target), next_path(target))]
    kept = [target.with_name(f".{target.name}.{alive}.part"), target.with_name(f".other.parquet.{gone}.part")]
    young = target.with_name(f".{next_path(target).name}.{gone - 1}.part")
    for path in (*left, *kept, young):
        path.touch()
    for path in (*left, *kept):
        os.utime(path, (0, 0))
    update_daily(write(rows_of()), daily=target, **END)
    assert [path.exists() for path in (*left, *kept, young)] == [False] * 3 + [True] * 3


def test_damaged_revisions_are_told_before_anything_is_changed(write: Make, target: Path) -> None:
    first, _ = before_and_after(rows_of(), 20)
    update_daily(write(first.slice(2)), daily=target, **NOON)
    before = target.read_bytes(), state_path(target).read_bytes()
    revisions_path(target).write_bytes(b"broken")
    with pytest.raises(InputError, match=r"revisions.parquet cannot be read.*\n.*put it elsewhere"):
        update_daily(write(first.head(2)), daily=target, revise=True, **NOON)
    assert (target.read_bytes(), state_path(target).read_bytes()) == before


def test_an_update_beside_another_one_is_noticed(write: Make, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = before_and_after(rows_of(), 20)
    update_daily(write(first), daily=target, **NOON)
    after_other: list[bytes] = []

    def beside(sums: DailySums, source: Source) -> int:
        rows = add_file(sums, source)
        monkeypatch.setattr(update, "add_file", add_file)
        update_daily(write(second.head(5), "other.parquet"), daily=target, **END)
        after_other.append(target.read_bytes())
        return rows

    monkeypatch.setattr(update, "add_file", beside)
    with pytest.raises(OutputError, match="changed by something else meanwhile"):
        update_daily(write(second), daily=target, **END)
    assert [target.read_bytes()] == after_other


def sessions_of(days: list[int], close: int = 16) -> pl.DataFrame:
    dates = [date(2024, 1, 1) + timedelta(days=day) for day in days]
    return pl.DataFrame({"ds": dates}).with_columns(
        open=pl.col("ds").cast(pl.Datetime("us")).dt.replace_time_zone("UTC").dt.offset_by("9h"),
        close=pl.col("ds").cast(pl.Datetime("us")).dt.replace_time_zone("UTC").dt.offset_by(f"{close}h"),
    )


def test_a_calendar_of_ones_own_may_grow_and_may_not_change(write: Make, target: Path) -> None:
    rows = rows_of()
    days = list(range(-1, 45))
    close = datetime(2024, 1, 20, 16, tzinfo=UTC)
    first, second = rows.filter(pl.col("at") < close), rows.filter(pl.col("at") >= close)
    update_daily(write(first), daily=target, calendar=sessions_of(days[:25]), as_of=close, **ARGS)
    for other in (sessions_of(days[1:]), sessions_of(days, close=15)):
        with pytest.raises(InputError, match="has other sessions than before"):
            update_daily(write(second), daily=target, calendar=other, **END)
    update_daily(write(second), daily=target, calendar=sessions_of(days), **END)
    whole = daily(rows, calendar=sessions_of(days), **END)
    assert_frame_equal(pl.read_parquet(target), whole, check_exact=True)


def test_only_parquet_can_be_updated_and_the_source_is_not_written_over(write: Make, tmp_path: Path) -> None:
    source = write(rows_of())
    with pytest.raises(OutputError, match=r"not a .parquet file"):
        update_daily(source, daily=tmp_path / "daily.csv", **END)
    for written in (tmp_path / "a.parquet", tmp_path / "a.state.parquet", tmp_path / "a.revisions.parquet"):
        write(rows_of(), written.name)
        with pytest.raises(OutputError, match="written to by this update"):
            update_daily(written, daily=tmp_path / "a.parquet", **END)
        written.unlink()
    with pytest.raises(OutputError, match=r"mkdir -p") as caught:
        update_daily(source, daily=tmp_path / "no" / "a.parquet", **END)
    assert "--output" not in str(caught.value)


def test_a_file_without_rows_changes_nothing(write: Make, target: Path) -> None:
    rows = rows_of()
    update_daily(write(rows), daily=target, **END)
    before = pl.read_parquet(target)
    done = update_daily(write(rows.clear()), daily=target, **END)
    assert (done.rows, done.n_new, done.n_revised) == (0, 0, 0)
    assert_frame_equal(pl.read_parquet(target), before, check_exact=True)
    empty = target.with_name("empty.parquet")
    update_daily(write(rows.clear()), daily=empty, as_of=FIRST, **ARGS)
    update_daily(write(rows), daily=empty, **END)
    assert_frame_equal(pl.read_parquet(empty), before, check_exact=True)


# --- as of when ---


@pytest.mark.parametrize("calendar", spread(["XNYS", None], 1))
def test_night_by_night_no_update_is_refused_and_quiet_entities_have_their_rows(
    write: Make, target: Path, calendar: str | None
) -> None:
    rows = rows_of(60, days=20)
    quiet = rows.filter((pl.col("ticker") != "AAA") | (pl.col("at") < at_day(4)))
    args = {**ARGS, "calendar": calendar}
    for night in range(1, 21):  # cut by the date in New York, which is no cutoff of XNYS
        low, high = at_day(night - 1) + timedelta(hours=5), at_day(night) + timedelta(hours=5)
        part = quiet.filter(pl.col("at").is_between(low if night > 1 else FIRST, high, closed="left"))
        done = update_daily(write(part), daily=target, as_of=high, **args)
        last = done.daily.group_by("unique_id").agg(pl.col("available_at").max())["available_at"]
        assert last.n_unique() <= 1
    assert "AAA" in done.daily["unique_id"]
    assert not revisions_path(target).exists()


def test_a_text_after_the_close_waits_for_the_next_session(write: Make, target: Path) -> None:
    args = {**ARGS, "calendar": "XNYS"}
    row = rows_of(1).with_columns(ticker=pl.lit("AAA"), sentiment=pl.lit(0.5, pl.Float32), label=pl.lit("positive"))
    row = row.with_columns(status=pl.lit("ok"))
    friday = row.with_columns(at=datetime(2024, 1, 5, 15, tzinfo=UTC))
    evening = row.with_columns(at=datetime(2024, 1, 5, 21, 5, tzinfo=UTC))
    saturday = row.with_columns(at=datetime(2024, 1, 6, 12, tzinfo=UTC))
    first = update_daily(write(pl.concat([friday, evening])), daily=target, as_of="2024-01-05T22:00Z", **args)
    assert first.daily.select("ds", "n_docs").rows() == [(date(2024, 1, 5), 1)]
    second = update_daily(write(saturday), daily=target, as_of="2024-01-06T22:00Z", **args)
    assert (second.n_new, second.n_revised) == (0, 0)
    monday = update_daily(write(row.clear()), daily=target, as_of="2024-01-08T16:00-05:00", **args)
    assert monday.daily.select("ds", "n_docs").rows() == [(date(2024, 1, 5), 1), (date(2024, 1, 8), 2)]


@pytest.mark.filterwarnings("ignore:.*entities have no daily features")
def test_a_join_at_night_sees_what_a_backtest_sees(write: Make, target: Path) -> None:
    rows = rows_of(40, days=20)
    args = {**ARGS, "calendar": "XNYS"}
    whole = daily(rows, as_of=at_day(20), **args)
    live = []
    for before, close in pairwise([FIRST, *whole["available_at"].unique().sort()]):
        part = rows.filter((pl.col("at") > before) & (pl.col("at") <= close))
        update_daily(write(part), daily=target, as_of=close, **args)
        asked = pl.DataFrame({"unique_id": ["AAA", "BBB", "ä"]}).with_columns(at=close + timedelta(minutes=5))
        live.append(join_target(pl.read_parquet(target), asked, time_col="at"))
    seen = pl.concat(live)
    assert (seen["n_docs"] == 0).any()
    assert (seen["feature_age"] <= timedelta(minutes=5)).all()
    assert_frame_equal(seen, join_target(whole, seen.select("unique_id", "at"), time_col="at"), check_exact=True)


def test_a_text_from_the_future_is_left_out_and_blocks_nothing(write: Make, target: Path) -> None:
    first, second = before_and_after(rows_of(), 20)
    wrong = first.head(1).with_columns(at=datetime(2105, 1, 4, tzinfo=UTC))
    with pytest.warns(SentiscoreWarning, match=r"^1 rows have times after 2024-01-21 12:00:00 UTC, as of which"):
        done = update_daily(write(pl.concat([first, wrong])), daily=target, calendar="XNYS", **NOON)
    assert done.n_unplaced == 1
    update_daily(write(second), daily=target, calendar="XNYS", **END)
    assert_frame_equal(pl.read_parquet(target), daily(rows_of(), calendar="XNYS", **END), check_exact=True)


def test_rows_that_are_there_already_are_not_added_twice(write: Make, target: Path) -> None:
    first, second = before_and_after(rows_of(), 20)
    update_daily(write(first), daily=target, **NOON)
    waiting = second.filter(pl.col("at") < NOON["as_of"])
    update_daily(write(waiting), daily=target, **NOON)
    assert waiting.height
    for revise in (False, True):
        with pytest.raises(InputError, match=r"rows of this file are in .* already"):
            update_daily(write(waiting, "again.parquet"), daily=target, revise=revise, **NOON)


@pytest.mark.parametrize("revise", [False, True])
def test_a_published_file_is_not_added_twice_either(write: Make, target: Path, revise: bool) -> None:
    first, second = before_and_after(rows_of(), 20)
    update_daily(write(first), daily=target, **NOON)
    update_daily(write(second, "second.parquet"), daily=target, **END)
    before = target.read_bytes()
    with pytest.raises(InputError, match=r"rows of this file are in .* already"):
        update_daily(write(second, "second.parquet"), daily=target, revise=revise, **END)
    assert target.read_bytes() == before


def test_an_instant_that_cannot_be_is_refused(write: Make, target: Path) -> None:
    source = write(rows_of())
    with pytest.raises(InputError, match=r"^2199-01-01 00:00:00 UTC, as of .* has not come yet"):
        update_daily(source, daily=target, as_of="2199-01-01T00:00:00Z", **ARGS)
    for wrong in ("2024-02-10", "2024-02-10T12:00:00", "soon", "", datetime(2024, 2, 10), "9999-12-31T00:00Z"):  # noqa: DTZ001
        with pytest.raises(InputError, match=r"is no instant.*\n.*with an offset"):
            update_daily(source, daily=target, as_of=wrong, **ARGS)
    with pytest.raises(InputError, match=r"An update has no end of its own.*\n.*--as-of"):
        update_daily(source, daily=target, config=DailyConfig(end=date(2024, 2, 1)), **END)
    update_daily(source, daily=target, **END)
    with pytest.raises(InputError, match=r"brought up to 2024-02-10 00:00:00 UTC already"):
        update_daily(write(rows_of().clear()), daily=target, **NOON)


def test_a_calendar_that_ends_before_the_update_is_refused(write: Make, target: Path) -> None:
    first, _ = before_and_after(rows_of(), 20)
    with pytest.raises(InputError, match=r"calendar frame ends before 2024-02-10 00:00:00 UTC.*\n.*sessions to come"):
        update_daily(write(first), daily=target, calendar=sessions_of(list(range(-1, 25))), **END)
    assert not target.exists()


def test_without_an_instant_an_update_goes_up_to_now(write: Make, target: Path) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    done = update_daily(write(rows_of()), daily=target, **ARGS)
    assert before <= done.as_of <= datetime.now(UTC)
    assert done.daily.group_by("unique_id").agg(pl.col("available_at").max())["available_at"].n_unique() == 1
    same = update_daily(write(rows_of().clear()), daily=target, as_of=write_instant(done.as_of), **ARGS)
    assert same.as_of == done.as_of  # as it was told, it can be typed


# --- what is damaged ---


def retyped(error: InputError, source: Path) -> list[str]:
    """The command of a hint, as it would be typed."""
    words = shlex.split(error.hint[error.hint.index("sentiscore features") :])[1:]
    return [str(source) if word == "ALL.parquet" else word for word in words]


@pytest.mark.parametrize("content", [b"", b"cut short", None, "{}", "{broken", "no meta"])
def test_damaged_sums_are_told_with_a_command_that_mends_them(
    write: Make, target: Path, content: bytes | str | None
) -> None:
    args = {**ARGS, "config": DailyConfig(cutoff="close-15m", latency="5m"), "day_tz": "America/New_York"}
    rows = rows_of()
    source = write(rows, "all rows.parquet")
    made = update_daily(source, daily=target, **args)
    sums = pl.read_parquet(state_path(target))
    if isinstance(content, bytes):
        state_path(target).write_bytes(content)
    elif content is None:
        state_path(target).unlink()
    elif content == "no meta":
        write_frame(sums.filter(pl.col("part") > 0), state_path(target))
    else:
        whole = sums.with_columns(json=pl.when(pl.col("json").is_not_null()).then(pl.lit(content)))
        write_frame(whole, state_path(target))
    with pytest.raises(InputError) as caught:
        update_daily(write(rows.clear()), daily=target, **args)
    result = CliRunner().invoke(cli, retyped(caught.value, source))
    assert result.exit_code == 0, result.output
    assert pl.read_parquet(target).filter(pl.col("available_at") <= made.as_of).equals(made.daily)
    assert update_daily(write(rows.clear()), daily=target, **args).n_revised == 0


def test_a_damaged_daily_file_is_told_with_commands_that_mend_it(write: Make, target: Path) -> None:
    source = write(rows_of())
    update_daily(source, daily=target, **ARGS)
    target.write_bytes(target.read_bytes()[:500])
    for flags in ((False, False), (True, False), (True, True)):
        with pytest.raises(InputError, match=rf"cannot be read.*\n.*rm {target}; sentiscore") as caught:
            update_daily(source, daily=target, anew=flags[0], revise=flags[1], **ARGS)
    target.unlink()
    result = CliRunner().invoke(cli, retyped(caught.value, source))
    assert result.exit_code == 0, result.output
    assert pl.read_parquet(target)["n_docs"].sum() == daily(rows_of(), **ARGS)["n_docs"].sum()


def test_the_command_names_settings_that_have_no_option(write: Make, target: Path) -> None:
    first, second = before_and_after(rows_of(), 20)
    update_daily(write(first), daily=target, **NOON)
    with pytest.raises(InputError, match=r"--fill zero --config CONFIG.toml --update .*parquet --anew --revise$"):
        update_daily(write(second), daily=target, config=DailyConfig(fill="zero", z=(5,)), **END)


@pytest.mark.parametrize("flags", [{}, {"anew": True}, {"anew": True, "revise": True}])
def test_a_file_that_holds_something_else_is_not_written_over(write: Make, target: Path, flags: dict[str, Any]) -> None:
    write_frame(rows_of(), target)
    with pytest.raises(InputError, match="does not hold daily features"):
        update_daily(write(rows_of()), daily=target, **flags, **END)
    assert_frame_equal(pl.read_parquet(target), rows_of())


def test_hashes_of_another_version_are_refused(write: Make, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = before_and_after(rows_of(), 20)
    monkeypatch.setattr(state, "SEED", 1)
    update_daily(write(first), daily=target, **NOON)
    monkeypatch.undo()
    with pytest.raises(InputError, match=r"polars that hashes texts differently.*\n.*--anew"):
        update_daily(write(second), daily=target, **END)


def test_sums_of_another_version_are_refused(write: Make, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = before_and_after(rows_of(), 20)
    monkeypatch.setattr(state, "FORMAT", 1)
    update_daily(write(first), daily=target, **NOON)
    monkeypatch.undo()
    with pytest.raises(InputError, match=r"another version of sentiscore.*\n.*--anew"):
        update_daily(write(second), daily=target, **END)


def test_sums_of_a_version_without_tone_are_refused_and_the_file_can_be_made_anew(
    write: Make, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = before_and_after(rows_of(), 20)
    monkeypatch.setattr(state, "FORMAT", 3)
    update_daily(write(first), daily=target, **NOON)
    monkeypatch.undo()
    before = pl.read_parquet(state_path(target))
    write_frame(before.drop("tone", "tone_squares", "w_tone"), state_path(target))
    with pytest.raises(InputError, match=r"another version of sentiscore.*\n.*--anew"):
        update_daily(write(second), daily=target, **END)
    update_daily(write(rows_of()), daily=target, anew=True, revise=True, **END)
    assert_frame_equal(pl.read_parquet(target), daily(rows_of(), **END), check_exact=True)


@pytest.mark.filterwarnings("ignore::sentiscore.errors.SentiscoreWarning")  # of rows without an entity or an id
@pytest.mark.parametrize(
    ("written", "id_col", "empty"),
    combined(
        [("new.parquet", "drop"), ("new.ndjson", "keep")],
        ["id", None],
        [("sentiment", "label"), ("ticker",), ("sentiment", "label", "ticker", "text", "id")],
    ),
)
def test_a_night_whose_columns_hold_nothing_is_a_night_like_any_other(
    write: Make, tmp_path: Path, written: tuple[str, str], id_col: str | None, empty: tuple[str, ...]
) -> None:
    name, repeats = written
    rows = rows_of(40).with_columns(pl.col("at").dt.strftime("%Y-%m-%dT%H:%M:%SZ"), id=pl.int_range(40).cast(pl.String))
    first, second = rows.head(20), rows.slice(20).with_columns(pl.lit(None).alias(column) for column in empty)
    second = second.with_columns(status=pl.lit("null")) if "label" in empty else second
    args = {**END, "id_col": id_col, "midnight": "instant", "config": DailyConfig(repeats=repeats)}
    for target, nights in (("d.parquet", (first, second)), ("e.parquet", (second, first))):
        for night in nights:
            done = update_daily(write(night, name), daily=tmp_path / target, revise=True, **args)
    both = daily(pl.concat([first, second], how="vertical_relaxed"), **args)
    assert_frame_equal(done.daily, both, check_exact=True)
    assert_frame_equal(pl.read_parquet(tmp_path / "d.parquet"), both, check_exact=True)


def test_links_where_files_of_an_update_wait_are_removed_and_never_followed(
    write: Make, target: Path, tmp_path: Path
) -> None:
    write(rows_of())
    update_daily(tmp_path / "new.parquet", daily=target, revise=True, **END)
    victim = tmp_path / "victim"
    victim.write_text("mine")
    for place in (next_path(target), next_revisions_path(target)):
        place.symlink_to(victim)
    write(rows_of(seed=1))
    update_daily(tmp_path / "new.parquet", daily=target, revise=True, **END)
    assert victim.read_text() == "mine"
    assert not target.is_symlink()
    assert not revisions_path(target).is_symlink()
    assert not os.path.lexists(next_path(target))
    assert sorted(path.name for path in tmp_path.iterdir() if "victim" in path.name) == ["victim"]


@pytest.mark.parametrize("name", ["victim.parquet", "victim.txt"])
def test_a_file_of_somebody_else_where_sums_belong_is_refused_and_stays(
    write: Make, target: Path, tmp_path: Path, name: str
) -> None:
    victim = tmp_path / name
    pl.DataFrame({"mine": [1, 2]}).write_parquet(victim) if name.endswith("parquet") else victim.write_text("mine")
    before = victim.read_bytes()
    state_path(target).symlink_to(victim)
    for anew in (True, False):
        with pytest.raises(InputError, match=r"sums|parquet"):
            update_daily(write(rows_of()), daily=target, anew=anew, **END)
        assert victim.read_bytes() == before
        assert not target.exists()


def test_damaged_sums_are_made_again(write: Make, target: Path) -> None:
    update_daily(write(rows_of()), daily=target, **END)
    state_path(target).write_bytes(b"torn")
    done = update_daily(write(rows_of()), daily=target, anew=True, **END)
    assert_frame_equal(done.daily, daily(rows_of(), **END))


@pytest.mark.parametrize("linked", [True, False])
def test_a_table_of_somebody_else_where_revisions_belong_is_refused_and_stays(
    write: Make, target: Path, tmp_path: Path, linked: bool
) -> None:
    update_daily(write(rows_of()), daily=target, **END)
    victim = tmp_path / "victim.parquet" if linked else revisions_path(target)
    pl.DataFrame({"mine": [1, 2]}).write_parquet(victim)
    before, daily_before = victim.read_bytes(), target.read_bytes()
    if linked:
        revisions_path(target).symlink_to(victim)
    with pytest.raises(InputError, match="does not hold revisions of daily features"):
        update_daily(write(rows_of(seed=1)), daily=target, revise=True, **END)
    assert victim.read_bytes() == before
    assert target.read_bytes() == daily_before
