"""Scored rows -> one row for each entity and day, with nothing in it that was not known when the day ended.

The frame is built from sums, which are whole numbers, so that it is the same to the last bit in whatever
order and in however many parts the rows come.
"""

import warnings
from typing import Final

import polars as pl

from sentiscore.errors import InputError, SentiscoreWarning
from sentiscore.features.times import UTC, at_midnight, check_time_type, check_zone, plausible, start_of_day, to_utc
from sentiscore.labels import (
    CLASSES,
    LABEL,
    NEGATIVE,
    NEUTRAL,
    POSITIVE,
    SCORED_STATUSES,
    SENTIMENT,
    STATUS,
    STATUSES,
)

ALL: Final = "all"
"""The `unique_id` of the one series there is without an entity column."""

_SCALE: Final = 2**24
"""Sentiment is summed in steps of 1 / 2**24, the precision of a float32."""

_MOST_ROWS: Final = 20_000_000
_TELLING: Final = 10
"""Rows from which on a habit can be told from chance."""

_SUMS: Final = ("n_docs", "total", "squares", "n_positive", "n_negative", "n_neutral")


class DailySums:
    """Daily features of rows that come in parts.

    Args:
        time_col: The column that says when a text appeared; see `daily`.
        entity_col: The column of entities, or None for one series of all rows.
        tz: The zone of times that carry none.
        day_tz: The zone whose midnight ends a day; by default `tz`, or UTC where there is none.
        prefix: The prefix that the scored columns were given.

    Attributes:
        n_unplaced: Rows left out so far because they have no entity, or no time from 1900 to 2199.

    Raises:
        InputError: There is no such time zone.
    """

    def __init__(
        self,
        *,
        time_col: str,
        entity_col: str | None = None,
        tz: str | None = None,
        day_tz: str | None = None,
        prefix: str = "",
    ) -> None:
        self._time_col = time_col
        self._entity_col = entity_col
        self._tz = None if tz is None else check_zone(tz, "tz")
        self._day_tz = check_zone(day_tz if day_tz is not None else tz or UTC, "day_tz")
        self._prefix = prefix
        self._sums: pl.DataFrame | None = None
        self._n_rows = 0
        self._n_doubtful = 0
        self.n_unplaced = 0

    def check_schema(self, schema: pl.Schema) -> None:
        """Raise an InputError if rows of these columns can never be placed on a day."""
        for column, option in ((self._time_col, "--time-col"), (self._entity_col, "--entity-col")):
            if column is not None and column not in schema:
                raise InputError(
                    f"There is no column {column!r}; the columns are: {', '.join(schema)}.",
                    f"Name the right one with {option} ({option[2:].replace('-', '_')}).",
                )
        check_time_type(schema[self._time_col], self._time_col, self._tz)
        if self._entity_col is not None and schema[self._entity_col].is_nested():
            raise InputError(
                f"The entity column {self._entity_col!r} holds {schema[self._entity_col]}.",
                "An entity is a name or a number, such as a ticker.",
            )

    def check_times(self, rows: pl.DataFrame) -> None:
        """Raise an InputError if a time in these rows cannot be read."""
        to_utc(rows[self._time_col], self._tz)

    def add(self, scored: pl.DataFrame) -> None:
        """Add rows; their order does not matter.

        Args:
            scored: Scored rows with the time and entity columns.

        Raises:
            InputError: A column is missing, or a time cannot be read.
        """
        self.check_schema(scored.schema)
        status, sentiment, label = (self._prefix + name for name in (STATUS, SENTIMENT, LABEL))
        if missing := [name for name in (status, sentiment, label) if name not in scored.columns]:
            raise InputError(
                f"The rows are not scored: they lack {', '.join(missing)}.",
                "Score them first with sentiscore score; if that used --prefix, give the same here.",
            )
        numbers = _numbers(scored[sentiment])
        times = scored[self._time_col]
        local = plausible(to_utc(times, self._tz)).dt.convert_time_zone(self._day_tz)
        day = local.dt.date()
        self._n_doubtful += int((at_midnight(times) & local.is_not_null() & ~at_midnight(local)).sum())
        entity = scored[self._entity_col] if self._entity_col else pl.repeat(ALL, scored.height, eager=True)
        rows = pl.DataFrame(
            {
                "unique_id": entity,
                "ds": day,
                "status": scored[status],
                "q": (numbers * _SCALE).round().cast(pl.Int64),
                "label": scored[label],
            }
        )
        _check_whole(rows)
        placed = rows.drop_nulls(["unique_id", "ds"])
        self.n_unplaced += rows.height - placed.height
        self._n_rows += rows.height
        # A day on which an entity had only unscorable texts stays in its span, with no document.
        scorable = pl.col("status").is_in(SCORED_STATUSES)
        quantum = pl.col("q").cast(pl.Int128)
        sums = placed.group_by("unique_id", "ds").agg(
            scorable.sum().cast(pl.Int64).alias("n_docs"),
            quantum.sum().alias("total"),
            (quantum * quantum).sum().alias("squares"),
            *(
                (scorable & (pl.col("label") == name)).sum().cast(pl.Int64).alias(f"n_{name}")
                for name in (POSITIVE, NEGATIVE, NEUTRAL)
            ),
        )
        if self._sums is not None:
            sums = pl.concat([self._sums, sums]).group_by("unique_id", "ds").agg(pl.col(_SUMS).sum())
        self._sums = sums

    def finish(self) -> pl.DataFrame:
        """The daily features of all rows so far; see `daily` for the columns.

        Raises:
            InputError: No rows were ever added.
        """
        from sentiscore.schemas import DailyFeatures, validate

        if self._sums is None:
            raise InputError("There are no scored rows to make daily features of.")
        self._warn()
        self._check_span()
        grid = (
            self._sums.group_by("unique_id")
            .agg(pl.date_ranges(pl.col("ds").min(), pl.col("ds").max()).first().alias("ds"))
            .explode("ds")
            .sort("unique_id", "ds")
        )
        days = grid.join(self._sums, on=["unique_id", "ds"], how="left", maintain_order="left")
        n, total, squares = pl.col("n_docs"), pl.col("total"), pl.col("squares")
        wide = n.cast(pl.Int128)
        # the sum of squared deviations, times n; exact, since all of it is whole numbers
        deviations = (wide * squares - total * total).cast(pl.Float64)
        daily = days.with_columns(
            pl.col("n_docs").fill_null(0),
            available_at=start_of_day(days["ds"].dt.offset_by("1d"), self._day_tz),
        ).select(
            "unique_id",
            "ds",
            "available_at",
            "n_docs",
            pl.when(n > 0).then(total.cast(pl.Float64) / n / _SCALE).alias("sent_mean"),
            pl.when(n > 1).then((deviations / n / (n - 1)).sqrt() / _SCALE).alias("sent_std"),
            pl.when(n > 0).then(pl.col("n_positive") / n).alias("pos_share"),
            pl.when(n > 0).then(pl.col("n_negative") / n).alias("neg_share"),
            pl.when(n > 0).then(pl.col("n_neutral") / n).alias("neu_share"),
        )
        return validate(daily, DailyFeatures)

    def _warn(self) -> None:
        if self.n_unplaced:
            warnings.warn(
                f"{self.n_unplaced:,} rows have no entity, or no time from 1900 to 2199, and are not in the daily "
                "features.",
                SentiscoreWarning,
                stacklevel=3,
            )
        if self._n_rows >= _TELLING and self._n_doubtful > self._n_rows / 2:
            warnings.warn(
                f"{self._n_doubtful:,} of {self._n_rows:,} times are midnight to the second, though not in "
                f"{self._day_tz}: they look like dates whose hour is not known, and may count a day too early. Turn "
                "the column into dates and say their zone (--tz), so that they count as the end of the day.",
                SentiscoreWarning,
                stacklevel=3,
            )

    def _check_span(self) -> None:
        """Raise an InputError if the grid of days would be absurdly large."""
        if self._sums is None:
            return
        spans = self._sums.group_by("unique_id").agg(
            (pl.col("ds").max() - pl.col("ds").min()).dt.total_days().alias("days") + 1
        )
        days = spans["days"].sum()
        if days > _MOST_ROWS:
            first, last = self._sums.select(pl.col("ds").min().alias("a"), pl.col("ds").max().alias("b")).row(0)
            raise InputError(
                f"{spans.height:,} entities with days from {first} to {last} would make {days:,} rows.",
                "Some times look wrong; leave rows with stand-in dates out, or make features of fewer entities.",
            )


