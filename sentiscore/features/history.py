"""What is known of the updates of a daily file, before the next one."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from sentiscore.errors import InputError
from sentiscore.features.record import AS_OF, EMPTY, REVISED_AT, updates
from sentiscore.features.state import State, read_state, revisions_path, state_path


@dataclass(frozen=True)
class History:
    """What is known of the updates before.

    Attributes:
        record: The record without old values; see `sentiscore.features.record`.
        known: Whether it goes back to the first daily file.
        revised: Whether there is a file of revisions that has old values.
        published: The instant up to which the daily file was brought; None if there is none.
    """

    record: pl.DataFrame
    known: bool
    revised: bool
    published: datetime | None

    def next_instant(self) -> datetime:
        """Now, or just after the last update where the clock has been set back since."""
        now, made = datetime.now(UTC), updates(self.record)[REVISED_AT]
        return now if made.is_empty() else max(now, made[-1] + timedelta(microseconds=1))


def read_history(target: Path, old: pl.DataFrame | None, before: State | None, daily: str) -> History:
    """What is known of the updates before; of a file that is made again its state still knows them."""
    held = before
    if held is None and state_path(target).exists():
        with suppress(InputError):  # a damaged one knows nothing
            held = read_state(target, "")
    kept = revisions_path(target).exists()
    fresh = old is None and not state_path(target).exists() and not kept
    last = None if old is None else old["available_at"].dt.max()
    if held is None or old is None or daily not in (held.daily, held.before):
        return History(EMPTY, known=fresh, revised=kept, published=last)  # type: ignore[arg-type]
    record = held.record
    if daily != held.daily:  # the last update was stopped before its file took its place
        record = record.filter(pl.col(REVISED_AT) < pl.col(REVISED_AT).max())
    made = updates(record)
    if made.is_empty() or (held.revised and not kept):
        return History(record.clear(), known=False, revised=kept, published=last)  # type: ignore[arg-type]
    return History(record, known=True, revised=held.revised, published=made[-1, AS_OF])
