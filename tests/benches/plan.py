"""What `sentiscore plan` says of three jobs, divided by what they take: time, rows, memory and the size of the output.

python -m tests.benches.plan [--model default] [--device auto] [--seconds 8] [--scale 1] [--repeats 1] [--format csv]

The files are made up of the sample news' words: headlines, paragraphs and articles, of lengths that vary, a fifth of
them repeated. Plan and job are processes of their own, one after the other, each with the model loaded by itself. The
time of a job counts from the call of `score_file`, after imports. A ratio of 1.2 means that the plan says 20 % more
than the job took; the aim is 0.75 to 1.25 for the time of each file. Other work on the machine makes the ratios
worthless.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import polars as pl

from sentiscore import sample_news
from tests.benches.machine import hardware, load, versions

KINDS: Final = {"headlines": (10, 60_000), "paragraphs": (60, 12_000), "articles": (300, 3_000)}
"""The median words of a text, and the rows of a file at scale 1."""

_REPEATED: Final = 0.2

PLAN: Final = """
import json, sys
from sentiscore import ScorerOptions, plan_job

given = json.loads(sys.argv[1])
options = ScorerOptions(model=given["model"], device=given["device"])
plan = plan_job(given["source"], text_col="text", model=options, seconds=given["seconds"])
print(json.dumps(plan.to_dict()))
"""

JOB: Final = """
import json, resource, sys, time
from sentiscore import score_file
import sentiscore.scoring.scorer

given = json.loads(sys.argv[1])
start = time.perf_counter()
done = score_file(
    given["source"], text_col="text", model=given["model"], device=given["device"], output=given["output"], resume=False
)
seconds = time.perf_counter() - start
most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"seconds": seconds, "rows": done.rows, "memory": most, "texts": done.texts_scored}))
"""


def texts_of(words: int, rows: int, rng: random.Random) -> list[str]:
    """Texts of about so many words, with lengths from a log-normal distribution, some of them repeated."""
    headlines = pl.read_parquet(sample_news())["headline"].drop_nulls().to_list()
    every = [word for headline in headlines for word in headline.split()]
    texts: list[str] = []
    for _ in range(rows):
        if texts and rng.random() < _REPEATED:
            texts.append(texts[-rng.randint(1, min(len(texts), 1_000))])
        else:
            texts.append(" ".join(rng.choices(every, k=max(3, round(rng.lognormvariate(0, 0.4) * words)))))
    return texts


def write_texts(path: Path, words: int, rows: int) -> None:
    """A file of texts with an id and a time, as news have."""
    rng = random.Random(7)  # noqa: S311 - no secret
    frame = pl.DataFrame({"id": range(rows), "at": "2024-01-02T10:00:00Z", "text": texts_of(words, rows, rng)})
    if path.suffix == ".csv":
        frame.write_csv(path)
    else:
        frame.write_parquet(path)


def run(code: str, given: dict[str, Any]) -> dict[str, Any]:
    """Run code in a process of its own; returns what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(given)], stdout=subprocess.PIPE, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def compare(given: dict[str, Any]) -> dict[str, float]:
    """The plan of a job and the job; returns the times, and what the plan says divided by what the job took."""
    plan, job = run(PLAN, given), run(JOB, given)
    output = Path(given["output"]).stat().st_size
    return {
        "planned": plan["seconds"],
        "low": plan["low"],
        "high": plan["high"],
        "took": job["seconds"],
        "time": plan["seconds"] / job["seconds"],
        "rows": plan["rows"] / job["rows"],
        "texts": plan["rows"] * plan["distinct"] / job["texts"],
        "memory": (plan["memory"] or 0) / job["memory"],
        "output": plan["output_bytes"] / output,
    }


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--scale", type=float, default=1.0, help="rows, as a multiple")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--format", choices=["parquet", "csv"], default="parquet")
    options = parser.parse_args(arguments)
    print(hardware(), versions(), f"load {load()}", sep="\n")  # noqa: T201
    with tempfile.TemporaryDirectory() as folder:
        for kind, (words, rows) in KINDS.items():
            source = Path(folder) / f"{kind}.{options.format}"
            write_texts(source, words, max(1, round(rows * options.scale)))
            given = {
                "source": str(source),
                "output": str(Path(folder) / f"{kind}.out.parquet"),
                "model": options.model,
                "device": options.device,
                "seconds": options.seconds,
            }
            for _ in range(options.repeats):
                found = compare(given)
                ratios = ", ".join(
                    f"{name} {found[name]:.2f}" for name in ("time", "rows", "texts", "memory", "output")
                )
                print(  # noqa: T201
                    f"{kind}: planned {found['planned']:.1f} s ({found['low']:.1f} to {found['high']:.1f}), "
                    f"took {found['took']:.1f} s; plan divided by job: {ratios}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
