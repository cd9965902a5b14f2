"""A share of what `make kills` tries."""

from pathlib import Path

from tests.effort import larger, share
from tests.faults.kills import run


@larger
def test_a_night_that_was_killed_is_in_no_way_of_what_comes_next(tiny_checkpoint: Path, tmp_path: Path) -> None:
    kills = share(3, 8)
    assert run(kills, 0, tiny_checkpoint, tmp_path)["kills"] >= kills
