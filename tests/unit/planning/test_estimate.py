"""What a job takes, computed from made-up measurements."""

import json

import pytest

from sentiscore.planning.estimate import Who, estimate
from sentiscore.planning.job_plan import JobPlan
from sentiscore.planning.measurement import (
    ASSEMBLE,
    COMPUTE,
    HASH,
    INSPECT,
    READ,
    TOKENISE,
    VERIFY,
    WRITE,
    Held,
    Measurement,
    StageTiming,
)
from sentiscore.planning.ratios import MEASURED_ONCE, Ratio, ratio_of
from tests.measurements import measured

WHO = Who("tiny", "cpu", "fp32")
FREE = dict.fromkeys((INSPECT, HASH, READ, TOKENISE, ASSEMBLE, WRITE, VERIFY), (0.0, 0.0))


def plan(measurement: Measurement, *workers: int, cpus: int = 1) -> JobPlan:
    return estimate(measurement, WHO, workers or (1, 2, 4), cpus)


def test_the_time_of_the_model_is_rows_times_tokens_times_seconds_of_a_token() -> None:
    found = plan(measured(FREE))
    assert found.seconds == pytest.approx(2.0 + 100_000 * 10 * 1e-4)
    assert found.bound_by == COMPUTE
    assert {each.name: each.seconds for each in found.stages}[COMPUTE] == pytest.approx(100.0)


def test_equal_texts_count_once() -> None:
    half = measured(FREE, texts=((1_000, 400),) * 3, tokens=((1_000, 5_000),) * 3)
    assert plan(half).seconds - 2.0 == pytest.approx((plan(measured(FREE)).seconds - 2.0) / 2)
    assert plan(half).distinct == pytest.approx(0.4)
    assert plan(half).tokens_per_text == pytest.approx(12.5)


def test_stages_that_overlap_take_as_long_as_the_slowest_if_there_are_cores_for_all() -> None:
    costs = FREE | {READ: (1e-3, 0.0), WRITE: (5e-4, 0.0)}
    found = plan(measured(costs, token=(5e-5, 0.0), window_rows=100))
    assert found.bound_by == READ
    first = 100 * (5e-4 + 5e-4)
    assert found.seconds == pytest.approx(2.0 + 100_000 * 1e-3 + first)


def test_stages_that_share_the_cores_take_their_processor_time() -> None:
    found = plan(measured(FREE | {TOKENISE: (5e-4, 5e-4)}, token=(1e-4, 2e-4), window_rows=1))
    assert found.seconds == pytest.approx(2.0 + 100_000 * (5e-4 + 2e-3) / 2, rel=1e-4)


def test_one_window_passes_the_stages_one_by_one() -> None:
    found = plan(measured({}, total=1_000))
    rows = 1_000 * (10 * 1e-4 + 6e-6)  # without INSPECT, which is once for the file
    assert found.seconds == pytest.approx(2.0 + 1e-6 + rows)


def test_a_csv_is_inspected_row_by_row_and_parquet_file_by_file() -> None:
    costs = FREE | {INSPECT: (0.5, 0.5)}
    files = plan(measured(costs, n_files=7)).stages[0]
    assert files.name == INSPECT
    assert files.seconds == pytest.approx(3.5)
    assert plan(measured(costs, inspects_files=False)).stages[0].seconds == pytest.approx(50_000)


def test_rows_are_estimated_from_the_bytes_of_the_sample() -> None:
    found = plan(measured(total=10_000_000, sizes=((1_000, 99_000), (1_000, 101_000)), exact=False))
    assert (found.rows, found.rows_exact, found.sampled_rows, found.positions) == (100_000, False, 2_000, 2)
    assert found.high > plan(measured(total=100_000)).high
    whole = plan(measured(total=200_000, sizes=((1_000, 99_000), (1_000, 101_000)), whole=True))
    assert (whole.rows, whole.rows_exact) == (2_000, True)


def test_an_input_without_rows_takes_the_time_of_loading_the_model() -> None:
    nothing: dict[str, tuple[StageTiming, ...]] = dict.fromkeys(FREE, ())
    empty = measured(
        total=0, sizes=((0, 10),), whole=True, timings=nothing, computing=(), texts=(), tokens=(), written=()
    )
    found = plan(empty)
    assert (found.rows, found.seconds, found.low, found.high, found.output_bytes) == (0, 2.0, 2.0, 2.0, 0)
    assert all(each.seconds == 2.0 for each in found.workers)


