"""All daily columns against an oracle in plain Python, and what must not change them, in every mode."""

import math
import statistics
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import exchange_calendars as xc
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from sentiscore.features import DailyConfig, DailySums, daily
from tests.effort import examples
from tests.look_ahead import Session

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:exchange"),
    pytest.mark.filterwarnings("ignore:.*equal in entity, time and text"),  # which texts are drawn to be
]
FEW = settings(max_examples=examples(40), deadline=None)

NEW_YORK = ZoneInfo("America/New_York")
# Thanksgiving with its half day, Christmas and New Year; and the change to summer time.
WEEKS = (datetime(2023, 11, 15, tzinfo=UTC), datetime(2023, 12, 18, tzinfo=UTC), datetime(2024, 3, 4, tzinfo=UTC))
KEYS = ["unique_id", "ds"]


@pytest.fixture(scope="module")
def exchange() -> list[Session]:
    """New York's sessions, one by one from the library."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        calendar = xc.get_calendar("XNYS", start="1970-01-01", end="2025-06-01")
        rows = zip(calendar.sessions, calendar.opens, calendar.closes, strict=True)
        return [
            Session(i, ds.date(), opens.to_pydatetime(), closes.to_pydatetime())
            for i, (ds, opens, closes) in enumerate(rows)
            if ds.year >= 2023
        ]


@dataclass(frozen=True)
class Text:
    """One scored text."""

    at: datetime
    entity: str
    text: str
    positive: int  # in 64ths, as the other probabilities are
    neutral: int
    weight: int  # in 8ths
    status: str

    @property
    def scored(self) -> bool:
        return self.status in ("ok", "truncated")

    @property
    def sentiment(self) -> float:
        return (2 * self.positive + self.neutral - 64) / 64

    @property
    def label(self) -> str:
        return "neutral" if self.neutral > 32 else "positive" if self.sentiment > 0 else "negative"

    @property
    def uncertainty(self) -> float:
        p = [self.positive / 64, self.neutral / 64, (64 - self.positive - self.neutral) / 64]
        return 1.5 * (1 - sum(value * value for value in p))

    @property
    def tone(self) -> float:
        """In steps of 1 / 2**21."""
        p, q = self.positive / 64, (64 - self.positive - self.neutral) / 64
        return round((math.log(p + 1e-3) - math.log(q + 1e-3)) * 2**21) / 2**21


@st.composite
def instants(draw: st.DrawFn) -> datetime:
    """Any half hour of three weeks, and a microsecond before and after: opens, closes and midnights are among them."""
    start: datetime = draw(st.sampled_from(WEEKS))
    halves = draw(st.sampled_from([28, 29, 42]) | st.integers(0, 21 * 48))
    return start + timedelta(minutes=30 * halves, microseconds=draw(st.sampled_from([0, 0, -1, 1])))


@st.composite
def texts(draw: st.DrawFn) -> Text:
    positive = draw(st.integers(0, 64))
    return Text(
        at=draw(instants()),
        entity=draw(st.sampled_from(["AAA", "AAA", "BBB", "ä"])),
        text=draw(st.sampled_from(["a", "b", "c"])),
        positive=positive,
        neutral=draw(st.integers(0, 64 - positive)),
        weight=draw(st.integers(0, 24)),
        status=draw(st.sampled_from(["ok", "ok", "ok", "truncated", "empty", "null"])),
    )


@st.composite
def repeating(draw: st.DrawFn) -> list[Text]:
    """Texts of one entity that are repeats of each other, as few of all texts are: some within two days, some later."""
    found = draw(st.lists(texts(), min_size=4, max_size=16))
    return [
        replace(
            row,
            entity="AAA",
            text=draw(st.sampled_from(["a", "b"])),
            at=WEEKS[2] + timedelta(hours=6 * draw(st.integers(0, 40))),
            status="ok",
        )
        for row in found
    ]


@st.composite
def configs(draw: st.DrawFn) -> DailyConfig:
    """Any mode, with windows short enough that a few weeks fill them."""
    return DailyConfig(
        cutoff=draw(st.sampled_from(["close", "open", "open-30m", "close+1h"])),
        latency=draw(st.sampled_from(["0s", "0s", "5m", "1d"])),
        decay=(0.5, 2.0),
        momentum=(1.0, 3.0),
        z=(3, 5),
        volume=(4, 9),
        min_baseline=draw(st.integers(2, 4)),
        shrinkage=draw(st.sampled_from([0.0, 5.0])),
        shrink_to=draw(st.sampled_from(["past", "zero"])),
        repeats=draw(st.sampled_from(["keep", "drop", "discount"])),
        repeats_within=draw(st.sampled_from(["30m", "2d"])),
        fill=draw(st.sampled_from(["none", "zero", "latest", "decay"])),
        fill_half_life=2.0,
        start=draw(st.sampled_from([None, None, date(2023, 11, 13), date(2023, 12, 20)])),
        end=draw(st.sampled_from([None, None, date(2024, 4, 2)])),
    )


def frame_of(rows: Sequence[Text]) -> pl.DataFrame:
    def column(values: Any, dtype: Any) -> pl.Series:
        return pl.Series([value if row.scored else None for row, value in zip(rows, values, strict=True)], dtype=dtype)

    return pl.DataFrame(
        {
            "at": pl.Series([row.at for row in rows], dtype=pl.Datetime("us", "UTC")),
            "entity": pl.Series([row.entity for row in rows], dtype=pl.String),
            "text": pl.Series([row.text for row in rows], dtype=pl.String),
            "weight": pl.Series([row.weight / 8 for row in rows], dtype=pl.Float64),
            "p_negative": column([(64 - row.positive - row.neutral) / 64 for row in rows], pl.Float32),
            "p_positive": column([row.positive / 64 for row in rows], pl.Float32),
            "p_neutral": column([row.neutral / 64 for row in rows], pl.Float32),
            "sentiment": column([row.sentiment for row in rows], pl.Float32),
            "label": column([row.label for row in rows], pl.String),
            "status": pl.Series([row.status for row in rows], dtype=pl.String),
        }
    )


def arguments(config: DailyConfig, weighted: bool) -> dict[str, Any]:
    return {
        "time_col": "at",
        "entity_col": "entity",
        "text_col": "text",
        "weight_col": "weight" if weighted else None,
        "calendar": "XNYS",
        "midnight": "instant",
        "config": config,
    }


# --- the oracle ---


def cutoff_of(session: Session, config: DailyConfig) -> datetime:
    anchor = session.open if config.cutoff.startswith("open") else session.close
    return (
        anchor
        + {
            "close": timedelta(),
            "open": timedelta(),
            "open-30m": -timedelta(minutes=30),
            "close+1h": timedelta(hours=1),
        }[config.cutoff]
    )


def expected_rows(
    rows: Sequence[Text], config: DailyConfig, weighted: bool, sessions: Sequence[Session]
) -> list[dict[str, Any]]:
    """What the docstrings say, text by text and session by session."""
    cutoffs = [cutoff_of(session, config) for session in sessions]
    found: list[dict[str, Any]] = []
    end = max((bisect_right(cutoffs, row.at + config.lag) for row in rows), default=0)
    for entity in sorted({row.entity for row in rows}):
        own = [row for row in rows if row.entity == entity]
        place = {id(row): bisect_right(cutoffs, row.at + config.lag) for row in own}
        weights, shares = weights_of(own, config, weighted)
        first, last = min(place.values()), end
        if config.start is not None:
            first = min(first, next(i for i, s in enumerate(sessions) if s.ds >= config.start))
        if config.end is not None:
            last = max(last, *(i for i, s in enumerate(sessions) if s.ds <= config.end))
        past: list[dict[str, Any]] = []
        for i in range(first, last + 1):
            texts_of = [
                (row, weights[id(row)], shares[id(row)]) for row in own if place[id(row)] == i and weights[id(row)] > 0
            ]
            row: dict[str, Any] = {
                "unique_id": entity,
                "ds": sessions[i].ds,
                "session_idx": sessions[i].index,
                "available_at": cutoffs[i],
                "n_calendar_days": (sessions[i].ds - sessions[i - 1].ds).days,
                "session_close": sessions[i].close,
                "calendar": "XNYS",
            }
            past.append(row | figures(texts_of, row["n_calendar_days"], past, config))
        found += [
            fill(row, past[: k + 1], config)
            for k, row in enumerate(past)
            if (config.start is None or row["ds"] >= config.start) and (config.end is None or row["ds"] <= config.end)
        ]
    return found


def weights_of(own: Sequence[Text], config: DailyConfig, weighted: bool) -> tuple[dict[int, float], dict[int, float]]:
    """How much each text weighs, and as what share of a text it counts; 0 where it does not."""
    weights = {id(row): (row.weight / 8 if weighted else 1.0) if row.scored else 0.0 for row in own}
    shares = {name: float(weight > 0) for name, weight in weights.items()}
    if config.repeats == "keep":
        return weights, shares
    order = sorted(
        (row for row in own if weights[id(row)] > 0),
        key=lambda row: (row.text, row.at, row.sentiment, row.label, row.uncertainty, row.weight, row.tone),
    )
    for before, row in zip([None, *order], order, strict=False):
        if before is None or before.text != row.text or row.at - before.at >= config.span:
            continue
        share = 0.0 if config.repeats == "drop" else in_steps((row.at - before.at) / config.span)
        shares[id(row)] = share
        weights[id(row)] = max(in_steps(weights[id(row)] * share), 2**-20) if share else 0.0
    return weights, shares


def in_steps(value: float) -> float:
    return math.floor(value * 2**20 + 0.5) / 2**20


def figures(
    own: Sequence[tuple[Text, float, float]], days: int, past: Sequence[dict[str, Any]], config: DailyConfig
) -> dict[str, Any]:
    """The columns of one session before anything is filled; names with _ are for the sessions after it."""
    n = sum(share for *_, share in own)
    total_weight = sum(w for _, w, _ in own)
    total = sum(w * row.sentiment for row, w, _ in own)
    n_unique = len({row.text for row, *_ in own})
    out: dict[str, Any] = {
        "n_docs": max(math.ceil(n), n_unique),
        "n_unique": n_unique,
        "news_flag": int(n > 0),
        "_n": n,
        "_weight": total_weight,
        "_total": total,
        "_tone": sum(w * row.tone for row, w, _ in own),
    }
    since = next((k for k, row in enumerate(reversed([*past, out])) if row["n_docs"]), None)
    out["sessions_since_news"] = since
    names = ["sent_mean", "sent_shrunk", "sent_std", "pos_share", "neg_share", "neu_share"]
    out |= dict.fromkeys([*names, "bullishness", "disagreement", "uncertainty", "tone_mean", "tone_std"])
    if n:
        mean = total / total_weight
        out["sent_mean"] = mean
        square = sum(w * (row.sentiment - mean) ** 2 for row, w, _ in own) / total_weight
        if len(own) > 1:
            out["sent_std"] = math.sqrt(square * len(own) / (len(own) - 1))
        out["tone_mean"] = out["_tone"] / total_weight
        square = sum(w * (row.tone - out["tone_mean"]) ** 2 for row, w, _ in own) / total_weight
        if len(own) > 1:
            out["tone_std"] = math.sqrt(square * len(own) / (len(own) - 1))
        share = {
            label: sum(w for row, w, _ in own if row.label == label) / total_weight
            for label in ("positive", "negative", "neutral")
        }
        out |= {f"{label[:3]}_share": value for label, value in share.items()}
        out["bullishness"] = math.log((1 + n * share["positive"]) / (1 + n * share["negative"]))
        opinions = share["positive"] + share["negative"]
        if opinions:
            out["disagreement"] = math.sqrt(max(0.0, 1 - ((share["positive"] - share["negative"]) / opinions) ** 2))
        out["uncertainty"] = sum(w * row.uncertainty for row, w, _ in own) / total_weight
        prior = 0.0
        past_n = sum(row["_n"] for row in past)
        if config.shrink_to == "past" and past_n:
            past_mean = sum(row["_total"] for row in past) / sum(row["_weight"] for row in past)
            prior = past_mean * past_n / (past_n + config.shrinkage)
        out["sent_shrunk"] = (n * mean + config.shrinkage * prior) / (n + config.shrinkage)
    every = [*past, out]

    def decayed(half_life: float, total_of: str = "_total") -> float | None:
        weight = sum(0.5 ** (age / half_life) * row["_weight"] for age, row in enumerate(reversed(every)))
        summed = sum(0.5 ** (age / half_life) * row[total_of] for age, row in enumerate(reversed(every)))
        return summed / weight if since is not None else None

    out |= {f"sent_decay_{h:g}": decayed(h) for h in config.decay}
    out |= {f"tone_decay_{h:g}": decayed(h, "_tone") for h in config.decay}
    fast, slow = (decayed(h) for h in config.momentum)
    out["sent_momentum"] = None if fast is None or slow is None else fast - slow
    for w in config.z:
        base = [row["sent_mean"] for row in past[-w:] if row["n_docs"]]
        out[f"sent_z_{w}"] = None
        if n and len(base) >= min(w, config.min_baseline):
            out[f"sent_z_{w}"] = (out["sent_mean"] - statistics.fmean(base)) / max(statistics.stdev(base), 0.02)
    for w in config.volume:
        # what an entity's first session covers is not known where it is longer than a day
        known = past[1:] if past and past[0]["n_calendar_days"] > 1 else past
        baseline = [(row["n_calendar_days"], row["_n"]) for row in known[-w:]]
        out[f"abnormal_volume_{w}"] = None
        if len(baseline) >= min(w, config.min_baseline):
            out[f"abnormal_volume_{w}"] = math.log((1 + n) / (1 + usual_number(days, baseline)))
    return out


def usual_number(days: int, baseline: Sequence[tuple[int, float]]) -> float:
    """The texts that so many calendar days have by a line through those of earlier sessions."""
    lengths, counts = [length for length, _ in baseline], [count for _, count in baseline]
    if len(set(lengths)) == 1:
        return days * sum(counts) / sum(lengths)
    slope, _ = statistics.linear_regression(lengths, counts)
    return max(statistics.fmean(counts) + max(slope, 0.0) * (days - statistics.fmean(lengths)), 0.0)


def fill(row: dict[str, Any], until: Sequence[dict[str, Any]], config: DailyConfig) -> dict[str, Any]:
    """The row with what a session without news holds."""
    own = [
        name for name in row if name.startswith(("sent_", "pos_", "neg_", "neu_", "bull", "disag", "uncer", "tone_"))
    ]
    if row["n_docs"] or config.fill == "none":
        return row
    if config.fill == "zero":
        return row | {name: 0.0 for name in own if row[name] is None}
    age = row["sessions_since_news"]
    if age is None:
        return row
    left = 0.5 ** (age / config.fill_half_life) if config.fill == "decay" else 1.0
    remembered = [name for name in own if not name.startswith(("sent_decay", "sent_momentum", "tone_decay"))]
    latest = until[-1 - age]
    return row | {name: None if latest[name] is None else latest[name] * left for name in remembered}


@FEW
@given(rows=st.lists(texts(), max_size=40), config=configs(), weighted=st.booleans())
def test_every_column_is_what_plain_python_finds(
    rows: list[Text], config: DailyConfig, weighted: bool, exchange: list[Session]
) -> None:
    check_against_plain_python(rows, config, weighted, exchange)


@FEW
@given(
    rows=repeating(),
    config=configs(),
    repeats=st.sampled_from(["discount", "discount", "drop"]),
    weighted=st.booleans(),
)
def test_every_column_of_repeated_texts_is_what_plain_python_finds(
    rows: list[Text], config: DailyConfig, repeats: str, weighted: bool, exchange: list[Session]
) -> None:
    config = replace(config, repeats=repeats, repeats_within="2d")
    check_against_plain_python(rows, config, weighted, exchange)


def check_against_plain_python(
    rows: Sequence[Text], config: DailyConfig, weighted: bool, exchange: Sequence[Session]
) -> None:
    found = daily(frame_of(rows), **arguments(config, weighted)).to_dicts()
    expected = expected_rows(rows, config, weighted, exchange)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert set(one) == {name for name in other if not name.startswith("_")}
        for name, value in one.items():
            if isinstance(value, float) and isinstance(other[name], float):
                assert math.isclose(value, other[name], rel_tol=1e-7, abs_tol=1e-7), (name, one, other)
            else:
                assert value == other[name], (name, one, other)


# --- the future ---


@FEW
@given(
    rows=st.lists(texts(), min_size=1, max_size=30),
    new=st.lists(texts(), max_size=8),
    config=configs(),
    weighted=st.booleans(),
    data=st.data(),
)
def test_no_text_published_at_or_after_a_cutoff_changes_a_row_up_to_it(
    rows: list[Text], new: list[Text], config: DailyConfig, weighted: bool, data: st.DataObject
) -> None:
    args = arguments(config, weighted)
    before = daily(frame_of(rows), **args)
    if before.is_empty():
        return
    cutoff: datetime = data.draw(st.sampled_from(before["available_at"].unique().sort().to_list()), label="cutoff")
    border = cutoff - config.lag  # a text of this instant can be used at the cutoff, and not before
    past = [row for row in rows if row.at < border]
    future = [row for row in rows if row.at >= border]
    kept = [row for row in future if data.draw(st.booleans(), label="keep")]
    changed = [
        replace(row, positive=0, neutral=0, text="a") for row in kept if data.draw(st.booleans(), label="change")
    ]
    added = [replace(row, at=max(row.at, border)) for row in new]
    sharp = [replace(row, at=border) for row in new[:1]]
    after = daily(frame_of([*added, *sharp, *past, *kept, *changed]), **args)
    cut = daily(frame_of(past), **args)
    for other in after, cut:
        one, two = (frame.filter(pl.col("available_at") <= cutoff) for frame in (before, other))
        both = one.join(two, on=KEYS, how="semi"), two.join(one, on=KEYS, how="semi")
        assert_frame_equal(*both, check_exact=True)
        # A later text of an entity adds rows between, or from the start on, which say that there was none.
        assert one.join(two, on=KEYS, how="anti")["n_docs"].sum() == 0
        assert two.join(one, on=KEYS, how="anti")["n_docs"].sum() == 0


# --- the same rows in other clothes ---


@FEW
@given(
    rows=st.lists(texts(), max_size=30),
    config=configs(),
    weighted=st.booleans(),
    random=st.randoms(use_true_random=False),
    cuts=st.lists(st.integers(0, 30), max_size=6).map(sorted),
    zone=st.sampled_from(["Asia/Tokyo", "America/New_York", "Australia/Lord_Howe"]),
)
def test_neither_order_nor_parts_nor_zones_matter(
    rows: list[Text], config: DailyConfig, weighted: bool, random: Random, cuts: list[int], zone: str
) -> None:
    args = arguments(config, weighted)
    plain = daily(frame_of(rows), **args)
    shuffled = list(rows)
    random.shuffle(shuffled)
    frame = frame_of(shuffled).with_columns(pl.col("at").dt.convert_time_zone(zone))
    assert_frame_equal(daily(frame, **args), plain, check_exact=True)
    sums = DailySums(**args)
    for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        sums.add(frame.slice(start, max(end - start, 0)))
    assert_frame_equal(sums.finish(), plain, check_exact=True)


@settings(max_examples=examples(10), deadline=None)
@given(rows=st.lists(texts(), min_size=1, max_size=30), config=configs())
def test_equal_weights_are_as_good_as_none(rows: list[Text], config: DailyConfig) -> None:
    equal = [replace(row, weight=8) for row in rows]
    weighted = daily(frame_of(equal), **arguments(config, weighted=True))
    assert_frame_equal(weighted, daily(frame_of(equal), **arguments(config, weighted=False)), abs_tol=1e-9)
