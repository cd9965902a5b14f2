"""Says every minute how far a job is, where no progress bar shows it: in logs, and where stderr is a file or a pipe."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

import click

from sentiscore.cli import json_log

if TYPE_CHECKING:
    from sentiscore.scoring.events import Event, OnEvent

EVERY_S: Final = 60.0
"""Seconds from one line to the next."""


@contextmanager
def heartbeat(every_s: float = EVERY_S) -> Iterator["OnEvent"]:
    """Write a line, or an event of the JSON log, now and then while the block runs; nothing on a terminal.

    Args:
        every_s: Seconds from one to the next.

    Yields:
        The callback for the events of the job.
    """
    beat = _Beat()
    over = threading.Event()

    def run() -> None:
        while not over.wait(every_s):
            beat.tell()

    silent = sys.stderr.isatty() and not json_log.is_on()
    thread = threading.Thread(target=run, name="sentiscore-heartbeat", daemon=True)
    with suppress(RuntimeError):  # no more threads: the job runs without it
        if not silent:
            thread.start()
    try:
        yield beat.on_event
    finally:
        over.set()
        if thread.ident is not None:
            thread.join()


class _Beat:
    """How far the job is."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._done = 0
        self._total: int | None = None

    def on_event(self, event: "Event") -> None:
        from sentiscore.scoring.events import RowsDone

        if isinstance(event, RowsDone):
            self._done, self._total = event.done, event.total

    def tell(self) -> None:
        seconds = round(time.monotonic() - self._began)
        if json_log.is_on():
            json_log.event("heartbeat", done=self._done, total=self._total, seconds=seconds)
            return
        rows = f"{self._done:,} of {self._total:,} rows" if self._total is not None else "no rows yet"
        click.echo(f"still running: {rows} after {seconds:,} s", err=True)
