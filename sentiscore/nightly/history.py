"""The earlier updates of a daily file, as far as they are known."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from sentiscore.errors import InputError
from sentiscore.features.record import AS_OF, REVISED_AT, UPDATES, joined, unknown
from sentiscore.nightly.state import State, read_state, revisions_path, state_path


@dataclass(frozen=True)
class History:
    """The earlier updates of a daily file, as far as they are known.

    Attributes:
        updates: The updates; see `sentiscore.features.record`.
        known: Whether they go back to the first daily file.
        revised: Whether there is a file of revisions.
        published: The instant up to which sessions are published; None if there is no daily file.
    """

    updates: pl.DataFrame
    known: bool
    revised: bool
    published: datetime | None

    def next_instant(self) -> datetime:
        """Now, or just after the last update if the clock has been set back since."""
        now, made = datetime.now(UTC), self.updates[REVISED_AT]
        return now if made.is_empty() else max(now, made[-1] + timedelta(microseconds=1))

    def begin(self, made_at: datetime) -> pl.DataFrame:
        """The first rows of a new record, before those of an update that is made now."""
        return self.updates if self.known else joined(self.updates, unknown(made_at))


def read_history(target: Path, old: pl.DataFrame | None, before: State | None, daily: str) -> History:
    """Read what is known of the earlier updates; if the file is made again, its old state still has them."""
    state = before
    if state is None and state_path(target).exists():
        with suppress(InputError):  # a damaged one is of no use
            state = read_state(target, "")
    kept = revisions_path(target).exists()
    fresh = old is None and not state_path(target).exists() and not kept
    last = None if old is None else old["available_at"].dt.max()
    lost = History(pl.DataFrame(schema=UPDATES), known=fresh, revised=kept, published=last)  # type: ignore[arg-type]
    if state is None or old is None or daily not in (state.daily, state.before) or (state.revised and not kept):
        return lost
    # the last one was stopped if its file was not moved into place
    made = state.updates if daily == state.daily else state.updates.head(-1)
    if made.is_empty():
        return lost
    return History(made, known=True, revised=state.revised, published=made[-1, AS_OF])
