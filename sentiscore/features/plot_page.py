"""Charts as data -> an HTML page that contains everything it needs.

`page/page.js` passes the data to plotly.js, which is written into the page. The page's content security policy
forbids every request and every foreign script, so that a name in the data can be shown but never run.
"""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any, Final

import polars as pl

from sentiscore.pages import fill, markup

_PAGE: Final = Path(__file__).parent / "page"


def plot_page(title: str, totals: pl.DataFrame, chosen: pl.DataFrame, drawn: dict[str, Any], library: str) -> str:
    """The page.

    Args:
        title: Its title.
        totals: A row for each entity of the table: documents, sessions, and the first and last of these.
        chosen: The rows of those that are drawn.
        drawn: What `plot_data.payload` makes of them.
        library: The text of plotly.js.
    """
    script = (_PAGE / "page.js").read_text(encoding="utf-8")
    data = json.dumps(drawn, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return fill(
        "features/page/plot.html.j2",
        title=title,
        hashes=[_digest(text) for text in (library, script)],
        style=markup((_PAGE / "page.css").read_text(encoding="utf-8")),
        summary=_summary(chosen),
        left_out=_left_out(totals, chosen),
        rows=[_row(entity) for entity in chosen.iter_rows(named=True)],
        data=markup(data.replace("<", "\\u003c")),  # nothing in the data can end the script element that holds it
        library=markup(library),
        script=markup(script),
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _summary(chosen: pl.DataFrame) -> str:
    """What the page is of."""
    rows, documents, without = (int(chosen[name].sum()) for name in ("sessions", "documents", "without"))
    first, last = chosen.select(pl.col("first").min(), pl.col("last").max()).row(0)
    return (
        f"{_count(chosen.height, 'entity', 'entities')} from {first} to {last}: "
        f"{_count(documents, 'document')}. "
        f"Of {_count(rows, 'entity-session')}, {100 * without / rows:.1f} % have no news."
    )


def _left_out(totals: pl.DataFrame, chosen: pl.DataFrame) -> str:
    """What is not on the page; empty if all is."""
    left = totals.height - chosen.height
    if not left:
        return ""
    documents = int(totals["documents"].sum()) - int(chosen["documents"].sum())
    return (
        f"{_count(left, 'entity', 'entities')} more, with {_count(documents, 'document')}, "
        f"{'is' if left == 1 else 'are'} not on this page. Choose with --entity NAME, or draw more with --limit N."
    )


def _count(n: int, one: str, many: str = "") -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def _row(entity: dict[str, Any]) -> tuple[str, ...]:
    """The cells of an entity in the table."""
    return (
        entity["name"],
        f"{entity['documents']:,}",
        f"{entity['sessions']:,}",
        f"{100 * entity['without'] / entity['sessions']:.1f} %",
        str(entity["first"]),
        str(entity["last"]),
    )
