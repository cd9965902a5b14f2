"""The process of a local worker: reads units from its standard input, and writes reports to its standard output."""

import os
import pickle
import signal
import sys
from collections.abc import Iterator
from typing import IO, Any, Final

_SIGNALS: Final = ("SIGINT", "SIGTERM", "SIGHUP")


def main() -> None:
    """Work until the input ends, which is also the end of the process that started this one."""
    for name in _SIGNALS:  # which a scheduler sends to every process of a job: the one that gives the units decides
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    units, reports = _pipes()
    from sentiscore.scoring.workers.worker import as_report

    try:
        _work(units, reports)
    except BaseException as error:  # noqa: BLE001 - raised in the process that gives the units
        _report(reports, as_report(error))
    os._exit(0)


def _pipes() -> tuple[IO[bytes], IO[bytes]]:
    """The input and the output, to which nothing that prints has access from now on."""
    units, reports = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return units, reports


def _work(units: IO[bytes], reports: IO[bytes]) -> None:
    from sentiscore.scoring.overlap import ahead
    from sentiscore.scoring.workers.worker import Worker

    worker = Worker(_receive(units))
    _report(reports, worker.begun)

    def prepared() -> Iterator[Any]:
        while True:
            unit = _receive(units)
            yield unit, worker.prepare(unit)

    for unit, encoded in ahead(prepared()):
        _report(reports, worker.finish(unit, encoded))


def _receive(pipe: IO[bytes]) -> Any:
    """Wait for an object; the process ends where the pipe does."""
    try:
        return pickle.load(pipe)  # noqa: S301 - from the process that started this one
    except (EOFError, pickle.UnpicklingError):
        sys.stderr.flush()
        os._exit(0)


def _report(pipe: IO[bytes], report: object) -> None:
    try:
        pickle.dump(report, pipe)
        pipe.flush()
    except BrokenPipeError:  # nobody waits for it any more
        os._exit(0)
