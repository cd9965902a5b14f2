"""A share of what `python -m tests.faults.small_inputs` measures: what a command takes for a small input is bounded."""

from pathlib import Path

import pytest

from tests.faults.nursery import Nursery
from tests.faults.small_inputs import INPUTS, measure, past_the_bounds, tiny_of

SMALL = {small.name: small for small in INPUTS}


@pytest.mark.parametrize(
    ("command", "name", "said"),
    [
        ("score", "ascii.csv.gz", ""),
        pytest.param("score", "wide.parquet", "", marks=pytest.mark.thorough),
        ("features", "entities.csv.gz", ""),
        ("features", "long-entity.csv", "a name of 400,000 bytes"),
        pytest.param("features-lists", "one-list.csv.gz", "names in a row", marks=pytest.mark.thorough),
        pytest.param("evaluate", "one-emoji.csv.gz", "to be held at once", marks=pytest.mark.thorough),
        ("inspect", "claims.parquet", "its footer makes no sense"),
    ],
)
def test_a_command_on_a_small_input_takes_no_more_than_is_promised(
    nursery: Nursery, tiny_checkpoint: Path, tmp_path: Path, command: str, name: str, said: str
) -> None:
    tiny = measure(nursery, command, tiny_of(SMALL[name]), tiny_checkpoint, tmp_path, tmp_path)
    run = measure(nursery, command, SMALL[name], tiny_checkpoint, tmp_path, tmp_path)
    assert not past_the_bounds(run, tiny), run
    assert run.code == (1 if said else 0), run.stderr
    assert said in run.stderr
