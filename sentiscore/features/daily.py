"""Scored rows -> one row for each entity and session, which contains only what was known at its cutoff."""

from datetime import datetime
from functools import partial
from typing import cast

import polars as pl

from sentiscore.contracts import check_frame
from sentiscore.features.config import DailyConfig
from sentiscore.features.daily_sums import DailySums
from sentiscore.features.request import DailyRequest
from sentiscore.features.sessions import Calendar
from sentiscore.frames import Frame, opened
from sentiscore.tables.exact import exactly


def daily(
    scored: Frame,
    *,
    time_col: str,
    entity_col: str | None = None,
    entity_separator: str | None = None,
    calendar: Calendar = None,
    text_col: str | None = None,
    weight_col: str | None = None,
    id_col: str | None = None,
    arrived_col: str | None = None,
    tz: str | None = None,
    time_format: str | None = None,
    time_unit: str | None = None,
    midnight: str | None = None,
    day_tz: str | None = None,
    prefix: str = "",
    config: DailyConfig | None = None,
    as_of: str | datetime | None = None,
) -> Frame:
    """Daily sentiment features per entity.

    A text counts for the first session whose cutoff is strictly after the instant at which it could be used:
    when it was published, plus the config's latency. So every text of a row was known before the row's
    `available_at`, and a forecast made at `available_at` or later may use the row. A row never depends on a text
    of a later session.

    Args:
        scored: Scored rows, in any order: a frame of polars, or of pandas, pyarrow, DuckDB or another library that
            narwhals knows, which needs the extra `frames`. The result is a frame of the same library; pandas holds the
            dates as times at midnight. A polars LazyFrame gives one, for which only the needed columns are collected.
        time_col: When each text appeared: times with a zone, or text with an offset, as ISO 8601 or with the month as a
            word ("Fri, 05 Jan 2024 15:59:00 -0500"). Times without a zone, and dates, need `tz`; a date counts as the
            end of that day.
        entity_col: The series a text belongs to, such as a ticker; None for one series called "all". With a column of
            lists, a text counts for each of its entities. Blank names, NaN, <NA> and None are not entities.
        entity_separator: What separates the entities of a text if the column holds several in one text, such as ";".
        calendar: The sessions. None: every calendar day, from midnight to midnight in `day_tz`. "weekly" (Monday to
            Sunday), "W-FRI" (weeks that end on Friday) and the like, "monthly", "quarterly": periods that begin and end
            at a midnight in `day_tz`. The code of an exchange, such as "XNYS": its trading days. A frame, or the
            name of a file, of sessions: ds, open, close.
        text_col: The texts, of which only hashes are kept: for n_unique, and to drop or discount repeats.
        weight_col: How much each text counts, from 0 (not at all) to 2**20: its relevance, length or the model's
            confidence.
        id_col: What identifies a text: text or whole numbers. Rows of an entity with the same id count once, as the one
            that was published first. A row without an id counts separately.
        arrived_col: When each row came, in the form of `time_col`. A text can be used from then on, if that is later
            than `time_col` and the config's latency: a late row counts for the first session that a live model could
            have known it in. Without a value, a row counts as if it had come at once.
        tz: The zone of times without one, and of zone letters such as ET.
        time_format: A strptime pattern that all texts in `time_col` have, such as "%d/%m/%Y %H:%M", or "rfc2822".
        time_unit: What numbers in `time_col` count since 1970: "s", "ms", "us" or "ns".
        midnight: What a time of exactly midnight is: a "date", which counts as the end of that day, or the "instant".
            By default instants, or dates (with a warning) if there are far more than chance would give.
        day_tz: The zone whose midnight ends a day; by default `tz`, or UTC without it. Not with an exchange or a
            frame of sessions.
        prefix: The prefix of the scored columns.
        config: Cutoff, latency, windows, repeats, fills, and which columns; `DailyConfig()` by default.
        as_of: The instant at which the features are made: a time with a zone, or ISO 8601 text with an offset. Then
            every entity has rows up to the last session whose cutoff is at or before it, and not of later ones,
            as an update at that instant gives; texts that appeared after it are left out and counted, with a warning.

    Returns:
        One row for each entity and session, from the entity's first to the last of any entity (or that of `as_of`)
        without gaps, sorted:

        - unique_id: the entity, as in `entity_col`.
        - ds: the date of the session; of a period, its last day.
        - session_idx: its position in the calendar, the same for all entities.
        - available_at: its cutoff, in UTC.
        - n_docs: texts that were scored and counted; 0 in sessions without any. Discounted repeats count by their
          shares: the sum is rounded up, and at least n_unique.
        - n_unique: distinct texts among them; null without `text_col`.
        - news_flag: 1 if n_docs is more than 0.
        - sessions_since_news: sessions since the latest one with news, 0 in such a session; null before the first.
        - n_calendar_days: days since the previous session; 3 on most Mondays of an exchange.
        - sent_mean: mean sentiment, in [-1, 1].
        - sent_shrunk: the mean pulled towards the entity's past, the more the fewer texts there are.
        - sent_std: sample standard deviation (n - 1) of sentiment; null below two texts.
        - pos_share, neg_share, neu_share: shares of the texts by label, in [0, 1]; they sum to 1 where there is news.
        - bullishness: ln((1 + positive texts) / (1 + negative texts)).
        - disagreement: 0 if all opinions are alike, 1 if they are evenly divided; null if no text has one.
        - uncertainty: how uncertain the model was, mean over the texts, from 0 to 1; null without probabilities.
        - sent_decay_{h}: mean over all texts so far, which count half as much every h sessions.
        - sent_momentum: the difference of two such means.
        - sent_z_{w}: sent_mean in deviations from the w sessions before; a deviation counts as at least 0.02.
        - abnormal_volume_{w}: log of the number of texts divided by the usual number for as many calendar days,
          from the w sessions before.
        - tone_mean: mean tone (the log odds of positive against negative, in nats), in [-6.91, 6.91]; null where no
          text has a tone or probabilities.
        - tone_std: its sample standard deviation; null below two texts, or where a text has no tone.
        - tone_decay_{h}: the mean tone of all texts so far, which count half as much every h sessions.

        Without news, columns about a session's own texts are null, unless the config fills them. The
        functions in sentiscore/features/columns.py give each formula with its source.

    Raises:
        InputError: A column is missing, or a time cannot be read or has no zone.
        MissingExtraError: The calendar is that of an exchange, and exchange_calendars is not installed; or the frame is
            not one of polars, and narwhals is not installed.
    """
    request = DailyRequest.of(
        time_col=time_col,
        entity_col=entity_col,
        entity_separator=entity_separator,
        calendar=calendar,
        text_col=text_col,
        weight_col=weight_col,
        id_col=id_col,
        arrived_col=arrived_col,
        tz=tz,
        time_format=time_format,
        time_unit=time_unit,
        midnight=midnight,
        day_tz=day_tz,
        prefix=prefix,
        config=config,
        as_of=as_of,
    )
    given, sums = opened(scored, "The scored rows"), DailySums(request)
    schema = given.schema
    needed = sums.columns.needed(schema)
    if not {*needed} <= {*schema}:
        sums.check_schema(schema)
    needed = [name for name in needed if name in schema]
    if isinstance(scored, pl.LazyFrame):
        return cast("Frame", _lazily(scored.select(exactly(*needed)), request))
    return cast("Frame", given.like(daily_of(given.read(needed), request)))


def _lazily(scored: pl.LazyFrame, request: DailyRequest) -> pl.LazyFrame:
    """A query of the daily features; their columns are those that no rows give."""
    schema = daily_of(pl.DataFrame(schema=scored.collect_schema()), request).schema
    return scored.map_batches(partial(daily_of, request=request), schema=schema)


def daily_of(scored: pl.DataFrame, request: DailyRequest) -> pl.DataFrame:
    """The same as `daily`, for a request."""
    sums = DailySums(request)
    check_frame(scored, "The scored rows")
    if request.time_col in scored.columns:
        sums.settle([scored])
    sums.add(scored)
    return sums.finish()
