"""Counts of what happened to rows on their way into daily features, and the warnings about them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sentiscore.errors import InputError
from sentiscore.features.epochs import NAMES
from sentiscore.features.placing import Placed
from sentiscore.features.times import write_instant

_FREE_NAMES: Final = 16_000_000
_NAMES_OF_A_ROW: Final = 100
"""The limit on names of entities: 16 million, or this many per row if that is more."""


@dataclass
class Counts:
    """Numbers of rows so far.

    Attributes:
        n_rows: All of them.
        n_unknown: Those without an entity or a time.
        n_outside: Those before or after all sessions of the calendar.
        n_ahead: Those that appeared after the instant of the features.
        n_stand_ins: Those whose entity is a blank text, a NaN or the like.
        n_odd: Those whose time is a number that is an instant before 1990 or after 2099.
        odd: One of these instants.
        n_without_id: Those that have a session but no id, if rows have ids.
        n_names: Names of entities that they have, including repeats.
    """

    n_rows: int = 0
    n_unknown: int = 0
    n_outside: int = 0
    n_ahead: int = 0
    n_stand_ins: int = 0
    n_odd: int = 0
    odd: datetime | None = None
    n_without_id: int = 0
    n_names: int = 0

    def add(self, placed: Placed) -> None:
        """Count placed rows."""
        self.n_rows += placed.n_rows
        self.n_unknown += placed.n_unplaced
        self.n_outside += placed.n_outside
        self.n_ahead += placed.n_ahead
        self.n_stand_ins += placed.n_stand_ins
        self.n_odd += placed.n_odd
        self.odd = placed.odd if self.odd is None else self.odd
        self.n_without_id += placed.n_without_id
        self.n_names += placed.n_names

    def check_names(self, column: str) -> None:
        """Raise an InputError if a column of entities has absurdly many names for its rows."""
        if self.n_names > max(_FREE_NAMES, _NAMES_OF_A_ROW * self.n_rows):
            raise InputError(
                f"The column {column!r} has {self.n_names:,} names of entities in {self.n_rows:,} rows.",
                "Such a file takes long to no end; check where it comes from, or name another column with --entity-col "
                "(entity_col).",
            )

    def unplaced(self, *, cut: bool) -> int:
        """Rows without a session; `cut` says whether those after the instant of the features were left out."""
        return self.n_unknown + self.n_outside + (self.n_ahead if cut else 0)

    def notes(self, as_of: datetime | None, unit: str | None) -> list[str]:
        """The warnings about these rows.

        Args:
            as_of: The instant of the features, if there is one.
            unit: The unit of numeric times.
        """
        found = []
        if self.n_unknown:
            found.append(
                f"{self.n_unknown:,} rows have no entity, or no time from 1900 to 2199, and are not in the daily "
                "features. Fill them in and score those rows again, if they matter."
            )
        if self.odd is not None:
            rows = "1 row has a number" if self.n_odd == 1 else f"{self.n_odd:,} rows have numbers"
            found.append(
                f"{rows} as time that with --time-unit {unit} (time_unit) would be before 1990 or after 2099, for "
                f"example {write_instant(self.odd)}. Check that they count {NAMES[str(unit)]} since 1970."
            )
        if self.n_outside:
            found.append(
                f"{self.n_outside:,} rows lie before or after all sessions of the calendar, and are not in the daily "
                "features."
            )
        if self.n_ahead and as_of is not None:
            found.append(
                f"{self.n_ahead:,} rows have times after {write_instant(as_of)}, as of which the daily features are "
                "made, and are not in them. Check the stamps; right ones are for a later update."
            )
        elif self.n_ahead:
            found.append(
                f"{self.n_ahead:,} rows have times that have not come yet, and are in the daily features all the same. "
                "To leave them out, say as of when the features are made (--as-of, as_of)."
            )
        return found
