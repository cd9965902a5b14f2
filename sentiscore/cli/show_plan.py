"""Prints the plan of a scoring job."""

from typing import TYPE_CHECKING, Final

from sentiscore.cli.show import line, pairs
from sentiscore.units import round_size

if TYPE_CHECKING:
    from sentiscore.planning.job_plan import JobPlan, WorkersTime

_BUSY: Final = 0.7
_UNITS: Final = ((1, "s"), (60, "min"), (3_600, "h"), (86_400, "days"))


def duration(seconds: float) -> str:
    """A time in the largest unit of which there are two or more, once it is rounded."""
    chosen, unit = _UNITS[0]
    for size, larger in _UNITS[1:]:
        if round(seconds / chosen, 1) * chosen < 2 * size:
            break
        chosen, unit = size, larger
    return f"{seconds / chosen:,.1f} {unit}"


def size(n_bytes: int | None) -> str:
    """An amount of memory."""
    return "not known on this system" if n_bytes is None else round_size(n_bytes)


def plan_report(plan: "JobPlan") -> None:
    """Print what a job takes here, in which stages, and with workers."""
    gpu = [] if plan.gpu_memory is None else [("GPU memory", size(plan.gpu_memory))]
    counted = "" if plan.rows_exact else "about "
    where = f"position{'s'[: plan.positions > 1]}"
    pairs(
        [
            ("rows", f"{counted}{plan.rows:,} ({plan.sampled_rows:,} of them sampled, from {plan.positions} {where})"),
            (
                "texts",
                f"{plan.distinct:.1%} of the rows are distinct within a window; {plan.tokens_per_text:.1f} tokens each",
            ),
            ("model", f"{plan.model} on {plan.device}, {plan.dtype}, {plan.cores} core{'s'[: plan.cores > 1]}"),
            ("time here", f"{duration(plan.seconds)} ({duration(plan.low)} to {duration(plan.high)})"),
            ("speed", f"{plan.rows_per_second:,.0f} rows/s"),
            ("bound by", plan.bound_by),
            ("memory", size(plan.memory)),
            *gpu,
            ("output", f"{size(plan.output_bytes)} as parquet"),
        ]
    )
    if plan.cores_share is not None and plan.cores_share < _BUSY:
        line(f"The model got {plan.cores_share:.0%} of the cores: the machine did other work, or texts were few.")
    line("")
    line("Measured: each stage alone, and its processor time")
    pairs(
        [
            ("load model", duration(plan.start_seconds)),
            *((each.name, f"{duration(each.seconds)}, {duration(each.cpu_seconds)}") for each in plan.stages),
        ]
    )
    line("")
    cores = f"{plan.cpus_per_worker} core{'s'[: plan.cpus_per_worker > 1]}"
    line(f"Computed: with workers that have {cores}{'' if plan.gpu_memory is None else ' and a GPU'} each")
    pairs([(f"{each.workers:,}", _with_workers(each)) for each in plan.workers] or [("none", "no number was named")])
    line(f"not below {duration(plan.start_seconds + plan.driver_seconds)}, in which the driver reads and writes")


def _with_workers(each: "WorkersTime") -> str:
    gpu = "" if each.gpu_memory is None else f", {size(each.gpu_memory)} on GPUs"
    times = f"{duration(each.seconds)} ({duration(each.low)} to {duration(each.high)})"
    return f"{times}, bound by {each.bound_by}, {size(each.memory)}{gpu}"
