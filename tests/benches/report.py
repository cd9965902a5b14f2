"""The figures as tables for people and as JSON for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tests.benches.contestants import ENTRIES, EXACT, REFERENCE
from tests.benches.figures import Line, Result

_NONE: Final = "-"
_COLUMNS: Final = (
    "rows/s",
    "median",
    "tokens/s",
    "x",
    "padding",
    "MiB",
    "1st row",
    "of peak",
    "max |dp|",
    "mean |dp|",
    "flips",
)
_WIDTH: Final = 136


def table(result: Result) -> Table:
    """One model on one set of texts."""
    spread = "" if result.spread is None else f", probabilities spread by {result.spread:.2f}"
    made = Table(
        title=f"{result.model}: {result.texts}, {result.rows:,} rows ({result.distinct:,} distinct), "
        f"{result.tokens:,} tokens{spread}",
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    made.add_column("", no_wrap=True)
    for name in _COLUMNS:
        made.add_column(name, justify="right", no_wrap=True)
    for line in result.lines:
        style = "bold" if line.entry.ours else None
        cells = [_NONE] * len(_COLUMNS) if line.skipped is not None else _cells(line)
        made.add_row(line.entry.title, *cells, style=style)
    return made


def _cells(line: Line) -> list[str]:
    return [
        _text(line.rows_s, ",.0f"),
        _text(line.median_rows_s, ",.0f"),
        _text(line.tokens_s, ",.0f"),
        _text(line.ratio, ".2f"),
        _text(line.padding, ".0%"),
        _text(line.peak_mib, ",.0f"),
        _text(line.first_row_s, ".1f", " s"),
        _text(line.gemm_share, ".0%"),
        _text(line.max_dp, ".1e"),
        _text(line.mean_dp, ".1e"),
        _text(line.flips, ".2%"),
    ]


def _text(value: float | None, form: str, unit: str = "") -> str:
    return _NONE if value is None else format(value, form) + unit


def notes(gemm: Mapping[str, Any]) -> list[str]:
    """What a reader of the tables must know."""
    peaks = ", ".join(f"{name} {_text(value, ',.0f')}" for name, value in gemm["gflops"].items())
    return [
        "rows/s, tokens/s, x, of peak: the best round; median: rows/s of the median round; tokens: the texts' own.",
        f"x: multiple of the rows/s of {ENTRIES[REFERENCE].title}.",
        f"|dp|: how far probabilities are from {ENTRIES[EXACT].title}, all at sentiscore's temperature; "
        "flips: labels that differ.",
        "of peak: what linear layers multiply for real tokens, for sentiscore what its exact shortcuts leave of it,",
        f"  of the fastest product of matrices seen in the same numbers: {peaks} GFLOP/s.",
        "MiB: the most memory of the process. 1st row: from its start to the first scored row. padding: of all tokens.",
        "Exports for ONNX Runtime and OpenVINO are made before and not counted.",
    ]


def show(results: Sequence[Result], gemm: Mapping[str, Any], lines: Sequence[str]) -> None:
    """Print everything on stdout.

    Args:
        results: The figures.
        gemm: What `tests.benches.gemm` found.
        lines: What else to say first.
    """
    console = Console(highlight=False, emoji=False, markup=False)
    if not console.is_terminal or console.width < _WIDTH:
        console = Console(highlight=False, emoji=False, markup=False, width=_WIDTH)
    for text in lines:
        console.print(text)
    for result in results:
        console.print()
        console.print(table(result))
        for line in result.lines:
            if line.skipped is not None:
                console.print(f"{line.entry.title} is left out: {line.skipped}")
    console.print()
    for text in notes(gemm):
        console.print(text)


def as_json(results: Sequence[Result], **about: Any) -> dict[str, Any]:
    """Everything: the figures, and what `about` says of the run."""
    return {
        **about,
        "results": [
            {
                **{key: value for key, value in asdict(result).items() if key != "lines"},
                "lines": [
                    {"title": line.entry.title, "numbers": line.entry.number, **asdict(line)} for line in result.lines
                ],
            }
            for result in results
        ],
    }
