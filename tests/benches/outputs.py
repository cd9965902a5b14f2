"""What reading outputs back costs, beside writing them: time for each format, and memory.

python -m tests.benches.outputs [--rows 1000000]

The rows are made-up scored rows of ten columns, written in windows of 32,768. Reading back is asked to go to the disk.
Its memory is the peak of a process that does nothing else, less what the process has after its imports.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import polars as pl

from sentiscore.tables import hash_output, open_sink, sink
from sentiscore.tables.readback import read_back
from tests.benches.daily import make_rows
from tests.benches.machine import hardware, load, versions

WINDOW: Final = 32_768
NAMES: Final = ("out.parquet", "out.csv", "out.ndjson", "folder")


def measure(rows: pl.DataFrame, path: Path) -> tuple[float, float]:
    """Seconds of everything up to an output in place, and of reading it back."""
    spent = 0.0

    def timed(part: Path, **others: Any) -> None:
        nonlocal spent
        start = time.perf_counter()
        read_back(part, **others)
        spent += time.perf_counter() - start

    sink.read_back = timed  # type: ignore[attr-defined]
    start = time.perf_counter()
    with open_sink(path, folder="." not in path.name) as out:
        for at in range(0, rows.height, WINDOW):
            out.write(rows.slice(at, WINDOW))
    return time.perf_counter() - start, spent


def peak_mib(path: Path, rows: int) -> float:
    """What reading back takes in memory, in a process of its own."""
    command = [sys.executable, "-m", "tests.benches.outputs", "--read-back", str(path), "--rows", str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout))


def work(path: Path, rows: int) -> float:
    """Read an output back here, and say by how much the peak rose, in MiB."""
    import pyarrow.json
    import pyarrow.parquet  # noqa: F401 - importing is not what is measured

    schema: Any = pl.read_parquet_schema(path) if path.suffix == ".parquet" else None
    if schema is None:
        with path.open(encoding="utf-8") as file:
            first = file.readline()
        schema = list(json.loads(first)) if path.suffix == ".ndjson" else first.rstrip("\n").split(",")
    sha256 = hash_output(path)
    before = _peak_kib()
    read_back(path, target=path, suffix=path.suffix, rows=rows, schema=schema, sha256=sha256)
    return (_peak_kib() - before) / 1024


def _peak_kib() -> int:
    """The most memory that this process ever had; Linux alone tells it without that of the parent."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0])


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--read-back", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read_back is not None:
        print(work(options.read_back, options.rows))  # noqa: T201
        return
    print(hardware(), versions(), f"load {load()}", sep="\n")  # noqa: T201
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "made.parquet"
        make_rows(made, options.rows, 500)
        rows = pl.read_parquet(made)
        for name in NAMES:
            path = Path(folder) / name
            whole, back = measure(rows, path)
            parts = sorted(path.iterdir()) if path.is_dir() else [path]
            size = sum(part.stat().st_size for part in parts) / 1e6
            memory = "" if path.is_dir() else f", {peak_mib(path, options.rows):.0f} MiB"
            print(  # noqa: T201
                f"{name}: {size:.0f} MB, written in {whole - back:.2f} s, read back in {back:.2f} s "
                f"({back / (whole - back):.0%}){memory}"
            )


if __name__ == "__main__":
    main()
