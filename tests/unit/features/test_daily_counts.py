"""Counts of rows, added up over the parts of a table."""

from datetime import UTC, datetime

import polars as pl
import pytest

from sentiscore.features.daily_counts import Counts
from sentiscore.features.midnights import Midnights
from sentiscore.features.placing import Placed

ODD = [datetime(1970, 1, day, tzinfo=UTC) for day in (20, 21)]


def placed(odd: datetime | None) -> Placed:
    return Placed(
        rows=pl.DataFrame(),
        n_rows=3,
        n_unplaced=1,
        n_outside=1,
        midnights=Midnights(),
        n_ahead=1,
        n_stand_ins=1,
        n_odd=int(odd is not None),
        odd=odd,
        n_without_id=1,
        n_names=2,
    )


@pytest.mark.parametrize(
    ("parts", "first", "n_odd"), [([None, *ODD, None], ODD[0], 2), ([ODD[1], None], ODD[1], 1), ([None], None, 0)]
)
def test_the_first_odd_time_of_all_parts_is_the_example(
    parts: list[datetime | None], first: datetime | None, n_odd: int
) -> None:
    counts = Counts()
    for odd in parts:
        counts.add(placed(odd))
    assert (counts.odd, counts.n_odd) == (first, n_odd)
    notes = [note for note in counts.notes(None, "s") if "before 1990" in note]
    assert len(notes) == (first is not None)
    assert all(first is not None and f"{first:%Y-%m-%d}" in note for note in notes)


def test_rows_without_a_session_are_added_up() -> None:
    counts = Counts()
    for _ in range(3):
        counts.add(placed(None))
    assert (counts.n_rows, counts.unplaced(cut=False), counts.unplaced(cut=True)) == (9, 6, 9)
