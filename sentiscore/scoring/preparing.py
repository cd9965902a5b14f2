"""Finds the distinct texts of rows, and encodes those without known answers."""

from typing import Final, NamedTuple

import numpy as np
import polars as pl

from sentiscore.engine.classifier import Progress
from sentiscore.engine.tokenizer import TextEncoder
from sentiscore.scoring.bad_rows import is_blank
from sentiscore.scoring.mentions import Mentions
from sentiscore.scoring.prepared import Known, Prepared

_TEXT: Final = "text"
_MENTION: Final = "mention"
_WHICH: Final = "which"


class Distinct(NamedTuple):
    """The distinct texts of some rows; with mentions, the distinct pairs of a text and a mention.

    Attributes:
        texts: The texts that are neither missing nor blank, each once, in the order in which they appear.
        which: The number of each row's text; null if it has none, shape (rows,).
        null: Which rows have no text, not even a blank one, shape (rows,).
        mentions: The mention that each of the texts is read for, null for none; None if all are read alone.
        absent: Which rows have a target that their text does not mention, shape (rows,); None without targets.
    """

    texts: pl.Series
    which: pl.Series
    null: pl.Series
    mentions: pl.Series | None = None
    absent: pl.Series | None = None


def distinct_of(texts: pl.Series, targets: Mentions | None = None) -> Distinct:
    """Find the distinct texts of rows.

    Args:
        texts: The texts, nulls allowed.
        targets: What each of them is read for; None if all are read alone.
    """
    texts = texts.alias(_TEXT)
    columns = {_TEXT: texts.cast(pl.String)}
    if targets is not None and targets.mention.count():
        columns[_MENTION] = targets.mention
    rows = pl.DataFrame(columns)
    blank = is_blank(pl.col(_TEXT))  # the others may still have no tokens
    distinct = rows.filter(pl.col(_TEXT).is_not_null() & ~blank).unique(maintain_order=True).with_row_index(_WHICH)
    which = rows.join(distinct, on=rows.columns, how="left", nulls_equal=True, maintain_order="left")[_WHICH]
    return Distinct(
        texts=distinct[_TEXT],
        which=which,
        null=texts.is_null(),
        mentions=distinct[_MENTION] if _MENTION in columns else None,
        absent=None if targets is None else targets.absent,
    )


def prepare(found: Distinct, known: Known | None, encoder: TextEncoder, *, windows: bool) -> Prepared:
    """Encode the texts without known answers.

    Args:
        found: The distinct texts.
        known: The result of looking them up in the store of answers; None without a store.
        encoder: The model's tokenizer.
        windows: Whether to cut long texts into windows.
    """
    unread, asked = found.texts, found.mentions
    if known is not None:
        new = pl.Series(~known.found, dtype=pl.Boolean)
        unread, asked = unread.filter(new), None if asked is None else asked.filter(new)
    listed = encoder.as_far_as_read(unread).to_list()  # a text of 16 MB may take 64 MB in Python
    mentions = None if asked is None else asked.to_list()
    encoded = encoder.encode(listed, mentions)
    owners = np.arange(len(listed))
    if windows and encoded.truncated.any():
        short, long = np.flatnonzero(~encoded.truncated), np.flatnonzero(encoded.truncated)
        cut = [encoder.pieces(unread[i], None if mentions is None else mentions[i]) for i in long.tolist()]
        owners = np.concatenate([short, np.repeat(long, [len(parts) for parts in cut])])
        of_each = None if mentions is None else [mentions[i] for i in owners]
        pieces = encoder.encode([piece for parts in cut for piece in parts], of_each and of_each[short.size :])
        encoded = encoder.encode([listed[i] for i in short], of_each and of_each[: short.size]).followed_by(pieces)
    return Prepared(
        null=found.null,
        which=found.which,
        n_encoded=len(listed),
        encoded=encoded,
        reading=encoder.reading(encoded),
        owners=owners,
        known=known,
        absent=found.absent,
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
