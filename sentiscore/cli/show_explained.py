"""Prints the texts that a day's value is made of."""

from typing import TYPE_CHECKING, Final

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from sentiscore.cli.show import line, note
from sentiscore.cli.terminal import console, in_one_line

if TYPE_CHECKING:
    from sentiscore.nightly.explain_file import ExplainedValue

_LONGEST_TEXT: Final = 120


def explained_report(result: "ExplainedValue", limit: int) -> None:
    """Print a value and its texts.

    Args:
        result: The value and its texts.
        limit: The number of texts to print.
    """
    value = "null" if result.value is None else f"{result.value:.6g}"
    texts = result.texts
    known = f"{result.available_at:%Y-%m-%dT%H:%M:%SZ}"
    made = f"{texts.height:,} text{'s'[: texts.height != 1]}"
    line(f"{result.entity} on {result.ds}: {result.column} is {value}, from {made}, known at {known}")
    if texts.height:
        _table(result, limit)
    if result.output is not None:
        line(f"texts  {result.output}")
    if texts.height and not texts["text"].count():
        note("DAILY was made without --text-col, so the texts are not shown; row and file say where they are.")


def _table(result: "ExplainedValue", limit: int) -> None:
    shown, rest = result.texts.head(limit), result.texts.slice(limit)
    table = Table(box=SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    for name in ("contribution", "value", "share"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("published", no_wrap=True)
    has_ids = shown["id"].count() > 0
    table.add_column("id" if has_ids else "row", no_wrap=True)
    table.add_column("text", overflow="fold")
    for each in shown.iter_rows(named=True):
        text = "" if each["text"] is None else in_one_line(str(each["text"]))
        cut = text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 3] + "..."
        place = str(each["id"]) if has_ids else f"{each['file']}:{each['row']:,}"
        table.add_row(
            f"{each['contribution']:+.4f}",
            f"{each['value']:+.4f}",
            f"{each['share']:.4f}",
            f"{each['published_at']:%Y-%m-%d %H:%M}",
            Text(in_one_line(place)),
            Text(cut),
        )
    if rest.height:
        others = f"{rest.height:,} more text{'s'[: rest.height != 1]}"
        table.add_row(f"{rest['contribution'].sum():+.4f}", "", f"{rest['share'].sum():.4f}", "", "", Text(others))
    console().print(table)
