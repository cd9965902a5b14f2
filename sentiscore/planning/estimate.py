"""Computes what a job takes from what was measured on a sample. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sentiscore.planning.job_plan import JobPlan, StageTime, WorkersTime
from sentiscore.planning.measurement import (
    ASSEMBLE,
    BEFORE_AND_AFTER,
    COMPUTE,
    INSPECT,
    OVERLAPPING,
    READ,
    STAGES,
    TOKENISE,
    WRITE,
    Held,
    Measurement,
)
from sentiscore.planning.ratios import Ratio, ratio_of
from sentiscore.scoring.job_windows import Bounds
from sentiscore.scoring.workers.filling import LEAST_ROWS, smaller

WINDOWS_OF_A_JOB: Final = 4
"""Windows that a process holds which reads, encodes, computes and writes at the same time."""

WINDOWS_OF_A_WORKER: Final = 2

_BY_WORKERS: Final = (TOKENISE, COMPUTE, ASSEMBLE)
WORKERS: Final = "workers"
LOAD: Final = "load model"


@dataclass(frozen=True)
class Cost:
    """What one row costs in a stage, in seconds.

    Attributes:
        wall: How long it takes.
        cpu: Processor time.
        spread: Half the width of the 95 % interval of both, relative to them.
    """

    wall: float
    cpu: float
    spread: float


@dataclass(frozen=True)
class Who:
    """Which model was measured where."""

    model: str
    device: str
    dtype: str


@dataclass(frozen=True)
class Costs:
    """What a job costs, by stage, for a number of rows.

    Attributes:
        rows: The number of rows.
        of: The cost of a row in each stage.
        start: Seconds to load the model.
        window: The rows of a full window.
        cores: The cores that the job uses.
        on_gpu: Whether the model computes on a GPU.
    """

    rows: float
    of: dict[str, Cost]
    start: float
    window: int
    cores: int
    on_gpu: bool

    @property
    def alone(self) -> float:
        """Seconds of the stages that overlap with nothing."""
        return self.rows * sum(self.of[stage].wall for stage in BEFORE_AND_AFTER)

    @property
    def seconds(self) -> float:
        """How long one process takes: its slowest overlapping stage, or all of them if they share the cores.

        The first window passes the stages one by one.
        """
        wall = [self.of[stage].wall for stage in OVERLAPPING]
        steady = self._steady(OVERLAPPING)
        return self.start + self.alone + self.rows * steady + min(self.rows, self.window) * max(0.0, sum(wall) - steady)

    def _steady(self, stages: Sequence[str]) -> float:
        """Seconds for each row of stages that overlap."""
        cpu = sum(self.of[stage].cpu for stage in stages)
        return max(*(self.of[stage].wall for stage in stages), cpu / self.cores)

    @property
    def reading(self) -> float:
        """Seconds in which the driver of workers reads everything."""
        return self.rows * self.of[READ].wall

    @property
    def writing(self) -> float:
        """Seconds in which the driver reads again and writes, once all rows are scored."""
        steady = self._steady((READ, WRITE))
        first = min(self.rows, self.window) * (self.of[READ].wall + self.of[WRITE].wall - steady)
        return self.rows * steady + max(0.0, first)

    def working(self, workers: int, cpus: int) -> float:
        """Seconds in which workers score everything, if they never wait for the driver.

        Args:
            workers: The number of workers.
            cpus: The cores of each.
        """
        cpu = sum(self.of[stage].cpu for stage in _BY_WORKERS) / cpus
        row = max(cpu, self.of[COMPUTE].wall) if self.on_gpu else cpu
        busy = min(float(workers), max(1.0, self.rows / LEAST_ROWS))
        if busy == 1:
            return self.rows * row
        last = smaller(Bounds(self.window, 0), int(self.rows), workers).rows / 2
        return row * min(self.rows, self.rows / busy + last)  # at the end they wait for the last windows

    def with_workers(self, workers: int, cpus: int) -> float:
        """How long the job takes with workers (Amdahl: what the driver does alone stays)."""
        return self.start + self.alone + self.writing + max(self.reading, self.working(workers, cpus))

    def bound(self, workers: int, cpus: int) -> str:
        """What takes longest with workers."""
        parts = {LOAD: self.start} | {stage: self.rows * self.of[stage].wall for stage in BEFORE_AND_AFTER}
        scoring = max(self.reading, self.working(workers, cpus))
        parts[WORKERS if scoring > self.reading else READ] = scoring
        parts[WRITE] = self.writing
        return _largest(parts)


def _largest(parts: Mapping[str, float]) -> str:
    return max(parts, key=lambda each: parts[each])


def rows_of(measured: Measurement) -> Ratio:
    """The rows of the input; its spread is 0 if they are exact."""
    if measured.exact and not measured.whole:
        return Ratio(float(measured.total), 0.0)
    if measured.whole:
        return Ratio(sum(rows for rows, _ in measured.sizes), 0.0)
    per_size = ratio_of([(size, rows) for rows, size in measured.sizes])
    return Ratio(per_size.value * measured.total, per_size.spread)


def costs_of(measured: Measurement, rows: float) -> Costs:
    """The cost of each stage of a job.

    Args:
        measured: What was measured.
        rows: The number of rows.
    """
    of: dict[str, Cost] = {}
    for stage in STAGES:
        timings = measured.computing if stage == COMPUTE else measured.timings[stage]
        wall = ratio_of([(each.amount, each.wall) for each in timings])
        cpu = ratio_of([(each.amount, each.cpu) for each in timings])
        if stage == COMPUTE:
            tokens = ratio_of(measured.tokens, whole=measured.whole)
            wall, cpu = wall.times(tokens), cpu.times(tokens)
        elif stage == INSPECT and measured.inspects_files:
            files = measured.n_files / rows if rows else 0.0
            wall, cpu = Ratio(wall.value * files, wall.spread), Ratio(cpu.value * files, cpu.spread)
        of[stage] = Cost(wall.value, cpu.value, wall.spread)
    return Costs(rows, of, measured.start, measured.window_rows, measured.cores, measured.on_gpu)


def estimate(measured: Measurement, who: Who, workers: Sequence[int], cpus_per_worker: int) -> JobPlan:
    """Compute what a job takes.

    Args:
        measured: What was measured on a sample of it.
        who: The model, for the record.
        workers: Numbers of workers to compute it for.
        cpus_per_worker: The cores of each worker.
    """
    rows = rows_of(measured)
    costs = costs_of(measured, rows.value)
    spread = _spread(costs, rows)
    held = measured.held
    distinct, tokens = ratio_of(measured.texts).value, ratio_of(measured.tokens).value
    parts = {stage: rows.value * costs.of[stage].wall for stage in STAGES}
    return JobPlan(
        rows=round(rows.value),
        rows_exact=measured.exact,
        sampled_rows=round(sum(n for n, _ in measured.sizes)),
        positions=len(measured.sizes),
        distinct=distinct,
        tokens_per_text=tokens / distinct if distinct else 0.0,
        **_interval(costs.seconds, costs.start, spread),
        bound_by=_largest(parts | {LOAD: costs.start}),
        start_seconds=costs.start,
        stages=tuple(
            StageTime(stage, seconds, rows.value * costs.of[stage].cpu, stage in OVERLAPPING)
            for stage, seconds in parts.items()
        ),
        memory=_sum(held.most, (WINDOWS_OF_A_JOB - 1) * held.window),
        gpu_memory=held.gpu,
        output_bytes=round(ratio_of(measured.written).value * rows.value),
        cpus_per_worker=cpus_per_worker,
        worker_memory=_worker_memory(held),
        driver_seconds=costs.alone + costs.writing + costs.reading,
        workers=tuple(_with_workers(costs, n, cpus_per_worker, spread, held) for n in sorted(set(workers))),
        model=who.model,
        device=who.device,
        dtype=who.dtype,
        cores=measured.cores,
        cores_share=_cores_share(measured),
    )


def _cores_share(measured: Measurement) -> float | None:
    """The share of the cores that the model got; None on a GPU, or if it was not measured."""
    wall = sum(each.wall for each in measured.computing)
    if measured.on_gpu or not wall:
        return None
    return min(1.0, sum(each.cpu for each in measured.computing) / (wall * measured.cores))


def _with_workers(costs: Costs, n: int, cpus: int, spread: float, held: Held) -> WorkersTime:
    each, driver = _worker_memory(held), _sum(held.before, WINDOWS_OF_A_JOB * held.window)
    return WorkersTime(
        workers=n,
        **_interval(costs.with_workers(n, cpus), costs.start, spread),
        bound_by=costs.bound(n, cpus),
        memory=None if each is None or driver is None else n * each + driver,
        gpu_memory=None if held.gpu is None else n * held.gpu,
    )


def _worker_memory(held: Held) -> int | None:
    return _sum(held.most, (WINDOWS_OF_A_WORKER - 1) * held.window)


def _sum(bytes_held: int | None, more: int) -> int | None:
    return None if bytes_held is None else bytes_held + more


def _spread(costs: Costs, rows: Ratio) -> float:
    """Half the width of the 95 % interval of all stages together, relative to it: their errors are independent."""
    total = sum(cost.wall for cost in costs.of.values())
    stages = [cost.wall / total * cost.spread for cost in costs.of.values()] if total else []
    return math.hypot(rows.spread, *stages)


def _interval(seconds: float, start: float, spread: float) -> dict[str, float]:
    """A time with its interval, which does not count what does not depend on rows; never below 0."""
    work = seconds - start
    return {"seconds": seconds, "low": start + work / (1 + spread), "high": start + work * (1 + spread)}
