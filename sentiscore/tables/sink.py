"""Windows of rows -> one file, which is there whole or not at all.

A sink writes beside its target and takes the target's place only when it is closed without an error, so a
run that is stopped halfway leaves the old file as it was.
"""

import glob
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Protocol, Self

import polars as pl

from sentiscore.errors import OutputError

WRITABLE: Final = (".parquet", ".csv", ".ndjson")
_LEFT_BEHIND: Final = 3_600
"""Seconds after which nobody can be about to write to a file whose process is gone, on another machine either."""


class Writer(Protocol):
    """Appends frames of one schema to an open file."""

    def write(self, frame: pl.DataFrame) -> None:
        """Append the rows of a frame."""

    def finish(self) -> None:
        """Write what the format needs at its end."""

    def abandon(self) -> None:
        """Let go of the file, which will be thrown away."""


def check_target(path: str | Path, schema: pl.Schema) -> Path:
    """Can a table of this schema be written there? Asked before any work is done.

    Args:
        path: A .parquet, .csv or .ndjson file that is there or not.
        schema: The columns that will be written.

    Raises:
        OutputError: The ending is unknown, the folder is missing or may not be written to, or the format
            cannot hold one of the columns.
    """
    path = Path(path)
    if path.suffix.lower() not in WRITABLE:
        raise OutputError(f"{path} is of a kind that cannot be written.", f"Use one of: {', '.join(WRITABLE)}.")
    check_place(path)
    unfit = [f"{name} ({dtype})" for name, dtype in schema.items() if not _fits(path.suffix.lower(), dtype)]
    if unfit:
        raise OutputError(
            f"{path.suffix} cannot hold the column{'s'[: len(unfit) > 1]} {', '.join(unfit)}.",
            "Write .parquet, or leave such columns out with --columns.",
        )
    return path


