"""Scored rows -> rows with an entity, a session and integers, or a message about what is wrong with them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from sentiscore.errors import InputError
from sentiscore.features.entities import Entities, check_entities, read_entities
from sentiscore.features.epochs import odd_times
from sentiscore.features.ids import check_ids, read_ids, story_keys
from sentiscore.features.midnights import Midnights, count_midnights, midnights_as_dates
from sentiscore.features.scores import (
    SCALE,
    check_whole,
    no_numbers,
    read_probabilities,
    read_sentiment,
    whole_tone,
    whole_uncertainty,
    whole_weights,
)
from sentiscore.features.sessions import Sessions
from sentiscore.features.time_format import DATE, TimeFormat
from sentiscore.features.times import check_time_type, plausible, read_published
from sentiscore.labels import (
    LABEL,
    P_NEGATIVE,
    P_NEUTRAL,
    P_POSITIVE,
    SCORED_STATUSES,
    SENTIMENT,
    STATUS,
    TONE,
)
from sentiscore.tables.exact import series_of

ALL: Final = "all"
"""The `unique_id` of the only series if there is no entity column."""

SEED: Final = 0


@dataclass(frozen=True, kw_only=True)
class ScoredColumns:
    """Which columns of scored rows say what.

    Attributes:
        time: When a text appeared.
        entity: The series it belongs to; None for one series.
        separator: What separates the entities of a row; None if it has one, or a list.
        text: The text itself; None if equal texts need not be recognised.
        weight: How much it counts; None where all count the same.
        prefix: The prefix of the scored columns.
        id: What identifies a text, so that its copies count once; None if each row counts.
        toned: Whether the tone of texts is needed.
        numbered: Whether rows keep their positions and times, to be found again.
    """

    time: str
    entity: str | None = None
    text: str | None = None
    weight: str | None = None
    prefix: str = ""
    separator: str | None = None
    id: str | None = None
    toned: bool = True
    numbered: bool = False

    def needed(self, schema: pl.Schema) -> list[str]:
        """The columns of this schema that are read."""
        named = [self.time, self.entity, self.text, self.weight, self.id]
        scores = [self.prefix + name for name in (SENTIMENT, LABEL, STATUS)]
        probabilities = [self.prefix + name for name in (P_NEGATIVE, P_POSITIVE, P_NEUTRAL)]
        present = [name for name in probabilities if name in schema]
        if self.toned and not {*probabilities[:2]} <= {*present}:
            present += [name for name in [self.prefix + TONE] if name in schema]
        return list(dict.fromkeys([*(name for name in named if name is not None), *scores, *present]))

    def check(self, schema: pl.Schema, how: TimeFormat) -> None:
        """Raise an InputError if rows with these columns can never be assigned to a session."""
        for column, option in (
            (self.time, "--time-col"),
            (self.entity, "--entity-col"),
            (self.text, "--text-col"),
            (self.weight, "--weight-col"),
            (self.id, "--id-col"),
        ):
            if column is not None and column not in schema:
                raise InputError(
                    f"There is no column {column!r}; the columns are: {', '.join(schema)}.",
                    f"Name the right one with {option} ({option[2:].replace('-', '_')}).",
                )
        if not (schema[self.time].is_numeric() and how.reads_numbers):
            check_time_type(schema[self.time], self.time, how.tz)
        if self.entity is not None:
            check_entities(schema[self.entity], self.entity, self.separator)
        if self.id is not None:
            check_ids(schema[self.id], self.id)
        if self.text is not None and schema[self.text] not in (pl.String, pl.Categorical, pl.Enum, pl.Null):
            raise InputError(
                f"The text column {self.text!r} holds {schema[self.text]}, not text.",
                "Name the column that was scored with --text-col (text_col).",
            )


@dataclass(frozen=True)
class Placed:
    """Rows that have been assigned to a session.

    Attributes:
        rows: A row for each entity of each row that was given: unique_id, session_idx, and counted: whether it has
            scores and a weight; then, as whole numbers, q (sentiment), u and t (uncertainty and tone, null where they
            are not known), w (weight, if there are weights); label; and text (a hash) and at (the instant it was
            published), if texts are to be recognised. With ids also id (a hash over it and the entity, null without
            one), at, and row: the position of the given row; numbered rows have these two as well.
        n_rows: Rows that were given.
        n_unplaced: Rows without an entity or a time.
        n_outside: Rows before or after all sessions of the calendar.
        midnights: How many times are midnight, if no option says what that means.
        n_ahead: Rows that appeared after `until` and have an entity; unless they are left out, also a session.
        n_stand_ins: Rows whose entity is written as one, but is a blank text, a NaN or the like.
        n_odd: Rows whose time is a number that is an instant before 1990 or after 2099.
        odd: One of these instants.
        sessions: The session of each given row that has a session but no id.
        n_without_id: Rows that have a session but no id, if rows have ids.
        n_names: Names of entities that the rows have, including repeats.
    """

    rows: pl.DataFrame
    n_rows: int
    n_unplaced: int
    n_outside: int
    midnights: Midnights
    n_ahead: int
    n_stand_ins: int
    n_odd: int
    odd: datetime | None
    sessions: pl.Series
    n_without_id: int
    n_names: int


def place(
    scored: pl.DataFrame,
    columns: ScoredColumns,
    sessions: Sessions,
    *,
    how: TimeFormat,
    begins: str | None,
    lag: timedelta,
    until: datetime,
    cut: bool,
) -> Placed:
    """Check scored rows and find the session of each.

    Args:
        scored: Scored rows.
        columns: The roles of their columns.
        sessions: The sessions to assign them to.
        how: How times are read.
        begins: The zone whose midnight begins a session; None where sessions do not begin at midnight.
        lag: How long after it was published a text can be used.
        until: The instant (UTC) after which no text can have appeared.
        cut: Whether rows that appeared after it are left out; they are counted in any case.

    Raises:
        InputError: A column is missing or holds what it cannot, or a time cannot be read.
    """
    if columns.time in scored.columns:
        times = read_published(
            series_of(scored, columns.time), how
        )  # before the types are checked, since its message shows a value
    columns.check(scored.schema, how)
    if missing := [
        name for name in map(columns.prefix.__add__, (STATUS, SENTIMENT, LABEL)) if name not in scored.columns
    ]:
        raise InputError(
            f"The rows are not scored: they lack {', '.join(missing)}.",
            "Score them first with sentiscore score; if that used --prefix, give the same here.",
        )
    numbers = read_sentiment(scored[columns.prefix + SENTIMENT])
    zones = zones_of(how, sessions)
    as_dates = how.midnight == DATE
    published = plausible(midnights_as_dates(times, zones) if as_dates else times.instants)
    known = published
    # a date, and a midnight that may mean one, can be there from its beginning on
    ahead = (plausible(times.possible_from(how.tz)) > until).fill_null(value=False) & published.is_not_null()
    if cut and ahead.any():  # before they are assigned, since the calendar need not reach that far
        known = published.set(ahead, None)
    index = sessions.place(known + lag if lag else known)
    entities = entities_of(scored, columns)
    rows = _rows(scored, columns, numbers, entities.values, index, published)
    odd = published.filter(odd_times(published)) if how.counts(scored.schema[columns.time]) else published.clear()
    n_unknown = int((entities.missing | published.is_null()).sum())
    placed = rows
    if entities.missing.any() or index.null_count():
        placed = rows.drop_nulls(["unique_id", "session_idx"])
    n_ahead = int((ahead & ~entities.missing & (index.is_not_null() | cut)).sum())
    alone = placed if columns.id is None else placed.filter(pl.col("id").is_null())
    several = placed.schema["unique_id"].is_nested()
    each = placed.explode("unique_id") if several else placed
    return Placed(
        rows=each if columns.id is None else each.with_columns(id=story_keys(each["id"], each["unique_id"])),
        n_rows=rows.height,
        n_unplaced=n_unknown,
        n_outside=rows.height - n_unknown - placed.height - (n_ahead if cut else 0),
        midnights=count_midnights(times, published, zones, begins) if how.midnight is None else Midnights(),
        n_ahead=n_ahead,
        n_stand_ins=entities.n_stand_ins,
        n_odd=odd.len(),
        odd=None if odd.is_empty() else odd[0],
        sessions=alone["session_idx"],
        n_without_id=0 if columns.id is None else alone.height,
        n_names=entities.n_names,
    )


def _rows(
    scored: pl.DataFrame,
    columns: ScoredColumns,
    numbers: pl.Series,
    entities: pl.Series,
    index: pl.Series,
    published: pl.Series,
) -> pl.DataFrame:
    """The rows in the columns that `Placed.rows` has, with a row for each that was given.

    Args:
        scored: Scored rows.
        columns: The roles of their columns.
        numbers: Their sentiment.
        entities: Their entities.
        index: Their sessions.
        published: When they were published.

    Raises:
        InputError: A column holds what it cannot, or columns contradict each other.
    """
    status, label = scored[columns.prefix + STATUS], scored[columns.prefix + LABEL]
    scorable = status.is_in(SCORED_STATUSES)
    p = read_probabilities(scored, columns.prefix)
    parts = {
        "unique_id": entities,
        "session_idx": index,
        "counted": scorable,
        "q": (numbers * SCALE).round().cast(pl.Int64),
        "u": no_numbers(scored.height) if p is None else whole_uncertainty(p),
        "t": whole_tone(p, scored, columns.prefix) if columns.toned else no_numbers(scored.height),
        "label": label.cast(pl.String),  # in a file without any scored row it may hold nothing
    }
    check_whole(status, scorable, parts["q"], label)
    if columns.weight is not None:
        parts["w"] = whole_weights(series_of(scored, columns.weight), scorable)
        parts["counted"] = scorable & (parts["w"] > 0)
    if columns.text is not None:
        parts["text"] = series_of(scored, columns.text).cast(pl.String).hash(SEED)
        parts["at"] = published.cast(pl.Int64)
    if columns.id is not None:
        parts["at"] = published.cast(pl.Int64)
        parts["id"] = read_ids(series_of(scored, columns.id))
    if columns.numbered:
        parts["at"] = published.cast(pl.Int64)
    if columns.id is not None or columns.numbered:
        parts["row"] = pl.int_range(scored.height, dtype=pl.Int64, eager=True)
    return pl.DataFrame(parts)


def entities_of(scored: pl.DataFrame, columns: ScoredColumns) -> Entities:
    """The entities of each row: one and the same where there is no column of them."""
    if columns.entity is None:
        return Entities(pl.repeat(ALL, scored.height, eager=True), n_stand_ins=0, n_names=scored.height)
    return read_entities(series_of(scored, columns.entity), columns.separator)


def zones_of(how: TimeFormat, sessions: Sessions) -> list[str]:
    """The zones that a date without an hour may be in, other than the one in which it was written."""
    return [zone for zone in (how.tz, sessions.zone) if zone is not None]
