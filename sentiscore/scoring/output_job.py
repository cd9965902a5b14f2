"""Makes one output of a scoring job: scores its rows window by window, and then publishes everything."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from sentiscore import labels as names
from sentiscore.engine.memory import give_back
from sentiscore.errors import OutputError, StoppedError
from sentiscore.scoring.bad_rows import BadRows, is_bad, mark_undecodable, rejected
from sentiscore.scoring.events import FINISHING, SCORING, PhaseBegun, WindowDone
from sentiscore.scoring.facts import ScorerFacts, facts_of
from sentiscore.scoring.halfway import Half, HalfKeeper, StoppedHalfwayError
from sentiscore.scoring.job_windows import Window, windows_of
from sentiscore.scoring.journal import Journal
from sentiscore.scoring.made_of import provenance_of_days, provenance_of_rows
from sentiscore.scoring.overlap import Behind, ahead
from sentiscore.scoring.planned import Plan
from sentiscore.scoring.prepared import Prepared
from sentiscore.scoring.scorer import Scorer
from sentiscore.scoring.tally import Tally, windows_done
from sentiscore.scoring.watch import Watch
from sentiscore.scoring.workers.crew import Crew
from sentiscore.scoring.workers.filling import Filled, Filling
from sentiscore.scoring.workers.unit import unit_of
from sentiscore.tables import Sink, open_sink
from sentiscore.tables.exact import series_of
from sentiscore.tables.provenance import Provenance, SourceFacts


@dataclass(frozen=True)
class _Read:
    """A window, with either its scores from the journal or its encoded texts."""

    window: Window
    scores: pl.DataFrame | None
    prepared: Prepared | None
    half: Half | None = None


class OutputJob:
    """Makes one output.

    Args:
        plan: The job.
        by: The scorer of its rows, or the workers that have one.
        journal: Its journal.
        tally: Adds up the results.
        watch: What to consult and report to.
    """

    def __init__(self, plan: Plan, by: Scorer | Crew, journal: Journal, tally: Tally, watch: Watch) -> None:
        self._plan = plan
        self._scorer = None if isinstance(by, Crew) else by
        self._crew = by if isinstance(by, Crew) else None
        self._facts = by.facts if isinstance(by, Crew) else facts_of(by)
        self._journal = journal
        self._tally = tally
        self._watch = watch
        self._bad = BadRows()
        self._rows_of = [0] * len(plan.sources)
        self._digests: list[str] = []
        self._filled = Filled()
        self._n_halfway = 0

    def run(self, *, resume: bool) -> None:
        """Score the rows, window by window, and publish everything; the journal stays.

        Four steps run concurrently, each on another window: reading, encoding, computing, and writing. Workers compute
        all windows before the first is written.
        """
        plan = self._plan
        self._digests = [source.digest() for source in plan.sources]
        key = job_key(plan, self._facts, self._digests)
        stored = self._scorer is not None and self._scorer.has_store
        finished = self._journal.begin(key, resume=resume, stored=stored)
        with ExitStack() as sinks:
            output = sinks.enter_context(self._sink(plan.output, folder=plan.folder))
            rejects = None if plan.rejects is None else sinks.enter_context(self._sink(plan.rejects))
            before = self._tally.rows
            self._watch.on_event(PhaseBegun(plan.output, SCORING))
            if self._crew is not None:
                self._filled = Filling(plan, self._journal, self._crew, self._tally, self._watch).run()
            made = self._tally.rows - before
            if self._filled.stopped or self._windows(output, rejects):
                kept = self._tally.rows - before if self._crew is None else finished + made
                raise StoppedError(
                    f"Stopped; {kept:,} rows of {plan.output} are finished and kept{self._and_halfway()}.",
                    "Give the same command again to go on from there.",
                )
            self._watch.on_event(PhaseBegun(plan.output, FINISHING))
            set_aside = 0 if rejects is None else rejects.rows
            if output.rows + set_aside != self._tally.rows - before:
                raise OutputError(
                    f"{self._tally.rows - before:,} rows were read, but {output.rows:,} written and {set_aside:,} set "
                    "aside.",
                    "Please report this.",
                )
            self._publish(output, rejects)

    def _sink(self, path: Path, *, folder: bool = False) -> Sink:
        part = self._journal.part_of(path)
        return open_sink(path, part=part, folder=folder, inert=not self._plan.request.rows.csv_as_is)

    def _windows(self, output: Sink, rejects: Sink | None) -> bool:
        """Process all rows from the first to the last; returns whether it was asked to stop before the end."""

        def write(done: tuple[_Read, npt.NDArray[np.float32] | None]) -> list[WindowDone]:
            return self._write(*done, output, rejects)

        read = ahead(self._read(), self._watch.hurry)
        with closing(read), Behind(write, self._tally.written, self._watch.hurry) as writing:
            for one in read:
                logits = None
                if one.prepared is not None and self._scorer is not None:
                    try:
                        logits = self._scorer.compute(one.prepared, self._tally.more, self._keeper(one, self._scorer))
                    except StoppedHalfwayError:
                        return True
                writing.give((one, logits))
                self._n_halfway = 0
                if one.window.position not in self._filled.positions:
                    self._tally.computed(one.window.rows.height)
                if self._watch.should_stop():
                    return True
        return False

    def _keeper(self, one: _Read, scorer: Scorer) -> HalfKeeper:
        """Keeps what is done of a window before all of it is."""
        prepared = one.prepared

        def save(half: Half) -> None:
            self._journal.keep_half(one.window.position, half.to_bytes())
            if prepared is not None and scorer.has_store:
                scorer.store(prepared, half.logits)
            self._n_halfway = half.n_done

        known = None if prepared is None or prepared.known is None else prepared.known.found
        return HalfKeeper(one.half, known, save, self._watch.should_stop)

    def _and_halfway(self) -> str:
        return f", and so are the scores of {self._n_halfway:,} texts after them" if self._n_halfway else ""

    def _read(self) -> Iterator[_Read]:
        """Read windows, each with its scores or its encoded texts."""

        def room(position: int) -> int:
            return self._journal.room(position, self._watch.bounds.rows)

        with closing(ahead(windows_of(self._plan, room, n_bytes=self._watch.bounds.text_bytes))) as windows:
            for window in windows:
                self._watch.memory.check()
                scores = self._journal.find(window.position, window.rows.height)
                if scores is None and not window.rows.height:
                    scores = self._filled.empty
                half = prepared = None
                if scores is None:
                    content = self._journal.half(window.position)
                    half = None if content is None else Half.from_bytes(content)
                    prepared = self._prepared(window, half)
                give_back()
                yield _Read(window, scores, prepared, half)

    def _prepared(self, window: Window, half: Half | None) -> Prepared:
        """The encoded texts of a window; of one that is half done, the same as before."""
        if self._scorer is None:
            raise RuntimeError("a window that the workers were to score is not in the journal")
        unit = unit_of(window, self._plan.request)
        among = None if half is None else half.known
        return self._scorer.prepare(unit.texts, unit.towards(self._plan.request.names.names), among)

    def _write(
        self, one: _Read, logits: npt.NDArray[np.float32] | None, output: Sink, rejects: Sink | None
    ) -> list[WindowDone]:
        """Record a window as finished, and write its rows; returns what was done for each source."""
        self._watch.memory.check()
        plan, window = self._plan, one.window
        scores, prepared = one.scores, one.prepared
        if prepared is not None and logits is not None and self._scorer is not None:
            undecodable = window.undecodable(plan.request.text_col)
            scores = mark_undecodable(self._scorer.finish(prepared, logits), undecodable)
            if scores.height:
                self._journal.keep(window.position, scores)
        if scores is None:
            raise RuntimeError("a window was neither finished nor computed")
        status = scores[names.STATUS]
        self._tally.damage.add(window.damaged)
        if plan.request.clean == names.AS_IS:
            self._tally.markup.add(series_of(window.rows, plan.request.text_col))
        for span in window.spans:
            self._rows_of[span.source] += span.rows
            if plan.request.rows.bad_rows == names.FAIL:
                self._bad.add(span.of(status), plan.sources[span.source].path, span.position)
        self._bad.refuse()
        named = scores.rename(plan.added_as(scores.columns)).get_columns()
        rows = window.rows[plan.kept].hstack(named)
        good = pl.repeat(value=True, n=rows.height, dtype=pl.Boolean, eager=True)
        if rejects is not None:
            bad = is_bad(scores)
            good = ~bad
            rejects.write(rejected(window.rows[plan.kept], status, bad, window.origins(plan.sources)))
        if plan.sums is not None:
            plan.sums.add(window.rows[plan.placing].hstack(named).filter(good))
        output.write(rows.filter(good))
        give_back()
        if window.position in self._filled.positions:  # they were reported when they were scored
            return []
        texts = [(0, 0)] * len(window.spans)
        if prepared is not None:
            texts = prepared.texts_of([span.offset for span in window.spans])
        return windows_done(plan, window.spans, scores, texts, resumed=one.scores is not None)

    def _publish(self, output: Sink, rejects: Sink | None) -> None:
        """Publish everything that was written; until then all targets are unchanged."""
        plan = self._plan
        sources = [
            SourceFacts(file=source.path.name, sha256=digest, rows=rows)
            for source, digest, rows in zip(plan.sources, self._digests, self._rows_of, strict=True)
        ]
        with ExitStack() as sinks:
            made = self._finish(output, sources, rejects=False)
            written = [output]
            if rejects is not None:
                self._finish(rejects, sources, rejects=True)
                written.append(rejects)
            if plan.sums is not None and plan.daily is not None:
                daily = sinks.enter_context(self._sink(plan.daily))
                for days in plan.sums.parts():
                    daily.write(days)
                provenance = provenance_of_days(plan, made, sha256=output.sha256, n_days=daily.rows)
                _finish(daily, provenance)
                written.append(daily)
            self._watch.memory.check()
            for sink in reversed(written):  # the output last
                sink.publish()

    def _finish(self, sink: Sink, sources: Sequence[SourceFacts], *, rejects: bool) -> Provenance:
        made = provenance_of_rows(
            self._plan,
            self._facts,
            sources=sources,
            job_key=self._journal.job_key,
            rows=sink.rows,
            rejects=rejects,
        )
        _finish(sink, made)
        return made


def _finish(sink: Sink, made: Provenance) -> None:
    """Close and check an output with its provenance."""
    sink.metadata = made.to_metadata()
    sink.finish()
    sink.sidecar = made.to_sidecar(sink.sha256)


def job_key(plan: Plan, scorer: ScorerFacts, digests: Sequence[str]) -> dict[str, str]:
    """Everything that the scores of a job depend on, by name: runs with equal keys may share finished windows.

    Args:
        plan: The job.
        scorer: The scorer of its rows.
        digests: The hash of each source's content.
    """
    request = plan.request
    towards = {}
    if request.rows.target_col is not None:
        towards = {"target column": request.rows.target_col, "names of targets": request.names.sha256}
    return {
        "input": ",".join(digests),
        "text column": request.text_col,
        "columns": ",".join(scorer.columns),
        **towards,
        **{name.replace("_", " "): str(value) for name, value in plan.csv_options.items()},
        **scorer.identity,
    }
