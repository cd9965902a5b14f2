"""What is dropped from a CSV, or converted, is never held."""

import io
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sentiscore.errors import InputError
from sentiscore.tables.csv_lines import Converted, Lines, TableBytes
from sentiscore.tables.dialect import CsvDialect

MB = 1 << 20


class Pieces(io.RawIOBase):
    """Pieces of bytes, made as they are read; `most` is how many are given before a reader has had enough."""

    def __init__(self, pieces: Iterator[bytes], most: int) -> None:
        self._pieces = pieces
        self._rest = b""
        self.left = most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.left <= 0:
            raise AssertionError("too much was read")
        data = self._rest or next(self._pieces, b"")
        piece, self._rest = data[: len(buffer)], data[len(buffer) :]
        self.left -= len(piece)
        buffer[: len(piece)] = piece
        return len(piece)


def endless(piece: bytes, most: int) -> "io.BufferedReader[Any]":
    return io.BufferedReader(Pieces(itertools.repeat(piece), most), 1 << 16)


@pytest.mark.parametrize("dialect", [CsvDialect(comment="#"), CsvDialect(skip_rows=1)])
def test_a_line_without_an_end_is_refused_though_it_is_dropped(dialect: CsvDialect) -> None:
    with pytest.raises(InputError, match="more than 16 MB in line 1"):
        list(Lines(Path("t.csv"), endless(b"#" * 60_000, 20 * MB), dialect))


def test_a_converted_line_counts_with_the_bytes_that_it_has_in_utf8() -> None:
    raw = io.BufferedReader(Converted(Path("t.csv"), endless(b"\xe9" * 60_000, 18 * MB), "cp1252"), 1 << 16)
    with pytest.raises(InputError, match="more than 16 MB in line 1"):
        list(Lines(Path("t.csv"), raw, CsvDialect(encoding="cp1252")))


def test_comments_are_not_held_while_rows_are_looked_for() -> None:
    import tracemalloc

    lines = itertools.chain([b"id,text\n"], itertools.repeat(b"# comment\n" * 1_000, 1_000), [b"1,up\n"])
    raw = io.BufferedReader(Pieces(lines, 100 * MB), 1 << 16)
    table = io.BufferedReader(TableBytes(Path("t.csv"), raw, CsvDialect(comment="#"), ","), 1 << 16)
    tracemalloc.start()
    try:
        assert table.read() == b"id,text\n1,up\n"
        assert tracemalloc.get_traced_memory()[1] < MB
    finally:
        tracemalloc.stop()


def test_python_ends_in_order_while_a_csv_is_half_read(tmp_path: Path) -> None:
    import gzip
    import subprocess
    import sys

    path = tmp_path / "long.csv.gz"
    path.write_bytes(gzip.compress(b"id,text\n" + b"".join(b"%d,%d\n" % (i, i**9) for i in range(150_000)), 1))
    code = (
        "import sys\nfrom sentiscore.tables import open_source\n"
        "windows = open_source(sys.argv[1]).windows(1000)\nnext(windows)\nsys.exit(1)"
    )
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (1, "")
