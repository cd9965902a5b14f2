"""A value of the daily features -> the texts that it is made of, with what each contributes."""

import difflib
import math
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final, Unpack, cast

import polars as pl

from sentiscore.contracts import check_frame
from sentiscore.errors import InputError
from sentiscore.features.daily_sums import DailySums
from sentiscore.features.grid import AVAILABLE_AT, DS, ID, SESSION, features_of
from sentiscore.features.request import DailyKeywords, DailyRequest, one_request
from sentiscore.features.scores import SCALE, TONE_SCALE, WEIGHT_SCALE
from sentiscore.features.stories import Stories, split
from sentiscore.features.sums import weigh
from sentiscore.frames import AnyFrame, Frame, opened
from sentiscore.labels import NEGATIVE, NEUTRAL, POSITIVE
from sentiscore.tables.exact import series_of

TOLERANCE: Final = 1e-9
"""The largest difference between a value and the sum of its contributions."""

_LABELS: Final = {"pos_share": POSITIVE, "neg_share": NEGATIVE, "neu_share": NEUTRAL}
_MEANS: Final = ("sent_mean", *_LABELS, "uncertainty", "tone_mean")
_DECAYS: Final = {"sent_decay_": "sent_mean", "tone_decay_": "tone_mean"}
"""Columns that are decayed means of what another column averages."""
_REMAKE: Final = "Give the frame that features.daily made, or the file that sentiscore features wrote."


def explain(
    daily: AnyFrame,
    scored: Frame,
    entity: object,
    ds: date | str,
    *,
    column: str = "sent_mean",
    request: DailyRequest | None = None,
    **flat: Unpack[DailyKeywords],
) -> Frame:
    """The texts that a day's value is made of, the largest contributions first; they sum to the value.

    A text contributes its value times its share of the day's weight, after repeats are dropped or discounted and copies
    of an id are left out. Only texts that were known at the row's `available_at` are read. The sum is compared with the
    value, so texts and options that the daily features were not made of are refused.

    Args:
        daily: Daily features, of which the row of the entity and day is read.
        scored: The scored rows that they were made of, or at least all of the entity's up to that day; like `daily`, a
            frame of polars, or of another library that narwhals knows, which needs the extra `frames`.
        entity: The entity, as in `unique_id`.
        ds: The date of the session, or its ISO 8601 text.
        column: A mean over texts: sent_mean, pos_share, neg_share, neu_share, uncertainty, tone_mean, sent_decay_{h} or
            tone_decay_{h}.
        request: The options that the daily features were made with. `as_of` and `output` do not matter.
        flat: The same as keywords, which are those of `features.daily`.

    Returns:
        One row for each text that contributes, the largest contribution in either direction first; no rows if the value
        is null, or made of no text:

        - row: the position of the text in `scored`, from 0.
        - ds: the session that it counts for; earlier ones are in decayed means, and where a gap is filled.
        - published_at: when it was published, in UTC.
        - id, text: what `id_col` and `text_col` hold; null if they are not named.
        - value: what is averaged: its sentiment, tone or uncertainty; for a share, 1 if it has the label and else 0.
        - share: its share of the weight. Shares sum to 1, or less where the fill "decay" halves old values.
        - contribution: value times share.

    Raises:
        InputError: There is no such row or column, or the contributions do not sum to the value by more than 1e-9.
    """
    asked = one_request("explain", request, flat)
    day = ExplainedDay(features_of(daily), entity, ds, column=column, request=asked)
    given = opened(scored, "The scored rows")
    rows = given.read(day.needed(given.schema))
    day.settle([rows])
    day.add(rows)
    return cast("Frame", given.like(day.finish()))


