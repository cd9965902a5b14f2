"""Texts around closes, the panels made of them, and when each of their cells may last have been changed by a text."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from hypothesis import strategies as st

from sentiscore.errors import InputError
from sentiscore.features import DailyConfig, daily, to_autogluon, to_darts, to_gluonts, to_nixtla, to_sktime
from sentiscore.features.config import SETS

FEATURES = 12
"""Sessions with daily features; the calendars go on after them."""
CUTOFFS = {
    "open-30m": ("open", timedelta(minutes=-30)),
    "close-15m": ("close", timedelta(minutes=-15)),
    "close": ("close", timedelta()),
    "close+1m": ("close", timedelta(minutes=1)),
    "close+22h": ("close", timedelta(hours=22)),
    "close+1d": ("close", timedelta(days=1)),
}
BEGINS = {"close": timedelta(), "close+1m": timedelta(minutes=1), "close-15m": timedelta(minutes=-15)}


@dataclass(frozen=True)
class Session:
    """One session of a calendar."""

    index: int
    ds: date
    open: datetime
    close: datetime


@dataclass(frozen=True)
class Market:
    """A calendar, as `features.daily` takes it and as it is."""

    options: dict[str, Any]
    sessions: list[Session]
    named: bool = True

    def cutoff(self, i: int, name: str) -> datetime:
        anchor, offset = CUTOFFS[name]
        session = self.sessions[i]
        return (session.open if anchor == "open" else session.close) + offset

    def begin(self, i: int, name: str) -> datetime:
        """When the y of a session begins."""
        return self.sessions[i - 1].close + BEGINS[name]


@cache
def markets() -> dict[str, Market]:
    """New York's exchange around a half day and a holiday, days of three zones, weeks, months, and one by hand."""
    import exchange_calendars as xc

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        calendar = xc.get_calendar("XNYS", start="1970-01-01", end="2025-06-01")
        rows = enumerate(zip(calendar.sessions, calendar.opens, calendar.closes, strict=True))
        exchange = [
            Session(i, ds.date(), opens.to_pydatetime(), closes.to_pydatetime())
            for i, (ds, opens, closes) in rows
            if date(2024, 6, 17) <= ds.date() <= date(2024, 8, 30)
        ]
    found = {"XNYS": Market({"calendar": "XNYS"}, exchange)}
    for zone, first in (("UTC", 1), ("America/New_York", 1), ("Pacific/Auckland", 31)):
        days = [date(2024, 3, first) + timedelta(days=i) for i in range(50)]
        midnights = [datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC) for day in days]
        sessions = [
            Session((day - date(1970, 1, 1)).days, day, midnights[i], midnights[i + 1])
            for i, day in enumerate(days[:-1])
        ]
        found[zone] = Market({"day_tz": zone}, sessions)
    found |= {name: _periods(name) for name in ("W-FRI", "monthly")}
    own, day = [], date(2024, 3, 1)
    for i in range(50):
        start = datetime.combine(day, time(9), UTC)
        own.append(Session(i, day, start, start + timedelta(hours=(6, 1, 14, 6, 6)[i % 5])))
        day += timedelta(days=(1, 1, 2, 1, 4)[i % 5])
    frame = pl.DataFrame([(s.ds, s.open, s.close) for s in own], schema=["ds", "open", "close"], orient="row")
    found["own"] = Market({"calendar": frame}, own, named=False)
    return found


