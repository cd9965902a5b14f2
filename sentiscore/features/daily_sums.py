"""Scored rows that come in parts -> the sums and counts from which daily features are made."""

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC as UTC_ZONE
from datetime import datetime
from functools import partial
from typing import Final, NamedTuple, Unpack

import polars as pl

from sentiscore import contracts, forks
from sentiscore.contracts import check_frame
from sentiscore.errors import InputError, SentiscoreWarning
from sentiscore.features.bins import MIDDLE
from sentiscore.features.columns import daily_columns
from sentiscore.features.daily_counts import Counts
from sentiscore.features.daily_grid import ends, grid_of, spans_apart, within
from sentiscore.features.entities import check_separator, notes_on
from sentiscore.features.late import Arrivals, Open, unknown_rows
from sentiscore.features.midnights import Midnights, settle
from sentiscore.features.periods import is_period
from sentiscore.features.placing import Placed, ScoredColumns, place, zones_of
from sentiscore.features.request import DailyKeywords, DailyRequest, check_together, one_request
from sentiscore.features.sessions import Sessions, parse_cutoff
from sentiscore.features.stories import Chosen, Stories, notes_on_copies, notes_on_ids, split
from sentiscore.features.sums import Sums
from sentiscore.features.time_format import DATE, TimeFormat
from sentiscore.features.times import parse_instant, read_times
from sentiscore.features.zones import UTC, check_zone, to_microseconds
from sentiscore.tables import Source
from sentiscore.tables.exact import series_of
from sentiscore.threads import ahead

_SLICE_ROWS: Final = 262_144
"""The number of rows whose columns together fit a processor's cache."""
_FIRST_ROWS: Final = 1_000
_AHEAD: Final = 2


class Kept(NamedTuple):
    """What is needed to continue later.

    Attributes:
        sums: The sums of each entity and session, with the date and the cutoff of the session.
        texts: What is kept of single texts; None if nothing.
        stories: The rows that have ids, with the same; None without ids.
    """

    sums: pl.DataFrame
    texts: pl.DataFrame | None
    stories: pl.DataFrame | None


