"""When a y begins, and the features that are known too late for it."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sentiscore.errors import InputError
from sentiscore.features import (
    DailyConfig,
    daily,
    sessions,
    to_autogluon,
    to_darts,
    to_gluonts,
    to_nixtla,
    to_sktime,
)
from tests.daily_frames import daily_frame, target_frame, working_days
from tests.effort import combined

Make = Callable[..., Any]
ADAPTERS: dict[str, Make] = {
    "to_nixtla": lambda *frames, **more: to_nixtla(*frames, h=1, **more),
    "to_nixtla hist": lambda *frames, **more: to_nixtla(*frames, h=1, exog="hist", **more),
    "to_sktime": lambda *frames, **more: to_sktime(*frames, h=1, **more),
    "to_gluonts": to_gluonts,
    "to_autogluon": to_autogluon,
    "to_darts": to_darts,
}
DAYS = [date(2024, 6, 17) + timedelta(days=i) for i in range(17)]  # up to the day before the Fourth of July


def news(days: list[date], hour: int = 12, values: list[float] | None = None) -> pl.DataFrame:
    """A scored story a day."""
    sentiment = values or [0.25] * len(days)
    return pl.DataFrame(
        {
            "at": [datetime.combine(day, time(hour), UTC) for day in days],
            "sentiment": pl.Series(sentiment, dtype=pl.Float32),
            "label": ["positive" if x > 0 else "negative" for x in sentiment],
            "status": "ok",
        }
    )


def made(cutoff: str, *, end: date = DAYS[-2], **options: Any) -> pl.DataFrame:
    config = DailyConfig(cutoff=cutoff, start=DAYS[3], end=end)
    return daily(news(DAYS), time_col="at", midnight="instant", config=config, **options)


def target(features: pl.DataFrame, last: date = DAYS[-2]) -> pl.DataFrame:
    days = features.filter(pl.col("ds") <= last)["ds"].to_list()
    return target_frame({"all": [float(i) for i in range(len(days))]}, days)


@pytest.fixture(scope="module")
def file_of_sessions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("calendar") / "sessions.csv"
    listed = sessions("XNYS", "2024-06-01", "2024-08-01")
    listed.select("ds", open="session_open", close="session_close").write_csv(path)
    return path


def test_the_return_of_a_session_is_not_forecast_from_stories_of_that_session() -> None:
    rng = random.Random(3)  # noqa: S311
    days = sessions("XNYS", "2024-01-02", "2024-09-30")["ds"].to_list()
    returns = [rng.uniform(-1, 1) for _ in days]
    y = target_frame({"all": returns}, days)
    config = DailyConfig(cutoff="close+1d", end=days[-1])
    features = daily(news(days, 17, returns), time_col="at", calendar="XNYS", config=config)
    with pytest.raises(
        InputError,
        match=r"known at 2024-01-03 21:00:00 UTC, and the y of the next session begins at 2024-01-02 21:00:00 UTC",
    ):
        to_nixtla(features, y, h=1, columns="sent_mean")
    later = to_nixtla(features, y, h=1, columns="sent_mean", lags=3, fill=0.0).df
    correlation = later.select(pl.corr("sent_mean__lag_3", "y")).item()
    assert abs(correlation) < 0.3


@pytest.mark.parametrize(
    ("adapter", "cutoff", "calendar"),
    combined(list(ADAPTERS), ["close+1m", "close+1d"], ["XNYS", "Asia/Tokyo", "file"]),
)
def test_every_adapter_refuses_features_that_are_known_after_the_y_begins_with_both_instants(
    adapter: str, cutoff: str, calendar: str, file_of_sessions: Path
) -> None:
    known: dict[str, dict[str, Any]] = {"file": {"calendar": file_of_sessions}, "XNYS": {"calendar": "XNYS"}}
    options = known.get(calendar, {"day_tz": calendar})
    features = made(cutoff, **options)
    first, _ = features.select("available_at", "session_close").row(0)
    late, begins = (f"{at:%Y-%m-%d %H:%M:%S} UTC" for at in features.select("available_at", "session_close").row(0))
    assert first > features["session_close"][0]
    with pytest.raises(InputError) as refused:
        ADAPTERS[adapter](features, target(features))
    assert f"known at {late}, and the y of the next session begins at {begins}." in refused.value.message
    assert "earlier cutoff" in str(refused.value)
    assert "y_begins=" in str(refused.value)
    assert ("lags=2" in str(refused.value)) == (adapter in ("to_nixtla", "to_sktime"))


@pytest.mark.parametrize(
    ("adapter", "cutoff"),
    combined([name for name in ADAPTERS if name != "to_darts"], ["open-30m", "close-1h", "close"]),
)
def test_features_that_are_known_by_the_close_may_be_used(adapter: str, cutoff: str, file_of_sessions: Path) -> None:
    for options in ({"calendar": "XNYS"}, {"day_tz": "Asia/Tokyo"}, {"calendar": file_of_sessions}):
        features = made(cutoff, **options)
        assert ADAPTERS[adapter](features, target(features)) is not None


def test_a_y_that_begins_after_the_close_may_use_what_is_known_by_then() -> None:
    features = made("close+1h", calendar="XNYS")
    y = target(features)
    for adapter in ADAPTERS.values():
        with pytest.raises(InputError, match=r"begins at 2024-06-20 20:59:00 UTC"):
            adapter(features, y, y_begins="close+59m")
    plain = made("close+1h", calendar="XNYS")
    assert to_nixtla(plain, y, h=1, exog="hist", y_begins="close+1h").df.height == y.height
    assert to_autogluon(plain, y, y_begins="close+17h30m").df.height == y.height
    with pytest.raises(InputError, match=r"known at 2024-06-20 20:00:00 UTC.* begins at 2024-06-20 19:50:00 UTC"):
        to_gluonts(made("close", calendar="XNYS"), y, y_begins="close-10m")


def test_no_y_begins_after_it_is_settled() -> None:
    features = made("close+1d", calendar="XNYS")
    with pytest.raises(
        InputError,
        match=r"the y of 2024-06-21 begins at 2024-06-21 20:00:00 UTC, but it is settled at 2024-06-21 20:00:00 UTC",
    ):
        to_nixtla(features, target(features), h=1, y_begins="close+1d")


@pytest.mark.parametrize("begin", ["open", "noon", "close+", "", 5, None])
def test_when_y_begins_counts_from_a_close(begin: Any) -> None:
    features = made("close", calendar="XNYS")
    with pytest.raises(InputError, match=r"y_begins is .*\n.*close\+1h"):
        to_nixtla(features, target(features), h=1, y_begins=begin)


def test_one_short_session_is_enough_to_be_refused() -> None:
    features = made("close+22h", calendar="XNYS", end=date(2024, 7, 5))
    y = target(features, date(2024, 7, 5))
    with pytest.raises(
        InputError,
        match=r"1 of 10 daily rows .* on 2024-07-02 is known at 2024-07-03 18:00:00 UTC, and the y of 2 sessions later "
        r"begins at 2024-07-03 17:00:00 UTC",
    ):
        to_nixtla(features, y, h=1, lags=2)
    assert to_nixtla(features, y, h=1, lags=3).df.height == y.height - 3


def test_the_close_of_a_session_without_a_row_is_looked_up_in_the_calendar() -> None:
    features = made("close+22h", calendar="XNYS")  # up to Tuesday, before a half day
    y = target(features)
    with pytest.raises(InputError, match=r"on 2024-07-02 .* begins at 2024-07-03 17:00:00 UTC"):
        to_nixtla(features, y, h=2)
    assert to_nixtla(features, y.filter(pl.col("ds") < date(2024, 7, 2)), h=2).df.height == y.height - 3
    in_new_york = made("close+22h", day_tz="America/New_York")
    assert to_nixtla(in_new_york, target(in_new_york), h=2).X_df is not None


def test_a_close_that_nobody_knows_is_refused_until_the_daily_rows_say_it(file_of_sessions: Path) -> None:
    features = made("close+1h", calendar=file_of_sessions)
    y = target(features)
    with pytest.raises(
        InputError, match=r"may begin as early as 2024-07-02 10:00:00 UTC.\nMake daily features up to there \(end="
    ):
        to_nixtla(features, y, h=2)
    longer = made("close+1h", calendar=file_of_sessions, end=date(2024, 7, 3))
    assert to_nixtla(longer, y, h=2).X_df is not None
    assert to_nixtla(features, y, h=3).X_df is not None  # three days later is late enough anywhere


def test_a_series_that_ends_long_before_another_begins_is_checked_too() -> None:
    features = made("close+22h", calendar="XNYS")
    later = daily(
        news([date(2024, 7, 22)]).with_columns(name=pl.lit("later")),
        time_col="at",
        entity_col="name",
        calendar="XNYS",
        config=DailyConfig(cutoff="close+22h", end=date(2024, 7, 26)),
    )
    both = pl.concat([features, later])
    y = pl.concat([target(features), target_frame({"later": [1.0] * 5}, later["ds"].to_list())])
    with pytest.raises(InputError, match=r"all on 2024-07-02 .* begins at 2024-07-03 17:00:00 UTC"):
        to_nixtla(both, y, h=2)


def test_a_frame_that_does_not_say_when_sessions_close_is_held_to_their_dates() -> None:
    days = working_days(6)
    features = daily_frame({"A": [1.0] * 6}, days=days)
    y = target_frame({"A": [1.0] * 6}, days)
    late = features.with_columns(pl.col("available_at") + pl.duration(hours=15, seconds=1))
    with pytest.raises(
        InputError,
        match=r"A on 2024-01-02 is known at 2024-01-03 12:00:01 UTC, and the y of the next session has begun by "
        r"2024-01-03 12:00:00 UTC",
    ):
        to_nixtla(late, y, h=1)
    assert to_nixtla(late, y, h=1, lags=2).X_df is not None
    assert to_nixtla(late, y, h=1, y_begins="close+1h").X_df is not None
    at_the_latest = features.with_columns(pl.col("available_at") + pl.duration(hours=15))
    assert to_nixtla(at_the_latest, y, h=1).X_df is not None


def test_when_features_are_known_has_to_be_an_instant() -> None:
    features = daily_frame({"A": [1.0] * 4})
    y = target_frame({"A": [1.0] * 4}, working_days(4))
    at = pl.col("available_at")
    for wrong, message in (
        (at.dt.replace_time_zone(None), "no instant"),
        (at.cast(pl.String), "no instant"),
        (pl.when(pl.col("ds") > date(2024, 1, 2)).then(at), "1 rows of the daily features have no available_at"),
    ):
        with pytest.raises(InputError, match=message):
            to_nixtla(features.with_columns(wrong.alias("available_at")), y, h=1)


def test_a_nanosecond_after_the_close_is_too_late() -> None:
    features = made("close", calendar="XNYS")
    y = target(features)
    in_zone = pl.col("available_at").dt.cast_time_unit("ns").dt.convert_time_zone("Asia/Tokyo")
    assert to_nixtla(features.with_columns(in_zone), y, h=1).X_df is not None
    with pytest.raises(InputError, match="the y of the next session begins"):
        to_nixtla(features.with_columns(in_zone + pl.duration(nanoseconds=1)), y, h=1)


# --- the sessions to come ---


@pytest.mark.parametrize("calendar", ["XNYS", "America/New_York", "file"])
def test_the_sessions_to_come_are_those_that_the_calendar_lists(calendar: str, file_of_sessions: Path) -> None:
    given: Any = {"file": file_of_sessions, "XNYS": "XNYS"}.get(calendar)
    zone: dict[str, Any] = {} if given else {"day_tz": calendar}
    features = made("close", calendar=given, **zone)
    y = target(features)
    ahead = sessions(given, DAYS[-1], date(2024, 7, 20), **zone)
    for future in (ahead["ds"], ahead["ds"].to_list(), ahead):
        panel = to_nixtla(features, y, h=3, future_ds=future)
        assert panel.X_df is not None
        assert panel.to_dates(panel.X_df)["ds"].to_list() == ahead["ds"].to_list()[:3]
        assert panel.sessions.tail(ahead.height).equals(ahead.select(pl.col("session_idx").cast(pl.Int64), "ds"))
    for wrong in (ahead[1:], pl.concat([ahead[:2], ahead[3:]])):
        with pytest.raises(InputError, match=r"numbered|without gaps"):
            to_nixtla(features, y, h=3, future_ds=wrong)


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize(
    ("days", "wrong"),
    [
        ([date(2024, 7, 3), date(2024, 7, 4)], r"2024-07-04 is not one.\nThe next 2 are: 2024-07-03, 2024-07-05"),
        ([date(2024, 7, 3), date(2024, 7, 6)], r"2024-07-05 is missing.\nThe next 2 are: 2024-07-03, 2024-07-05"),
        ([date(2024, 7, 5)], r"2024-07-03 is missing.\nThe next 1 are: 2024-07-03"),
    ],
)
def test_dates_that_are_not_the_next_sessions_are_refused_with_what_they_are(
    adapter: str, days: list[date], wrong: str
) -> None:
    features = made("close", calendar="XNYS")
    with pytest.raises(InputError, match=rf"calendar XNYS after 2024-07-02, .*: {wrong}"):
        ADAPTERS[adapter](features, target(features), future_ds=days)


def test_sessions_of_another_calendar_are_refused_by_their_numbers(file_of_sessions: Path) -> None:
    features = made("close", calendar=file_of_sessions)
    with pytest.raises(InputError, match=r"has the sessions \d+, .*, and those after 2024-07-02 are numbered \d+, "):
        to_nixtla(features, target(features), h=1, future_ds=sessions("XNYS", "2024-07-03", "2024-07-08"))
    with pytest.raises(InputError, match="future_ds holds no dates"):
        to_nixtla(features, target(features), h=1, future_ds=pl.DataFrame({"ds": [date(2024, 7, 3)]}))


def test_a_close_that_is_not_an_instant_is_refused_and_never_passed_over() -> None:
    features = made("close+15m", calendar="XNYS")
    y, close = target(features), pl.col("session_close")
    for wrong in (close.dt.replace_time_zone(None), close.cast(pl.String), close.dt.date()):
        with pytest.raises(
            InputError, match=r"'session_close' holds .*, which is no instant.\nIt needs times with a zone"
        ):
            to_nixtla(features.with_columns(wrong), y, h=1)


def test_the_calendar_of_daily_rows_may_be_a_category() -> None:
    features = made("close", calendar="XNYS").with_columns(pl.col("calendar").cast(pl.Categorical))
    with pytest.raises(InputError, match="calendar XNYS after 2024-07-02"):
        to_nixtla(features, target(features), h=1, future_ds=[date(2024, 7, 5)])


def test_a_frame_of_sessions_to_come_needs_its_numbers() -> None:
    features = made("close", calendar="XNYS")
    y, ahead = target(features), sessions("XNYS", "2024-07-03", "2024-07-08")
    with pytest.raises(InputError, match=r"a frame without the column 'session_idx'.\n.*features.sessions"):
        to_nixtla(features, y, h=1, future_ds=ahead.drop("session_idx"))
    with pytest.raises(InputError, match=r"has the sessions \d+\.5, "):
        to_nixtla(features, y, h=1, future_ds=ahead.with_columns(pl.col("session_idx") + 0.5))
