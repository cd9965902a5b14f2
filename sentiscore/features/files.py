"""A file of scored rows -> a file of daily features, in bounded memory."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import polars as pl

from sentiscore.errors import OutputError
from sentiscore.features.config import DailyConfig
from sentiscore.features.daily import DailySums
from sentiscore.features.sessions import Calendar
from sentiscore.tables import Source, check_target, open_source, write_frame

_WINDOW_ROWS: Final = 262_144


@dataclass(frozen=True)
class DailyFile:
    """What was written.

    Attributes:
        output: The file of daily features.
        rows: Scored rows read.
        n_unplaced: Rows left out because they have no time or no entity, or cannot be placed.
        daily: The daily features.
    """

    output: Path
    rows: int
    n_unplaced: int
    daily: pl.DataFrame


def daily_file(
    scored: str | Path,
    *,
    time_col: str,
    entity_col: str | None = None,
    calendar: Calendar = None,
    text_col: str | None = None,
    weight_col: str | None = None,
    output: str | Path | None = None,
    tz: str | None = None,
    day_tz: str | None = None,
    prefix: str = "",
    config: DailyConfig | None = None,
    as_of: str | datetime | None = None,
) -> DailyFile:
    """Make daily features of a file of scored rows; see `daily` for what they are.

    Args:
        scored: A file that scoring wrote.
        time_col: When each text appeared.
        entity_col: The series each text belongs to.
        calendar: The sessions; see `daily` for this and the next two.
        text_col: The texts.
        weight_col: How much each text counts.
        output: A .parquet, .csv or .ndjson file; by default NAME.daily.parquet beside the input.
        tz: The zone of times that carry none.
        day_tz: The zone whose midnight ends a day; by default `tz`, or UTC where there is none.
        prefix: The prefix that the scored columns were given.
        config: Everything else.
        as_of: The instant at which the features are made; see `daily`.

    Raises:
        InputError: The file is not of scored rows, or a time cannot be read.
        OutputError: The output cannot be written.
    """
    source = open_source(scored)
    sums = DailySums(
        time_col=time_col,
        entity_col=entity_col,
        calendar=calendar,
        text_col=text_col,
        weight_col=weight_col,
        tz=tz,
        day_tz=day_tz,
        prefix=prefix,
        config=config,
        as_of=as_of,
    )
    target = check_target(output or default_daily(source.path), pl.Schema())
    if target.resolve() == source.path.resolve():
        raise OutputError(f"{target} is the file that is read.", "Choose another place with --output.")
    rows = add_file(sums, source)
    daily = sums.finish()
    write_frame(daily, target)
    return DailyFile(output=target, rows=rows, n_unplaced=sums.n_unplaced, daily=daily)


def add_file(sums: DailySums, source: Source) -> int:
    """Add all rows of a file, a window at a time; how many they were."""
    sums.add(pl.DataFrame(schema=source.schema))  # says what is missing, and makes no rows give an empty frame
    return sums.add_all(source.windows(_WINDOW_ROWS, sums.columns.needed(source.schema)))


def default_daily(source: str | Path) -> Path:
    """Where daily features go by default: news.csv.gz or news.scored.parquet -> news.daily.parquet."""
    return beside(Path(source), "daily")


def beside(path: Path, what: str) -> Path:
    """news.csv.gz, news.parquet or news.scored.parquet -> news.WHAT.parquet in the same folder."""
    plain = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    stem = plain.stem.removesuffix(".scored")
    return path.with_name(f"{stem}.{what}.parquet")
