"""How many news items are in a session that closed before they appeared, with the original and the corrected stamps.

python pipelines/leak_demo/alcoa.py --data FOLDER

The file's stamps are declared as UTC. They were made by shifting the times of New York by its offset in the wrong
direction, so each stamp is too early by twice the offset: 10 hours in winter, 8 in summer.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import polars as pl

import sentiscore
from placed import sessions_of

ZONE = "America/New_York"
BEFORE_OPEN = "open-30m"


def mended(stamped: pl.Expr) -> pl.Expr:
    """The true instant of a stamp with the wrong sign of New York's offset.

    The offset is looked up 9 hours after the stamp, which is within an hour of the truth; only in the nights of clock
    changes can that be the wrong offset.
    """
    local = stamped.dt.offset_by("9h").dt.convert_time_zone(ZONE)
    return stamped - 2 * (local.dt.base_utc_offset() + local.dt.dst_offset())


def share_before_the_open(rows: pl.DataFrame, column: str) -> float:
    """The share of rows from 4:00 to 9:30 in New York, the hours of pre-market trading."""
    clock = pl.col(column).dt.convert_time_zone(ZONE).dt.time()
    return float(rows.select(clock.is_between(pl.time(4, 0), pl.time(9, 30), closed="left").mean()).item())


def in_a_closed_session(rows: pl.DataFrame, column: str, *, appeared: str, cutoff: str = "close") -> int:
    """How many rows this column assigns to a session whose cutoff had passed when they appeared."""
    placed = rows.join(sessions_of(rows, column, cutoff), on=column)
    return placed.filter(pl.col(appeared) >= pl.col("available_at")).height


def measure(file: Path) -> dict[str, Any]:
    """Everything that is printed."""
    rows = pl.read_csv(file).with_columns(stamped=pl.col("Date").str.to_datetime("%Y-%m-%d %H:%M:%S%:z"))
    rows = sentiscore.Scorer.from_pretrained().score_frame(
        rows.with_columns(mended=mended(pl.col("stamped"))), text_col="New_text"
    )
    hours = (rows["mended"] - rows["stamped"]).dt.total_hours()
    named = rows.filter(pl.col("Url").str.contains("pre-market"))
    before, after = (in_a_closed_session(rows, column, appeared="mended") for column in ("stamped", "mended"))
    at_open = in_a_closed_session(rows, "stamped", appeared="mended", cutoff=BEFORE_OPEN)
    return {
        "rows": rows.height,
        "rows by hours that the stamp is early": {str(h): n for h, n in sorted(hours.value_counts().iter_rows())},
        "rows in a session that had closed, as stamped": before,
        "share of rows": before / rows.height,
        "rows in a session that had closed, mended": after,
        "rows in a session 30 minutes before whose open they had not appeared, as stamped": at_open,
        "share of rows so": at_open / rows.height,
        "rows whose address says pre-market": named.height,
        "of these from 4:00 to 9:30 in New York, as stamped": share_before_the_open(named, "stamped"),
        "of these from 4:00 to 9:30 in New York, mended": share_before_the_open(named, "mended"),
    }


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder with leak/alcoa_news.csv")
    arguments = parser.parse_args()
    sys.stdout.write(json.dumps(measure(arguments.data / "leak/alcoa_news.csv"), indent=2) + "\n")


if __name__ == "__main__":
    main()
