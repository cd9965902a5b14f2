"""CPU seconds of the shortest job, `sentiscore score --limit 1`, and of the parts that it starts with.

    python -m tests.benches.start
    python -m tests.benches.start --other ../before    # the same of another checkout, in turn with this one

CPU seconds are those of the whole process with its threads, from the system. A part is what importing it adds in a
process of its own, to what the parts above it take.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PARTS: Final = (
    ("Python", ""),
    ("click, rich", "click rich"),
    ("numpy", "numpy"),
    ("polars", "polars"),
    ("pyarrow", "pyarrow"),
    ("tokenizers, safetensors, filelock", "tokenizers safetensors filelock"),
    ("sentiscore's command line", "sentiscore.cli.main sentiscore.cli.score"),
    ("torch", "sentiscore.engine"),
    ("the rest of sentiscore", "sentiscore.scoring.job"),
)
NO_LONGER: Final = (("scipy.special, scipy.optimize", "scipy.special scipy.optimize"), ("pandera", "pandera.polars"))
"""What was imported at every start before 0.2."""


def cpu_seconds(command: list[str], checkout: Path) -> float:
    """What a command takes, in seconds of CPU."""
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "in.csv").write_text("text\ngood news today\n", encoding="utf-8")
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime


def job(checkout: Path) -> float:
    """CPU seconds of the job."""
    options = ["--text-col", "text", "--limit", "1", "--output", "out.csv"]
    return cpu_seconds([sys.executable, "-m", "sentiscore", "score", "in.csv", *options], checkout)


def importing(modules: str) -> float:
    """CPU seconds of a process that imports these and ends as the command does."""
    code = f"import {', '.join(['gc', *modules.split()])}; gc.freeze()"
    return cpu_seconds([sys.executable, "-c", code], ROOT)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--other", type=Path, help="another checkout, measured in turn with this one")
    options = parser.parse_args()
    before, modules = 0.0, ""
    for name, added in (*PARTS, *NO_LONGER):
        modules = f"{modules} {added}"
        now = statistics.median(importing(modules) for _ in range(options.runs))
        print(f"{now - before:6.2f} s  {name}{'  (no longer)' if (name, added) in NO_LONGER else ''}")  # noqa: T201
        before = now
    checkouts = [ROOT, *([options.other.resolve()] if options.other else [])]
    found: dict[Path, list[float]] = {checkout: [] for checkout in checkouts}
    for _ in range(options.runs):
        for checkout in checkouts:
            found[checkout].append(job(checkout))
    for checkout, seconds in found.items():
        print(f"{statistics.median(seconds):6.2f} s  score --limit 1, {checkout}")  # noqa: T201
    if options.other:
        here, there = found.values()
        ratios = sorted(one / other for one, other in zip(here, there, strict=True))
        print(f"{statistics.median(ratios):6.2f}    of the other's, run by run ({ratios[0]:.2f} to {ratios[-1]:.2f})")  # noqa: T201


if __name__ == "__main__":
    main()
