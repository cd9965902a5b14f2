"""Scored rows, a window at a time -> a profile of them, whose size does not grow with the rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sentiscore.errors import InputError
from sentiscore.features.time_format import TimeFormat
from sentiscore.features.times import check_time_type, plausible, read_times
from sentiscore.features.zones import UTC
from sentiscore.labels import (
    CLASSES,
    LABEL,
    N_TOKENS,
    P_NEGATIVE,
    P_NEUTRAL,
    P_POSITIVE,
    SCORED_STATUSES,
    SENTIMENT,
    STATUS,
    STATUSES,
    TRUNCATED,
    label_column,
)
from sentiscore.monitoring.measures import Counts
from sentiscore.monitoring.sample import COUNT, HASH, Sample
from sentiscore.tables.exact import series_of

FINE: Final = 1_000
"""The number of fine bins per unit of sentiment or probability."""

LONGEST: Final = 4_096
"""Texts with this many tokens or more are counted together."""

_SENTIMENT_BINS: Final = 2 * FINE + 1
_TEXT_CHARACTERS: Final = 1_000
_TEXTS: Final = 8_192
_LINK: Final = r"https?://\S*"
_MOST_REPEATS: Final = 1_000
_HOUR_US: Final = 3_600_000_000
_DAY_US: Final = 24 * _HOUR_US
_SEED: Final = 0
_SEED_OF_TARGETS: Final = 1
"""Another one, so that a text that equals its target does not cancel it out."""
_IN_UTC: Final = TimeFormat(tz=UTC)
_SCORES: Final = ("bin", "label", "sure", "length", "truncated")


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The columns of scored rows.

    Attributes:
        text: The column of texts; None if they are not used.
        target: The column of the targets that the texts were scored towards; None if there are none.
        time: The column of times; None if they are not used.
        how: How times are read.
        prefix: The prefix of the scored columns.
    """

    text: str | None = None
    target: str | None = None
    time: str | None = None
    how: TimeFormat = _IN_UTC
    prefix: str = ""

    def needed(self, schema: pl.Schema, where: str) -> list[str]:
        """The columns of this schema that are read.

        Args:
            schema: The schema of the scored rows.
            where: The name of the rows in a message.

        Raises:
            InputError: A column is missing, or has the wrong type.
        """
        scores = [self.prefix + name for name in (P_NEGATIVE, P_POSITIVE, SENTIMENT, N_TOKENS, STATUS)]
        scores.append(label_column(schema, self.prefix))
        if missing := [name for name in scores if name not in schema]:
            raise InputError(
                f"{where} is not scored: it lacks {', '.join(missing)}.",
                "Score it first with sentiscore score; if that used --prefix, give the same here.",
            )
        options = ((self.text, "--text-col"), (self.target, "--target-col"), (self.time, "--time-col"))
        for column, option in options:
            if column is not None and column not in schema:
                raise InputError(
                    f"{where} has no column {column!r}; its columns are: {', '.join(schema)}.",
                    f"Name the right one with {option} ({option[2:].replace('-', '_')}).",
                )
        for column, what in ((self.text, "text"), (self.target, "target")):
            if column is None or (what == "target" and schema[column].is_integer()):
                continue
            if schema[column] not in (pl.String, pl.Categorical, pl.Enum, pl.Null):
                raise InputError(
                    f"The {what} column {column!r} of {where} holds {schema[column]}, not text.",
                    f"Name the column that was scored with --{what}-col ({what}_col).",
                )
        if self.time is not None and not schema[self.time].is_numeric():  # numbers are checked one by one
            check_time_type(schema[self.time], self.time, self.how.tz)
        neutral = [self.prefix + P_NEUTRAL] if self.prefix + P_NEUTRAL in schema else []
        named = [name for name in (self.text, self.target, self.time) if name is not None]
        return list(dict.fromkeys([*scores, *neutral, *named]))


