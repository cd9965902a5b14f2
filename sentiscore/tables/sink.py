"""Writes windows of rows to an output, completely or not at all.

A sink writes next to its target. Only when it is closed without an error is what it wrote synced to the disk, read back
and checked, and moved to the target atomically. So a run that is stopped halfway leaves the old output as it was.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

import polars as pl

from sentiscore import forks
from sentiscore.disk.durable import begin_file, put_in_place, sync_folder, sync_open, write_synced, write_text
from sentiscore.disk.failures import translated
from sentiscore.disk.parts import hidden_part_path, remove, sweep
from sentiscore.disk.paths import real
from sentiscore.disk.permission import check_same_disk
from sentiscore.errors import OutputError
from sentiscore.tables.hashes import hash_listing
from sentiscore.tables.part_folders import (
    MARK,
    PROVENANCE_NAME,
    check_ours,
    part_name,
    put_folder_in_place,
    recover_folder,
)
from sentiscore.tables.places import check_target, is_folder_target, sidecar_path, unknown_kind
from sentiscore.tables.readback import read_back
from sentiscore.tables.writers import CsvWriter, HashedFile, NdjsonWriter, ParquetWriter, Writer

PART_ROWS: Final = 1_048_576
"""The maximum number of rows per part of a folder, unless a single window has more."""
_translated: Final = partial(translated, others=(pl.exceptions.PolarsError, pl.exceptions.PanicException))


class Sink(ABC):
    """An open output; use it as a context manager.

    Leaving the block without an error finishes and publishes it. `finish` and `publish` do that in two steps, so that
    several outputs can be finished before the first is published.

    Attributes:
        path: The target.
        rows: The number of rows written so far.
        metadata: Names and values for the metadata of parquet, read when the file, or a part, is finished.
        sidecar: The content of the provenance file next to the output (in a folder, `provenance.json`), published
            together with it; None for no such file.
        like: The file whose mode and owner the output gets; None for the file that it replaces.
        sha256: The hash of the finished output in hex. For a folder, that of what `sha256sum part-*` prints.
    """

    def __init__(self, path: Path, part: Path, metadata: Mapping[str, str]) -> None:
        self.path = path
        self.rows = 0
        self.metadata = metadata
        self.sidecar: str | None = None
        self.like: Path | None = None
        self.sha256 = ""
        self._part = part
        self._open = self._finished = self._published = False

    def __enter__(self) -> Self:
        with _translated(self.path):
            sweep(self.path)
            check_same_disk(self._part, self.path)
            self._begin()
        self._open = True
        return self

    def write(self, frame: pl.DataFrame) -> None:
        """Append the rows of a frame; the first frame, which may be empty, sets the columns."""
        if not self._open or self._finished:
            raise RuntimeError("the sink is not open")
        with _translated(self.path):
            self._append(frame)
        self.rows += frame.height

    def finish(self) -> None:
        """Close what was written, sync it to the disk, read it back and check it; it is not published yet.

        Raises:
            OutputError: It could not be written, or reads back differently.
        """
        if not self._open:
            raise RuntimeError("the sink is not open")
        if not self._finished:
            with _translated(self.path):
                self._complete()
            self._finished = True

    def publish(self) -> None:
        """Move the finished output to the target, atomically.

        Raises:
            OutputError: It cannot be moved there; the old output is where it was.
        """
        if not self._finished:
            raise RuntimeError("the sink is not finished")
        if not self._published:
            self._put()
            self._published = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._open:
            return
        try:
            if kind is None:
                self.finish()
                self.publish()
        finally:
            self._abandon()
            self._open = False

    @abstractmethod
    def _begin(self) -> None:
        """Open the file or folder to write to."""

    @abstractmethod
    def _append(self, frame: pl.DataFrame) -> None:
        """Append the rows of a frame."""

    @abstractmethod
    def _complete(self) -> None:
        """Close, sync and check; sets sha256."""

    @abstractmethod
    def _put(self) -> None:
        """Replace the target."""

    @abstractmethod
    def _abandon(self) -> None:
        """Remove what was not published."""


class _FileSink(Sink):
    """Writes one file."""

    def __init__(
        self,
        path: Path,
        part: Path,
        metadata: Mapping[str, str],
        open_writer: Callable[[HashedFile, pl.DataFrame], Writer],
    ) -> None:
        super().__init__(path, part, metadata)
        self._open_writer = open_writer
        self._writer: Writer | None = None
        self._file: IO[bytes] | None = None
        self._hashed: HashedFile | None = None
        sidecar = real(sidecar_path(path))
        apart = part.parent != sidecar.parent == real(path).parent  # in a work folder, which is removed as a whole
        self._sidecar_part = part.with_name(f"{part.name}.{PROVENANCE_NAME}") if apart else hidden_part_path(sidecar)

    def _begin(self) -> None:
        sweep(sidecar_path(self.path))
        self._file = begin_file(self._part, like=self.like or real(self.path))
        self._hashed = HashedFile(self._file)

    def _append(self, frame: pl.DataFrame) -> None:
        if self._writer is None:
            assert self._hashed is not None  # noqa: S101 - for mypy: the file is open
            self._writer = self._open_writer(self._hashed, frame)
        self._writer.write(frame)

    def _complete(self) -> None:
        if self._writer is None or self._file is None or self._hashed is None:
            raise RuntimeError("a sink was closed before anything was written to it")
        self._writer.finish(self.metadata)
        sync_open(self._file)
        self._file.close()
        self.sha256 = self._hashed.sha256
        read_back(
            self._part,
            target=self.path,
            suffix=self.path.suffix.lower(),
            rows=self.rows,
            schema=self._writer.schema(),
            sha256=self.sha256,
        )

    def _put(self) -> None:
        if self.sidecar is not None:  # first, so that it fails while the old output is there
            with _translated(self.path):
                write_synced(self._sidecar_part, self.sidecar.encode())
        put_in_place(self._part, self.path, like=self.like)
        if self.sidecar is not None:
            try:
                put_in_place(self._sidecar_part, sidecar_path(self.path), like=real(self.path))
            except OutputError as error:  # checked before, but changed since
                raise OutputError(
                    f"{self.path} is in its place, but what it says of itself is not: {error.message}",
                    "Make that place free, and give the same command again.",
                ) from error

    def _abandon(self) -> None:
        if self._writer is not None and self._file is not None and not self._file.closed:
            self._writer.abandon()
        with suppress(OSError):  # buffered data may not fit on the disk, and is not needed
            if self._file is not None:
                self._file.close()
        for part in (self._part, self._sidecar_part):
            with suppress(OSError):
                part.unlink(missing_ok=True)


class _FolderSink(Sink):
    """Writes parts of a folder; each is finished and checked as soon as it is full."""

    def __init__(self, path: Path, part: Path, metadata: Mapping[str, str]) -> None:
        super().__init__(path, part, metadata)
        self._current: _FileSink | None = None
        self._hashes: dict[str, str] = {}

    def _begin(self) -> None:
        recover_folder(self.path)
        check_ours(self.path)
        remove(self._part)  # left by a killed run
        self._part.mkdir(mode=0o700 if self.path.exists() else 0o777)

    def _append(self, frame: pl.DataFrame) -> None:
        if self._current is not None and self._current.rows and self._current.rows + frame.height > PART_ROWS:
            self._close_part()
        if self._current is None:
            path = self._part / part_name(len(self._hashes))
            self._current = _FileSink(path, hidden_part_path(path), {}, ParquetWriter)
            self._current.__enter__()
        self._current.write(frame)

    def _close_part(self) -> None:
        if self._current is None:
            raise RuntimeError("a sink was closed before anything was written to it")
        self._current.metadata = {**self.metadata, MARK: "1"}
        self._current.finish()
        self._current.publish()
        self._hashes[self._current.path.name] = self._current.sha256
        self._current = None

    def _complete(self) -> None:
        self._close_part()
        sync_folder(self._part)
        self.sha256 = hash_listing(self._hashes)

    def _put(self) -> None:
        if self.sidecar is not None:
            write_text(self._part / PROVENANCE_NAME, self.sidecar)
        put_folder_in_place(self._part, self.path)

    def _abandon(self) -> None:
        if self._current is not None:
            self._current._abandon()
        if not self._published:
            remove(self._part)


def open_sink(
    path: str | Path,
    *,
    part: Path | None = None,
    metadata: Mapping[str, str] | None = None,
    inert: bool = True,
    folder: bool | None = None,
) -> Sink:
    """A sink for a .parquet, .csv or .ndjson file, or for a folder of parquet parts.

    Args:
        path: The target.
        part: Where to write until the end, on the same file system; by default a hidden path next to the target. What
            exists there is removed.
        metadata: For the metadata of parquet; other formats cannot store it. It can also be set later.
        inert: In a CSV, put an apostrophe before texts that a spreadsheet would treat as a formula.
        folder: Whether the target is a folder of parts; by default as `is_folder_target` says.

    Raises:
        OutputError: The extension is unknown.
    """
    forks.check()
    if folder is None:
        folder = is_folder_target(path)
    path = Path(path)
    part = hidden_part_path(real(path)) if part is None else part
    if folder:
        return _FolderSink(path, part, metadata or {})
    writers: dict[str, Callable[[HashedFile, pl.DataFrame], Writer]] = {
        ".parquet": ParquetWriter,
        ".csv": partial(CsvWriter, inert=inert),
        ".ndjson": NdjsonWriter,
    }
    if path.suffix.lower() not in writers:
        raise unknown_kind(path)
    return _FileSink(path, part, metadata or {}, writers[path.suffix.lower()])


def write_frame(
    frame: pl.DataFrame, path: str | Path, *, metadata: Mapping[str, str] | None = None, like: Path | None = None
) -> Path:
    """Write one frame to a file, completely or not at all.

    Args:
        frame: The rows.
        path: A .parquet, .csv or .ndjson file.
        metadata: For the metadata of parquet.
        like: The file whose mode and owner it gets; by default the file that it replaces.

    Raises:
        OutputError: It cannot be written there.
    """
    path = check_target(path, frame.schema, folder=False)
    sink = open_sink(path, metadata=metadata, folder=False)
    sink.like = like
    with sink:
        sink.write(frame)
    return path
