"""Errors about files, worded once for all formats; and checks that a file is still the one that was opened."""

import re
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sentiscore.errors import InputError
from sentiscore.tables.limits import CELLS_OF_A_BYTE, FREE_CELLS, MAX_COLUMNS, ROW_CELLS

AGAIN: Final = "The file looks broken or cut short; get it again from where it came."
_SHOWN_NAMES: Final = 5
_SIGNS: Final = (
    (b"PK\x03\x04", "an Excel workbook or another ZIP archive", None),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook or another Office file", None),
    (b"PAR1", "parquet", ".parquet"),
    (b"ARROW1\x00\x00", "an Arrow or Feather file", ".arrow"),
    (b"SQLite format 3\x00", "an SQLite database", None),
)
"""How binary files begin, what they are, and the extension that they need to be read."""
_PACKED: Final = (
    (b"\x1f\x8b", "gzip", ".gz"),
    (b"BZh", "bzip2", ".bz2"),
    (b"\x28\xb5\x2f\xfd", "Zstandard", ".zst"),
)
_UNPACK: Final = {".gz": "gzip -dc", ".bz2": "bzip2 -dc", ".zst": "zstd -dc", ".zip": "unzip -p"}
_JSON: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*(\[\s*)?\{\s*(?:\"[^\"]*\"\s*:|\}|\Z)")


def broken(path: Path, error: BaseException | str) -> InputError:
    """The error for a file that we or a library cannot parse."""
    reason = " ".join(str(error).split("\n\n")[0].split()) or type(error).__name__
    return InputError(f"{path} cannot be read: {reason[:500]}.".replace("..", "."), AGAIN)


def too_much(path: Path, what: str) -> InputError:
    """The error for a file that would take too much memory."""
    return InputError(
        f"{path} {what}.", "Such a file can take all memory, so it is not read; check where it comes from."
    )


def check_cells(path: Path, rows: int, width: int, size: int, of_a_byte: int = CELLS_OF_A_BYTE) -> None:
    """Raise an InputError if a table has absurdly many cells for its stored bytes.

    Args:
        path: The table.
        rows: A lower bound of its rows.
        width: The number of values of each row, including nulls.
        size: Bytes of its files.
        of_a_byte: The maximum number of cells per byte.
    """
    if rows * (width + ROW_CELLS) > max(FREE_CELLS, of_a_byte * size):
        raise too_much(path, f"has {rows:,} rows of {width:,} values or more in {size:,} bytes")


def check_lines(path: Path, lines: int, size: int) -> None:
    """Raise an InputError if a compressed file has absurdly many quoted lines for its size."""
    if lines > max(FREE_CELLS, CELLS_OF_A_BYTE * size):
        raise too_much(path, f"has {lines:,} lines or more in {size:,} bytes")


def check_kind(path: Path, start: bytes) -> None:
    """Raise an InputError if the first bytes of a file are not those of a table, whatever its name says."""
    if start.startswith(b"version https://git-lfs"):
        raise InputError(
            f"{path} is not the table but a note of where it is (Git LFS).", "Fetch it first: git lfs pull"
        )
    if start.lstrip(b"\xef\xbb\xbf \t\r\n")[:14].lower().startswith((b"<!doctype html", b"<html")):
        raise InputError(f"{path} is a web page, not a table.", "Was the download refused? Open it in a browser.")
    text = path.name.lower().endswith((".csv", ".tsv", ".ndjson", ".jsonl", ".json"))
    for sign, what, ending in _SIGNS if text else ():
        if start.startswith(sign):
            advice = f"Rename it to {path.stem}{ending}." if ending else "Save it as CSV or parquet first."
            raise InputError(f"{path} is {what}, whatever its name says.", advice)
    for sign, what, ending in _PACKED:
        if start.startswith(sign) and path.suffix.lower() not in _UNPACK:
            advice = (
                f"Name it {path.name}{ending}." if text else f"Unpack it first, with {_UNPACK[ending].split()[0]} -d."
            )
            raise InputError(f"{path} is {what}, and its name does not say so.", advice)


def check_json(path: Path, start: bytes) -> None:
    """Raise an InputError if a file that cannot be used as a CSV begins as JSON does.

    Args:
        path: The file.
        start: Its first bytes.
    """
    if found := _JSON.match(start):
        ending = ".json" if found[1] else ".ndjson"
        raise InputError(f"{path} is JSON, whatever its name says.", f"Rename it to {path.stem}{ending}.")


def check_utf8_mark(path: Path, start: bytes, *, option: bool) -> None:
    """Raise an InputError if a file that should be UTF-8 begins with the byte order mark of UTF-16 or UTF-32.

    Args:
        path: The file.
        start: Its first bytes.
        option: Whether there is an option for the encoding of such a file.
    """
    if start.startswith((b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")):
        raise not_utf8(path, "its header", "UTF-32" if b"\x00\x00" in start[:4] else "UTF-16", option=option)


def conversion(path: Path, coding: str) -> str:
    """The command that converts a text file to UTF-8.

    Args:
        path: The file; unpacked first if its name says that it is packed.
        coding: Its encoding, as iconv calls it.
    """
    unpack = _UNPACK.get(path.suffix.lower())
    suffix = path.suffix if unpack is None else path.with_suffix("").suffix or ".csv"
    convert = f"iconv -f {coding} -t UTF-8"
    file = shlex.quote(str(path))
    return f"{convert} {file} > utf8{suffix}" if unpack is None else f"{unpack} {file} | {convert} > utf8{suffix}"


def not_utf8(
    path: Path,
    where: str,
    coding: str = "WINDOWS-1252",
    *,
    column: str | None = None,
    encoding: str = "utf-8",
    option: bool = False,
) -> InputError:
    """The error for a text file that is in another encoding, or damaged.

    Args:
        path: The file.
        where: The position of the invalid bytes.
        coding: Its likely encoding, as iconv calls it.
        column: The column of these bytes, where known.
        encoding: The encoding in which it was read.
        option: Whether there is an option for the encoding of such a file.
    """
    what = path if column is None else f"The column {column!r} of {path}"
    convert = f"onvert it first, for example: {conversion(path, coding)}"
    hint = f"C{convert}"
    if encoding != "utf-8":
        hint = "Name the encoding that the file is in with --encoding (encoding), or mend those bytes."
    elif option:
        typed = coding.lower().replace("windows-", "cp")
        hint = f"Name its encoding, for example --encoding {typed} (encoding). Or c{convert}"
    return InputError(f"{what} holds bytes that are not {encoding.upper()}, in {where}.", hint)


def check_names(path: Path, names: Sequence[str]) -> None:
    """Raise an InputError if there are no columns, too many, or two with the same name."""
    if not names:
        raise InputError(f"{path} has no columns.", "Was it written to the end?")
    if len(names) > MAX_COLUMNS:
        raise too_much(path, f"has {len(names):,} columns, and {MAX_COLUMNS:,} are the most that are read")
    if twice := sorted(name for name, n in Counter(names).items() if n > 1)[:_SHOWN_NAMES]:
        raise InputError(
            f"{path} has more than one column called {', '.join(map(repr, twice))}.",
            "Give every column a name of its own.",
        )


def check_count(path: Path, found: int, expected: int) -> None:
    """Raise an InputError if a reader returned a different number of rows than an independent count."""
    if found != expected:
        raise broken(path, f"it has {expected} rows, and {found} could be read")


def identity_of(path: Path) -> tuple[int, ...]:
    """The identity of a file, which another file that replaces it hardly shares."""
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def check_same(path: Path, identity: tuple[int, ...]) -> None:
    """Raise an InputError if the file is not the one that was opened: its rows must not be mixed with another's."""
    try:
        same = identity_of(path) == identity
    except OSError:
        same = False
    if not same:
        raise InputError(f"{path} was changed while it was read.", "Run it again, once the file is complete.")
