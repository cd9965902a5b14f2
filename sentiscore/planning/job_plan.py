"""The result of planning a job."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class StageTime:
    """What a stage of a job takes.

    Attributes:
        name: The stage.
        seconds: How long it takes alone.
        cpu_seconds: Processor seconds of all threads.
        overlaps: Whether it runs while other stages work on other windows.
    """

    name: str
    seconds: float
    cpu_seconds: float
    overlaps: bool


@dataclass(frozen=True)
class WorkersTime:
    """What a job takes with other processes that score its windows.

    Attributes:
        workers: The number of workers.
        seconds: How long the job takes.
        low: The lower end of its 95 % interval.
        high: The upper end.
        bound_by: What takes longest: "workers", a stage of the driver, or "load model".
        memory: Bytes that the driver and all workers hold together; None where the system does not report it.
        gpu_memory: Bytes that they hold on all GPUs together; None without GPUs.
    """

    workers: int
    seconds: float
    low: float
    high: float
    bound_by: str
    memory: int | None
    gpu_memory: int | None


@dataclass(frozen=True, kw_only=True)
class JobPlan:
    """What a job is expected to take, and what was measured for that.

    Attributes:
        rows: The rows of the input; an estimate unless `rows_exact`.
        rows_exact: Whether they were counted.
        sampled_rows: The rows of the sample.
        positions: From how many positions of the input the sample is.
        distinct: The share of rows that go through the model: equal texts of a window are scored once.
        tokens_per_text: The mean tokens that are read of such a text.
        seconds: How long the job takes in one process on this machine, with loading the model.
        low: The lower end of its 95 % interval, as far as the sample shows it.
        high: The upper end.
        bound_by: The stage that takes longest, or "load model" if that takes longer than each of them.
        start_seconds: How long loading the model takes.
        stages: The time of each stage.
        memory: The most bytes that the process holds; None where the system does not report it.
        gpu_memory: The bytes that it holds on the GPU; None without one.
        output_bytes: The size of the output as parquet.
        cpus_per_worker: The cores of each worker.
        worker_memory: Bytes that one worker holds; None where the system does not report it.
        driver_seconds: What the driver takes alone, whatever the number of workers.
        workers: What the job takes with some numbers of workers.
        model: The name of the model.
        device: The device.
        dtype: The number type.
        cores: The cores that the job uses here.
        cores_share: The share of them that the model got while it was measured; far below 1 on a machine that does
            other work. None on a GPU.
    """

    rows: int
    rows_exact: bool
    sampled_rows: int
    positions: int
    distinct: float
    tokens_per_text: float
    seconds: float
    low: float
    high: float
    bound_by: str
    start_seconds: float
    stages: tuple[StageTime, ...]
    memory: int | None
    gpu_memory: int | None
    output_bytes: int
    cpus_per_worker: int
    worker_memory: int | None
    driver_seconds: float
    workers: tuple[WorkersTime, ...]
    model: str
    device: str
    dtype: str
    cores: int
    cores_share: float | None

    @property
    def rows_per_second(self) -> float:
        """Rows per second of the whole job."""
        return self.rows / self.seconds if self.seconds else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, for JSON."""
        return {**asdict(self), "rows_per_second": self.rows_per_second}
