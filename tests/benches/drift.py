"""How often the drift report alarms though nothing has changed, and how much memory a profile takes.

python -m tests.benches.drift
python -m tests.benches.drift --nights 0 --memory-rows 1000000
python -m tests.benches.drift --scored news.scored.parquet --text-col headline --time-col published_at

A night takes rows of one and the same source, deals them out at random into two halves, and compares these. Then come
nights of one day each against the eight weeks before it, whose days differ in volume; of scored rows that are given
they are the days of the file, which do change, as news does.
"""

import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import click
import polars as pl
from rich.console import Console
from rich.table import Table

import sentiscore
from sentiscore.monitoring.thresholds import THRESHOLDS
from tests.benches import machine
from tests.benches.runner import ROOT, process_environment
from tests.scored_rows import START, scored_rows

_WEEKS: Final = 8
_PART: Final = 100_000
_MEASURE: Final = """
import resource, sys, time
from pathlib import Path
import sentiscore
start = time.perf_counter()
sentiscore.monitor(Path(sys.argv[1]), reference=Path(sys.argv[1]), text_col="text", time_col="published_at")
seconds = time.perf_counter() - start
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10, seconds)
"""

Nights = Iterator[tuple[pl.DataFrame, pl.DataFrame]]


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--nights", default=1_000, type=click.IntRange(min=0), help="Nights of each size; 0 for none.")
@click.option("--rows", multiple=True, default=(200, 2_000, 50_000), type=click.IntRange(min=2), help="Rows of a half.")
@click.option("--scored", type=click.Path(path_type=Path), help="Halves of these scored rows instead of made-up ones.")
@click.option("--text-col", default="text", help="Its column of texts.")
@click.option("--time-col", default="published_at", help="Its column of times.")
@click.option("--memory-rows", multiple=True, type=click.IntRange(min=1), help="Measure the memory of such files.")
def main(
    nights: int,
    rows: tuple[int, ...],
    scored: Path | None,
    text_col: str,
    time_col: str,
    memory_rows: tuple[int, ...],
) -> None:
    """Count false alarms by check, and measure memory."""
    console = Console(highlight=False, width=120)
    console.print(f"{machine.hardware()}, {datetime.now(UTC).date()}")
    columns = (text_col, time_col)
    if nights:
        found: dict[str, Counter[str]] = {}
        for n in rows:
            pairs = _halves(n, nights, None if scored is None else pl.read_parquet(scored))
            found[f"halves, {n:,}"] = _alarms(pairs, columns)
        days = _days(200, nights) if scored is None else _days_of(pl.read_parquet(scored), time_col, nights)
        found["days" if scored else "days, 200"] = _alarms(days, columns)
        _show(console, found)
    for n in memory_rows:
        console.print(_memory(n))


def _halves(n: int, nights: int, pool: pl.DataFrame | None) -> Nights:
    for night in range(nights):
        rows = scored_rows(2 * n, seed=night, days=28) if pool is None else pool
        drawn = rows.sample(2 * n, shuffle=True, seed=night)
        yield drawn.head(n), drawn.tail(n)


def _days(n: int, nights: int) -> Nights:
    """About n rows a day: the last day against those before it."""
    for night in range(nights):
        days = 7 * _WEEKS + 1 + night % 7
        rows = scored_rows(n * days, seed=night, days=days, day_spread=0.2)
        last = START + timedelta(days=days - 1)
        yield rows.filter(pl.col("published_at") >= last), rows.filter(pl.col("published_at") < last)


def _days_of(rows: pl.DataFrame, time_col: str, nights: int) -> Nights:
    """Each day of a file, in UTC, against the weeks before it; the days are spread over the file."""
    dated = rows.with_columns(day=pl.col(time_col).dt.convert_time_zone("UTC").dt.date()).sort("day")
    days = dated["day"].unique().sort()
    days = days.filter(days >= days[0] + timedelta(weeks=_WEEKS))
    for day in days.gather_every(max(1, -(-days.len() // nights))):
        before = dated.filter(pl.col("day").is_between(day - timedelta(weeks=_WEEKS), day, closed="left"))
        yield dated.filter(pl.col("day") == day), before


def _alarms(pairs: Nights, columns: tuple[str, str]) -> Counter[str]:
    found: Counter[str] = Counter()
    for now, then in pairs:
        report = sentiscore.monitor(now, reference=then, text_col=columns[0], time_col=columns[1])
        found.update(check.name for check in report.alarms)
        found.update(f"rare {check.name}" for check in report.checks if check.value > check.chance)
        found.update(f"skipped {name}" for name in report.skipped)
        found["any"] += not report.passed
        found["nights"] += 1
    return found


def _show(console: Console, found: dict[str, Counter[str]]) -> None:
    title = "alarms without a change; in brackets, values beyond chance, whatever the threshold"
    table = Table(title=title, title_justify="left")
    table.add_column("check")
    for name in found:
        table.add_column(name, justify="right")
    for name in ("nights", *THRESHOLDS, "any"):
        table.add_row(name, *(_cell(counts, name) for counts in found.values()))
    console.print(table)


def _cell(counts: Counter[str], name: str) -> str:
    if name in ("any", "nights"):
        return f"{counts[name]:,}"
    skipped = counts[f"skipped {name}"]
    return "not checked" if skipped == counts["nights"] else f"{counts[name]:,} ({counts[f'rare {name}']:,})"


def _memory(n: int) -> str:
    """The most memory of a process that compares a file of so many distinct texts with itself."""
    from sentiscore.tables import open_sink

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.scored.parquet"
        with open_sink(path) as sink:
            for start in range(0, n, _PART):
                sink.write(scored_rows(min(_PART, n - start), seed=start, days=28))
        command = [sys.executable, "-c", _MEASURE, str(path)]
        done = subprocess.run(
            command, cwd=ROOT, env=process_environment(None), capture_output=True, text=True, check=True
        )
    peak, seconds = (float(part) for part in done.stdout.split())
    return f"{n:,} rows compared with themselves: peak {peak:,.0f} MiB, {2 * n / seconds:,.0f} rows/s"


if __name__ == "__main__":
    main()