def _check_whole(rows: pl.DataFrame) -> None:
    """Raise an InputError if a status, a sentiment and a label of one row contradict each other."""
    scorable = pl.col("status").is_in(SCORED_STATUSES).fill_null(value=False)
    whole = (
        pl.col("status").is_in(STATUSES)
        & (scorable == pl.col("q").is_not_null())
        & (scorable == pl.col("label").is_in(CLASSES).fill_null(value=False))
    )
    if broken := rows.select((~whole.fill_null(value=False)).sum()).item():
        raise InputError(
            f"{broken:,} rows have a status, a sentiment and a label that do not fit together.",
            "Score the rows anew.",
        )


def _numbers(sentiment: pl.Series) -> pl.Series:
    """Sentiment as numbers, also from CSV, where it is text."""
    try:
        numbers = sentiment.cast(pl.Float64)
    except pl.exceptions.PolarsError as error:
        raise InputError(f"The column {sentiment.name!r} does not hold numbers.", "Score the rows anew.") from error
    outside = (numbers.abs() > 1) | numbers.is_nan()
    if outside.any():
        raise InputError(
            f"The column {sentiment.name!r} holds {numbers.filter(outside)[0]}, and sentiment is in [-1, 1].",
            "Score the rows anew.",
        )
    return numbers


