"""How much memory a job holds at its peak, by the number of its rows.

python -m tests.benches.memory

Each number of rows is one parquet file of distinct texts, scored by `sentiscore score` in a process of its own.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

import click
import polars as pl
from rich.console import Console
from rich.table import Table

from sentiscore.checkpoint import DEFAULT
from tests.benches import machine, texts
from tests.benches.runner import ROOT, process_environment

_PART: Final = 50_000
_PAUSE_S: Final = 0.05


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--model", default=DEFAULT, help="default or a model folder.")
@click.option("--rows", multiple=True, default=(100_000, 1_000_000), type=click.IntRange(min=1), help="Rows of a file.")
def main(model: str, rows: tuple[int, ...]) -> None:
    """Score files of several sizes, and compare the most memory that each took."""
    table = Table(title=f"sentiscore score, {model}", title_justify="left")
    for name in ("rows", "peak MiB", "of the first", "rows/s, starting included"):
        table.add_column(name, justify="right")
    first = None
    for n in rows:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "texts.parquet"
            _write(path, n)
            peak, seconds = _run(path, model)
        first = first or peak
        table.add_row(f"{n:,}", f"{peak:,.0f}", f"{peak / first:.2f}", f"{n / seconds:,.0f}")
    console = Console(highlight=False, width=100)
    console.print(f"{machine.hardware()}, {datetime.now(UTC).date()}")
    console.print(table)


def _write(path: Path, rows: int) -> None:
    """A file of so many distinct texts, written in parts."""
    from sentiscore.tables import open_sink

    endless = _texts()
    with open_sink(path) as sink:
        for start in range(0, rows, _PART):
            part = list(islice(endless, min(_PART, rows - start)))
            sink.write(pl.DataFrame({"id": range(start, start + len(part)), "text": part}))


def _texts() -> Iterator[str]:
    known = [text for each in texts.text_sets(20_000, texts.shared_data()) for text in each.texts]
    number = 0
    while True:
        for text in known:
            yield f"{text} {number}"
            number += 1


def _run(path: Path, model: str) -> tuple[float, float]:
    """The most MiB that the process held, and the seconds it took."""
    command = [sys.executable, "-m", "sentiscore", "score", str(path), "--text-col", "text", "--model", model]
    start = time.perf_counter()
    peak = 0.0
    with subprocess.Popen(command, cwd=ROOT, env=process_environment(None), stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, _held(process.pid))
            time.sleep(_PAUSE_S)
    if process.returncode != 0:
        raise click.ClickException(f"scoring ended with code {process.returncode}")
    return peak, time.perf_counter() - start


def _held(pid: int) -> float:
    """The most MiB that a running process has held; it may end meanwhile."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 2**10 for line in status.splitlines() if line.startswith("VmHWM")), 0.0)


if __name__ == "__main__":
    main()
