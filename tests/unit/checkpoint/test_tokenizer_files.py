"""The files of a tokenizer are data, and data that the library can take."""

import json
from pathlib import Path
from typing import Any

import pytest

from sentiscore.checkpoint.tokenizer_files import read_tokenizer
from sentiscore.errors import CheckpointError


@pytest.mark.parametrize(
    ("mark", "merges", "fine"),
    [
        ("", [["a", "ü"]], True),
        (None, [["a", "ü"]], True),
        ("##", [["a", "##ü"]], True),
        ("##", ["a ##ü"], True),
        ("\0", [["a", "ü"]], False),
        ("##", ["a ü"], False),
        ("##", ["a"], False),
        ("##", [7], False),
    ],
)
def test_a_merge_that_would_leave_half_a_character_is_refused(
    tmp_path: Path, mark: str | None, merges: list[Any], fine: bool
) -> None:
    model: dict[str, Any] = {"type": "BPE", "continuing_subword_prefix": mark, "vocab": {}, "merges": merges}
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": model}))
    if fine:
        assert read_tokenizer(tmp_path)
    else:
        with pytest.raises(CheckpointError, match="does not go on with"):
            read_tokenizer(tmp_path)
