"""Plans of any jobs: more rows never take less time, and more workers never more."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sentiscore.planning.estimate import Who, estimate
from sentiscore.planning.job_plan import JobPlan
from sentiscore.planning.measurement import COMPUTE, STAGES, Measurement
from tests.measurements import measured

ROUNDING = 1 + 1e-9

SECONDS = st.floats(0, 1, allow_subnormal=False)
COSTS = st.tuples(SECONDS, SECONDS)


@st.composite
def measurements(draw: st.DrawFn) -> Measurement:
    wall_and_cpu = draw(st.fixed_dictionaries({stage: COSTS for stage in STAGES if stage != COMPUTE}))
    return measured(
        wall_and_cpu,
        token=draw(COSTS),
        inspects_files=draw(st.booleans()),
        window_rows=draw(st.integers(1, 32_768)),
        cores=draw(st.integers(1, 64)),
        on_gpu=draw(st.booleans()),
        total=draw(st.integers(0, 10**9)),
    )


def plan(measurement: Measurement, workers: list[int], cpus: int = 1) -> JobPlan:
    return estimate(measurement, Who("tiny", "cpu", "fp32"), workers, cpus)


@given(measurement=measurements(), more=st.integers(0, 10**9), workers=st.integers(1, 10_000))
def test_more_rows_never_take_less_time(measurement: Measurement, more: int, workers: int) -> None:
    few, many = (plan(replace(measurement, total=measurement.total + n), [workers]) for n in (0, more))
    assert few.seconds <= many.seconds * ROUNDING
    assert few.workers[0].seconds <= many.workers[0].seconds * ROUNDING
    assert few.output_bytes <= many.output_bytes


@given(measurement=measurements(), workers=st.lists(st.integers(1, 10_000), min_size=2), cpus=st.integers(1, 64))
def test_more_workers_never_take_more_time_and_hold_more(
    measurement: Measurement, workers: list[int], cpus: int
) -> None:
    found = plan(measurement, workers, cpus).workers
    assert [each.workers for each in found] == sorted(set(workers))
    for fewer, more in pairwise(found):
        assert more.seconds <= fewer.seconds * ROUNDING
        assert (more.memory or 0) >= (fewer.memory or 0)


@given(measurement=measurements())
def test_no_number_of_workers_takes_less_than_the_driver_alone(measurement: Measurement) -> None:
    found = plan(measurement, [1, 10, 1_000_000])
    for each in found.workers:
        assert each.seconds * ROUNDING >= found.start_seconds + found.driver_seconds
        assert each.low <= each.seconds * ROUNDING
        assert each.seconds <= each.high * ROUNDING
    assert 0 <= found.low <= found.seconds * ROUNDING
    assert found.seconds <= found.high * ROUNDING
