"""What importing torch leaves behind in Python's collector."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "assert gc.isenabled() and gc.get_freeze_count() == 0"),
        ("gc.disable()", "assert not gc.isenabled()"),
        ("gc.freeze(); frozen = gc.get_freeze_count()", "assert 0 < gc.get_freeze_count() <= frozen"),
    ],
    ids=["as it is", "at rest", "with frozen objects"],
)
def test_the_collector_is_as_it_was_before_torch_was_imported(before: str, after: str) -> None:
    subprocess.run([sys.executable, "-c", f"import gc; {before}\nimport sentiscore.engine\n{after}"], check=True)