def test_a_small_job_is_bound_by_the_loading_of_the_model() -> None:
    found = plan(measured(FREE, total=100), 4)
    assert {each.name: each.seconds for each in found.stages}[COMPUTE] < found.start_seconds
    assert found.bound_by == found.workers[0].bound_by == "load model"


def test_workers_share_what_the_model_takes_and_not_what_the_driver_does() -> None:
    costs = FREE | {READ: (1e-4, 1e-4), WRITE: (2e-4, 2e-4), VERIFY: (1e-5, 1e-5)}
    measurement = measured(costs, total=10_000_000, window_rows=1_024)
    one, many = (plan(measurement, 1, 1_000).workers[i] for i in (0, 1))
    work, reading, writing, last = 1e7 * 2e-3, 1e7 * 1e-4, 1e7 * 2e-4, 1e7 * 1e-5
    assert one.seconds == pytest.approx(2.0 + work + writing + last, rel=1e-3)
    assert many.seconds == pytest.approx(2.0 + reading + writing + last, rel=1e-3)
    assert (one.bound_by, many.bound_by) == ("workers", WRITE)
    assert plan(measurement).driver_seconds == pytest.approx(reading + writing + last, rel=1e-3)


def test_a_worker_with_more_cores_takes_less_and_a_gpu_is_not_shared() -> None:
    costs = FREE
    two = plan(measured(costs), 1, cpus=2).workers[0]
    assert two.seconds - 2.0 == pytest.approx(100_000 * 2e-3 / 2)
    gpu = measured(costs, token=(1e-6, 1e-7), on_gpu=True, held=Held(before=1, most=2, window=0, gpu=5))
    found = plan(gpu, 3, cpus=8).workers[0]
    assert found.gpu_memory == 15
    assert plan(gpu, 1, cpus=8).workers[0].seconds - 2.0 == pytest.approx(100_000 * 1e-5)


def test_memory_counts_the_windows_that_are_held_at_once() -> None:
    found = plan(measured(), 4)
    assert found.memory == (500 + 3 * 10) << 20
    assert found.worker_memory == (500 + 10) << 20
    assert found.workers[0].memory == 4 * (510 << 20) + ((100 + 40) << 20)
    unknown = plan(measured(held=Held(before=None, most=None, window=1, gpu=None)), 4)
    assert (unknown.memory, unknown.worker_memory, unknown.workers[0].memory) == (None, None, None)


def test_the_size_of_the_output_grows_with_the_rows() -> None:
    assert plan(measured()).output_bytes == 5_000_000


def test_uncertainty_comes_from_how_much_the_sample_varies() -> None:
    even, uneven = measured(FREE), measured(FREE, tokens=((1_000, 5_000), (1_000, 10_000), (1_000, 15_000)))
    assert (plan(even).low, plan(even).high) == pytest.approx((plan(even).seconds,) * 2)
    assert plan(uneven).seconds == pytest.approx(plan(even).seconds)
    assert plan(uneven).low < 0.9 * plan(uneven).seconds < 1.1 * plan(uneven).seconds < plan(uneven).high
    all_of_it = measured(FREE, tokens=uneven.tokens, whole=True, total=3_000)
    assert plan(all_of_it).low == pytest.approx(plan(all_of_it).high)


def test_the_ratio_of_sums_has_the_standard_error_of_its_residuals() -> None:
    found = ratio_of([(1, 2), (1, 4), (2, 6)])
    assert found.value == 3.0
    assert found.spread == pytest.approx(4.30 * (2 * 3 / 2) ** 0.5 / 12)
    assert ratio_of([(2, 6)]) == Ratio(3.0, MEASURED_ONCE)
    assert ratio_of([(2, 6)], whole=True) == Ratio(3.0, 0.0)
    assert ratio_of([]) == ratio_of([(0, 0)]) == Ratio(0.0, 0.0)


def test_a_plan_is_json() -> None:
    values = json.loads(json.dumps(plan(measured()).to_dict(), allow_nan=False))
    assert values["rows"] == 100_000
    assert values["workers"][0]["workers"] == 1
    assert values["rows_per_second"] == pytest.approx(100_000 / values["seconds"])


def test_a_machine_that_does_other_work_is_seen() -> None:
    assert plan(measured(token=(1e-4, 2e-4))).cores_share == pytest.approx(1.0)
    assert plan(measured(token=(1e-4, 5e-5))).cores_share == pytest.approx(0.25)
    assert plan(measured(on_gpu=True)).cores_share is None
