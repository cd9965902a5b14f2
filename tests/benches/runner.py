"""Contestants in processes of their own, one round after the other, on the same texts."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer
from types import TracebackType
from typing import IO, Any, Final, Self

import numpy as np

from tests.benches.contestants import Probabilities
from tests.benches.models import BenchModel

ROOT: Final = Path(__file__).parents[2]


class GaveUpError(Exception):
    """A contestant's process skipped, died or took too long; the message says which."""


@dataclass
class Measured:
    """What was seen of one contestant on one set of texts.

    Attributes:
        seconds: Time of each round over all the texts.
        first_row_s: From the start of the process to the first scored row.
        peak_mib: The most memory the process held.
        tokens: Tokens computed in a round, padding included; None where that is unknown.
        probabilities: Its answers, shape (texts, labels).
        skipped: Why there are no figures; None where there are.
    """

    seconds: list[float] = field(default_factory=list)
    first_row_s: float | None = None
    peak_mib: float | None = None
    tokens: int | None = None
    probabilities: Probabilities | None = None
    skipped: str | None = None


@dataclass(frozen=True)
class Setting:
    """What is the same for every process.

    Attributes:
        device: Where to compute.
        threads: With how many threads.
        limit_s: Seconds that one answer of a process may take.
        note: Called with a line about how it goes.
    """

    device: str
    threads: int
    limit_s: float
    note: Callable[[str], None]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the processes see."""
        return process_environment(self.threads)


def process_environment(threads: int | None) -> dict[str, str]:
    """The variables of a process: no network, and the threads where their number is known."""
    limits = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS", "POLARS_MAX_THREADS")
    fixed = {} if threads is None else dict.fromkeys(limits, str(threads))
    return {**os.environ, "HF_HUB_OFFLINE": "1", **fixed}


class Worker:
    """One process, and what it says.

    Args:
        job: What `tests.benches.worker` reads.
        setting: Environment and time limit.
        folder: Where its files go.
    """

    def __init__(self, job: Mapping[str, Any], setting: Setting, folder: Path) -> None:
        path = folder / "job.json"
        path.write_text(json.dumps(dict(job)), encoding="utf-8")
        self._limit = setting.limit_s
        self._late = False
        self._errors = (folder / "stderr.txt").open("w+", encoding="utf-8")
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.benches.worker", str(path)],
            cwd=ROOT,
            env=setting.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def ask(self, command: str) -> dict[str, Any]:
        """Give a command and wait for its answer.

        Raises:
            GaveUpError: There is none, or it is a reason to skip.
        """
        timer = Timer(self._limit, self._too_late)
        timer.start()
        try:
            stdin, stdout = _open(self._process.stdin), _open(self._process.stdout)
            stdin.write(command + "\n")
            stdin.flush()
            line = stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            timer.cancel()
        if not line:
            raise GaveUpError(self._cause_of_death())
        answer: dict[str, Any] = json.loads(line)
        if "skip" in answer:
            raise GaveUpError(answer["skip"])
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def _too_late(self) -> None:
        self._late = True
        self._process.kill()

    def _cause_of_death(self) -> str:
        code = self._process.wait()
        if self._late:
            return f"took longer than {self._limit:g} s"
        if code < 0:
            return f"died of {signal.Signals(-code).name}"
        self._errors.seek(0)
        lines = [line.strip() for line in self._errors if line.strip()]
        return lines[-1] if lines else f"ended with code {code}"


def _open(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise RuntimeError("the process has no pipes")
    return pipe


def prepare(
    names: Iterable[str], model: BenchModel, texts: Sequence[str], setting: Setting, work: Path
) -> dict[str, str | None]:
    """Let each contestant do what it does once for a model, and see whether it runs at all.

    It also reads the files that will be read again, so that nobody's first row waits for a cold disk.

    Returns:
        By name, why it cannot take part; None where it can.
    """
    skipped: dict[str, str | None] = {}
    for name in names:
        setting.note(f"{model.name}: {name} gets ready")
        with tempfile.TemporaryDirectory() as folder:
            try:
                with Worker(_job(name, model, texts[:2], setting, work), setting, Path(folder)) as worker:
                    worker.ask("prepare")
                skipped[name] = None
            except GaveUpError as reason:
                skipped[name] = str(reason)
    return skipped


def measure(
    skipped: Mapping[str, str | None],
    model: BenchModel,
    texts: Sequence[str],
    setting: Setting,
    work: Path,
    repeats: int,
) -> dict[str, Measured]:
    """Score the texts with every contestant, round by round.

    The processes start one after the other, and then take turns: each round goes through all of them, every
    second one backwards, so that a noisy minute of the machine meets everyone.

    Args:
        skipped: What `prepare` gave.
        model: The model.
        texts: The texts.
        setting: Device, threads and time limit.
        work: Where `prepare` left what it made.
        repeats: Rounds.
    """
    measured = {name: Measured(skipped=reason) for name, reason in skipped.items()}
    with ExitStack() as stack:
        workers: dict[str, Worker] = {}

        def attempt(name: str, step: Callable[[Worker, Measured], None]) -> None:
            try:
                step(workers[name], measured[name])
            except GaveUpError as reason:
                measured[name] = Measured(skipped=str(reason))
                del workers[name]

        for name, reason in skipped.items():
            if reason is None:
                setting.note(f"{model.name}: {name} starts")
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                job = _job(name, model, texts, setting, work)
                workers[name] = stack.enter_context(Worker(job, setting, folder))
                attempt(name, _start)
        for turn in range(repeats):
            setting.note(f"{model.name}: round {turn + 1} of {repeats}")
            for name in list(workers)[:: -1 if turn % 2 else 1]:
                attempt(name, _round)
        for name in list(workers):
            attempt(name, _finish)
            if measured[name].skipped is None:
                measured[name].probabilities = np.load(_output(work, name))
    return measured


def _start(worker: Worker, measured: Measured) -> None:
    worker.ask("start")
    measured.first_row_s = time.perf_counter() - worker.started
    worker.ask("warm")


def _round(worker: Worker, measured: Measured) -> None:
    answer = worker.ask("round")
    measured.seconds.append(answer["seconds"])
    measured.tokens = answer["tokens"]


def _finish(worker: Worker, measured: Measured) -> None:
    measured.peak_mib = worker.ask("finish")["peak_mib"]


def _output(work: Path, name: str) -> Path:
    return work / f"{name}.npy"


def _job(name: str, model: BenchModel, texts: Sequence[str], setting: Setting, work: Path) -> dict[str, Any]:
    return {
        "contestant": name,
        "folder": str(model.folder),
        "scorer_model": model.scorer_model,
        "work": str(work),
        "labels": model.labels,
        "texts": list(texts),
        "output": str(_output(work, name)),
        "device": setting.device,
        "threads": setting.threads,
    }
