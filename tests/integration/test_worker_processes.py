"""The examples of docs/how-to/score-in-worker-processes.md, run as they stand but for the model."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.doc_blocks import blocks_of
from tests.effort import spread

GUIDE: Final = Path(__file__).parents[2] / "docs" / "how-to" / "score-in-worker-processes.md"
BLOCKS: Final = [block.code for block in blocks_of(GUIDE) if block.language == "python"]


@pytest.mark.parametrize(
    ("block", "printed"), spread([*zip(BLOCKS, [["3 rows"], ["2 frames", "1 row"]], strict=True)], 1)
)
def test_a_scorer_reaches_worker_processes_as_the_guide_says(
    block: str, printed: list[str], tiny_checkpoint: Path, tmp_path: Path
) -> None:
    assert "from_pretrained()" in block
    (tmp_path / "example.py").write_text(
        block.replace("from_pretrained()", f"from_pretrained({str(tiny_checkpoint)!r})")
    )
    done = subprocess.run(
        [sys.executable, "example.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert (done.returncode, done.stdout.splitlines()) == (0, printed), done.stderr[-4000:]
