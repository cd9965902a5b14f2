"""Opens packed files (gzip, bzip2, Zstandard, ZIP) as a stream of bytes, in bounded memory."""

import bz2
import gzip
import io
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from sentiscore.errors import InputError
from sentiscore.tables.limits import BOMB_BYTES, BOMB_RATIO
from sentiscore.tables.problems import broken, too_much

PACKED: Final = (".gz", ".bz2", ".zst", ".zip")
"""The extensions of packed files."""

_BUFFER_BYTES: Final = 1 << 16
_SHOWN: Final = 5


def is_packed(path: Path) -> bool:
    """Whether the name of a file says that it is packed."""
    return path.suffix.lower() in PACKED


def open_unpacked(path: Path) -> "io.BufferedReader[Any]":
    """The content of a file; of a packed one what it unpacks to, as it is read.

    Args:
        path: A file. A ZIP archive holds one file.

    Raises:
        InputError: It is broken, unpacks to absurdly more than its size, or is an archive of several files, now or
            while it is read.
    """
    if not is_packed(path):
        return path.open("rb")
    most = max(BOMB_BYTES, BOMB_RATIO * path.stat().st_size)
    with _translated(path):
        file = _unpacking(path)
    return io.BufferedReader(_Unpacked(path, file, most), _BUFFER_BYTES)


def _unpacking(path: Path) -> BinaryIO:
    kind = path.suffix.lower()
    if kind == ".gz":
        return cast("BinaryIO", gzip.open(path, "rb"))
    if kind == ".bz2":
        return cast("BinaryIO", bz2.open(path, "rb"))
    if kind == ".zip":
        with zipfile.ZipFile(path) as archive:  # its file is closed when the last stream of it is
            return cast("BinaryIO", archive.open(_only_file(path, archive)))
    import pyarrow as pa  # Python knows Zstandard from 3.14 on

    return cast("BinaryIO", pa.CompressedInputStream(pa.OSFile(str(path), "rb"), "zstd"))


def name_inside(path: Path) -> str:
    """The name of what a packed file holds: that in a ZIP archive, and NAME of NAME.gz.

    Raises:
        InputError: It is an archive that is broken, empty, or of several files.
    """
    if path.suffix.lower() != ".zip" or not path.is_file():
        return path.name[: -len(path.suffix)]
    try:
        with zipfile.ZipFile(path) as archive:
            return Path(_only_file(path, archive).filename).name
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise broken(path, error) from error


def _only_file(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    files = [each for each in archive.infolist() if not (each.is_dir() or _is_of_macos(each.filename))]
    if len(files) != 1:
        shown = ", ".join(each.filename for each in files[:_SHOWN])
        raise InputError(
            f"{path} is an archive of {len(files):,} files{f' ({shown})' if files else ''}, and one is read.",
            "Unpack it into a folder, and name the folder.",
        )
    if files[0].flag_bits & 1:
        raise InputError(f"{path} is encrypted.", "Unpack it with its password first.")
    return files[0]


def _is_of_macos(name: str) -> bool:
    return name.startswith("__MACOSX/") or name.rpartition("/")[2] == ".DS_Store"


class _Unpacked(io.RawIOBase):
    """The content of a packed file, unless it is absurdly larger than the file.

    Args:
        path: The file.
        file: What unpacks it, which is closed together with this.
        most: The limit on bytes.
    """

    def __init__(self, path: Path, file: BinaryIO, most: int) -> None:
        self._path = path
        self._file = file
        self._most = most
        self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with _translated(self._path):
            found = self._file.read(len(buffer))
        buffer[: len(found)] = found
        self._given += len(found)
        if self._given > self._most:
            raise too_much(self._path, f"unpacks to more than {BOMB_RATIO} times its size")
        return len(found)

    def close(self) -> None:
        self._file.close()
        super().close()


class _translated:  # noqa: N801 - read as a verb, as contextmanager makes them
    """Translates errors about unpacking into an InputError; a class, since it is entered for every block."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        unpacking = (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, ValueError, RuntimeError)
        if isinstance(error, PermissionError) or not isinstance(error, unpacking):
            return
        raise broken(self._path, error) from error