class DailySums:
    """Daily features of rows that come in parts.

    Memory grows with the entities and their sessions; with `text_col` also with their distinct texts, and if
    repeats are not kept as they are, or rows have ids, with the rows.

    Args:
        request: The options of the features.
        flat: The same as keywords; see `daily`. Without `midnight`, `settle` decides from all rows what
            midnights are; if it was not called, `finish` refuses rows with many midnights.

    Attributes:
        request: The options of the features.
        config: Its config.
        as_of: Its instant in UTC, if it has one.
        times: How times are read.
        midnights: How many of the rows so far are midnight, as far as counted.
        n_unplaced: Rows left out so far because they have no entity, no time from 1900 to 2199, lie outside the
            calendar, or appeared after `as_of`.
        arrivals: Which rows were added before, and which come late, if they are added to those of `restore`.

    Raises:
        InputError: The time zone or calendar does not exist, or the arguments do not go together.
        MissingExtraError: The calendar is that of an exchange, and exchange_calendars is not installed.
    """

    def __init__(self, request: DailyRequest | None = None, **flat: Unpack[DailyKeywords]) -> None:
        asked = self.request = one_request("DailySums", request, flat)
        self.config = asked.config
        self.as_of = None if asked.as_of is None else parse_instant(asked.as_of, "as_of")
        self.times = TimeFormat(tz=asked.tz, format=asked.time_format, unit=asked.time_unit, midnight=asked.midnight)
        check_together(asked)
        zone = check_zone(asked.day_tz if asked.day_tz is not None else asked.tz or UTC, "day_tz")
        at_midnight = asked.calendar is None or is_period(asked.calendar)
        sharp = at_midnight and self.config.cutoff == "close" and not self.config.lag
        self._begins = zone if sharp else None
        self.sessions = Sessions(asked.calendar, cutoff=parse_cutoff(self.config.cutoff), day_tz=zone)
        self.columns = ScoredColumns(
            time=asked.time_col,
            entity=asked.entity_col,
            text=asked.text_col if "unique" in self.config.sets or self.config.needs_texts else None,
            weight=asked.weight_col,
            prefix=asked.prefix,
            separator=check_separator(asked.entity_separator, asked.entity_col),
            id=asked.id_col,
            arrived=asked.arrived_col,
            toned="tone" in self.config.sets,
        )
        self.sums = Sums(
            repeats=self.config.repeats,
            within=round(self.config.span.total_seconds() * 1_000_000),
            weighted=asked.weight_col is not None,
            texts=self.columns.text is not None,
        )
        self.stories = None if asked.id_col is None else Stories()
        self.arrivals = Arrivals(None)
        self._revise = False
        self.midnights = Midnights()
        self._settled = False
        self._any = False
        self._counts = Counts()

    @property
    def n_unplaced(self) -> int:
        """Rows left out so far."""
        return self._counts.unplaced(cut=self.as_of is not None)

    @property
    def n_late(self) -> int:
        """Rows added that count for a session that is published already."""
        return self.arrivals.n_late

    @property
    def n_repeated(self) -> int:
        """Rows added that do not count, since their ids, or equal rows of an earlier update, do."""
        return self.arrivals.n_repeated + (0 if self.stories is None else self._chosen(self.stories).n_repeated)

    @property
    def counts_twice(self) -> bool:
        """Whether a row that is added again counts again."""
        return self.stories is None or self._counts.n_without_id > 0

    def check_schema(self, schema: pl.Schema) -> None:
        """Raise an InputError if rows with these columns can never be assigned to a session."""
        self.columns.check(schema, self.times)

    def check_source(self, source: Source, schema: pl.Schema | None = None) -> None:
        """Raise an InputError if rows of a file can never be assigned to a session; for numeric times it shows one.

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
        for column in {self.columns.time, self.columns.arrived} & {*rows.columns}:
            read_times(series_of(rows, str(column)), self.times)

    def settle(
        self, parts: Iterable[pl.DataFrame], *, before: Midnights | None = None, reading: str | None = None
    ) -> None:
        """Decide from all rows what midnights are, if `midnight` does not say so: dates, if they look like dates.

        Args:
            parts: All rows that will be added; their column of times is read, unless
                there is nothing to decide.
            before: How many midnights the earlier rows have.
            reading: How the midnights of the earlier rows are read.

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
            InputError: A column is missing, a time cannot be read, or a row lies beyond the known part of the calendar.
        """
        check_frame(scored, "The scored rows")
        if scored.height <= _SLICE_ROWS:
            self._take(self.place(scored))
            return
        # All or nothing: the slices' own sums are joined only after all slices turned out to be valid.
        sums, found, stories = self.sums.empty_like(), list[Placed](), list[pl.DataFrame]()
        for placed in self._placed(scored.iter_slices(_SLICE_ROWS)):
            self._add_up(placed, sums, stories)
            found.append(replace(placed, rows=placed.rows.clear()))
        self.sums.join(sums)
        if self.stories is not None:
            self.stories.add(stories)
        for placed in found:
            self._count(placed)

    def add_all(self, parts: Iterable[pl.DataFrame]) -> int:
        """Add rows that come in parts, and return their number; while one is added up, the next ones are placed."""
        forks.check()
        before = self._counts.n_rows
        for placed in self._placed(parts):
            self._take(placed)
        return self._counts.n_rows - before

    def _take(self, placed: Placed) -> None:
        stories: list[pl.DataFrame] = []
        self._add_up(placed, self.sums, stories)
        if self.stories is not None:
            self.stories.add(stories)
        self._count(placed)

    def _add_up(self, placed: Placed, sums: Sums, stories: list[pl.DataFrame]) -> None:
        """Add placed rows to the sums, except those with ids, which wait until all of their copies are known."""
        ids = None if self.stories is None else self.stories.known_keys()
        rows = self.arrivals.sift(placed.rows, placed.n_rows, self.sums.known, ids)
        if self.stories is None:
            sums.add(rows.drop("row", strict=False))
            return
        waiting, alone = split(rows)
        sums.add(alone)
        stories.append(waiting)

    def _unknown(self, part: pl.DataFrame) -> pl.DataFrame:
        """The rows whose ids are new to the update."""
        return part if self.stories is None else unknown_rows(part, self.columns, self.stories.known_keys())

    def place(self, scored: pl.DataFrame) -> Placed:
        """Check rows and find their sessions, without adding them."""
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
        """Place every part, in order, in threads that work a few parts ahead."""
        yield from ahead((partial(self.place, part) for part in parts), _AHEAD)

    def _count(self, placed: Placed) -> None:
        self._any = True
        self.midnights += placed.midnights
        self._counts.add(placed)
        self._counts.check_names(self.columns.entity or "")

    def restore(self, sums: pl.DataFrame, texts: pl.DataFrame | None, stories: pl.DataFrame | None = None) -> None:
        """Continue from what `state` gave: `restore(*kept)`."""
        forks.check()
        self.sums.restore(sums.drop("ds", "cutoff", strict=False), texts)
        if self.stories is not None and stories is not None:
            self.stories.restore(stories.drop("ds", "cutoff", strict=False))
        self._any = True

    def begin_update(self, before: datetime, *, late: str = "refuse", revise: bool = False) -> None:
        """Say, after `restore`, that sessions are published, and what may change.

        Args:
            before: The instant up to which they are.
            late: What is done with rows that count for them: "refuse" (which only counts them), "drop" or "arrival".
            revise: Whether corrected texts replace the earlier versions.
        """
        instant = self.as_of or datetime.now(UTC_ZONE)
        closed, last = (self.sessions.last_closed(each) for each in (before, instant))
        none = -MIDDLE  # before every session
        opened = Open(
            late, none if closed is None else closed, none if last is None else last + 1, to_microseconds(instant)
        )
        self.arrivals = Arrivals(opened)
        self._revise = revise
        self.columns = replace(self.columns, numbered=True)

    def _chosen(self, stories: Stories) -> Chosen:
        opened = self.arrivals.opened
        return stories.choose(None if opened is None else opened.closed, revise=self._revise)

    def state(self) -> Kept:
        """What is needed to continue later, from all rows so far."""
        forks.check()
        sums, texts = self.sums.state()
        stories = None if self.stories is None else self._dated(self._chosen(self.stories).state)
        return Kept(self._dated(sums), texts, stories)

    def _dated(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The same rows with the date and the cutoff of their session."""
        table = self.sessions.between(*ends(rows["session_idx"])).select("session_idx", "ds", "cutoff")
        return rows.join(table, on="session_idx", how="left", maintain_order="left")

    def _totals(self) -> pl.DataFrame:
        """The sums of all rows so far, including those with ids."""
        if self.stories is None:
            return self.sums.totals()
        whole = self.sums.empty_like()
        whole.join(self.sums)
        for rows in self._chosen(self.stories).parts():
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
        forks.check()
        if not self._any:
            raise InputError("There are no scored rows to make daily features of.")
        if self.times.midnight is None:
            self.midnights.refuse(self._begins)
        totals = self._totals().sort("unique_id")  # the unsorted rows are freed
        self._warn(totals["unique_id"])
        for spans, own in spans_apart(totals, self.sessions, self.config, self.as_of):
            frame = daily_columns(grid_of(spans, self.sessions), own, self.config)
            yield contracts.check(within(frame, self.config), contracts.DAILY_FEATURES)

    def _warn(self, entities: pl.Series) -> None:
        whole_names = self.columns.entity is not None and self.columns.separator is None
        found = notes_on(self._counts.n_stand_ins, entities if whole_names else None)
        found += [*self._counts.notes(self.as_of, self.times.unit), *self._notes_on_copies()]
        if self._settled and self.times.midnight == DATE and self.midnights.many:
            found.append(self.midnights.warning(self._begins))
        for note in found:
            warnings.warn(note, SentiscoreWarning, stacklevel=3)

    def _notes_on_copies(self) -> list[str]:
        if self.stories is not None:
            chosen, text = self._chosen(self.stories), self.columns.text is not None
            return notes_on_ids(chosen, self._counts.n_without_id, text=text)
        return notes_on_copies(self.sums.n_copies)
