"""A table of entities and the names they go by."""

import hashlib
import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import polars as pl

from sentiscore.errors import InputError, SentiscoreWarning
from sentiscore.scoring.bad_rows import is_blank
from sentiscore.tables.limits import LABELLED_ROWS
from sentiscore.tables.opening import open_source, read_table

ENTITY: Final = "entity"
NAME: Final = "name"
_EXAMPLE: Final = "A table has the columns entity and name, and a row for each name, such as: AAPL,Apple"
_TEXTS: Final = (pl.String, pl.Categorical, pl.Enum)


@dataclass(frozen=True)
class TargetNames:
    """The names of entities.

    Attributes:
        names: The names of each entity, longest first: the order in which they are looked for in a text.
        file: The name of the file that they were read from.
    """

    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    file: str = ""

    @property
    def sha256(self) -> str:
        """A hash over entities and names, in hex; empty without any."""
        if not self.names:
            return ""
        listed = sorted((entity, list(names)) for entity, names in self.names.items())
        return hashlib.sha256(json.dumps(listed).encode()).hexdigest()

    def stranger(self, columns: Iterable[pl.Series]) -> str | None:
        """A target, if none is an entity with names; None if one is, or if there are no targets.

        Args:
            columns: Targets, read only as far as the first entity with names.
        """
        found = None
        for targets in columns:
            plain = targets.cast(pl.String).str.strip_chars().drop_nulls()
            if plain.is_in(list(self.names)).any():
                return None
            found = found or next(filter(None, plain), None)
        return found

    def warn_of_strangers(self, target_col: str, columns: Iterable[pl.Series], *, stacklevel: int) -> None:
        """Warn if there are names, and no target is one of the entities that they belong to.

        Args:
            target_col: The column of targets.
            columns: Its values; see `stranger`.
            stacklevel: As for `warnings.warn`, counted from the caller.
        """
        if self.names and (found := self.stranger(columns)) is not None:
            warnings.warn(
                f"No value of {target_col!r}, such as {found!r}, is an entity of {self.file}, such as "
                f"{next(iter(self.names))!r}, so no name is used. Upper and lower case must be equal.",
                SentiscoreWarning,
                stacklevel=stacklevel + 1,
            )

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a table of names.

        Args:
            path: A table with the columns `entity` and `name`, one row for each name.

        Raises:
            InputError: The table cannot be read, has no such column, or has a row without an entity or a name.
        """
        columns = open_source(path).schema.names()
        if missing := [name for name in (ENTITY, NAME) if name not in columns]:
            raise InputError(f"{path} has no column {missing[0]!r}; its columns are: {', '.join(columns)}.", _EXAMPLE)
        frame = read_table(path, [ENTITY, NAME], most_rows=LABELLED_ROWS)
        for name in (ENTITY, NAME):
            if frame[name].dtype not in _TEXTS and not (name == ENTITY and frame[name].dtype.is_integer()):
                raise InputError(f"The column {name!r} of {path} contains {frame[name].dtype}, not text.", _EXAMPLE)
        plain = frame.select(pl.col(ENTITY, NAME).cast(pl.String).str.strip_chars())
        if plain.is_empty():
            raise InputError(f"{path} has no rows.", _EXAMPLE)
        lacking = plain.select(pl.any_horizontal(pl.all().is_null() | is_blank(pl.all()))).to_series()
        if lacking.any():
            raise InputError(f"Row {(lacking.arg_max() or 0) + 1:,} of {path} has no entity or no name.", _EXAMPLE)
        names: dict[str, list[str]] = {}
        for entity, name in plain.unique(maintain_order=True).iter_rows():
            names.setdefault(entity, []).append(name)
        return cls({entity: sorted(each, key=len, reverse=True) for entity, each in names.items()}, Path(path).name)


def names_of(targets: str | Path | None, target_col: str | None) -> TargetNames:
    """The names of targets, read if a table is named.

    Args:
        targets: The table.
        target_col: The column of targets.

    Raises:
        InputError: There is a table and no column of targets, or the table cannot be used.
    """
    if targets is None:
        return TargetNames()
    if target_col is None:
        raise InputError(
            "There is a table of names of targets, but no column of targets.",
            "Name the column with --target-col (target_col).",
        )
    return TargetNames.read(targets)
