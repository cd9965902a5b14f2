"""Writes a stream, which can be read only once, to a file that is named for what it holds."""

import shutil
import zipfile
from pathlib import Path
from typing import BinaryIO, Final

from sentiscore.errors import InputError, OutputError
from sentiscore.tables.packing import open_unpacked

_BLOCK_BYTES: Final = 1 << 20
_FIRST_BYTES: Final = 1 << 12
_NAME: Final = "stdin"
_BLANK: Final = b"\xef\xbb\xbf \t\r\n"
_PACKED: Final = ((b"\x1f\x8b", ".gz"), (b"BZh", ".bz2"), (b"\x28\xb5\x2f\xfd", ".zst"))
_KINDS: Final = (
    (b"PAR1", ".parquet"),
    (b"ARROW1", ".arrow"),
    (b"\xff\xff\xff\xff", ".arrow"),
    (b"PK\x03\x04", ".zip"),
)
_OF_WORKBOOKS: Final = "[Content_Types].xml"


def spool(stream: BinaryIO, folder: Path) -> Path:
    """Write all of a stream to a file; its kind is that of its first bytes, and CSV if they are of no other.

    Args:
        stream: What to read, to its end.
        folder: An existing folder for the file.

    Returns:
        The file.

    Raises:
        InputError: There are no bytes, or they are of a packed file that is broken.
        OutputError: The file cannot be written.
    """
    path = folder / _NAME
    try:
        with path.open("wb") as file:
            shutil.copyfileobj(stream, file, _BLOCK_BYTES)
        if not path.stat().st_size:
            raise InputError("stdin is empty: it has not even a header.", "Does the command before it write anything?")
        return path.rename(folder / f"{_NAME}{_ending_of(path)}")
    except OSError as error:
        raise OutputError(
            f"stdin cannot be copied to {folder}: {error}.",
            "Name a folder with more space with the variable TMPDIR, or write it to a file and name the file.",
        ) from error


def _ending_of(path: Path) -> str:
    """The extension with which a file can be read."""
    with path.open("rb") as file:
        start = file.read(_FIRST_BYTES)
    for sign, ending in _PACKED:
        if start.startswith(sign):
            packed = path.rename(path.with_name(_NAME + ending))
            try:
                with open_unpacked(packed) as inner:
                    return f"{_kind_of(inner.read(_FIRST_BYTES))}{ending}"
            finally:
                packed.rename(path)
    kind = _kind_of(start)
    if kind == ".zip" and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return ".xlsx" if _OF_WORKBOOKS in archive.namelist() else kind
    return kind


def _kind_of(start: bytes) -> str:
    for sign, ending in _KINDS:
        if start.startswith(sign):
            return ending
    first = start.lstrip(_BLANK)[:1]
    return {b"{": ".ndjson", b"[": ".json"}.get(first, ".csv")