def _periods(name: str) -> Market:
    """Weeks that end on Fridays, or months, of New York, from 2024 on."""
    zone = ZoneInfo("America/New_York")
    if name == "monthly":
        starts = [date(2024 + i // 12, i % 12 + 1, 1) for i in range(50)]
        first = (2024 - 1970) * 12
    else:
        starts = [date(2024, 1, 6) + timedelta(days=7 * i) for i in range(50)]  # a Saturday
        first = (starts[0] - date(1969, 12, 27)).days // 7  # 1970 began on the Thursday after this Saturday
    bounds = [datetime.combine(day, time(), zone).astimezone(UTC) for day in starts]
    sessions = [
        Session(first + i, starts[i + 1] - timedelta(days=1), bounds[i], bounds[i + 1]) for i in range(len(starts) - 1)
    ]
    return Market({"calendar": name, "day_tz": "America/New_York"}, sessions)


@dataclass(frozen=True)
class Text:
    """One scored text."""

    at: datetime
    entity: str
    text: str
    positive: int  # in 64ths


@st.composite
def texts(draw: st.DrawFn, market: Market) -> Text:
    """A text at or around the open, the close or a cutoff of one of the sessions."""
    session = draw(st.sampled_from(market.sessions[1 : FEATURES + 5]))
    shift = draw(st.sampled_from([offset for _, offset in CUTOFFS.values()]))
    at = (session.open if draw(st.booleans()) else session.close) + shift
    return Text(
        at=at + timedelta(microseconds=draw(st.sampled_from([-1, 0, 1, 7_200_000_000]))),
        entity=draw(st.sampled_from("AB")),
        text=draw(st.sampled_from("abc")),
        positive=draw(st.integers(0, 64)),
    )


def frame_of(rows: Sequence[Text]) -> pl.DataFrame:
    frame = pl.DataFrame(
        [(row.at, row.entity, row.text, row.positive / 64) for row in rows],
        schema={"at": pl.Datetime("us", "UTC"), "ticker": pl.String, "text": pl.String, "p_positive": pl.Float32},
        orient="row",
    )
    positive = pl.col("p_positive")
    return frame.with_columns(
        p_negative=1 - positive,
        sentiment=2 * positive - 1,
        label=pl.when(positive > 0.5).then(pl.lit("positive")).otherwise(pl.lit("negative")),
        status=pl.lit("ok"),
    )


@st.composite
def configs(draw: st.DrawFn, market: Market, last: int) -> DailyConfig:
    """Settings of every group, with rows from the first session to the last."""
    return DailyConfig(
        cutoff=draw(st.sampled_from(list(CUTOFFS))),
        latency=draw(st.sampled_from(["0s", "0s", "1h"])),
        sets=draw(st.sampled_from([SETS, SETS, ("level",), ("decay", "surprise"), ("shares", "opinion", "unique")])),
        decay=(2.0,),
        momentum=(1.0, 3.0),
        z=(3,),
        volume=(4,),
        min_baseline=2,
        shrink_to=draw(st.sampled_from(["past", "zero"])),
        repeats=draw(st.sampled_from(["keep", "drop", "discount"])),
        fill=draw(st.sampled_from(["none", "zero", "latest", "decay"])),
        start=market.sessions[1].ds,
        end=market.sessions[last].ds,
    )


def daily_of(rows: Sequence[Text], market: Market, config: DailyConfig) -> pl.DataFrame:
    """Daily features of both entities, which have a text each before everything else."""
    early = [Text(market.sessions[0].open, entity, "a", 32) for entity in "AB"]
    if not market.named:  # the first session of such a calendar only says where the second begins
        early = [Text(market.sessions[0].close + timedelta(days=3), entity, "a", 32) for entity in "AB"]
    made = frame_of([*early, *rows])
    return daily(
        made, time_col="at", entity_col="ticker", text_col="text", midnight="instant", config=config, **market.options
    )


def target_of(market: Market, ends: Sequence[int]) -> pl.DataFrame:
    """A target for every session up to one of each entity."""
    rows = [
        (name, market.sessions[i].ds, float(i)) for name, end in zip("AB", ends, strict=True) for i in range(1, end + 1)
    ]
    return pl.DataFrame(rows, schema=["unique_id", "ds", "y"], orient="row")


Cell = tuple[str, int]
Cells = dict[Cell, tuple[float | None, ...]]
Adapter = Callable[..., Cells]
"""Of each series and session that is forecast, what it is forecast from."""


def _cells(frame: pl.DataFrame, shift: int) -> Cells:
    features = frame.drop("unique_id", "ds", "y", strict=False)
    plain = features.select(pl.all().cast(pl.Float64).fill_nan(None)).rows()
    keys = zip(frame["unique_id"], frame["ds"].cast(pl.Int64), strict=True)
    return {(entity, ds + shift): values for (entity, ds), values in zip(keys, plain, strict=True)}


def _nixtla(daily: pl.DataFrame, y: pl.DataFrame, *, h: int, lags: list[int], **more: Any) -> Cells:
    panel = to_nixtla(daily, y, h=h, lags=lags, **more)
    assert panel.X_df is not None
    return _cells(panel.df, 0) | _cells(panel.X_df, 0)


def _nixtla_hist(daily: pl.DataFrame, y: pl.DataFrame, *, h: int, lags: list[int], **more: Any) -> Cells:
    return _cells(to_nixtla(daily, y, h=h, exog="hist", **more).df, 1)


def _sktime(daily: pl.DataFrame, y: pl.DataFrame, *, h: int, lags: list[int], **more: Any) -> Cells:
    panel = to_sktime(daily, y, h=h, lags=lags, **more)
    return _cells(pl.from_pandas(panel.X.reset_index()), 0) | _cells(pl.from_pandas(panel.X_future.reset_index()), 0)


def _gluonts(daily: pl.DataFrame, y: pl.DataFrame, *, h: int, lags: list[int], **more: Any) -> Cells:
    cells: Cells = {}
    for entry in to_gluonts(daily, y, **more).dataset:
        values = entry["past_feat_dynamic_real"].T
        frame = pl.DataFrame(values.tolist(), orient="row").with_columns(
            unique_id=pl.lit(entry["item_id"]), ds=entry["start"].ordinal + pl.int_range(pl.len())
        )
        cells |= _cells(frame, 1)
    return cells


def _autogluon(daily: pl.DataFrame, y: pl.DataFrame, *, h: int, lags: list[int], **more: Any) -> Cells:
    frame = to_autogluon(daily, y, **more).df.rename({"item_id": "unique_id", "target": "y"})
    return _cells(frame.with_columns(ds=pl.col("timestamp").cast(pl.Date).cast(pl.Int32)).drop("timestamp"), 1)


def _darts(daily: pl.DataFrame, y: pl.DataFrame, *, h: int, lags: list[int], **more: Any) -> Cells:
    panel = to_darts(daily, y, **more)
    cells: Cells = {}
    for name, series in zip(panel.ids, panel.past_covariates, strict=True):
        frame = pl.DataFrame(series.values().tolist(), orient="row").with_columns(
            unique_id=pl.lit(name), ds=pl.Series(list(series.time_index), dtype=pl.Int64)
        )
        cells |= _cells(frame, 1)
    return cells


LAGGED: dict[str, Adapter] = {"to_nixtla": _nixtla, "to_sktime": _sktime}
UNLAGGED: dict[str, Adapter] = {"to_nixtla hist": _nixtla_hist, "to_gluonts": _gluonts, "to_autogluon": _autogluon}
OF_DARTS: dict[str, Adapter] = {"to_darts": _darts}


def check_no_look_ahead(data: st.DataObject, adapters: dict[str, Adapter]) -> None:
    """Draw a calendar, settings, texts and a change of all that is published from an instant on.

    A panel is refused if a row of it is known only after a y that it forecasts begins; for a calendar by hand, also if
    nobody can tell. Otherwise no y that begins at the instant or before it is forecast from anything that changed.
    """
    market = data.draw(st.sampled_from(list(markets().values())), label="market")
    last = data.draw(st.integers(FEATURES - 3, FEATURES), label="last")
    ends = data.draw(st.tuples(st.integers(6, last), st.integers(6, last)), label="ends")
    config = data.draw(configs(market, last), label="config")
    y_begins = data.draw(st.sampled_from(["close", "close", *BEGINS]), label="y_begins")
    h = data.draw(st.integers(1, 2), label="h")
    lags = [h + data.draw(st.integers(0, 2), label="more")]
    rows = data.draw(st.lists(texts(market), min_size=3, max_size=12), label="rows")
    instant = market.begin(data.draw(st.integers(2, min(ends) + 1), label="from the y of"), y_begins)
    new = data.draw(st.lists(texts(market), max_size=4), label="new")
    changed = [row for row in rows if row.at < instant or data.draw(st.booleans(), label="keep")]
    changed += [Text(max(row.at, instant), row.entity, row.text, row.positive) for row in new]
    before, after = (daily_of(of, market, config) for of in (rows, changed))
    index = {session.index: i for i, session in enumerate(market.sessions)}
    for name, adapter in adapters.items():
        pairs = [(i, i + 1) for end in ends for i in range(1, end + 1)]  # a row, and the first y that it forecasts
        if name in LAGGED:
            pairs = [(t - k, t) for end in ends for k in lags for t in range(1 + k, end + h + 1)]
        late = any(market.cutoff(i, config.cutoff) > market.begin(t, y_begins) for i, t in pairs)
        unknown = not market.named and any(t - 1 > last for _, t in pairs)
        try:
            one, other = (
                adapter(of, target_of(market, ends), h=h, lags=lags, y_begins=y_begins) for of in (before, after)
            )
        except InputError as error:
            if "the y of" not in error.message or not (late or unknown):
                raise
            continue
        assert not late, name
        assert one.keys() == other.keys()
        assert {(entity, index[t]) for entity, t in one} >= {("A", ends[0] + 1), ("B", ends[1] + 1)}
        for cell, values in one.items():
            if market.begin(index[cell[1]], y_begins) <= instant:
                assert other[cell] == values, (name, cell)
