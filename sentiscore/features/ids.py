"""A column of ids -> a number for each text of an entity, which its copies share."""

from typing import Final

import polars as pl

from sentiscore.errors import InputError
from sentiscore.features.entities import plain_names

_TEXT: Final = (pl.String, pl.Categorical, pl.Enum, pl.Binary, pl.Null)
_ID_SEED: Final = 1
_ENTITY_SEED: Final = 2
"""Two functions, so that an id that is spelled like its entity is not a special case."""


def check_ids(dtype: pl.DataType, column: str) -> None:
    """Raise an InputError if a column of this type cannot hold ids."""
    whole = dtype.is_integer() or (isinstance(dtype, pl.Decimal) and not dtype.scale)
    if dtype in _TEXT or whole:
        return
    hint = "An id is text or a whole number, and names one text."
    if dtype.is_float():
        hint += " Numbers with a fraction cannot hold long ids: write the column as whole numbers or as text."
    raise InputError(f"The id column {column!r} holds {dtype}.", hint)


def read_ids(column: pl.Series) -> pl.Series:
    """Ids as text, so that 7 and "7" are one; null if there is none.

    A placeholder for a missing entity, such as a blank text, also means a missing id, and so does text that has
    lost bytes. Bytes that are not text, such as those of a UUID, are an id as they are.
    """
    return plain_names(_as_text(column) if column.dtype == pl.Binary else column)


def _as_text(column: pl.Series) -> pl.Series:
    try:
        return column.cast(pl.String)
    except pl.exceptions.PolarsError:  # some value is not text
        return pl.Series(column.name, [None if value is None else _spelled(value) for value in column], dtype=pl.String)


def _spelled(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex()


def story_keys(ids: pl.Series, entities: pl.Series) -> pl.Series:
    """One number of 64 bits for each id of an entity; null without an id.

    Among n ids of all entities, two have the same number with a chance of n**2 / 2**65: of 100 million with
    1 in 3,700, of ten million with 1 in 370,000.
    """
    names = entities if entities.dtype == pl.String else entities.cast(pl.String)
    keys = ids.hash(_ID_SEED) ^ names.hash(_ENTITY_SEED)
    return keys.set(ids.is_null(), None) if ids.null_count() else keys