@dataclass(frozen=True)
class Profile:
    """A summary of scored rows.

    If the texts are known, distinct texts are counted (of very many, a random sample), otherwise rows.

    Attributes:
        rows: The number of rows.
        statuses: Rows by status.
        neutral: Whether the model knows neutral.
        scored: The number of scored texts, or rows, in the following counts.
        sentiment: Counts by sentiment, in steps of 1 / `FINE` from -1 to 1.
        labels: Counts by label: negative, neutral, positive.
        confidence: Counts by the largest probability, in steps of 1 / `FINE` from 0 to 1.
        lengths: Counts by the number of tokens, from 0 to `LONGEST`.
        truncated: The number of truncated ones.
        texts: The beginnings of a random sample of distinct texts, without links; None if texts are not known.
        hours: Rows by hour since 1970 (UTC), as sorted hours and their counts; None if times are not known.
        repeats: Counts of texts by their number of rows on one day, from 0; None without texts or times.
    """

    rows: int
    statuses: dict[str, int]
    neutral: bool
    scored: int
    sentiment: Counts
    labels: Counts
    confidence: Counts
    lengths: Counts
    truncated: int
    texts: pl.Series | None
    hours: tuple[Counts, Counts] | None
    repeats: Counts | None


class Profiler:
    """Makes a profile from windows of scored rows; neither their order nor their boundaries change it.

    Args:
        columns: The columns of the rows.
        where: The name of the rows in a message.
    """

    def __init__(self, columns: Columns, where: str) -> None:
        self._columns = columns
        self._where = where
        self._rows = 0
        self._statuses = dict.fromkeys(STATUSES, 0)
        self._neutral: bool | None = None
        self._direct = {
            "bin": _nothing(_SENTIMENT_BINS),
            "label": _nothing(len(CLASSES)),
            "sure": _nothing(FINE + 1),
            "length": _nothing(LONGEST + 1),
            "truncated": _nothing(2),
        }
        self._texts = Sample([*_SCORES, "text"]) if columns.text is not None else None
        dated = columns.time is not None
        self._hours = pl.DataFrame(schema={"hour": pl.Int64, COUNT: pl.Int64}) if dated else None
        self._daily = Sample([]) if dated and columns.text is not None else None

    def add_all(self, windows: Iterable[pl.DataFrame]) -> None:
        """Add rows that come in windows.

        Args:
            windows: Frames with the columns that `Columns.needed` names.

        Raises:
            InputError: The rows are inconsistent, or come from different models.
        """
        for window in windows:
            self.add(window)

    def add(self, rows: pl.DataFrame) -> None:
        """Add one window of rows; see `add_all`."""
        prefix = self._columns.prefix
        neutral = prefix + P_NEUTRAL in rows.columns
        if self._neutral not in (None, neutral):
            raise InputError(
                f"Some rows of {self._where} have {prefix}{P_NEUTRAL} and some do not: they are from different models.",
                "Score all of them with one model.",
            )
        self._neutral = neutral
        self._rows += rows.height
        scores = self._scores(rows)
        for status, n in rows[prefix + STATUS].value_counts(name=COUNT).iter_rows():
            self._statuses[status] += n
        instants = self._instants(rows)
        if self._columns.text is None:
            self._direct = {
                name: counts + np.bincount(scores[name].drop_nulls().to_numpy(), minlength=counts.size)
                for name, counts in self._direct.items()
            }
        else:
            self._add_texts(scores, rows, series_of(rows, self._columns.text).cast(pl.String), instants)
        if self._hours is not None and instants is not None:
            hours = (instants.drop_nulls() // _HOUR_US).rename("hour").to_frame()
            counted = hours.group_by("hour").agg(pl.len().cast(pl.Int64).alias(COUNT))
            self._hours = pl.concat([self._hours, counted]).group_by("hour").agg(pl.col(COUNT).sum())

    def finish(self) -> Profile:
        """The profile.

        Raises:
            InputError: There are no rows, or none of them has scores.
        """
        if not self._rows:
            raise InputError(f"{self._where} has no rows, so there is nothing to compare.", "Name a file with rows.")
        if not sum(self._statuses[status] for status in SCORED_STATUSES):
            found = ", ".join(f"{n:,} {status}" for status, n in self._statuses.items() if n)
            raise InputError(
                f"No row of {self._where} has scores ({found}).",
                "Check where the texts come from, and whether the right text column was scored.",
            )
        counts, texts = self._direct, None
        if self._texts is not None:
            keys = self._texts.keys()
            counts = {
                name: np.bincount(keys[name].to_numpy(), minlength=empty.size) for name, empty in self._direct.items()
            }
            texts = keys["text"].head(_TEXTS).str.replace_all(_LINK, " ")
        repeats = None
        if self._daily is not None:
            sizes = self._daily.keys()[COUNT].clip(upper_bound=_MOST_REPEATS).to_numpy()
            repeats = np.bincount(sizes, minlength=_MOST_REPEATS + 1).astype(np.int64)
        return Profile(
            rows=self._rows,
            statuses=dict(self._statuses),
            neutral=bool(self._neutral),
            scored=int(counts["label"].sum()),
            sentiment=counts["bin"],
            labels=counts["label"],
            confidence=counts["sure"],
            lengths=counts["length"],
            truncated=int(counts["truncated"][1]),
            texts=texts,
            hours=None if self._hours is None else _in_order(self._hours),
            repeats=repeats,
        )

    def _scores(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The bins of each row's scores, as integers; null for a row without scores."""
        prefix = self._columns.prefix
        try:
            numbers = rows.select(
                pl.col(prefix + STATUS).cast(pl.String).alias(STATUS),
                pl.col(label_column(rows.columns, prefix)).cast(pl.String).alias(LABEL),
                *(
                    pl.col(prefix + name).cast(pl.Float32).cast(pl.Float64).alias(name)
                    for name in (SENTIMENT, P_NEGATIVE, P_POSITIVE, *([P_NEUTRAL] if self._neutral else []))
                ),
                pl.col(prefix + N_TOKENS).cast(pl.Int64).alias(N_TOKENS),
            )
        except pl.exceptions.PolarsError as error:
            raise InputError(
                f"A column of scores in {self._where} does not hold numbers.", "Score the rows again."
            ) from error
        scored = pl.col(STATUS).is_in(SCORED_STATUSES)
        p = [pl.col(name) for name in (P_NEGATIVE, P_POSITIVE, P_NEUTRAL) if name in numbers.columns]
        whole = (
            pl.col(SENTIMENT).is_between(-1, 1)
            & pl.all_horizontal(one.is_between(0, 1) for one in p)
            & pl.col(LABEL).is_in(CLASSES)
            & (pl.col(N_TOKENS) >= 0)
        ).fill_null(value=False)
        good = pl.col(STATUS).is_in(STATUSES) & (scored == whole)
        if broken := int(numbers.select((~good.fill_null(value=False)).sum()).item()):
            raise InputError(
                f"{broken:,} rows of {self._where} have a status and scores that do not fit together.",
                "Score the rows again.",
            )
        label = pl.lit(0, dtype=pl.Int64)
        for i, name in enumerate(CLASSES):
            label = pl.when(pl.col(LABEL) == name).then(pl.lit(i, dtype=pl.Int64)).otherwise(label)
        values = {
            "bin": ((pl.col(SENTIMENT) + 1) * FINE).round().cast(pl.Int64),
            "label": label,
            "sure": (pl.max_horizontal(p) * FINE).round().cast(pl.Int64),
            "length": pl.col(N_TOKENS).clip(upper_bound=LONGEST),
            "truncated": (pl.col(STATUS) == TRUNCATED).cast(pl.Int64),
        }
        return numbers.select(pl.when(scored).then(value).alias(name) for name, value in values.items())

    def _instants(self, rows: pl.DataFrame) -> pl.Series | None:
        """Microseconds since 1970 in UTC."""
        if self._columns.time is None:
            return None
        return plausible(read_times(series_of(rows, self._columns.time), self._columns.how).instants).cast(pl.Int64)

    def _add_texts(
        self, scores: pl.DataFrame, rows: pl.DataFrame, texts: pl.Series, instants: pl.Series | None
    ) -> None:
        scored = scores["bin"].is_not_null()
        if lost := int((scored & texts.is_null()).sum()):
            raise InputError(
                f"{lost:,} rows of {self._where} have scores and no text in {self._columns.text!r}.",
                "Name the column that was scored with --text-col (text_col).",
            )
        hashes = texts.hash(_SEED)
        if self._columns.target is not None:
            targets = series_of(rows, self._columns.target)
            hashes ^= targets.cast(pl.String).str.strip_chars().fill_null("").hash(_SEED_OF_TARGETS)
        known = scores.with_columns(texts.str.slice(0, _TEXT_CHARACTERS).alias("text"), hashes.alias(HASH))
        if self._texts is not None:
            self._texts.add(known.filter(scored))
        if self._daily is not None and instants is not None:
            days = (instants // _DAY_US).hash(_SEED)
            both = pl.DataFrame({HASH: hashes, "day": days}).filter(scored & instants.is_not_null())
            self._daily.add(both.select(pl.col(HASH) ^ pl.col("day")))


def _nothing(bins: int) -> Counts:
    return np.zeros(bins, dtype=np.int64)


def _in_order(hours: pl.DataFrame) -> tuple[Counts, Counts]:
    ordered = hours.sort("hour")
    return ordered["hour"].to_numpy(), ordered[COUNT].to_numpy()
