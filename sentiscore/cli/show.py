"""Progress on stderr, results on stdout."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from sentiscore.cli.terminal import console, in_one_line
from sentiscore.labels import TRUNCATED

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

    from sentiscore.evaluation.evaluate import Report
    from sentiscore.monitoring.report import DriftReport
    from sentiscore.nightly.daily_file import DailyFile
    from sentiscore.nightly.plot_file import PlotFile
    from sentiscore.scoring.events import Event, OnEvent
    from sentiscore.scoring.tally import JobSummary


_LONG_CELL = 24


class _Rate(ProgressColumn):
    """Shows the rate of progress."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        """The number of units per second."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f} {self._unit}/s")


@contextmanager
def progress(what: str, unit: str, *, hidden: bool = False) -> Iterator[Callable[[int, int | None], None] | None]:
    """A progress bar on stderr with rate and time left; nothing if hidden or stderr is not a terminal."""
    if hidden or not sys.stderr.isatty():
        yield None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} " + unit),
        _Rate(unit),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console(err=True), transient=True) as bar:
        task = bar.add_task(what, total=None)

        def report(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=None if total is None else max(done, total))

        yield report


def reporting(report: Callable[[int, int | None], None] | None) -> "OnEvent":
    """The callback with which a scoring job moves the bar."""
    from sentiscore.scoring.events import RowsDone

    def on_event(event: "Event") -> None:
        if report is not None and isinstance(event, RowsDone):
            report(event.done, event.total)

    return on_event


def line(text: str) -> None:
    """Print one line of a result, unwrapped."""
    console(soft_wrap=True).print(in_one_line(text))


def note(text: str) -> None:
    """Print one line about the progress to stderr."""
    console(err=True, soft_wrap=True).print(in_one_line(text))


def pairs(rows: Sequence[tuple[str, str]]) -> None:
    """Print names and values, one pair per line."""
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        line(f"{name:<{width}}  {value}")


def summary_table(summary: "JobSummary") -> None:
    """Print what a scoring job did."""
    statuses = ", ".join(f"{n:,} {status}" for status, n in summary.statuses.items() if n) or "none"
    calibration = (
        "none: probabilities are as they come"
        if summary.temperature is None
        else f"temperature {summary.temperature:.3f}"
    )
    if not summary.rows:
        line("There were no rows to score; the output has its columns and no rows.")
    elif not summary.texts_scored + summary.texts_known + summary.n_resumed:
        line("There was no text to score; the rows have a status and no scores.")
    if summary.statuses.get(TRUNCATED, 0) > summary.rows / 2:
        line("Most texts are longer than the model reads, which is their beginning alone: try --overflow windows.")
    pairs(
        [
            ("rows", f"{summary.rows:,} ({statuses})"),
            *([("comments", f"{summary.n_comments:,} lines skipped")] if summary.n_comments else []),
            *([("set aside", f"{summary.n_rejected:,} rows")] if summary.n_rejected else []),
            *([("finished before", f"{summary.n_resumed:,} rows")] if summary.n_resumed else []),
            ("texts scored", f"{summary.texts_scored:,} (equal ones once in a window)"),
            *([("texts known", f"{summary.texts_known:,}")] if summary.texts_known else []),
            *([("not in daily", f"{summary.n_unplaced:,} rows")] if summary.n_unplaced else []),
            *_known_rows(summary.n_repeated),
            ("speed", f"{summary.rows_per_second:,.0f} rows/s, {summary.seconds:.1f} s"),
            ("model", f"{summary.model} on {summary.device}, {summary.dtype}"),
            ("calibration", calibration),
            *(("scored rows", str(path)) for path in summary.outputs),
            *(("rows set aside", str(path)) for path in summary.rejects),
            *(("daily features", str(path)) for path in summary.daily),
        ]
    )


def daily_report(result: "DailyFile") -> None:
    """Print what making daily features did."""
    if not result.days.rows and result.rows > result.n_unplaced:
        line("No session of these rows is closed yet; the output has its columns and no rows.")
    elif not result.days.rows:
        line("There were no rows to place on a day; the output has its columns and no rows.")
    pairs(
        [
            ("rows read", f"{result.rows:,}"),
            *([("not in daily", f"{result.n_unplaced:,} rows")] if result.n_unplaced else []),
            *_known_rows(result.n_repeated),
            ("entities", f"{result.days.entities:,}"),
            ("entity-days", f"{result.days.rows:,} ({result.days.with_texts:,} with texts)"),
            *_update_rows(result),
            ("daily features", str(result.output)),
        ]
    )


def result_fields(result: "DailyFile") -> dict[str, Any]:
    """What making daily features did, as the fields of an event; without the features themselves."""
    return {each.name: getattr(result, each.name) for each in fields(result) if each.name not in ("made", "days")} | {
        "days": asdict(result.days)
    }


def _known_rows(n: int) -> list[tuple[str, str]]:
    """Print how many rows the daily features leave out because they were counted already."""
    return [("known rows", f"{n:,} {'row was' if n == 1 else 'rows were'} counted before")] if n else []


