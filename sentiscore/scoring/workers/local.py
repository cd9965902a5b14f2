"""Workers that are processes of this machine, one for each device."""

import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryFile
from typing import IO, Final

from sentiscore.scoring.workers.crew import Crew, Gone, Report
from sentiscore.scoring.workers.unit import Unit
from sentiscore.scoring.workers.worker import Assignment, threads_of
from sentiscore.threads import start

_CODE: Final = "import sys; sys.path[:] = {paths!r}; from sentiscore.scoring.workers.local_worker import main; main()"
_LAST_BYTES: Final = 4_096
_PATIENCE_S: Final = 10.0


class LocalCrew(Crew):
    """One process for each device.

    A process is started as a program of its own, not forked and not by multiprocessing: it imports nothing of the
    caller's main module, and signals of the terminal do not reach it. It ends when its pipe ends, so none is left
    behind, however this process ends.

    Args:
        devices: The devices; they may repeat.
        assignment: What each worker needs, apart from its device.
    """

    def __init__(self, devices: Sequence[str], assignment: Assignment) -> None:
        super().__init__(len(devices))
        self._free = list(devices)
        self._assignment = assignment
        self._processes: dict[int, _Process] = {}
        self._arrived: SimpleQueue[tuple[int, Report]] = SimpleQueue()

    def _open(self) -> None:
        """There is nothing to prepare."""

    def _start(self, worker: int) -> None:
        device = self._free.pop(0)
        assignment = replace(self._assignment, scorer=self._assignment.scorer.on(device))
        process = self._processes[worker] = _Process(device, assignment.cores)
        start(lambda: self._listen(worker, process), "sentiscore-worker")
        process.send(assignment)

    def _send(self, worker: int, unit: Unit) -> None:
        self._processes[worker].send(unit)

    def _reports(self, wait_s: float) -> list[tuple[int, Report]]:
        found = []
        with suppress(Empty):
            found.append(self._arrived.get(timeout=wait_s))
            while True:
                found.append(self._arrived.get_nowait())
        for worker, report in found:
            if isinstance(report, Gone):
                self._free.append(self._processes.pop(worker).device)
        return found

    def _close(self) -> None:
        for process in self._processes.values():
            process.kill()
        self._processes.clear()

    def _listen(self, worker: int, process: "_Process") -> None:
        """Pass on the reports of a worker, until it has ended."""
        while (report := process.receive()) is not None:
            self._arrived.put((worker, report))
        self._arrived.put((worker, Gone(process.end())))


class _Process:
    """A process and its pipes.

    Args:
        device: Its device.
        cores: How many cores it may use.
    """

    def __init__(self, device: str, cores: int) -> None:
        self.device = device
        self._said: IO[bytes] = TemporaryFile()  # noqa: SIM115 - closed when the process has ended
        paths = [str(path) for path in sys.path if isinstance(path, str | Path)]
        self._process = subprocess.Popen(  # noqa: S603 - Python itself
            [sys.executable, "-c", _CODE.format(paths=paths)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env=os.environ | threads_of(cores),
            start_new_session=True,
        )

    def send(self, what: object) -> None:
        """Pass an object to it; nothing happens if it has ended."""
        pipe = self._process.stdin
        if pipe is not None:
            with suppress(OSError, ValueError):  # ValueError if it was closed meanwhile
                pipe.write(pickle.dumps(what))
                pipe.flush()

    def receive(self) -> Report | None:
        """Wait for its next report; None at its end."""
        try:
            report: Report = pickle.load(self._process.stdout)  # type: ignore[arg-type] # noqa: S301 - from our own process
        except (EOFError, OSError, ValueError, pickle.UnpicklingError):  # it may have ended within a report
            return None
        return report

    def end(self) -> str:
        """Wait until it has ended; returns how it did."""
        try:
            code = self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:  # its pipe is broken, so it can do nothing more
            self.kill()
            code = self._process.returncode
        self._said.seek(0, os.SEEK_END)
        self._said.seek(max(0, self._said.tell() - _LAST_BYTES))
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        self._said.close()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return f"on {self.device} {how}{f' ({lines[-1].strip()})' if lines else ''}"

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()
