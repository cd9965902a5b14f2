"""What scoring in other processes costs, beside one process with the same cores: wall and processor time.

python -m tests.benches.workers [--rows 500000] [--workers 2] [--engines local,ray] [--repeats 3]

One process with one core comes first, then one process with as many cores as there are workers, then the workers with a
core each. The model is the default one; the texts are the headlines of the sample news with a number each, so that none
repeats. Each run is a process of its own, and runs of all kinds take turns. Processor time counts every process that
belongs to a run; that of a Ray cluster is read from its workers and Ray's own processes before they end.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import polars as pl

from sentiscore import sample_news
from tests.benches.machine import hardware, load, versions

TICKS: Final = os.sysconf("SC_CLK_TCK")
CODE: Final = """
import json, sys, time
from sentiscore import score_file

given = json.loads(sys.argv[1])
start = time.perf_counter()
summary = score_file(text_col="headline", **given)
print(json.dumps({"seconds": time.perf_counter() - start, "scoring": summary.seconds}))
"""


def write_texts(path: Path, rows: int) -> None:
    """So many different headlines."""
    headlines = pl.read_parquet(sample_news())["headline"].drop_nulls().to_list()
    texts = [f"{headlines[i % len(headlines)]} {i}" for i in range(rows)]
    pl.DataFrame({"headline": texts}).write_parquet(path)


def run(given: dict[str, Any], cores: int) -> dict[str, float]:
    """Run a job in a process of its own; returns its seconds and the processor seconds of all its processes."""
    with tempfile.TemporaryDirectory() as folder:
        named = given | {"output": str(Path(folder) / "out.parquet")}
        process = subprocess.Popen(
            [sys.executable, "-c", CODE, json.dumps(named)],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": str(cores)},
            start_new_session=True,
        )
        seen: dict[int, float] = {}
        while process.poll() is None:
            seen |= cpu_seconds_below(process.pid)
            time.sleep(0.2)
        assert process.stdout is not None
        printed = process.stdout.read()
        if process.returncode:
            raise SystemExit(f"a run failed: {named}")
    return json.loads(printed) | {"cpu": sum(seen.values())}


def cpu_seconds_below(process: int) -> dict[int, float]:
    """The processor seconds of a process and of everything that it has started, by the number of the process."""
    found: dict[int, float] = {}
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        found[process] = (int(fields[11]) + int(fields[12])) / TICKS
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in (task / "children").read_text(encoding="utf-8").split():
                found |= cpu_seconds_below(int(child))
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        pass
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--engines", default="local,ray")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print(hardware(), versions(), f"load {load()}", sep="\n")  # noqa: T201
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "texts.parquet"
        write_texts(source, options.rows)
        job: dict[str, Any] = {"source": str(source)}
        ways: dict[str, tuple[dict[str, Any], int]] = {
            "one process, one core": (job | {"device": "cpu"}, 1),
            f"one process, {options.workers} cores": (job | {"device": "cpu"}, options.workers),
        }
        if "local" in options.engines:
            ways["processes"] = (job | {"devices": ["cpu"] * options.workers}, options.workers)
        if "ray" in options.engines:
            ways["Ray"] = (job | {"engine": "ray", "workers": options.workers}, options.workers)
        found: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
        for _ in range(options.repeats):
            for way, (given, cores) in ways.items():
                found[way].append(run(given, cores))
    same = f"one process, {options.workers} cores"
    for way, runs in found.items():
        median = {name: statistics.median(each[name] for each in runs) for name in runs[0]}
        base = {name: statistics.median(each[name] for each in found[same]) for name in runs[0]}
        print(  # noqa: T201
            f"{way}: {options.rows / median['scoring']:,.0f} rows/s, {median['seconds']:.0f} s with the start, "
            f"{median['cpu']:.0f} CPU s; ratio to the same cores in one process: "
            f"wall {median['seconds'] / base['seconds']:.2f}, CPU {median['cpu'] / base['cpu']:.2f}"
        )


if __name__ == "__main__":
    main()
