"""A share of what `make kills` tries."""

from pathlib import Path

from tests.effort import larger, share
from tests.faults.kills import run
from tests.faults.nursery import Nursery


@larger
def test_a_night_that_was_killed_is_in_no_way_of_what_comes_next(
    nursery: Nursery, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    kills = share(3, 8)
    assert run(nursery, kills, 0, tiny_checkpoint, tmp_path)["kills"] >= kills
