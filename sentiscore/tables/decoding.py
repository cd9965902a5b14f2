"""Decodes columns of bytes to text, and finds the rows with invalid bytes."""

from collections.abc import Sequence

import polars as pl

from sentiscore.tables.exact import series_of


def decoded(frame: pl.DataFrame, columns: Sequence[str], damaged: str | None) -> pl.DataFrame:
    """Turn columns of bytes into columns of text.

    Args:
        frame: Rows.
        columns: The columns to decode; those that are not bytes stay as they are.
        damaged: The name of an additional column, which lists for each row the columns whose bytes were not UTF-8; None
            for no such column.

    Returns:
        The rows, with U+FFFD instead of what is not UTF-8.
    """
    bad: dict[str, list[bool]] = {}
    texts = []
    schema = frame.schema
    for name in columns:
        if schema[name] != pl.Binary:
            continue
        try:
            texts.append(series_of(frame, name).cast(pl.String).alias(name))
        except pl.exceptions.PolarsError:  # some value is not UTF-8
            values: list[bytes | None] = frame[name].to_list()
            bad[name] = [value is not None and not _is_text(value) for value in values]
            mended = [None if value is None else value.decode(errors="replace") for value in values]
            texts.append(pl.Series(name, mended, dtype=pl.String))
    frame = frame.with_columns(texts)
    if damaged is None:
        return frame
    return frame.with_columns(_names_of(damaged, bad, frame.height))


def _names_of(name: str, bad: dict[str, list[bool]], height: int) -> pl.Series:
    """For each row, its invalid columns."""
    kind = pl.List(pl.String)
    if not bad:
        return pl.Series(name, [[]], dtype=kind).new_from_index(0, height)
    rows = zip(*bad.values(), strict=True)
    return pl.Series(name, [[one for one, is_bad in zip(bad, row, strict=True) if is_bad] for row in rows], dtype=kind)


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
