"""The options of daily features, in one object."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Self, TypedDict, Unpack

from sentiscore.errors import InputError
from sentiscore.features.config import DailyConfig
from sentiscore.features.periods import is_period
from sentiscore.features.sessions import Calendar
from sentiscore.keywords import check_keywords, check_object, keywords_and_object
from sentiscore.settings import Settings


class DailyKeywords(TypedDict, total=False):
    """The fields of a `DailyRequest` as keywords, except `output`."""

    time_col: str
    entity_col: str | None
    entity_separator: str | None
    calendar: Calendar
    text_col: str | None
    weight_col: str | None
    id_col: str | None
    arrived_col: str | None
    tz: str | None
    time_format: str | None
    time_unit: str | None
    midnight: str | None
    day_tz: str | None
    prefix: str
    config: DailyConfig | None
    as_of: str | datetime | None


@dataclass(frozen=True, kw_only=True)
class DailyRequest(Settings):
    """The options of daily features; `sentiscore.features.daily` describes each in full.

    Attributes:
        time_col: The column that says when each text appeared.
        entity_col: The series a text belongs to, such as a ticker, or a list of them; None for one series.
        entity_separator: What separates the entities of a text if the column holds several in one text, such as ";".
        calendar: The sessions: None for every calendar day, a period, such as "weekly", "W-FRI", "monthly" or
            "quarterly", the code of an exchange, such as "XNYS", or a frame or file of sessions.
        text_col: The column of texts; if rows are scored in the same job, that of the job.
        weight_col: How much each text counts.
        id_col: What identifies each text.
        arrived_col: When each row came: no text counts before it arrived.
        tz: The zone of times without one.
        time_format: The pattern of text times.
        time_unit: What numbers count since 1970.
        midnight: What a time of exactly midnight is, a "date" or an "instant".
        day_tz: The zone whose midnight ends a day.
        prefix: The prefix of the scored columns; if rows are scored in the same job, that of the job.
        config: Cutoff, latency, windows, repeats, fills, and which columns.
        as_of: The instant at which the features are made; not for a job that scores, which has all of its rows.
        output: The file to write, if there is one; by default NAME.daily.parquet next to the source.

    Raises:
        InputError: A value has the wrong type.
    """

    what: ClassVar[str] = "request for daily features"
    hint: ClassVar[str] = "docs/reference/api.md describes each of them."

    time_col: str
    entity_col: str | None = None
    entity_separator: str | None = None
    calendar: Calendar = None
    text_col: str | None = None
    weight_col: str | None = None
    id_col: str | None = None
    arrived_col: str | None = None
    tz: str | None = None
    time_format: str | None = None
    time_unit: str | None = None
    midnight: str | None = None
    day_tz: str | None = None
    prefix: str = ""
    config: DailyConfig = field(default_factory=DailyConfig)
    as_of: str | datetime | None = None
    output: str | Path | None = None

    @classmethod
    def of(cls, **flat: Unpack[DailyKeywords]) -> Self:
        """A request from keywords; a `config` of None is the default one."""
        given: dict[str, Any] = {name: value for name, value in flat.items() if (name, value) != ("config", None)}
        return cls(**given)

    @property
    def options(self) -> dict[str, Any]:
        """All fields except config, output and as_of, by name."""
        left_out = ("config", "output", "as_of")
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name not in left_out}


def one_request(function: str, request: DailyRequest | None, flat: Mapping[str, Any]) -> DailyRequest:
    """A request that was passed as an object or as keywords.

    Args:
        function: The name of the function that it was passed to.
        request: The object, if there is one.
        flat: The keywords.

    Raises:
        InputError: It was passed both ways, or is another kind of object.
        TypeError: A keyword does not exist, or there is neither an object nor `time_col`.
    """
    check_keywords(function, flat, DailyKeywords.__annotations__)
    if request is None:
        if "time_col" not in flat:
            raise TypeError(f"{function}() missing 1 required keyword-only argument: 'time_col'")
        return DailyRequest.of(**flat)
    check_object("request", request, DailyRequest)
    if flat:
        raise keywords_and_object("request", request, flat)
    return request


def request_or_none(given: Mapping[str, Any]) -> DailyRequest | None:
    """A request from the fields that are given; None if none is.

    Args:
        given: The fields; a value of None means that the field is not given.

    Raises:
        InputError: Fields are given, but not the column of times.
    """
    present = {name: value for name, value in given.items() if value is not None}
    if present and "time_col" not in present:
        raise InputError("Daily features need a time column.", "Name it with --time-col (time_col).")
    return DailyRequest(**present) if present else None


def check_together(asked: DailyRequest) -> None:
    """Raise an InputError if options of a request contradict each other."""
    if asked.calendar is not None and not is_period(asked.calendar) and asked.day_tz is not None:
        raise InputError(
            "A calendar has days of its own, so a zone for days does not apply.",
            "Leave out --day-tz (day_tz), or --calendar (calendar).",
        )
    if asked.config.needs_texts and asked.text_col is None:
        raise InputError(
            f"To {asked.config.repeats} repeated texts, the texts are needed.",
            "Name their column with --text-col (text_col).",
        )
