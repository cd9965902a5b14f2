"""The check that runs on every frame and the pandera models accept and refuse the same frames, in the same words."""

from collections.abc import Callable
from datetime import date, datetime
from functools import cache
from typing import Any, NamedTuple

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiscore import features, schemas, validate
from sentiscore.contracts import DAILY_FEATURES, SCORED_ROWS, Contract
from sentiscore.errors import ValidationError
from sentiscore.features import DailyConfig
from sentiscore.labels import STATUSES
from tests.effort import examples, larger, share
from tests.scored_rows import scored_rows

CONTRACTS = {"scored": SCORED_ROWS, "daily": DAILY_FEATURES}
TYPES: list[Any] = [
    pl.String,
    pl.Float32,
    pl.Float64,
    pl.Int8,
    pl.Int32,
    pl.Int64,
    pl.UInt32,
    pl.Boolean,
    pl.Date,
    pl.Datetime("us", "UTC"),
    pl.Datetime("us"),
    pl.Datetime("ms", "UTC"),
    pl.Categorical,
    pl.Enum(STATUSES),
    pl.Binary,
    pl.Null,
    pl.List(pl.Float32),
    pl.Decimal(10, 2),
]
NUMERIC = {pl.Float32, pl.Int32, pl.Int64}
NUMBERS = [
    0,
    1,
    -1,
    2,
    0.5,
    1.00001,
    -1.00001,
    1e-6,
    1.6,
    7,
    -7,
    51,
    -51,
    101,
    -101,
    float("nan"),
    float("inf"),
    -float("inf"),
]
VALUES: list[Any] = [None, *NUMBERS, *STATUSES, "positive", "joy", "", date(2024, 1, 2), datetime(2024, 1, 2)]  # noqa: DTZ001


@cache
def sound(kind: str) -> pl.DataFrame:
    rows = scored_rows(60, seed=3, days=12, empty=0.1, null=0.1)
    if kind == "scored":
        one, half = pl.lit(1, pl.Int32), pl.lit(0.5, pl.Float32)
        return rows.with_columns(n_windows=one, unknown_share=half).with_columns(other=pl.int_range(pl.len()))
    rows = rows.with_columns(ticker=pl.Series(["A", "B", "C"] * 20))
    return features.daily(rows, time_col="published_at", entity_col="ticker", config=DailyConfig(min_baseline=2))


def refused_by(check: Callable[[], pl.DataFrame]) -> str | None:
    try:
        check()
    except ValidationError as error:
        return str(error)
    return None


def both(kind: str, frame: pl.DataFrame) -> tuple[str | None, str | None]:
    """What the plain check says, and what pandera says."""
    return (
        refused_by(lambda: validate(frame, kind)),
        refused_by(lambda: validate(frame, kind, full=True)),
    )


def cast(frame: pl.DataFrame, name: str, dtype: Any) -> pl.DataFrame:
    if dtype == pl.Null:
        return frame.with_columns(pl.lit(None).alias(name))
    try:
        return frame.with_columns(pl.col(name).cast(dtype, strict=False))
    except pl.exceptions.PolarsError:  # no such cast: the type with nothing in it
        return frame.with_columns(pl.lit(None, dtype).alias(name))


def put(frame: pl.DataFrame, name: str, value: Any, rows: list[int]) -> pl.DataFrame:
    """The value in these rows of a column, as far as its type can hold it."""
    dtype = frame.schema[name]
    try:
        held = pl.Series([value]).cast(dtype, strict=False)[0]
        there = pl.int_range(pl.len()).is_in(rows)
        return frame.with_columns(pl.when(there).then(pl.lit(held, dtype)).otherwise(pl.col(name)).alias(name))
    except (pl.exceptions.PolarsError, TypeError, ValueError):
        return frame


class Damage(NamedTuple):
    """What is done to a frame: to a column, or to some rows."""

    what: str
    name: str
    new: str
    dtype: Any
    value: Any
    rows: list[int]

    def of(self, frame: pl.DataFrame) -> pl.DataFrame:
        return DAMAGES[self.what](frame, self) if self.name in frame.columns else frame


DAMAGES: dict[str, Callable[[pl.DataFrame, Damage], pl.DataFrame]] = {
    "value": lambda frame, by: put(frame, by.name, by.value, by.rows),
    "type": lambda frame, by: cast(frame, by.name, by.dtype),
    "absent": lambda frame, by: frame.drop(by.name),
    "reversed": lambda frame, by: frame.with_columns(pl.col(by.name).reverse()),
    "repeated": lambda frame, by: pl.concat([frame, frame.head(by.rows[0])]),
    "empty": lambda frame, by: frame.clear(),  # noqa: ARG005
    "added": lambda frame, by: put(
        frame.with_columns(pl.lit(0, by.dtype if by.dtype in NUMERIC else pl.Float64).alias(by.new)),
        by.new,
        by.value,
        by.rows,
    ),
}


def damages(kind: str) -> st.SearchStrategy[Damage]:
    return st.builds(
        Damage,
        what=st.sampled_from(["value", "value", *DAMAGES]),
        name=st.sampled_from(sound(kind).columns),
        new=st.sampled_from(
            ["sent_decay_9d", "sent_z_9", "abnormal_volume_9", "sent_z_", "x_sent_z_9", "^.*$", "tone_decay_9"]
        ),
        dtype=st.sampled_from(TYPES),
        value=st.sampled_from(VALUES),
        rows=st.lists(st.integers(0, 40), min_size=1, max_size=5),
    )


@pytest.mark.parametrize("kind", CONTRACTS)
@settings(deadline=None, max_examples=examples(60))
@given(data=st.data())
def test_both_ways_refuse_the_same_frames_in_the_same_words(kind: str, data: st.DataObject) -> None:
    frame = sound(kind)
    for damage in data.draw(st.lists(damages(kind), min_size=1, max_size=3)):
        frame = damage.of(frame)
    plain, full = both(kind, frame)
    assert plain == full


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=CONTRACTS)
def test_the_contract_is_the_pandera_model(contract: Contract) -> None:
    model: Any = getattr(schemas, contract.name).to_schema()
    columns = [
        (column.name, column.dtype, column.nullable, column.required, [check for check, _ in column.checks()])
        for column in contract.columns
    ]
    assert columns == [
        (name, column.dtype.type, column.nullable, column.required, [check.error for check in column.checks])
        for name, column in model.columns.items()
    ]
    assert [column.name for column in model.columns.values() if column.regex] == [
        column.name for column in contract.columns if column.name.startswith("^")
    ]
    assert [check.__name__ for check in contract.checks] == [check.name for check in model.checks]
    assert list(contract.unique) == (model.unique or [])


@pytest.mark.parametrize("kind", CONTRACTS)
def test_what_is_made_here_is_sound_both_ways(kind: str) -> None:
    assert both(kind, sound(kind)) == (None, None)


@larger
@pytest.mark.parametrize("kind", ["scored", "daily"])
def test_both_ways_refuse_bytes_in_any_column_in_the_same_words(kind: str) -> None:
    for name in sound(kind).columns[:: share(4, 1)]:
        nothing = pl.Series(name, [b"\xff"] * sound(kind).height, dtype=pl.Binary)
        plain, full = both(kind, sound(kind).with_columns(nothing))
        assert plain == full
