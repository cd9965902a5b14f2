"""A share of what `make fuzz` tries on the files of models."""

from tests.faults.fuzz_models import run


def test_damaged_model_files_are_loaded_or_refused_and_nothing_else() -> None:
    result = run(cases=100, seed=1)
    assert result.loaded + result.refused == result.cases == 100
    assert result.refused > 20
    assert result.loaded > 5
