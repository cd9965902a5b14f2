"""Workers that are actors of a Ray cluster."""

import logging
import os
import pickle
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from sentiscore.errors import InputError, import_extra
from sentiscore.scoring.options import Parallel
from sentiscore.scoring.workers.crew import MOST_UNITS, Crew, Gone, Report
from sentiscore.scoring.workers.ray_worker import RayWorker
from sentiscore.scoring.workers.unit import Unit
from sentiscore.scoring.workers.worker import Assignment, threads_of

_ALONE: Final = "local"
"""Ray's name for a new cluster of this machine alone."""

_PATIENCE_S: Final = 600.0
"""How long a cluster may take to start the first worker: one that grows on demand has to start a machine first."""

_QUIET: Final = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
"""Ray does not report its use, nor warn about workers without GPUs."""


class RayCrew(Crew):
    """Actors of a Ray cluster.

    Ray finds room for each, and notices when one ends or its machine is lost. Its own retries are not used: they wait
    until the lost actor has room again, which may never happen, while the other workers could take over its units.

    Args:
        parallel: The cluster, and how many workers of which size.
        assignment: What each worker needs.
    """

    def __init__(self, parallel: Parallel, assignment: Assignment) -> None:
        super().__init__(0)
        self._parallel = parallel
        self._assignment = assignment
        self._ray: Any = import_extra("ray", "ray")
        self._connected_here = False
        self._actors: dict[int, Any] = {}
        self._running: dict[Any, int] = {}
        self._patient_until = 0.0

    def _open(self) -> None:
        if not self._ray.is_initialized():
            self._connected_here = True
            self._connect()
        self.size = self._parallel.workers or self._room()
        self._patient_until = time.monotonic() + _PATIENCE_S

    def _connect(self) -> None:
        where = self._parallel.address or _ALONE
        options = {} if self._parallel.address else {"include_dashboard": False}
        try:
            with _own_signals():
                self._ray.init(address=where, log_to_driver=False, logging_level=logging.ERROR, **options)
        except (self._ray.exceptions.RayError, ConnectionError, RuntimeError, ValueError, OSError) as error:
            what = str(error).strip().splitlines() or [type(error).__name__]
            if self._parallel.address is None:
                raise InputError(
                    f"Ray does not start on this machine: {what[0]}", "Its logs are in /tmp/ray."
                ) from error
            raise InputError(
                f"There is no Ray cluster to use at {where}: {what[0]}",
                "Run this on a machine of the cluster (ray start), or leave out --address (address) to use this "
                "machine alone.",
            ) from error
        if self._parallel.address is None and not self._fitting():
            raise InputError(
                f"One worker is to have more than the {self._has('CPU'):g} cores and {self._has('GPU'):g} GPUs of this "
                "machine.",
                "Say fewer with --cpus-per-worker (cpus_per_worker) and --gpus-per-worker (gpus_per_worker).",
            )

    def _has(self, resource: str) -> float:
        return float(self._ray.cluster_resources().get(resource, 0.0))

    def _fitting(self) -> int:
        """How many workers have room in the cluster, as far as it exists by now."""
        n = int(self._has("CPU") // self._parallel.cpus_per_worker)
        gpus = self._parallel.gpus_per_worker
        return min(n, int(self._has("GPU") / gpus)) if gpus else n

    def _room(self) -> int:
        return max(1, self._fitting())

    def _start(self, worker: int) -> None:
        actor = self._ray.remote(RayWorker).options(
            num_cpus=self._parallel.cpus_per_worker,
            num_gpus=self._parallel.gpus_per_worker,
            max_concurrency=MOST_UNITS,
            max_restarts=0,
        )
        made = self._actors[worker] = actor.remote(pickle.dumps(self._assignment), threads_of(self._assignment.cores))
        self._running[made.begin.remote()] = worker

    def _send(self, worker: int, unit: Unit) -> None:
        self._running[self._actors[worker].score.remote(unit)] = worker

    def _reports(self, wait_s: float) -> list[tuple[int, Report]]:
        if self._facts is None and time.monotonic() > self._patient_until:
            raise InputError(
                f"No worker has started within {_PATIENCE_S / 60:.0f} minutes: no machine of the cluster has "
                f"{self._parallel.cpus_per_worker} cores and {self._parallel.gpus_per_worker:g} GPUs free.",
                "Look at ray status, or say fewer with --cpus-per-worker and --gpus-per-worker.",
            )
        if not self._running:
            time.sleep(wait_s)
            return []
        done, _ = self._ray.wait(list(self._running), timeout=wait_s)
        return [report for reference in done if (report := self._report(reference)) is not None]

    def _report(self, reference: Any) -> tuple[int, Report] | None:
        """What a call of a worker has returned; None if its end was reported before."""
        worker = self._running.pop(reference, None)
        if worker is None:
            return None
        errors = self._ray.exceptions
        try:
            return worker, self._ray.get(reference)
        except (errors.RayActorError, errors.ObjectLostError, errors.WorkerCrashedError) as error:
            self._running = {other: its for other, its in self._running.items() if its != worker}
            self._end(worker)
            return worker, Gone(f"on the cluster was lost ({_first_line(error)})")

    def _end(self, worker: int) -> None:
        """End a worker, if it has not ended."""
        with suppress(self._ray.exceptions.RayError, RuntimeError, ValueError):
            self._ray.kill(self._actors.pop(worker))

    def _close(self) -> None:
        if self._ray.is_initialized():
            for worker in list(self._actors):
                self._end(worker)
        self._running.clear()
        if self._connected_here:
            self._ray.shutdown()


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep the handler of SIGTERM and the environment as they are, whatever Ray does to them."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGTERM)
    added = {name: value for name, value in _QUIET.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
        if in_main_thread and handler is not None:
            signal.signal(signal.SIGTERM, handler)


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
