"""Made-up measurements of a job."""

from dataclasses import replace
from typing import Any

from sentiscore.planning.measurement import COMPUTE, INSPECT, STAGES, Held, Measurement, StageTiming


def timings(per_unit: float, *, cpu: float | None = None, n: int = 3, amount: float = 1_000) -> tuple[StageTiming, ...]:
    """Equal timings."""
    return (StageTiming(amount, per_unit * amount, (per_unit if cpu is None else cpu) * amount),) * n


def measured(
    stages: dict[str, tuple[float, float]] | None = None, token: tuple[float, float] = (1e-4, 2e-4), **changes: Any
) -> Measurement:
    """A measurement of a parquet of 100,000 rows on two cores, with 10 tokens in each row.

    Args:
        stages: Seconds and processor seconds of a row, by stage; 1e-6 each by default.
        token: Seconds and processor seconds of a token in the model.
        changes: Other fields.
    """
    of = {stage: (1e-6, 1e-6) for stage in STAGES if stage != COMPUTE} | (stages or {})
    usual = Measurement(
        total=100_000,
        sizes=((1_000, 1_000),) * 3,
        exact=True,
        whole=False,
        n_files=1,
        timings={
            stage: timings(wall, cpu=cpu, amount=1 if stage == INSPECT else 1_000) for stage, (wall, cpu) in of.items()
        },
        inspects_files=True,
        computing=timings(token[0], cpu=token[1]),
        texts=((1_000, 800),) * 3,
        tokens=((1_000, 10_000),) * 3,
        written=((1_000, 50_000),) * 3,
        window_rows=32_768,
        start=2.0,
        held=Held(before=100 << 20, most=500 << 20, window=10 << 20, gpu=None),
        cores=2,
        on_gpu=False,
    )
    return replace(usual, **changes)
