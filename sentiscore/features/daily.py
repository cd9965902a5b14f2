"""Scored rows -> one row for each entity and session, with nothing in it that was not known at its cutoff."""

import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC as UTC_ZONE
from datetime import datetime
from functools import partial
from itertools import pairwise
from typing import Final, NamedTuple, Required, TypedDict

import polars as pl

from sentiscore import forks
from sentiscore.errors import InputError, SentiscoreWarning
from sentiscore.features.columns import daily_columns
from sentiscore.features.config import DailyConfig
from sentiscore.features.entities import check_separator, notes_on
from sentiscore.features.epochs import NAMES
from sentiscore.features.grid import CALENDAR, CLOSE, check_frame
from sentiscore.features.ids import read_ids, story_keys
from sentiscore.features.midnights import Midnights, settle
from sentiscore.features.placing import Columns, Placed, entities_of, place, zones_of
from sentiscore.features.sessions import Calendar, Sessions, parse_cutoff
from sentiscore.features.stories import Stories, notes_on_copies, notes_on_ids, split
from sentiscore.features.sums import Sums
from sentiscore.features.time_format import DATE, TimeFormat
from sentiscore.features.times import parse_instant, read_times, write_instant
from sentiscore.features.zones import UTC, check_zone
from sentiscore.tables import Source
from sentiscore.tables.exact import series_of
from sentiscore.threads import Task

_MOST_ROWS: Final = 20_000_000
_PART_ROWS: Final = 131_072
"""Daily rows that are made at once, or those of one entity; each takes half a kilobyte meanwhile."""
_SLICE_ROWS: Final = 262_144
"""Rows of which all columns together fit a processor's cache."""
_ROW_BYTES: Final = 256
"""What a daily row takes beside its name, or somewhat more."""

_MOST_NAME_BYTES: Final = 2 << 30
"""Bytes of the names of all daily rows together."""

_FREE_NAMES: Final = 16_000_000
_NAMES_OF_A_ROW: Final = 100
"""Names of entities in all rows: the first 16 million, then so many for each row."""

_FIRST_ROWS: Final = 1_000
_AHEAD: Final = 2


class Settings(TypedDict, total=False):
    """What `daily` takes beside the rows, for functions that hand it on."""

    time_col: Required[str]
    entity_col: str | None
    entity_separator: str | None
    calendar: Calendar
    text_col: str | None
    weight_col: str | None
    id_col: str | None
    tz: str | None
    time_format: str | None
    time_unit: str | None
    midnight: str | None
    day_tz: str | None
    prefix: str
    config: DailyConfig | None
    as_of: str | datetime | None


class Kept(NamedTuple):
    """What is needed to go on later.

    Attributes:
        sums: The sums of each entity and session, with the date and the cutoff of the session.
        texts: What is kept of single texts; None if nothing is.
        stories: The rows that have ids, with the same; None without ids.
    """

    sums: pl.DataFrame
    texts: pl.DataFrame | None
    stories: pl.DataFrame | None


