"""Reads the rows of a job window by window; a window has rows of one source or of several consecutive ones."""

import itertools
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sentiscore.scoring.planned import Plan
from sentiscore.tables import Source
from sentiscore.tables.windows import Piece, rechunk

DAMAGED: Final = "sentiscore: damaged"
"""The column that lists for each row of a window its columns with bytes that are not text."""


@dataclass(frozen=True)
class Bounds:
    """How much to hold at once.

    Attributes:
        rows: The maximum number of rows of a window.
        text_bytes: The maximum bytes of its texts.
    """

    rows: int
    text_bytes: int


@dataclass(frozen=True)
class FileSpan:
    """The rows of a window that belong to one source.

    Attributes:
        source: The index of the source, from 0.
        position: How many rows of the source come before them.
        offset: How many rows of the window come before them.
        rows: The number of rows.
    """

    source: int
    position: int
    offset: int
    rows: int

    def of(self, values: pl.Series) -> pl.Series:
        """Its part of values for every row of the window."""
        return values.slice(self.offset, self.rows)


@dataclass(frozen=True)
class Window:
    """Rows that are held at once, from one source or several consecutive ones.

    Attributes:
        position: How many rows of all sources come before them.
        spans: Which rows belong to which source, in order; a single empty span if there are no rows.
        rows: The needed columns, without `damaged`.
        damaged: For each row, its columns with bytes that are not text, shape (rows,).
    """

    position: int
    spans: list[FileSpan]
    rows: pl.DataFrame
    damaged: pl.Series

    def origins(self, sources: Sequence[Source]) -> tuple[pl.Series, pl.Series]:
        """The file of each row, and the row's number there, from 1; each with shape (rows,)."""
        counts = [span.rows for span in self.spans]
        files = np.repeat(np.array([sources[span.source].path.name for span in self.spans], dtype=object), counts)
        before = np.repeat([span.position - span.offset for span in self.spans], counts)
        return pl.Series(files, dtype=pl.String), pl.Series(before + np.arange(1, before.size + 1), dtype=pl.Int64)

    def undecodable(self, text_col: str) -> pl.Series:
        """Which rows have a damaged text, shape (rows,)."""
        return self.damaged.list.contains(text_col)


def windows_of(
    plan: Plan, room: Callable[[int], int], columns: Sequence[str] | None = None, *, n_bytes: int
) -> Iterator[Window]:
    """Read the rows of all sources in order, up to the limit; one empty window if there are none.

    A window continues from one source to the next, so that many small files take no longer than one large file.

    Args:
        plan: The job.
        room: Returns the maximum number of rows of a window, given how many rows of all sources come before it.
        columns: The columns to read, by default the needed ones.
        n_bytes: The maximum bytes of text of a window.
    """
    chosen = plan.needed if columns is None else list(columns)
    limit = plan.request.rows.limit
    starts = [0, *itertools.accumulate(source.rows for source in plan.sources)]

    def pieces() -> Iterator[Piece]:
        for source, start in zip(plan.sources, starts, strict=False):
            if limit is None or start < limit:
                yield from source.pieces(chosen, damaged=DAMAGED)

    def most(at: int) -> int:
        return room(at) if limit is None else max(1, min(room(at), limit - at))

    position = 0
    for found in rechunk(pieces(), most, n_bytes):
        frame = found if limit is None else found.head(limit - position)
        spans = _spans(starts, position, frame.height)
        yield Window(position, spans, frame.drop(DAMAGED), frame[DAMAGED])
        position += frame.height
        if position == limit:
            break
    if position == 0:
        empty = pl.DataFrame(schema={name: plan.sources[0].schema[name] for name in chosen})
        yield Window(0, [FileSpan(0, 0, 0, 0)], empty, pl.Series(DAMAGED, [], dtype=pl.List(pl.String)))


def _spans(starts: Sequence[int], position: int, rows: int) -> list[FileSpan]:
    """Find the sources of some rows.

    Args:
        starts: How many rows of all sources come before each source, and the total number.
        position: How many rows come before these.
        rows: The number of rows.
    """
    spans: list[FileSpan] = []
    end = position + rows
    number = bisect_right(starts, position) - 1
    while number < len(starts) - 1 and starts[number] < end:
        first, last = max(position, starts[number]), min(end, starts[number + 1])
        if first < last:
            spans.append(FileSpan(number, first - starts[number], first - position, last - first))
        number += 1
    return spans
