"""A share of what `make kills` tries."""

from pathlib import Path

from tests.faults.kills import run


def test_a_night_that_was_killed_is_in_no_way_of_what_comes_next(tiny_checkpoint: Path, tmp_path: Path) -> None:
    assert run(6, 0, tiny_checkpoint, tmp_path)["kills"] >= 6