def daily(
    scored: pl.DataFrame,
    *,
    time_col: str,
    entity_col: str | None = None,
    tz: str | None = None,
    day_tz: str | None = None,
    prefix: str = "",
) -> pl.DataFrame:
    """Daily sentiment features per entity.

    A day runs from midnight to midnight in `day_tz`. A text that appeared at midnight sharp belongs to the
    day that begins, so every text of a day is older than the day's `available_at`, and a forecast made at
    `available_at` or later may use the row.

    Args:
        scored: Scored rows, in any order.
        time_col: When each text appeared: times with a zone, or ISO 8601 text with an offset. Times without
            a zone, and dates, need `tz`; a date counts as the end of that day.
        entity_col: The series a text belongs to, such as a ticker; None for one series called "all".
        tz: The zone of times that carry none.
        day_tz: The zone whose midnight ends a day; by default `tz`, or UTC where there is none.
        prefix: The prefix that the scored columns were given.

    Returns:
        One row for each entity and day, from the entity's first day to its last without gaps, sorted:

        - unique_id: the entity, as in `entity_col`.
        - ds: the day.
        - available_at: when the day was over, in UTC.
        - n_docs: texts that were scored; 0 on days without, whose other figures are null.
        - sent_mean: mean sentiment, in [-1, 1].
        - sent_std: sample standard deviation (n - 1) of sentiment; null below two texts.
        - pos_share, neg_share, neu_share: shares of the texts by label, in [0, 1]; they sum to 1.

    Raises:
        InputError: A column is missing, or a time cannot be read or carries no zone.
    """
    sums = DailySums(time_col=time_col, entity_col=entity_col, tz=tz, day_tz=day_tz, prefix=prefix)
    sums.add(scored)
    return sums.finish()