def check_place(path: Path) -> None:
    """Can a file be written there?

    Raises:
        OutputError: It is a folder, or its folder is missing or may not be written to.
    """
    folder = path.parent
    with _translated(path):
        if path.is_dir():
            raise OutputError(f"{path} is a folder.", "Name a file in it.")
        if folder.exists() and not folder.is_dir():
            raise OutputError(f"{folder} is a file, not a folder.", "Choose another place.")
        if not folder.is_dir():
            raise OutputError(f"There is no folder {folder}.", f"Make it first: mkdir -p {folder}")
        probe = _beside(_real(path))
        probe.open("wb").close()
        probe.unlink()


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all.

    Raises:
        OutputError: It cannot be written there.
    """
    part = _beside(_real(path))
    try:
        with _translated(path):
            part.write_text(text, encoding="utf-8")
            part.replace(_real(path))
    finally:
        part.unlink(missing_ok=True)


def put_in_place(part: Path, target: Path) -> None:
    """Let a file that was written whole take the place of another in one step.

    Raises:
        OutputError: It cannot be put there.
    """
    with _translated(target):
        part.replace(_real(target))
        _sync_folder(_real(target).parent)


def sweep(path: Path) -> None:
    """Remove what processes that are gone left of files they were writing in this place."""
    place = _real(path)
    for part in place.parent.glob(f".{glob.escape(place.name)}.*.part"):
        number = re.fullmatch(r"\.(\d{1,9})\.part", part.name.removeprefix(f".{place.name}"))
        with suppress(OSError):
            if number and time.time() - part.stat().st_mtime > _LEFT_BEHIND and not _lives(int(number[1])):
                part.unlink()


def _lives(process: int) -> bool:
    """Whether there is a process of this number; where that cannot be asked, whether there may be one."""
    if os.name == "nt":
        return True
    try:
        os.kill(process, 0)  # sends nothing
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _fits(suffix: str, dtype: pl.DataType) -> bool:
    if dtype == pl.Object:
        return False
    if suffix == ".csv":
        return not dtype.is_nested() and dtype not in (pl.Binary, pl.Duration)
    if isinstance(dtype, pl.List | pl.Array):
        return _fits(suffix, _instance(dtype.inner))
    if isinstance(dtype, pl.Struct):
        return (bool(dtype.fields) or suffix != ".parquet") and all(
            _fits(suffix, _instance(field.dtype)) for field in dtype.fields
        )
    return dtype != pl.Binary if suffix == ".ndjson" else dtype not in (pl.Int128, pl.UInt128)


def _instance(dtype: Any) -> Any:
    """Polars names an inner type by class or by instance."""
    return dtype() if isinstance(dtype, type) else dtype


class Sink:
    """An open target; use it as a context manager.

    Attributes:
        path: The target.
        rows: How many rows were written so far.
    """

    def __init__(self, path: Path, open_writer: Callable[[IO[bytes], pl.DataFrame], Writer]) -> None:
        self.path = path
        self.rows = 0
        self._open_writer = open_writer
        self._writer: Writer | None = None
        self._place = _real(path)
        self._part = _beside(self._place)
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        with _translated(self.path):
            self._file = self._part.open("wb")
        return self

    def write(self, frame: pl.DataFrame) -> None:
        """Append the rows of a frame; the first frame sets the columns, and may be empty."""
        if self._file is None:
            raise RuntimeError("the sink is not open")
        with _translated(self.path):
            if self._writer is None:
                self._writer = self._open_writer(self._file, frame)
            self._writer.write(frame)
        self.rows += frame.height

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is None:
            return
        try:
            with _translated(self.path):
                if kind is None:
                    if self._writer is None:
                        raise RuntimeError("a sink was closed before anything was written to it")
                    self._writer.finish()
                    self._file.flush()
                    os.fsync(self._file.fileno())
                    self._file.close()
                    self._part.replace(self._place)
                    _sync_folder(self._place.parent)
        finally:
            if self._writer is not None and not self._file.closed:
                self._writer.abandon()
            with suppress(OSError):  # what is still in a buffer may find no room, and is not wanted
                self._file.close()
            self._part.unlink(missing_ok=True)
            self._file = None


def open_sink(path: str | Path) -> Sink:
    """A sink for a .parquet, .csv or .ndjson file.

    Raises:
        OutputError: The ending is unknown.
    """
    path = Path(path)
    writers: dict[str, Callable[[IO[bytes], pl.DataFrame], Writer]] = {
        ".parquet": _ParquetWriter,
        ".csv": _CsvWriter,
        ".ndjson": _NdjsonWriter,
    }
    if path.suffix.lower() not in writers:
        raise OutputError(f"{path} is of a kind that cannot be written.", f"Use one of: {', '.join(WRITABLE)}.")
    return Sink(path, writers[path.suffix.lower()])


def write_frame(frame: pl.DataFrame, path: str | Path) -> Path:
    """Write one frame to a file, whole or not at all.

    Raises:
        OutputError: It cannot be written there.
    """
    path = check_target(path, frame.schema)
    with open_sink(path) as sink:
        sink.write(frame)
    return path


class _ParquetWriter:
    def __init__(self, file: IO[bytes], first: pl.DataFrame) -> None:
        from pyarrow import parquet

        self._schema = first.head(0).to_arrow().schema
        self._writer: Any = parquet.ParquetWriter(file, self._schema, compression="zstd")

    def write(self, frame: pl.DataFrame) -> None:
        if frame.height:
            self._writer.write_table(frame.to_arrow().cast(self._schema))

    def finish(self) -> None:
        self._writer.close()

    def abandon(self) -> None:
        with suppress(OSError, ValueError):  # it writes a footer, for which there may be no room
            self._writer.close()
        self._writer.is_open = False  # or it would try once more when it is collected


class _CsvWriter:
    def __init__(self, file: IO[bytes], first: pl.DataFrame) -> None:
        self._file = file
        first.head(0).write_csv(file)

    def write(self, frame: pl.DataFrame) -> None:
        frame.write_csv(self._file, include_header=False)

    def finish(self) -> None:
        pass

    def abandon(self) -> None:
        pass


class _NdjsonWriter:
    def __init__(self, file: IO[bytes], first: pl.DataFrame) -> None:
        self._file = file

    def write(self, frame: pl.DataFrame) -> None:
        frame.write_ndjson(self._file)

    def finish(self) -> None:
        pass

    def abandon(self) -> None:
        pass


def _real(path: Path) -> Path:
    """Where a path leads, so that a link stays one."""
    return Path(os.path.realpath(path))


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return  # a folder cannot be opened there
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise OutputError(
            f"{path.parent} may not be written to by this user.", "Choose another place with --output."
        ) from error
    except (OSError, pl.exceptions.PolarsError) as error:
        raise OutputError(
            f"{path} could not be written: {error}.",
            "Nothing was changed there. Free some space or choose another place with --output.",
        ) from error
