"""What `make test` leaves to `make test-all`, and what it keeps."""

from itertools import product
from typing import Any

import pytest

from tests.effort import combined, spread


def always_run(parameters: list[Any]) -> list[Any]:
    return [each for each in parameters if not getattr(each, "marks", ())]


def values_of(parameter: Any) -> tuple[Any, ...]:
    return tuple(parameter.values) if hasattr(parameter, "values") else (parameter,)


@pytest.mark.parametrize("quick", [1, 2, 3, 7, 10, 11])
def test_all_parameters_are_there_and_a_few_are_always_run_first_and_last_among_them(quick: int) -> None:
    made = spread(range(10), quick)
    assert [values_of(each) for each in made] == [(i,) for i in range(10)]
    assert len(always_run(made)) == min(quick, 10)
    assert 0 in always_run(made)
    assert quick == 1 or 9 in always_run(made)


def test_named_parameters_are_always_run() -> None:
    assert always_run(spread(["a", "b", "c", "d"], 1, always=["c"])) == ["a", "c"]


def test_every_value_is_always_run_and_every_combination_is_there() -> None:
    axes = ["abc", "de", "fghi"]
    made = combined(*axes)
    assert [values_of(each) for each in made] == list(product(*axes))
    kept = [values_of(each) for each in always_run(made)]
    assert len(kept) == 4
    assert [sorted(set(values)) for values in zip(*kept, strict=True)] == [sorted(axis) for axis in axes]
