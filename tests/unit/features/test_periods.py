"""Weeks, months and quarters as sessions, against dates that are counted one day after another."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from sentiscore.cli.main import cli
from sentiscore.errors import InputError
from sentiscore.features import DailyConfig, daily, join_target, sessions
from sentiscore.features.sessions import Sessions, calendar_named, parse_cutoff

PERIODS = ["weekly", "W-MON", "W-FRI", "monthly", "quarterly"]
ZONES = ["UTC", "America/New_York", "Pacific/Auckland"]
ONE_DAY = timedelta(days=1)


def ends_period(name: str, day: date) -> bool:
    after = day + ONE_DAY
    if name == "monthly":
        return after.day == 1
    if name == "quarterly":
        return after.day == 1 and after.month in (1, 4, 7, 10)
    return day.strftime("%a").upper() == ("SUN" if name == "weekly" else name[2:])


def last_day(name: str, instant: datetime, zone: str) -> date:
    """The last day of the period that an instant is in."""
    day = instant.astimezone(ZoneInfo(zone)).date()
    while not ends_period(name, day):
        day += ONE_DAY
    return day


def midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def scored(instants: list[datetime]) -> pl.DataFrame:
    frame = pl.DataFrame({"at": pl.Series(instants, dtype=pl.Datetime("us", "UTC"))})
    return frame.with_columns(sentiment=pl.lit(0.5, dtype=pl.Float32), label=pl.lit("positive"), status=pl.lit("ok"))


@given(
    name=st.sampled_from(PERIODS),
    zone=st.sampled_from(ZONES),
    day=st.dates(date(1960, 1, 1), date(2060, 1, 1)),
    shift=st.sampled_from([-1, 0, 1, 3_600_000_000]),
)
def test_a_text_counts_for_the_period_that_its_instant_is_in(name: str, zone: str, day: date, shift: int) -> None:
    instant = midnight(day, zone) + timedelta(microseconds=shift)
    calendar = Sessions(name, cutoff=parse_cutoff("close"), day_tz=zone)
    index = calendar.place(pl.Series([instant], dtype=pl.Datetime("us", "UTC")))[0]
    row = calendar.between(index, index).row(0, named=True)
    expected = last_day(name, instant, zone)
    assert (row["ds"], row["cutoff"]) == (expected, midnight(expected + ONE_DAY, zone))
    assert row["open"] <= instant < row["close"]


@pytest.mark.parametrize("name", PERIODS)
@pytest.mark.parametrize("zone", ZONES)
def test_periods_follow_each_other_and_have_the_same_numbers_in_every_request(name: str, zone: str) -> None:
    listed = sessions(name, "1969-01-01", "1975-12-31", day_tz=zone)
    days = [date(1969, 1, 1) + i * ONE_DAY for i in range(7 * 366)]
    assert listed["ds"].to_list() == [day for day in days if ends_period(name, day) and day.year <= 1975]
    assert (listed["session_idx"].diff().drop_nulls() == 1).all()
    assert listed["session_open"][1:].equals(listed["session_close"][:-1])
    first = last_day(name, datetime(1970, 1, 1, 12, tzinfo=ZoneInfo(zone)), zone)
    assert listed.filter(pl.col("ds") == first)["session_idx"].item() == 0
    later = sessions(name, "1974-01-01", "1974-12-31", day_tz=zone)
    assert listed.join(later, on=listed.columns, how="semi").height == later.height


@pytest.mark.parametrize("name", PERIODS)
def test_the_name_in_a_daily_file_gives_the_same_periods_again(name: str) -> None:
    one = Sessions(name, cutoff=parse_cutoff("close"), day_tz="America/New_York")
    other = calendar_named(one.name)
    assert other is not None
    assert other.following(date(2024, 2, 29), 30).equals(one.following(date(2024, 2, 29), 30))
    assert one.following(date(2024, 2, 29), 30).height == 30


def test_a_month_ends_at_the_midnight_of_its_zone_and_windows_count_months() -> None:
    end = midnight(date(2024, 4, 1), "America/New_York")
    rows = scored([datetime(2024, 1, 5, tzinfo=UTC), end - timedelta(microseconds=1), end])
    made = daily(rows, time_col="at", calendar="monthly", day_tz="America/New_York", config=DailyConfig(decay=(2.0,)))
    assert made["ds"].to_list() == [date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 31), date(2024, 4, 30)]
    assert made["n_docs"].to_list() == [1, 0, 1, 1]
    assert made["sessions_since_news"].to_list() == [0, 1, 0, 0]
    assert made["n_calendar_days"].to_list() == [31, 29, 31, 30]
    assert made["calendar"].unique().to_list() == ["monthly America/New_York"]
    asked = pl.DataFrame({"unique_id": ["all"] * 2, "at": [end - timedelta(microseconds=1), end]})
    assert join_target(made, asked, time_col="at")["feature_ds"].to_list() == [date(2024, 2, 29), date(2024, 3, 31)]


@pytest.mark.parametrize("wrong", ["Monthly", "W-FRY", "hourly"])
def test_a_period_that_does_not_exist_is_refused_with_those_that_do(wrong: str) -> None:
    with pytest.raises(InputError, match="W-MON to W-SUN, monthly or quarterly"):
        daily(scored([datetime(2024, 1, 5, tzinfo=UTC)]), time_col="at", calendar=wrong)


def test_nightly_updates_of_weeks_equal_one_run_and_can_be_plotted(tmp_path: Path) -> None:
    instants = [datetime(2024, 1, 2, 12, tzinfo=UTC) + timedelta(days=3 * i) for i in range(20)]
    cut = datetime(2024, 2, 3, tzinfo=UTC)
    for name, part in (
        ("all", instants),
        ("one", [at for at in instants if at < cut]),
        ("two", [at for at in instants if at >= cut]),
    ):
        scored(part).write_parquet(tmp_path / f"{name}.parquet")

    def run(*arguments: str) -> None:
        result = CliRunner().invoke(cli, list(arguments))
        assert result.exit_code == 0, result.output

    weeks = ("--time-col", "at", "--calendar", "W-FRI", "--day-tz", "America/New_York")
    nightly, once = str(tmp_path / "daily.parquet"), str(tmp_path / "once.parquet")
    for name, as_of in (("one", cut.isoformat()), ("two", "2024-03-09T06:00:00Z")):
        run("features", str(tmp_path / f"{name}.parquet"), *weeks, "--update", nightly, "--as-of", as_of)
    run("features", str(tmp_path / "all.parquet"), *weeks, "--output", once, "--as-of", "2024-03-09T06:00:00Z")
    assert pl.read_parquet(nightly).equals(pl.read_parquet(once))
    assert set(pl.read_parquet(once)["ds"].dt.weekday()) == {5}
    run("plot", once, "--output", str(tmp_path / "page.html"))
