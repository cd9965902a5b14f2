"""A share of what `make fuzz` tries on the files of models."""

from tests.effort import larger, share
from tests.faults.fuzz_models import run


@larger
def test_damaged_model_files_are_loaded_or_refused_and_nothing_else() -> None:
    cases = share(40, 120)
    result = run(cases, seed=1)
    assert result.loaded + result.refused == result.cases == cases
    assert result.refused > cases / 5
    assert result.loaded > cases / 20
