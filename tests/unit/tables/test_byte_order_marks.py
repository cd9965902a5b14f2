"""A text that begins with a byte order mark keeps it, also in the first row, where Arrow would drop it."""

from pathlib import Path

import polars as pl
import pytest

from sentiscore.tables import write_frame
from sentiscore.tables.opening import open_source

MARK = "\ufeff"


@pytest.mark.parametrize("texts", [[MARK], [f"{MARK}up", "down"], ["up", MARK], [f"{MARK}{MARK}"]])
def test_a_text_keeps_the_mark_that_it_begins_with(tmp_path: Path, texts: list[str]) -> None:
    path = write_frame(pl.DataFrame({"text": texts}), tmp_path / "t.csv")
    assert pl.concat(list(open_source(path).windows(100)))["text"].to_list() == texts


def test_the_mark_of_a_file_is_not_part_of_its_header(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(f"{MARK}text\nup\n".encode())
    assert pl.concat(list(open_source(path).windows(100))).to_dict(as_series=False) == {"text": ["up"]}
