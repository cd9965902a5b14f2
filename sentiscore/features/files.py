"""A file of scored rows -> a file of daily features, in bounded memory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Unpack

import polars as pl

from sentiscore.errors import OutputError
from sentiscore.features.daily import DailySums, Settings
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


def daily_file(scored: str | Path, *, output: str | Path | None = None, **settings: Unpack[Settings]) -> DailyFile:
    """Make daily features of a file of scored rows; see `daily` for what they are.

    Args:
        scored: A file that scoring wrote.
        output: A .parquet, .csv or .ndjson file; by default NAME.daily.parquet beside the input.
        settings: The other arguments of `daily`.

    Raises:
        InputError: The file is not of scored rows, or a time cannot be read.
        OutputError: The output cannot be written.
    """
    source = open_source(scored)
    sums = DailySums(**settings)
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
