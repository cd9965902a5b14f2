"""A share of what `make hostile` tries: folders that mean harm are refused in one message, or score."""

from pathlib import Path

from tests.effort import larger, share
from tests.faults.hostile_folders import run
from tests.faults.nursery import Nursery


@larger
def test_a_hostile_folder_is_refused_or_harmless_within_bounds_by_verify_and_score_alike(
    nursery: Nursery, tmp_path: Path
) -> None:
    assert run(nursery, share(8, 24), 1, tmp_path) == []
