"""Finds the distinct texts of rows, and encodes those without known answers."""

from typing import Final, NamedTuple

import numpy as np
import polars as pl

from sentiscore.engine.classifier import Progress
from sentiscore.engine.tokenizer import TextEncoder
from sentiscore.scoring.bad_rows import is_blank
from sentiscore.scoring.prepared import Known, Prepared

_TEXT: Final = "text"
_WHICH: Final = "which"


class Distinct(NamedTuple):
    """The distinct texts of some rows.

    Attributes:
        texts: The texts that are neither missing nor blank, each once, in the order in which they appear.
        which: The number of each row's text; null if it has none, shape (rows,).
        null: Which rows have no text, not even a blank one, shape (rows,).
    """

    texts: pl.Series
    which: pl.Series
    null: pl.Series


def distinct_of(texts: pl.Series) -> Distinct:
    """Find the distinct texts of rows."""
    texts = texts.alias(_TEXT)
    rows = pl.DataFrame({_TEXT: texts.cast(pl.String)})
    blank = is_blank(pl.col(_TEXT))  # the others may still have no tokens
    distinct = rows.filter(pl.col(_TEXT).is_not_null() & ~blank).unique(maintain_order=True).with_row_index(_WHICH)
    which = rows.join(distinct, on=_TEXT, how="left", maintain_order="left")[_WHICH]
    return Distinct(texts=distinct[_TEXT], which=which, null=texts.is_null())


def prepare(found: Distinct, known: Known | None, encoder: TextEncoder, *, windows: bool) -> Prepared:
    """Encode the texts without known answers.

    Args:
        found: The distinct texts.
        known: The result of looking them up in the store of answers; None without a store.
        encoder: The model's tokenizer.
        windows: Whether to cut long texts into windows.
    """
    unread = found.texts if known is None else found.texts.filter(pl.Series(~known.found, dtype=pl.Boolean))
    listed = encoder.as_far_as_read(unread).to_list()  # a text of 16 MB may take 64 MB in Python
    encoded = encoder.encode(listed)
    owners = np.arange(len(listed))
    if windows and encoded.truncated.any():
        short, long = np.flatnonzero(~encoded.truncated), np.flatnonzero(encoded.truncated)
        cut = [encoder.pieces(unread[int(i)]) for i in long]
        pieces = encoder.encode([piece for parts in cut for piece in parts])
        encoded = encoder.encode([listed[i] for i in short]).followed_by(pieces)
        owners = np.concatenate([short, np.repeat(long, [len(parts) for parts in cut])])
    return Prepared(
        null=found.null,
        which=found.which,
        n_encoded=len(listed),
        encoded=encoded,
        reading=encoder.reading(encoded),
        owners=owners,
        known=known,
    )


def per_row(progress: Progress, rows: int, unique: int) -> Progress:
    """Convert progress in scored texts to progress in rows, of which there are more because of repeats."""
    done = 0

    def report(texts: int) -> None:
        nonlocal done
        before = done * rows // max(1, unique)
        done += texts
        progress(done * rows // max(1, unique) - before)

    return report
