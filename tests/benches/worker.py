"""The process of one contestant.

python -m tests.benches.worker TASK.json reads commands from stdin, one a line, and answers each with one line of
JSON on stdout. Whatever the libraries print goes to stderr.

    prepare   do what is done once for the model, then load it and score two rows
    start     load the model and score the first row
    warm      score a few rows
    round     score all the texts -> seconds, and tokens computed
    finish    write the probabilities of the last round -> peak memory
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Final

WARM_ROWS: Final = 32


def main() -> None:
    """Answer commands until stdin ends."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        job = _Job(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
        for line in sys.stdin:
            answers.write(json.dumps(job.do(line.strip())) + "\n")
            answers.flush()


class _Job:
    def __init__(self, raw: dict[str, Any]) -> None:
        from tests.benches.contestants import ENTRIES, Task

        task = Task(
            folder=Path(raw["folder"]),
            scorer_model=raw["scorer_model"],
            work=Path(raw["work"]),
            labels=tuple(raw["labels"]),
            device=raw["device"],
            threads=raw["threads"],
        )
        self._contestant = ENTRIES[raw["contestant"]].make(task)
        self._texts: list[str] = raw["texts"]
        self._output = Path(raw["output"])
        self._result: Any = None

    def do(self, command: str) -> dict[str, Any]:
        from sentiscore.errors import SentiscoreError
        from tests.benches.contestants import SkipError

        try:
            answer: dict[str, Any] = getattr(self, f"_{command}")()
        except SkipError as error:
            return {"skip": str(error)}
        except SentiscoreError as error:
            return {"skip": error.message}
        return answer

    def _prepare(self) -> dict[str, Any]:
        self._contestant.prepare()
        self._contestant.load()
        self._contestant.score(self._texts[:2])
        return {}

    def _start(self) -> dict[str, Any]:
        self._contestant.load()
        self._contestant.score(self._texts[:1])
        return {}

    def _warm(self) -> dict[str, Any]:
        self._contestant.score(self._texts[:WARM_ROWS])
        return {}

    def _round(self) -> dict[str, Any]:
        self._result = None
        before = self._contestant.tokens
        start = time.perf_counter()
        self._result = self._contestant.score(self._texts)
        seconds = time.perf_counter() - start
        after = self._contestant.tokens
        return {"seconds": seconds, "tokens": None if before is None or after is None else after - before}

    def _finish(self) -> dict[str, Any]:
        import numpy as np

        peak = _peak_memory_mib()
        np.save(self._output, self._contestant.probabilities(self._result))
        return {"peak_mib": peak}


def _peak_memory_mib() -> float:
    """The most memory this process has held.

    Linux keeps two such figures. `ru_maxrss` begins with what the process had before it became this program, and
    so with the memory of its parent; VmHWM begins anew, and is read where it can be.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
    return next(int(line.split()[1]) / 2**10 for line in status.splitlines() if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
