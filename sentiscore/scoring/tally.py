"""What a job has done so far, and its final summary."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from sentiscore import labels as names
from sentiscore.scoring.bad_rows import Damage, is_bad
from sentiscore.scoring.cleaning import Markup
from sentiscore.scoring.events import OnEvent, RowsDone, WindowDone
from sentiscore.scoring.facts import ScorerFacts
from sentiscore.scoring.job_windows import FileSpan
from sentiscore.scoring.planned import Plan


@dataclass(frozen=True, kw_only=True)
class JobSummary:
    """The summary of a scoring job.

    Attributes:
        outputs: The files or folders of scored rows; those in object stores as the text of their addresses.
        rejects: The files of rows that were set aside; empty unless bad rows were dropped.
        daily: The files of daily features; empty without a time column.
        rows: Rows read, both written and set aside.
        n_rejected: Rows set aside.
        n_resumed: Rows whose scores were finished by an earlier run.
        texts_scored: Texts that went through the model; equal texts of a window go once.
        texts_known: Texts whose answers were taken from the store of answers.
        statuses: Rows by status.
        damaged: Rows with bytes that are invalid in their file's encoding, by column.
        n_unplaced: Rows without a time or entity, which are not in the daily features.
        n_repeated: Rows that do not count in the daily features because their ids were counted already.
        n_comments: Lines of CSV files that were skipped as comments.
        seconds: Time from the first row read until the files were published.
        model: What the user called the model.
        device: The device on which it computed.
        dtype: The number type of its computation.
        temperature: The model's temperature; None if it was never calibrated.
    """

    outputs: tuple[Path | str, ...]
    rejects: tuple[Path | str, ...]
    daily: tuple[Path | str, ...]
    rows: int
    n_rejected: int
    n_resumed: int
    texts_scored: int
    texts_known: int
    statuses: dict[str, int]
    damaged: dict[str, int]
    n_unplaced: int
    n_repeated: int
    n_comments: int
    seconds: float
    model: str
    device: str
    dtype: str
    temperature: float | None

    @property
    def rows_per_second(self) -> float:
        """Rows read, scored and written per second."""
        return self.rows / self.seconds if self.seconds else 0.0


class Tally:
    """Adds up the results of windows, and reports them.

    Attributes:
        rows: The number of rows of finished windows.
        damage: Counts their rows with bytes that are invalid in their file's encoding.
        markup: Counts their texts with tags of HTML.
    """

    def __init__(self, plans: Sequence[Plan], on_event: OnEvent) -> None:
        self.rows = 0
        self.damage = Damage()
        self.markup = Markup()
        self._plans = plans
        self._n_rejected = self._n_resumed = self._texts_scored = self._texts_known = 0
        self._statuses: Counter[str] = Counter()
        self._before = self._in_window = 0
        self._on_event = on_event
        self._total = sum(plan.rows for plan in plans)

    def more(self, rows: int) -> None:
        """Add computed rows of the current window."""
        self._in_window += rows
        self._report()

    def computed(self, rows: int) -> None:
        """Record that a window is computed."""
        self._before += rows
        self._in_window = 0
        self._report()

    def written(self, windows: Sequence[WindowDone]) -> None:
        """Record a finished window, with what was done for each source."""
        for window in windows:
            self.rows += window.rows
            self._n_rejected += window.n_rejected
            self._n_resumed += window.rows if window.resumed else 0
            self._texts_scored += window.texts_scored
            self._texts_known += window.texts_known
            self._statuses.update(window.statuses)
            self._on_event(window)

    def summary(self, scorer: ScorerFacts, *, seconds: float) -> JobSummary:
        """The summary, once everything is done."""
        return JobSummary(
            outputs=tuple(plan.output for plan in self._plans),
            rejects=tuple(plan.rejects for plan in self._plans if plan.rejects is not None),
            daily=tuple(plan.daily for plan in self._plans if plan.daily is not None),
            rows=self.rows,
            n_rejected=self._n_rejected,
            n_resumed=self._n_resumed,
            texts_scored=self._texts_scored,
            texts_known=self._texts_known,
            statuses={status: self._statuses[status] for status in names.STATUSES},
            damaged=dict(self.damage.columns),
            n_unplaced=sum(plan.sums.n_unplaced for plan in self._plans if plan.sums is not None),
            n_repeated=sum(plan.sums.n_repeated for plan in self._plans if plan.sums is not None),
            n_comments=sum(plan.n_comments for plan in self._plans),
            seconds=seconds,
            model=scorer.checkpoint.name,
            device=scorer.device,
            dtype=scorer.dtype,
            temperature=scorer.checkpoint.temperature,
        )

    def _report(self) -> None:
        self._on_event(RowsDone(self._before + self._in_window, self._total))


def windows_done(
    plan: Plan, spans: Sequence[FileSpan], scores: pl.DataFrame, texts: Sequence[tuple[int, int]], *, resumed: bool
) -> list[WindowDone]:
    """Summarise a window for each source.

    Args:
        plan: The job.
        spans: The parts of the window.
        scores: One row for each row of the window.
        texts: How many distinct texts of each part went through the model, and how many were known.
        resumed: Whether an earlier run finished its scores.
    """
    status, bad = scores[names.STATUS], is_bad(scores)
    return [
        WindowDone(
            output=plan.output,
            source=plan.sources[span.source].path,
            position=span.position,
            rows=span.rows,
            n_rejected=0 if plan.rejects is None else int(span.of(bad).sum()),
            statuses=dict(span.of(status).value_counts().iter_rows()),
            texts_scored=n_scored,
            texts_known=n_known,
            resumed=resumed,
        )
        for span, (n_scored, n_known) in zip(spans, texts, strict=True)
    ]