def plot_report(result: "PlotFile") -> None:
    """Print what drawing daily features did."""
    pairs(
        [
            ("rows read", f"{result.rows:,}"),
            ("entities drawn", f"{result.drawn:,} of {result.entities:,}"),
            ("page", f"{result.output} ({result.n_bytes / 1e6:.1f} MB)"),
        ]
    )
    if result.left_out:
        are = "entity is" if result.left_out == 1 else "entities are"
        note(f"{result.left_out:,} {are} not on the page. Choose with --entity NAME, or draw more with --limit N.")


def drift_report(report: "DriftReport") -> None:
    """Print what has changed between scored rows and those of the reference."""
    line(f"{report.scored}: {report.rows:,} rows")
    line(f"{', '.join(report.reference)}: {report.reference_rows:,} rows (reference)")
    table = Table(box=SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    for name in ("check", "", "value", "threshold", "by chance"):
        table.add_column(name, justify="left" if name in ("check", "") else "right", no_wrap=True)
    table.add_column("found")
    for check in report.checks:
        figures = (f"{number:.4f}" for number in (check.value, check.threshold, check.chance))
        verdict = Text("ok", style="green") if check.passed else Text("ALARM", style="bold red")
        table.add_row(check.name, verdict, *figures, Text(in_one_line(check.sentence)))
    wide_console().print(table)
    reasons: dict[str, list[str]] = {}
    for name, reason in report.skipped.items():
        reasons.setdefault(reason, []).append(name)
    for reason, names in reasons.items():
        line(f"not checked: {', '.join(names)}: {reason}.")
    for note in report.notes:
        line(f"note: {note}")
    alarms = ", ".join(check.name for check in report.alarms)
    line(f"past its limit: {alarms}" if alarms else "Nothing is past its limit.")


def _update_rows(result: "DailyFile") -> list[tuple[str, str]]:
    """Print what an update of a daily file did; nothing for a file that was made in one run."""
    from sentiscore.nightly.update_daily import UpdatedFile

    if not isinstance(result, UpdatedFile):
        return []
    from sentiscore.features.times import write_instant

    rows = [("as of", write_instant(result.as_of)), ("new", f"{result.n_new:,} entity-days")]
    if result.n_late and result.late_rows is not None:
        rows.append(("late", f"{result.n_late:,} rows, set aside in {result.late_rows}"))
    elif result.n_late and result.revisions is None:
        rows.append(("late", f"{result.n_late:,} rows, which count for the first open session"))
    if result.revisions is not None:
        rows.append(("revised", f"{result.n_revised:,} entity-days; as they were: {result.revisions}"))
    return rows


def frame_table(frame: "pl.DataFrame", columns: Sequence[str], title: str) -> None:
    """Print some columns of a few rows as a table; text is cut to the available width."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    shown = frame.select(columns)
    for name, dtype in shown.schema.items():
        longest = max((len(_cell(value)) for value in shown[name]), default=0)
        long = longest > _LONG_CELL
        table.add_column(in_one_line(name), justify="right" if dtype.is_numeric() else "left", no_wrap=not long)
    for row in shown.iter_rows():
        table.add_row(*(Text(_cell(value), no_wrap=True, overflow="ellipsis") for value in row))
    rest = [name for name in frame.columns if name not in columns]
    table.caption = f"beside these: {', '.join(map(in_one_line, rest))}" if rest else None
    table.caption_justify = "left"
    wide_console().print(table)


def wide_console() -> "Console":
    """The width of the terminal, or, without one, a width that suffices for a table."""
    return console(width=None if sys.stdout.isatty() else 140)


def _cell(value: Any) -> str:
    """A value of a table on one line, so that its length is the shown width."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M %Z").strip()
    return value.isoformat() if isinstance(value, date) else in_one_line(str(value))


def report_tables(reports: Sequence["Report"]) -> None:
    """Print evaluation reports of one model: one in full, several side by side."""
    from sentiscore.evaluation.overview import TITLES, cell, notes_of, side_by_side

    for report in reports:
        line(f"{report.model} on {report.data}: {report.rows:,} rows")
        for text in notes_of(report):
            line(f"note: {text}")
    if len(reports) > 1:
        _figures_table([report.data for report in reports], side_by_side(reports))
        return
    figures = reports[0].figures
    lines = [(title, [cell(one, name) for one in figures]) for name, title in TITLES.items()]
    _figures_table([one.name for one in figures], lines)
    classes = reports[0].classes
    counts = Table(title="True label (down), predicted (across)", title_justify="left")
    counts.add_column("")
    for name in classes:
        counts.add_column(name, justify="right")
    for name, row in zip(classes, reports[0].confusion, strict=True):
        counts.add_row(name, *(f"{n:,}" for n in row))
    wide_console().print(counts)


def _figures_table(names: Sequence[str], lines: Sequence[tuple[str, Sequence[str]]]) -> None:
    table = Table(caption="95 % bootstrap intervals in brackets", caption_justify="left")
    table.add_column("", no_wrap=True)
    for name in names:
        table.add_column(Text(in_one_line(name)), justify="right")
    for title, cells in lines:
        table.add_row(title, *(Text(text) for text in cells))
    wide_console().print(table)