class ExplainedDay:
    """Collects the texts of one value from scored rows that come in parts.

    Args:
        daily: Daily features.
        entity: See `explain`; None for the only one that there is.
        ds: See `explain`.
        column: See `explain`.
        request: The options of the daily features.

    Attributes:
        entity: The entity, as text.
        ds: The date of the session.
        available_at: When the row could be known.
        value: The value to explain; None if it is null.
        sums: How scored rows are read.

    Raises:
        InputError: There is no such row or column.
    """

    def __init__(
        self, daily: pl.DataFrame, entity: object, ds: date | str, *, column: str, request: DailyRequest
    ) -> None:
        check_frame(daily, "The daily features")
        for name in (ID, DS, SESSION, AVAILABLE_AT, "n_docs", "sessions_since_news"):
            if name not in daily.columns:
                raise InputError(f"The daily features have no column {name!r}.", _REMAKE)
        self._base = _base_of(column, daily.columns)
        self._column = column
        row = _row_of(daily, entity, ds)
        self.entity, self.ds, self.available_at = str(row[ID]), row[DS], row[AVAILABLE_AT]
        self.value: float | None = row[column]
        self._session: int = row[SESSION]
        self._n_docs: int = row["n_docs"]
        self._age: int | None = row["sessions_since_news"]
        self.sums = DailySums(replace(request, as_of=self.available_at))
        self.sums.columns = replace(self.sums.columns, numbered=True)
        self._config = request.config
        self._shown = {"id": request.id_col, "text": request.text_col}
        self._parts: list[pl.DataFrame] = []
        self._n_rows = 0

    def needed(self, schema: pl.Schema) -> list[str]:
        """The columns of scored rows that are read.

        Raises:
            InputError: One of them is missing.
        """
        self.sums.check_schema(schema)
        shown = [name for name in self._shown.values() if name is not None]
        if missing := [name for name in shown if name not in schema]:
            raise InputError(f"There is no column {missing[0]!r}; the columns are: {', '.join(schema)}.")
        return [name for name in dict.fromkeys([*self.sums.columns.needed(schema), *shown]) if name in schema]

    def settle(self, parts: Iterable[pl.DataFrame]) -> None:
        """Decide from all rows what midnights are, as `DailySums.settle` does."""
        self.sums.settle(parts)

    def add(self, scored: pl.DataFrame) -> None:
        """Add scored rows; their order matters only for their positions."""
        check_frame(scored, "The scored rows")
        rows = self.sums.place(scored).rows
        rows = rows.filter(pl.col(ID).cast(pl.String) == self.entity, pl.col(SESSION) <= self._session)
        shown = {
            f"shown_{name}": pl.repeat(None, rows.height, dtype=pl.String, eager=True)
            if column is None
            else series_of(scored, column).gather(rows["row"])
            for name, column in self._shown.items()
        }
        self._parts.append(rows.with_columns(position=pl.col("row") + self._n_rows, **shown))
        self._n_rows += scored.height

    def finish(self) -> pl.DataFrame:
        """The texts and what they contribute; see `explain` for the columns.

        Raises:
            InputError: They do not sum to the value.
        """
        texts = self._weighed(pl.concat(self._parts) if self._parts else None)
        if self.value is None:
            texts = texts.clear()
        total = math.fsum(texts["contribution"])
        lost = bool(self._n_docs) and texts.is_empty() and self.value is not None
        if lost or abs(total - (self.value or 0.0)) > TOLERANCE:
            raise InputError(
                f"{self._column} of {self.entity} on {self.ds} is {self.value:.9g}, and the texts of these rows give "
                f"{'none' if texts.is_empty() else format(total, '.9g')}: the daily features were not made of them, or "
                "with other options.",
                "Give all scored rows of the entity up to that day, and the options that the daily features were made "
                "with; after an update, the rows of all nights.",
            )
        return texts

    def _weighed(self, rows: pl.DataFrame | None) -> pl.DataFrame:
        """The texts that the value is made of, with their shares and contributions."""
        if rows is None:
            raise InputError("There are no scored rows to explain the value with.")
        self._check_calendar(rows)
        rows = self._counted(rows)
        known = rows.with_columns(value=self._value()).filter(pl.col("value").is_not_null())
        kept, factor = self._of_sessions(known)
        weight = pl.col("w").cast(pl.Float64) * factor
        total = kept.select(weight.sum()).item()
        share = weight / total * self._left() if total else pl.lit(None, pl.Float64)
        days = self.sums.sessions.between(*_ends(kept[SESSION])).select(SESSION, DS)
        texts = kept.with_columns(share=share).join(days, on=SESSION, how="left", maintain_order="left")
        return texts.select(
            pl.col("position").alias("row"),
            DS,
            pl.col("at").cast(pl.Datetime("us", "UTC")).alias("published_at"),
            pl.col("shown_id").alias("id"),
            pl.col("shown_text").alias("text"),
            "value",
            "share",
            contribution=pl.col("value") * pl.col("share"),
        ).sort(pl.col("contribution").abs(), pl.col("row"), descending=[True, False])

    def _check_calendar(self, rows: pl.DataFrame) -> None:
        found = self.sums.sessions.between(self._session, self._session)
        if rows.height and found[DS].to_list() != [self.ds]:
            raise InputError(
                f"Session {self._session} is not {self.ds} in the calendar {self.sums.sessions.name}.",
                "Give the calendar that the daily features were made with: --calendar (calendar).",
            )

    def _counted(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows that count, once each, with their weights."""
        if self.sums.stories is not None:
            waiting, alone = split(rows)
            stories = Stories()
            stories.add([waiting])
            rows = pl.concat([alone, *(part.select(alone.columns) for part in stories.choose(None).parts())])
        weighted = "w" in rows.columns
        counted = rows.filter("counted")
        if not weighted:
            counted = counted.with_columns(w=pl.lit(1, dtype=pl.Int64))
        if self._config.repeats == "keep":
            return counted
        within = round(self._config.span.total_seconds() * 1_000_000)
        one = counted.with_columns(key=pl.lit(0, dtype=pl.Int64))  # one entity, however many sessions
        return weigh(one, self._config.repeats, within, 1 if weighted else WEIGHT_SCALE).filter("counted")

    def _value(self) -> pl.Expr:
        """What the column averages, of each text; null where it is not known."""
        if self._base in _LABELS:
            return (pl.col("label") == _LABELS[self._base]).cast(pl.Float64)
        name, scale = {"sent_mean": ("q", SCALE), "tone_mean": ("t", TONE_SCALE), "uncertainty": ("u", SCALE)}[
            self._base
        ]
        return pl.col(name).cast(pl.Float64) / scale

    def _of_sessions(self, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.Expr]:
        """The rows of the sessions that the value is made of, and the factors of their weights."""
        if self._base != self._column:
            name = next(prefix for prefix in _DECAYS if self._column.startswith(prefix))
            found = [each for each in self._config.decay if f"{name}{each:g}" == self._column]
            if not found:
                raise InputError(
                    f"The options have no half-life of {self._column}.",
                    "Give the config that the daily features were made with.",
                )
            age = (pl.col(SESSION).max() - pl.col(SESSION)).cast(pl.Float64)
            return rows, pl.lit(2.0).pow(-age / found[0])
        of = self._session
        if self._filled:
            of -= self._age or 0
        return rows.filter(pl.col(SESSION) == of), pl.lit(1.0)

    @property
    def _filled(self) -> bool:
        """Whether the value is that of the latest session with news."""
        return self._n_docs == 0 and self._config.fill in ("latest", "decay") and self._base == self._column

    def _left(self) -> float:
        """What the fill leaves of a value."""
        if self._filled and self._config.fill == "decay":
            return float(2.0 ** (-(self._age or 0) / self._config.fill_half_life))
        return 1.0


def _ends(sessions: pl.Series) -> tuple[int, int]:
    return (0, -1) if sessions.is_empty() else (sessions.min(), sessions.max())  # type: ignore[return-value] # integers


def _base_of(column: str, present: list[str]) -> str:
    """The column of means that a column is, or is the decayed one of."""
    bases = {name: base for prefix, base in _DECAYS.items() for name in present if name.startswith(prefix)}
    known = {name: name for name in _MEANS if name in present} | bases
    if column not in known:
        there = "is no mean over texts" if column in present else "is not in the daily features"
        raise InputError(
            f"The column {column!r} {there}.",
            f"Choose with --column (column) one of: {', '.join(known)}." if known else _REMAKE,
        )
    return known[column]


def _row_of(daily: pl.DataFrame, entity: object, ds: date | str) -> dict[str, Any]:
    """The row of an entity and a day."""
    day = _day(ds)
    names = daily[ID].cast(pl.String)
    if entity is None and (n := names.n_unique()) != 1:
        raise InputError(f"The daily features have {n:,} entities.", "Name one with --entity (entity).")
    name = str(names[0] if entity is None else entity)
    own = daily.filter(names == name)
    if own.is_empty():
        near = difflib.get_close_matches(name, names.unique().drop_nulls().sort().to_list(), n=3)
        raise InputError(
            f"The daily features have no entity {name!r}.",
            f"Did you mean {' or '.join(map(repr, near))}?" if near else "Entities are spelled as in unique_id.",
        )
    found = own.filter(pl.col(DS) == day)
    if found.height != 1:
        first, last = own.select(pl.col(DS).min().alias("first"), pl.col(DS).max().alias("last")).row(0)
        what = "no session" if found.is_empty() else f"{found.height:,} rows"
        raise InputError(
            f"The daily features of {name} have {what} on {day}; they go from {first} to {last}.",
            "Give a date of the column ds.",
        )
    return found.row(0, named=True)


def _day(ds: object) -> date:
    if isinstance(ds, date):
        return ds.date() if isinstance(ds, datetime) else ds
    try:
        return date.fromisoformat(str(ds))
    except ValueError as error:
        raise InputError(f"The day is {ds!r}, which is not a date.", "Write it as 2024-02-05.") from error
