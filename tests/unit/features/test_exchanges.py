import sys
from collections.abc import Iterator
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import exchange_calendars as xc
import pandas as pd
import polars as pl
import pytest

from sentiscore.errors import InputError
from sentiscore.features import exchanges
from sentiscore.features.exchanges import find_exchange
from tests.effort import spread

CODES = xc.get_calendar_names(include_aliases=False)


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    find_exchange.cache_clear()
    exchanges._sessions.cache_clear()
    yield
    find_exchange.cache_clear()
    exchanges._sessions.cache_clear()


def sessions_of(code: str, first: date = date(2024, 1, 1), last: date = date(2024, 12, 31)) -> pl.DataFrame:
    return find_exchange(code).sessions(first, last).filter(pl.col("ds").is_between(first, last))


def library(monkeypatch: pytest.MonkeyPatch, get_calendar: Any) -> None:
    """Put a library in place of the real one."""
    monkeypatch.setitem(sys.modules, "exchange_calendars", SimpleNamespace(errors=xc.errors, get_calendar=get_calendar))


PANDAS = tuple(int(part) for part in pd.__version__.split(".")[:2])
UNFIT = {"ASEX", "XBEL", "XBSE", "XCYS", "XTAE"} if PANDAS >= (3, 1) else set()
"""Those that the library cannot make with pandas 3.1; docs/reference/calendars.md lists them."""


@pytest.mark.parametrize("code", spread(sorted(set(CODES) - UNFIT), 8, always=["XNYS", "XLON"]))
def test_every_code_of_the_library_is_found(code: str) -> None:
    assert find_exchange(code).name == code


@pytest.mark.parametrize("code", sorted(UNFIT & set(CODES)))
def test_a_code_that_the_library_fails_for_is_refused_with_the_cause_and_the_way_out(code: str) -> None:
    with pytest.raises(InputError, match=rf"^The calendar '{code}' cannot be made: exchange_calendars ") as caught:
        find_exchange(code)
    assert f"with pandas {pd.__version__}" in caught.value.message
    assert "pip install 'pandas<3.1'" in caught.value.hint
    assert "a file of sessions with the columns ds, open and close" in caught.value.hint
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "fault", [NotImplementedError("x"), ValueError("y" * 40_000), AttributeError(), KeyError("z"), RecursionError()]
)
def test_whatever_the_library_raises_is_one_short_message(monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    def raises(_code: str, **_range: str) -> None:
        raise fault

    library(monkeypatch, raises)
    with pytest.raises(
        InputError, match=rf"^The calendar 'XNYS' cannot be made: .* raises {type(fault).__name__} with"
    ):
        find_exchange("XNYS")


@pytest.mark.parametrize(
    ("pandas", "helps"), [("2.3.3", False), ("3.0.6", False), ("3.1.0", True), ("3.10.0", True), ("10.0.0", True)]
)
def test_an_older_pandas_is_advised_from_the_first_that_fails_on(
    monkeypatch: pytest.MonkeyPatch, pandas: str, helps: bool
) -> None:
    monkeypatch.setattr(exchanges, "version", {"pandas": pandas, "exchange_calendars": "4.13.2"}.__getitem__)
    error = exchanges._unfit("XNYS", "raises KeyError")
    assert f"with pandas {pandas}." in error.message
    assert ("pip install 'pandas<3.1'" in error.hint) is helps


def test_what_it_raises_for_longer_spans_alone_is_a_message_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def raises(code: str, **span: str) -> Any:
        if span:
            raise ValueError("Special dates are not sessions")
        return xc.get_calendar(code)

    library(monkeypatch, raises)
    with pytest.raises(InputError, match=r"^The calendar 'XNYS' cannot be made"):
        sessions_of("XNYS")


@pytest.mark.parametrize(
    ("code", "days"),
    [
        ("XBOM", [date(2024, 1, 20)]),
        pytest.param("XKRX", [date(1997, 1, 4), date(1998, 12, 5)], marks=pytest.mark.thorough),
        pytest.param("XMOS", [date(2009, 1, 11), date(2012, 3, 11), date(2012, 4, 28)], marks=pytest.mark.thorough),
    ],
)
def test_sessions_on_special_saturdays_and_sundays_are_there_under_every_pandas(code: str, days: list[date]) -> None:
    made = sessions_of(code, date(1997, 1, 1), date(2025, 12, 31))
    assert [day for day in days if day not in set(made["ds"])] == []
    assert made["ds"].is_sorted()
    assert made["ds"].is_unique().all()
    assert made["session_idx"].diff().drop_nulls().unique().to_list() == [1]
    assert (made["open"] < made["close"]).all()


def test_ordinary_weeks_beside_special_ones_stay_as_they_were() -> None:
    made = sessions_of("XBOM", date(2024, 1, 13), date(2024, 1, 30))
    weekend = made.filter(pl.col("ds").dt.weekday() > 5)
    assert weekend["ds"].to_list() == [date(2024, 1, 20)]
    assert (weekend["close"] - weekend["open"]).to_list() == [timedelta(hours=6, minutes=15)]
    assert date(2024, 1, 26) not in made["ds"].to_list()  # Republic Day


def test_a_calendar_that_still_lacks_sessions_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def one_is_missing(_calendar: Any, sessions: pl.DataFrame) -> pl.DataFrame:
        return sessions.filter(pl.col("ds") != date(2024, 1, 20))

    schedule = exchanges._schedule
    monkeypatch.setattr(exchanges, "_schedule", lambda calendar: one_is_missing(calendar, schedule(calendar)))
    monkeypatch.setattr(exchanges, "_with_special_weeks", one_is_missing)
    with pytest.raises(InputError, match=r"gets [12] of its sessions wrong, such as 202[45]-"):
        sessions_of("XBOM")
