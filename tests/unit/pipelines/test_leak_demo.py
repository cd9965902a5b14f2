"""The recipes about leaks, on rows whose truth is known."""

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import alcoa
import calendar_dates
from calendar_dates import correlation, moments
from placed import sessions_of
from tests.conftest import SHARED

pytest.importorskip("exchange_calendars", reason="needs the extra calendars")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("stamped", "truth"),
    [
        ("2024-01-17T03:52", "2024-01-17T13:52"),  # 8:52 in New York, in winter
        ("2023-05-31T04:30", "2023-05-31T12:30"),  # 8:30, in summer
        ("2024-01-04T22:00", "2024-01-05T08:00"),  # 3:00, stamped on the day before
        ("2024-03-08T15:00", "2024-03-09T01:00"),  # the Friday evening before the clocks change
        ("2024-03-11T08:00", "2024-03-11T16:00"),  # the Monday after
        ("2024-11-04T08:00", "2024-11-04T18:00"),  # the Monday after they change back
    ],
)
def test_a_stamp_with_the_wrong_sign_is_mended(stamped: str, truth: str) -> None:
    frame = pl.DataFrame({"stamped": [utc(stamped)]})
    assert frame.select(alcoa.mended(pl.col("stamped"))).item() == utc(truth)


def scored(times: list[str]) -> pl.DataFrame:
    return pl.DataFrame({"t": [utc(time) for time in times]}).with_columns(
        sentiment=0.5, label=pl.lit("positive"), status=pl.lit("ok")
    )


def test_each_instant_finds_its_session() -> None:
    rows = scored(["2024-01-05T20:59", "2024-01-05T21:30", "2024-01-06T12:00", "2024-07-03T16:59", "2024-07-03T17:01"])
    placed = rows.join(sessions_of(rows, "t"), on="t").sort("t")
    assert placed["ds"].to_list() == [
        date(2024, 1, 5),
        date(2024, 1, 8),
        date(2024, 1, 8),
        date(2024, 7, 3),
        date(2024, 7, 5),
    ]


def test_news_of_the_evening_that_is_stamped_at_noon_sits_in_a_closed_session() -> None:
    rows = scored(["2024-01-17T13:00", "2024-01-17T03:52"]).rename({"t": "stamped"})
    rows = rows.with_columns(mended=alcoa.mended(pl.col("stamped")))  # 18:00 and 8:52 in New York
    assert alcoa.in_a_closed_session(rows, "stamped", appeared="mended") == 1
    assert alcoa.in_a_closed_session(rows, "mended", appeared="mended") == 0
    assert alcoa.in_a_closed_session(rows, "stamped", appeared="mended", cutoff="open-30m") == 1  # at 8:52 it was early


def test_the_file_is_measured_whole(tmp_path: Path) -> None:
    (tmp_path / "news.csv").write_text(
        "Date,Url,Mark,New_text\n"
        "2024-01-17 13:00:00+00:00,https://x/alcoa-reports,1,profit falls\n"
        "2023-05-31 04:30:00+00:00,https://x/pre-market-most-active,1,shares rise\n"
    )
    found = alcoa.measure(tmp_path / "news.csv")
    assert found["rows by hours that the stamp is early"] == {"8": 1, "10": 1}
    assert (found["share of rows"], found["rows in a session that had closed, mended"]) == (0.5, 0)
    assert found["of these from 4:00 to 9:30 in New York, as stamped"] == 0.0
    assert found["of these from 4:00 to 9:30 in New York, mended"] == 1.0


def test_a_correlation_from_sums_by_day_is_that_of_the_rows() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 90))
    days = pl.date_range(date(2020, 1, 1), date(2020, 1, 30), eager=True).alias("ds")
    rows = pl.DataFrame({"ds": days.to_list() * 3, "x": x, "y": x + y}).filter(pl.col("x") > -1)
    wanted = float(rows.select(pl.corr("x", "y")).item())
    assert correlation(moments(rows, "x", "y", days)) == pytest.approx(wanted)


def test_a_join_by_date_knows_the_evening_and_a_join_by_session_does_not(tmp_path: Path) -> None:
    """Two tickers, of which people write only after the close, and only if the price moved much."""
    (tmp_path / "stocknet").mkdir()
    rng = np.random.default_rng(0)
    days = pl.date_range(date(2015, 3, 9), date(2015, 10, 30), eager=True)
    holidays = [date(2015, 4, 3), date(2015, 5, 25), date(2015, 7, 3), date(2015, 9, 7)]
    days = days.filter((days.dt.weekday() <= 5) & ~days.is_in(holidays))
    prices, tweets = [], []
    for ticker in ("AAA", "BBB"):
        moves = rng.normal(size=len(days)) / 50
        for day, move, close in zip(days, moves, 100 * np.exp(moves.cumsum()), strict=True):
            prices.append((ticker, day, float(close)))
            evening = datetime(day.year, day.month, day.day, 21, tzinfo=UTC)  # 17:00 in New York
            tweets += [(ticker, evening, "good movie")] * (1 + int(200 * abs(move)))
    pl.DataFrame(prices, schema=["ticker", "date", "adj_close"], orient="row").write_parquet(
        tmp_path / "stocknet/prices.parquet"
    )
    pl.DataFrame(tweets, schema=["ticker", "created_at", "text"], orient="row").write_parquet(
        tmp_path / "stocknet/tweets.parquet"
    )
    found = calendar_dates.measure(tmp_path)
    assert found["share after the close of their New York date"] == 1.0
    signal = found["number of tweets and size of the return"]
    assert signal["by date"] > 0.9
    assert abs(signal["by session"]) < 0.3
    assert signal["95 % interval of the difference"][0] > 0.5


@pytest.mark.shared_data
@pytest.mark.thorough
def test_alcoas_news_sits_in_closed_sessions_until_its_stamps_are_mended() -> None:
    found = alcoa.measure(SHARED / "leak/alcoa_news.csv")
    assert found["rows by hours that the stamp is early"] == {"8": 1102, "10": 400}
    assert (
        found["rows in a session that had closed, as stamped"] == 192
    )  # counted by hand with the library of calendars
    assert found["rows in a session that had closed, mended"] == 0
    assert found["of these from 4:00 to 9:30 in New York, mended"] > 0.9
