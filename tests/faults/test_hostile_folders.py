"""A share of what `make hostile` tries: folders that mean harm are refused in one message, or score."""

from pathlib import Path

from tests.effort import larger, share
from tests.faults.hostile_folders import run


@larger
def test_a_hostile_folder_is_refused_or_harmless_within_bounds_by_verify_and_score_alike(tmp_path: Path) -> None:
    assert run(share(8, 24), 1, tmp_path) == []