class DailySums:
    """Daily features of rows that come in parts.

    What is held grows with the entities and their sessions; with `text_col` also with their distinct texts, and where
    repeats are not kept as they are, or rows have ids, with the rows.

    Args:
        time_col: The column that says when a text appeared; see `daily`, also for the other arguments.
        entity_col: The column of entities, or None for one series of all rows.
        entity_separator: What separates the entities of a row.
        calendar: The sessions.
        text_col: The column of texts, if equal ones are to be told.
        weight_col: The column of weights.
        id_col: The column of ids.
        tz: The zone of times that carry none.
        time_format: The pattern of texts that are times.
        time_unit: What numbers since 1970 count.
        midnight: What a time of exactly midnight is. Where it is not given, `settle` decides by all rows; without that,
            `finish` refuses rows of which many are midnight.
        day_tz: The zone whose midnight ends a day.
        prefix: The prefix that the scored columns were given.
        config: Everything else.
        as_of: The instant at which the features are made; see `daily`.

    Attributes:
        as_of: The same in UTC.
        times: How times are read.
        midnights: How many of the rows so far are midnight, as far as it was counted.
        n_unplaced: Rows left out so far because they have no entity, no time from 1900 to 2199, lie outside the
            calendar, or appeared after `as_of`.
        closed_until: The position of the last session that is published already, if any.

    Raises:
        InputError: There is no such time zone or calendar, or the arguments do not go together.
        MissingExtraError: The calendar is that of an exchange, and exchange_calendars is not installed.
    """

    def __init__(
        self,
        *,
        time_col: str,
        entity_col: str | None = None,
        entity_separator: str | None = None,
        calendar: Calendar = None,
        text_col: str | None = None,
        weight_col: str | None = None,
        id_col: str | None = None,
        tz: str | None = None,
        time_format: str | None = None,
        time_unit: str | None = None,
        midnight: str | None = None,
        day_tz: str | None = None,
        prefix: str = "",
        config: DailyConfig | None = None,
        as_of: str | datetime | None = None,
    ) -> None:
        self.config = config or DailyConfig()
        self.as_of = None if as_of is None else parse_instant(as_of, "as_of")
        self.times = TimeFormat(tz=tz, format=time_format, unit=time_unit, midnight=midnight)
        if calendar is not None and day_tz is not None:
            raise InputError(
                "A calendar has days of its own, so there is nothing that a day's zone could say.",
                "Leave out --day-tz (day_tz), or --calendar (calendar).",
            )
        if self.config.needs_texts and text_col is None:
            raise InputError(
                f"To {self.config.repeats} repeated texts, the texts are needed.",
                "Name their column with --text-col (text_col).",
            )
        zone = check_zone(day_tz if day_tz is not None else tz or UTC, "day_tz")
        sharp = calendar is None and self.config.cutoff == "close" and not self.config.lag
        self._begins = zone if sharp else None
        self.sessions = Sessions(calendar, cutoff=parse_cutoff(self.config.cutoff), day_tz=zone)
        self.columns = Columns(
            time=time_col,
            entity=entity_col,
            text=text_col if "unique" in self.config.sets or self.config.needs_texts else None,
            weight=weight_col,
            prefix=prefix,
            separator=check_separator(entity_separator, entity_col),
            id=id_col,
        )
        self.sums = Sums(
            repeats=self.config.repeats,
            within=round(self.config.span.total_seconds() * 1_000_000),
            weighted=weight_col is not None,
            texts=self.columns.text is not None,
        )
        self.stories = None if id_col is None else Stories()
        self.closed_until: int | None = None
        self.midnights = Midnights()
        self._settled = False
        self._any = False
        self._odd: datetime | None = None
        self._n_odd = 0
        self._n_rows = self._n_unknown = self._n_outside = self._n_ahead = self._n_stand_ins = 0
        self._n_late = self._n_without_id = self._n_names = 0

    @property
    def n_unplaced(self) -> int:
        """Rows left out so far."""
        return self._n_unknown + self._n_outside + (0 if self.as_of is None else self._n_ahead)

    @property
    def n_late(self) -> int:
        """Rows added that count for the session `closed_until` or an earlier one."""
        return self._n_late + (0 if self.stories is None else self.stories.choose(self.closed_until).n_late)

    @property
    def n_repeated(self) -> int:
        """Rows added that do not count, since their ids do already."""
        return 0 if self.stories is None else self.stories.choose(self.closed_until).n_repeated

    @property
    def n_without_id(self) -> int:
        """Rows added that have a place and no id, where rows have ids."""
        return self._n_without_id

    @property
    def counts_twice(self) -> bool:
        """Whether a row that is added once more counts once more."""
        return self.stories is None or self._n_without_id > 0

    def check_schema(self, schema: pl.Schema) -> None:
        """Raise an InputError if rows of these columns can never be placed in a session."""
        self.columns.check(schema, self.times)

    def check_source(self, source: Source, schema: pl.Schema | None = None) -> None:
        """Raise an InputError if rows of a file can never be placed; of times in numbers, the message shows one.

        Args:
            source: The file.
            schema: Its columns, and those that will be added.
        """
        time = self.columns.time
        if time in source.schema and source.schema[time].is_numeric():
            for window in source.windows(_FIRST_ROWS, [time]):
                self.check_times(window)
                break
        self.check_schema(source.schema if schema is None else schema)

    def check_times(self, rows: pl.DataFrame) -> None:
        """Raise an InputError if a time in these rows cannot be read."""
        read_times(series_of(rows, self.columns.time), self.times)

    def settle(
        self, parts: Iterable[pl.DataFrame], *, before: Midnights | None = None, reading: str | None = None
    ) -> None:
        """Decide what midnights are by all rows, where `midnight` does not say it: dates, if they look like dates.

        Args:
            parts: All rows that will be added, of which the column of times is read. They are not, where there is
                nothing to decide.
            before: How many midnights the earlier rows have, to which these are added.
            reading: What the midnights of those are.

        Raises:
            InputError: A time cannot be read; or the midnights so far were taken as instants and now look like dates.
        """
        if self.times.midnight is None:
            columns = (series_of(self._unknown(part), self.columns.time) for part in parts)
            zones = zones_of(self.times, self.sessions)
            self.times, self.midnights = settle(
                columns, self.times, zones, self._begins, before=before, reading=reading
            )
            self._settled = True

    def add(self, scored: pl.DataFrame) -> None:
        """Add rows; their order does not matter.

        Args:
            scored: Scored rows with the time and entity columns.

        Raises:
            InputError: A column is missing, a time cannot be read, or a row lies beyond what is known of the calendar.
        """
        check_frame(scored, "The scored rows")
        if scored.height <= _SLICE_ROWS:
            self._take(self._place(scored))
            return
        # All of it or nothing: sums of their own are joined once every slice was found to be good.
        sums, found = self.sums.beside(), []
        stories: list[pl.DataFrame] = []
        for placed in self._placed(scored.iter_slices(_SLICE_ROWS)):
            self._add_up(placed, sums, stories)
            found.append(replace(placed, rows=placed.rows.clear()))
        self.sums.join(sums)
        if self.stories is not None:
            self.stories.add(stories)
        for placed in found:
            self._count(placed)

    def add_all(self, parts: Iterable[pl.DataFrame]) -> int:
        """Add rows that come in parts, the next of which are placed while one is added up; how many rows they were."""
        forks.check()
        before = self._n_rows
        for placed in self._placed(parts):
            self._take(placed)
        return self._n_rows - before

    def _take(self, placed: Placed) -> None:
        stories: list[pl.DataFrame] = []
        self._add_up(placed, self.sums, stories)
        if self.stories is not None:
            self.stories.add(stories)
        self._count(placed)

    def _add_up(self, placed: Placed, sums: Sums, stories: list[pl.DataFrame]) -> None:
        """Add placed rows to sums, but for those that have ids, which wait until all of their copies are there."""
        if self.stories is None:
            sums.add(placed.rows)
            return
        waiting, alone = split(placed.rows)
        sums.add(alone)
        stories.append(waiting)

    def _unknown(self, part: pl.DataFrame) -> pl.DataFrame:
        """The rows that no earlier update has under their ids, so that copies are no evidence of a habit."""
        if self.stories is None or self.columns.id is None or not (known := self.stories.known_keys()).len():
            return part
        ids, entities = read_ids(series_of(part, self.columns.id)), entities_of(part, self.columns).values
        rows = pl.DataFrame({"id": ids, "entity": entities}).with_row_index("row")
        if entities.dtype.is_nested():
            rows = rows.explode("entity")
        keys = story_keys(rows["id"], rows["entity"])
        new = keys.is_null() | ~keys.is_in(known.implode())
        return part[rows.filter(new)["row"].unique().sort()]

    def _place(self, scored: pl.DataFrame) -> Placed:
        return place(
            scored,
            self.columns,
            self.sessions,
            how=self.times,
            begins=self._begins,
            lag=self.config.lag,
            until=self.as_of or datetime.now(UTC_ZONE),
            cut=self.as_of is not None,
        )

    def _placed(self, parts: Iterable[pl.DataFrame]) -> Iterator[Placed]:
        """Every part placed, in order, by threads that are a few parts ahead."""
        waiting: deque[Task[Placed]] = deque()
        try:
            for part in parts:
                done = [waiting.popleft().result()] if len(waiting) == _AHEAD else []
                waiting.append(Task(partial(self._place, part)))
                waiting[-1].begin()
                yield from done
            while waiting:
                yield waiting.popleft().result()
        finally:
            for task in waiting:
                task.give_up()

    def _count(self, placed: Placed) -> None:
        self._any = True
        self._n_rows += placed.n_rows
        self._n_unknown += placed.n_unplaced
        self._n_outside += placed.n_outside
        self.midnights += placed.midnights
        self._n_ahead += placed.n_ahead
        self._n_stand_ins += placed.n_stand_ins
        self._n_odd += placed.n_odd
        self._odd = placed.odd if self._odd is None else self._odd
        self._n_without_id += placed.n_without_id
        self._n_names += placed.n_names
        if self._n_names > max(_FREE_NAMES, _NAMES_OF_A_ROW * self._n_rows):
            raise InputError(
                f"The column {self.columns.entity!r} has {self._n_names:,} names of entities in {self._n_rows:,} rows.",
                "Such a file takes long to no end; check where it comes from, or name another column with --entity-col "
                "(entity_col).",
            )
        if self.closed_until is not None:
            self._n_late += int((placed.sessions <= self.closed_until).sum())

    def restore(self, sums: pl.DataFrame, texts: pl.DataFrame | None, stories: pl.DataFrame | None = None) -> None:
        """Go on from what `state` gave: `restore(*kept)`."""
        forks.check()
        self.sums.restore(sums.drop("ds", "cutoff", strict=False), texts)
        if self.stories is not None and stories is not None:
            self.stories.restore(stories.drop("ds", "cutoff", strict=False))
        self._any = True

    def state(self) -> Kept:
        """What is needed to go on later, of all rows so far."""
        forks.check()
        sums, texts = self.sums.state()
        stories = None if self.stories is None else self._dated(self.stories.state(self.closed_until))
        return Kept(self._dated(sums), texts, stories)

    def _dated(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The same rows with the date and the cutoff of their session."""
        table = self.sessions.between(*_ends(rows["session_idx"])).select("session_idx", "ds", "cutoff")
        return rows.join(table, on="session_idx", how="left", maintain_order="left")

    def _totals(self) -> pl.DataFrame:
        """The sums of all rows so far, of those that have ids too."""
        if self.stories is None:
            return self.sums.totals()
        whole = self.sums.beside()
        whole.join(self.sums)
        for rows in self.stories.parts(self.closed_until):
            whole.add(rows)
        return whole.totals()

    def finish(self) -> pl.DataFrame:
        """The daily features of all rows so far; see `daily` for the columns.

        Raises:
            InputError: No rows were ever added.
        """
        return pl.concat(list(self.parts()))

    def parts(self) -> Iterator[pl.DataFrame]:
        """The daily features of all rows so far, those of some entities at a time, in order; at least one frame.

        Raises:
            InputError: No rows were ever added.
        """
        from sentiscore.schemas import DailyFeatures, validate

        forks.check()
        if not self._any:
            raise InputError("There are no scored rows to make daily features of.")
        if self.times.midnight is None:
            self.midnights.refuse(self._begins)
        totals = self._totals()
        self._warn(totals["unique_id"])
        for spans, own in self._apart(totals):
            frame = daily_columns(self._grid(spans), own, self.config)
            start, end = self.config.start, self.config.end
            if start is not None:
                frame = frame.filter(pl.col("ds") >= start)
            if end is not None:
                frame = frame.filter(pl.col("ds") <= end)
            yield validate(frame, DailyFeatures)

    def _apart(self, totals: pl.DataFrame) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        """The first and last session of some entities, in order, with their sums; of as many as make so many rows."""
        spans = self._spans(totals)
        _check_span(spans, self.sessions)
        size = (_rows() * (_ROW_BYTES + _name_bytes())).cum_sum()
        numbers = spans.select((size - 1) // (_PART_ROWS * _ROW_BYTES)).to_series()
        borders = [
            *numbers.to_frame("part").with_row_index().unique("part", keep="first")["index"].sort(),
            spans.height,
        ]
        if len(borders) <= 2:  # noqa: PLR2004 - one part, or none
            yield spans, totals
            return
        totals = totals.sort("unique_id")
        starts = spans["start"]
        for first, after in pairwise(borders):
            end = totals.height if after == spans.height else int(starts[after])
            yield spans[first:after], totals[int(starts[first]) : end]

    def _spans(self, totals: pl.DataFrame) -> pl.DataFrame:
        """The first and last session of each entity, in order, and where its sums begin if they are in order too.

        They are from its first to its last text, or to where the config says; with an instant as of which the features
        are made, to the last session that is closed by then.
        """
        start, stop = self.sessions.positions(self.config.start, self.config.end)
        last = pl.max_horizontal(pl.col("session_idx").max(), pl.lit(stop))
        if self.as_of is not None:
            closed = self.sessions.last_closed(self.as_of)
            totals = totals if closed is not None else totals.clear()
            last = pl.lit(closed, dtype=pl.Int32)
        spans = (
            totals.group_by("unique_id")
            .agg(
                pl.min_horizontal(pl.col("session_idx").min(), pl.lit(start)).alias("first"),
                last.alias("last"),
                pl.len().cast(pl.Int64).alias("start"),
            )
            .sort("unique_id")
            .with_columns(pl.col("start").cum_sum() - pl.col("start"), pl.col("first", "last").cast(pl.Int64))
        )
        if self.as_of is not None:  # an entity of which all that is known lies in the open session has no row yet
            spans = spans.filter(pl.col("first") <= pl.col("last"))
        return spans

    def _grid(self, spans: pl.DataFrame) -> pl.DataFrame:
        """Every session of every entity, from its first to its last."""
        grid = spans.select(
            "unique_id", pl.int_ranges("first", pl.col("last") + 1, dtype=pl.Int32).alias("session_idx")
        ).explode("session_idx", empty_as_null=False)
        table = self.sessions.between(*_ends(pl.concat([spans["first"], spans["last"]])))
        placed = grid.join(table, on="session_idx", how="left", maintain_order="left")
        return placed.rename({"cutoff": "available_at", "close": CLOSE}).with_columns(
            pl.lit(self.sessions.name).alias(CALENDAR)
        )

    def _warn(self, entities: pl.Series) -> None:
        whole_names = self.columns.entity is not None and self.columns.separator is None
        for note in notes_on(self._n_stand_ins, entities if whole_names else None):
            warnings.warn(note, SentiscoreWarning, stacklevel=3)
        if self._n_unknown:
            warnings.warn(
                f"{self._n_unknown:,} rows have no entity, or no time from 1900 to 2199, and are not in the daily "
                "features. Fill them in and score those rows anew, if they matter.",
                SentiscoreWarning,
                stacklevel=3,
            )
        if self._odd is not None:
            rows = "1 row has a number" if self._n_odd == 1 else f"{self._n_odd:,} rows have numbers"
            warnings.warn(
                f"{rows} as time that with --time-unit {self.times.unit} (time_unit) would be before 1990 or after "
                f"2099, for example {write_instant(self._odd)}. Check that they count {NAMES[str(self.times.unit)]} "
                "since 1970.",
                SentiscoreWarning,
                stacklevel=3,
            )
        if self._n_outside:
            warnings.warn(
                f"{self._n_outside:,} rows lie before or after all sessions of the calendar, and are not in the daily "
                "features.",
                SentiscoreWarning,
                stacklevel=3,
            )
        if self._n_ahead and self.as_of is not None:
            warnings.warn(
                f"{self._n_ahead:,} rows have times after {write_instant(self.as_of)}, as of which the daily features "
                "are made, and are not in them. Check the stamps; right ones are for a later update.",
                SentiscoreWarning,
                stacklevel=3,
            )
        elif self._n_ahead:
            warnings.warn(
                f"{self._n_ahead:,} rows have times that have not come yet, and are in the daily features all the "
                "same. To leave them out, say as of when the features are made (--as-of, as_of).",
                SentiscoreWarning,
                stacklevel=3,
            )
        for note in self._notes_on_copies():
            warnings.warn(note, SentiscoreWarning, stacklevel=3)
        if self._settled and self.times.midnight == DATE and self.midnights.many:
            warnings.warn(self.midnights.warning(self._begins), SentiscoreWarning, stacklevel=3)

    def _notes_on_copies(self) -> list[str]:
        """What the user should know of rows that come again."""
        if self.stories is not None:
            n_corrected = self.stories.choose(self.closed_until).n_corrected
            return notes_on_ids(n_corrected, self._n_without_id, text=self.columns.text is not None)
        return notes_on_copies(self.sums.n_copies)


def _ends(indices: pl.Series) -> tuple[int, int]:
    """The least and the greatest; a range without members where there are none."""
    if indices.is_empty():
        return 0, -1
    ordered = indices.sort()
    return int(ordered[0]), int(ordered[-1])


def _check_span(spans: pl.DataFrame, sessions: Sessions) -> None:
    """Raise an InputError if the grid of sessions would be absurdly large."""
    rows = spans.select(_rows().sum()).item()
    if rows > _MOST_ROWS:
        days = sessions.between(*_ends(pl.concat([spans["first"], spans["last"]])))["ds"]
        raise InputError(
            f"{spans.height:,} entities with days from {days[0]} to {days[-1]} would make {rows:,} rows.",
            "Some times look wrong; leave rows with stand-in dates out, or make features of fewer entities.",
        )
    size = spans.select((_rows() * _name_bytes()).sum()).item()
    if size > _MOST_NAME_BYTES:
        raise InputError(
            f"{rows:,} daily rows would have {size >> 20:,} MB of names.",
            "Name another column of entities, or give them shorter names.",
        )


def _rows() -> pl.Expr:
    """How many daily rows each entity has."""
    return pl.col("last") - pl.col("first") + 1


def _name_bytes() -> pl.Expr:
    return pl.col("unique_id").cast(pl.String).str.len_bytes().cast(pl.Int64)


def daily(
    scored: pl.DataFrame,
    *,
    time_col: str,
    entity_col: str | None = None,
    entity_separator: str | None = None,
    calendar: Calendar = None,
    text_col: str | None = None,
    weight_col: str | None = None,
    id_col: str | None = None,
    tz: str | None = None,
    time_format: str | None = None,
    time_unit: str | None = None,
    midnight: str | None = None,
    day_tz: str | None = None,
    prefix: str = "",
    config: DailyConfig | None = None,
    as_of: str | datetime | None = None,
) -> pl.DataFrame:
    """Daily sentiment features per entity.

    A text counts for the first session whose cutoff is strictly after the instant at which it could be used, which is
    when it was published, and the config's latency later. So every text of a row was known before the row's
    `available_at`, and a forecast made at `available_at` or later may use the row. No column of a row depends on a text
    of a later session.

    Args:
        scored: Scored rows, in any order.
        time_col: When each text appeared: times with a zone, or text with an offset, as ISO 8601 or with the month as a
            word ("Fri, 05 Jan 2024 15:59:00 -0500"). Times without a zone, and dates, need `tz`; a date counts as the
            end of that day.
        entity_col: The series a text belongs to, such as a ticker; None for one series called "all". A column of lists
            counts a text for each of its entities. Blank names, NaN, <NA> and None are no entity.
        entity_separator: What separates the entities of a text where the column holds several in one text, such as ";".
        calendar: The sessions. None: every calendar day, from midnight to midnight in `day_tz`. The code of an
            exchange, such as "XNYS": its trading days. A frame, or the name of a file, of sessions: ds, open, close.
        text_col: The texts, of which only hashes are kept: for n_unique, and to drop or discount repeats.
        weight_col: How much each text counts, from 0 (not at all) to 2**20: its relevance, length or the model's
            confidence.
        id_col: What names a text: text or whole numbers. Rows of an entity with the same id count once, as the one that
            was published first. A row without an id counts by itself.
        tz: The zone of times that carry none, and of zone letters such as ET.
        time_format: A strptime pattern that all texts in `time_col` have, such as "%d/%m/%Y %H:%M", or "rfc2822".
        time_unit: What numbers in `time_col` count since 1970: "s", "ms", "us" or "ns".
        midnight: What a time of exactly midnight is: a "date", which counts as the end of that day, or the "instant".
            By default instants, and dates (with a warning) if there are far more than chance gives.
        day_tz: The zone whose midnight ends a day; by default `tz`, or UTC where there is none. Not with a calendar.
        prefix: The prefix that the scored columns were given.
        config: Cutoff, latency, windows, repeats, fills, and which columns; `DailyConfig()` by default.
        as_of: The instant at which the features are made: a time with a zone, or ISO 8601 text with an offset. Then
            every entity has rows up to the last session whose cutoff is at or before it, and none of later ones, as
            an update at that instant gives; texts that appeared after it are left out, counted and warned about.

    Returns:
        One row for each entity and session, from the entity's first to its last (or that of `as_of`) without gaps,
        sorted:

        - unique_id: the entity, as in `entity_col`.
        - ds: the date of the session.
        - session_idx: its position in the calendar, the same for all entities.
        - available_at: its cutoff, in UTC.
        - n_docs: texts that were scored and counted; 0 in sessions without. Discounted repeats count by their shares:
          the sum is rounded up, and at least n_unique.
        - n_unique: distinct texts among them; null without `text_col`.
        - news_flag: 1 where n_docs is more than 0.
        - sessions_since_news: sessions since the latest with news, 0 in one of them; null before the first.
        - n_calendar_days: days since the session before; 3 on most Mondays of an exchange.
        - sent_mean: mean sentiment, in [-1, 1].
        - sent_shrunk: the mean pulled towards the entity's past, the more the fewer texts there are.
        - sent_std: sample standard deviation (n - 1) of sentiment; null below two texts.
        - pos_share, neg_share, neu_share: shares of the texts by label, in [0, 1]; they sum to 1 where there is news.
        - bullishness: ln((1 + positive texts) / (1 + negative texts)).
        - disagreement: 0 where all opinions are alike, 1 where they are even; null where no text has one.
        - uncertainty: how unsure the model was, mean over the texts, from 0 to 1; null without probabilities.
        - sent_decay_{h}: mean over all texts so far, which count half as much every h sessions.
        - sent_momentum: the difference of two such means.
        - sent_z_{w}: sent_mean in deviations from the w sessions before; a deviation is taken as at least 0.02.
        - abnormal_volume_{w}: log of the number of texts over that which as many calendar days usually have, by the w
          sessions before.

        Where there is no news, columns about a session's own texts are null, unless the config fills them. The
        functions in sentiscore/features/columns.py have each formula with its source.

    Raises:
        InputError: A column is missing, or a time cannot be read or carries no zone.
        MissingExtraError: The calendar is that of an exchange, and exchange_calendars is not installed.
    """
    sums = DailySums(
        time_col=time_col,
        entity_col=entity_col,
        entity_separator=entity_separator,
        calendar=calendar,
        text_col=text_col,
        weight_col=weight_col,
        id_col=id_col,
        tz=tz,
        time_format=time_format,
        time_unit=time_unit,
        midnight=midnight,
        day_tz=day_tz,
        prefix=prefix,
        config=config,
        as_of=as_of,
    )
    check_frame(scored, "The scored rows")
    if time_col in scored.columns:
        sums.settle([scored])
    sums.add(scored)
    return sums.finish()
