"""Prints a report of a model's behaviour."""

from typing import TYPE_CHECKING, Final

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from sentiscore.behaviour.suite import KINDS
from sentiscore.cli.show import line, wide_console
from sentiscore.cli.terminal import in_one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentiscore.behaviour.judging import Judgement
    from sentiscore.behaviour.report import BehaviourReport, CapabilityResult

_LONGEST: Final = 160
_BEGINNING: Final = 50


def behaviour_report(report: "BehaviourReport") -> None:
    """Print what a model fails at: examples first, then the table."""
    for each in report.capabilities:
        _examples(each)
    _table(report)
    reasons: dict[str, list[str]] = {}
    for each in report.capabilities:
        for reader, judgement in zip(report.readers, each.judgements, strict=True):
            if judgement.skipped:
                reasons.setdefault(f"{reader}: {judgement.skipped}", []).append(each.name)
    for reason, names in reasons.items():
        line(f"not judged: {', '.join(names)}: {reason}.")


def _examples(result: "CapabilityResult") -> None:
    """Examples of what the model failed at."""
    examples = result.judgements[0].examples
    if not examples:
        return
    line(f"{result.name}: {result.about}" if result.about else result.name)
    for each in examples:
        line(f"  {_cut(each.text)}" + ("" if each.target is None else f"  (about {each.target})"))
        if each.edited is not None:
            line(f"  {_cut(each.edited)}")
        line(f"      expected {each.expected}; got {each.got}")


def _table(report: "BehaviourReport") -> None:
    """How often each reader fails at each capability."""
    table = Table(box=SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    table.add_column("capability", no_wrap=True)
    for reader in report.readers:
        table.add_column("failed", justify="right", no_wrap=True)
        table.add_column(Text(in_one_line(reader)), justify="right")
    for group, results in report.groups().items():
        table.add_row(Text(in_one_line(group), style="bold"))
        for each in results:
            hard = " (hard)" if each.hard else ""
            table.add_row(Text(f"  {in_one_line(each.name)}{hard}"), *_cells(each.judgements))
    table.add_section()
    for kind in KINDS:
        table.add_row(kind, *_cells(report.overall(kind=kind)))
    table.add_row("all but hard ones", *_cells(report.overall()))
    if any(each.hard for each in report.capabilities):
        table.add_row("hard ones", *_cells(report.overall(hard=True)))
    table.caption = "share of cases that fail, with its 95 % Wilson interval"
    table.caption_justify = "left"
    wide_console().print(table)


def _cells(judgements: "Sequence[Judgement]") -> list[str]:
    cells = []
    for each in judgements:
        if each.rate is None or each.interval is None:
            cells += ["-", ""]
            continue
        low, high = each.interval
        cells += [f"{each.failures} of {each.cases}", f"{100 * each.rate:.0f} % [{100 * low:.0f}, {100 * high:.0f}]"]
    return cells


def _cut(text: str) -> str:
    """A text on one line; of a long one its beginning and its end."""
    shown = in_one_line(text)
    return shown if len(shown) <= _LONGEST else f"{shown[:_BEGINNING]} ... {shown[_BEGINNING + 5 - _LONGEST :]}"
