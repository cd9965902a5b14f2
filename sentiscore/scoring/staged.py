"""A scoring job whose inputs or outputs are in object stores, as a job on files."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sentiscore.features import DailyRequest
from sentiscore.scoring.events import Event, OnEvent, PhaseBegun, WindowDone
from sentiscore.scoring.options import RowOptions, RunOptions
from sentiscore.scoring.plan import default_output
from sentiscore.scoring.planned import Plan
from sentiscore.scoring.tally import JobSummary
from sentiscore.scoring.texts import not_a_list
from sentiscore.storage.address import is_address
from sentiscore.storage.staging import Staging
from sentiscore.tables.places import sidecar_path


@dataclass(frozen=True, kw_only=True)
class StagedJob:
    """The files of a job; those of addresses are in the staging folder.

    Attributes:
        staging: The staging folder.
        source: The sources, as the user named them or where they were fetched to.
        output: The output.
        rows: The options of the rows.
        daily: The daily features.
    """

    staging: Staging
    source: object
    output: str | Path | None
    rows: RowOptions
    daily: DailyRequest | None

    def claim(self, plans: Sequence[Plan]) -> None:
        """Claim all outputs, also those whose names follow from others."""
        self.staging.claim([plan.output for plan in plans])

    def publish(self, plan: Plan) -> None:
        """Publish what was written for an output, which comes last."""
        for target in reversed(plan.targets):
            self.staging.publish([target] if target.is_dir() else [target, sidecar_path(target)])
        self.staging.warn_of_changes()

    def listener(self, on_event: OnEvent) -> OnEvent:
        """The function to call with events, in which files have their addresses."""

        def listen(event: Event) -> None:
            if isinstance(event, WindowDone):
                event = replace(event, output=self._shown(event.output), source=self._shown(event.source))
            elif isinstance(event, PhaseBegun):
                event = replace(event, output=self._shown(event.output))
            on_event(event)

        return listen

    def shown(self, summary: JobSummary) -> JobSummary:
        """The summary, in which files have their addresses."""
        return replace(
            summary,
            outputs=tuple(map(self._shown, summary.outputs)),
            rejects=tuple(map(self._shown, summary.rejects)),
            daily=tuple(map(self._shown, summary.daily)),
        )

    def _shown(self, path: Path | str) -> Path | str:
        return self.staging.shown(path)


@contextmanager
def staged(
    source: object, output: str | Path | None, rows: RowOptions, daily: DailyRequest | None, run: RunOptions
) -> Iterator[StagedJob]:
    """Fetch the inputs of a job that are in object stores, once its outputs there are claimed.

    Args:
        source: The sources, as the user named them.
        output: The output.
        rows: The options of the rows.
        daily: The daily features.
        run: The options of the run.

    Raises:
        InputError: An input cannot be fetched.
        OutputError: An output may not be written, or another run writes it.
    """
    alone = isinstance(source, str | os.PathLike) or not_a_list(source) is not None
    sources: list[str | Path] = [source] if alone else list(source)  # type: ignore[list-item, call-overload]
    place = None if daily is None else daily.output
    named = [output, *sources, place, rows.targets]
    with Staging(named, run.storage, take_over=not run.resume) as staging:
        if any(map(is_address, named)):
            files = [staging.path(each) for each in sources]
            source = files[0] if alone else files
            remote = [Path(file) for file, each in zip(files, sources, strict=True) if is_address(each)]
            outputs = [default_output(path) for path in remote] if output is None else [Path(staging.path(output))]
            staging.claim(outputs if place is None else [*outputs, Path(staging.path(place))])
            inputs = sources if rows.targets is None else [*sources, rows.targets]
            staging.fetch(inputs, to_publish=output is None or is_address(output))
            output = None if output is None else staging.path(output)
            rows = rows if rows.targets is None else replace(rows, targets=staging.path(rows.targets))
            daily = daily if daily is None or place is None else replace(daily, output=staging.path(place))
        yield StagedJob(staging=staging, source=source, output=output, rows=rows, daily=daily)
