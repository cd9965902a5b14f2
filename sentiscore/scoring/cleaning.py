"""Takes HTML out of texts before a model reads them, and notices texts that have some."""

from collections.abc import Callable
from typing import Any, Final

import polars as pl

from sentiscore import labels as names
from sentiscore.errors import import_extra, require_extra

_EXTRA: Final = "html"
_ELEMENTS: Final = (
    "a|abbr|article|b|big|blockquote|body|br|center|cite|code|dd|del|div|dl|dt|em|figure|font|footer|form|h[1-6]|head|"
    "header|hr|html|i|iframe|img|input|ins|label|li|link|main|mark|meta|nav|ol|p|pre|q|s|script|section|small|span|"
    "strike|strong|style|sub|sup|svg|table|tbody|td|tfoot|th|thead|title|tr|tt|u|ul|video"
)
_TAG: Final = rf"(?i)</?(?:{_ELEMENTS})(?:\s[^<>]*)?/?>|<!--"
"""A tag of an element that texts have; <AAPL> and x<y and z>w have none."""

_MARKUP: Final = rf"{_TAG}|&(?:#[0-9]{{1,7}}|#x[0-9a-f]{{1,6}}|[a-z][a-z0-9]{{1,31}});"
_UNSEEN: Final = "script,style,template"
_APART: Final = (
    "article,blockquote,br,center,dd,div,dl,dt,figure,footer,form,h1,h2,h3,h4,h5,h6,header,hr,img,li,main,nav,ol,p,"
    "pre,section,table,td,th,title,tr,ul,video"
)
"""Elements that are not within a word."""

_TAGS_AT_ONCE: Final = 100
"""A tree of many elements within each other takes time with the square of their number."""

MANY: Final = 0.05
"""The share of texts with tags from which on there is a warning."""


def check_cleaner(clean: str) -> None:
    """Raise a MissingExtraError if what cleans texts is not installed."""
    if clean == names.HTML:
        require_extra(_EXTRA, "selectolax")


def cleaned(texts: pl.Series, clean: str) -> pl.Series:
    """Texts as the model reads them.

    A text with a tag or an entity of HTML becomes its visible text: without tags, comments, scripts and styles, with
    one space for a line break, the border of a paragraph or cell, or any white space, and with entities as characters.
    Other texts stay as they are.

    Args:
        texts: Texts, nulls allowed.
        clean: "none" or "html".

    Raises:
        MissingExtraError: selectolax is not installed.
    """
    if clean != names.HTML:
        return texts
    plain = texts.cast(pl.String)
    marked = plain.str.contains(_MARKUP)
    if not marked.any():
        return texts
    parser: Callable[[str], Any] = import_extra("selectolax.lexbor", _EXTRA).LexborHTMLParser
    where = marked.fill_null(value=False).arg_true()
    return plain.clone().scatter(where, [_visible(text, parser) for text in plain.gather(where)])


class Markup:
    """Counts texts with tags of HTML that are read as they are."""

    def __init__(self) -> None:
        self._n = self._of = 0

    def add(self, texts: pl.Series) -> None:
        """Count some texts."""
        self._of += texts.len() - texts.null_count()
        self._n += int(texts.cast(pl.String).str.contains(_TAG).sum() or 0)

    @property
    def is_common(self) -> bool:
        """Whether so many texts have tags that a warning is due."""
        return self._n > MANY * self._of

    def warning(self, text_col: str) -> str:
        """The warning about them."""
        return (
            f"{self._n:,} of {self._of:,} texts in {text_col!r} have tags of HTML, such as <br>. The model reads them "
            "as text, and they change its answers: take them out with --clean html (clean)."
        )


def _visible(text: str, parser: Callable[[str], Any]) -> str:
    """The visible text, of some tags at a time."""
    pieces = text.split("<")
    whole = ["<".join(pieces[:_TAGS_AT_ONCE])]
    starts = range(_TAGS_AT_ONCE, len(pieces), _TAGS_AT_ONCE)
    whole += ["<" + "<".join(pieces[start : start + _TAGS_AT_ONCE]) for start in starts]
    return " ".join(" ".join(_of_piece(piece, parser) for piece in whole).split())


def _of_piece(text: str, parser: Callable[[str], Any]) -> str:
    tree = parser(text)
    for node in tree.css(_UNSEEN):
        node.decompose()
    for node in tree.css(_APART):
        node.insert_before(" ")
        node.insert_after(" ")
    return tree.text() if tree.root is not None else ""
