"""Drawings that are part of a page."""

import io
from collections.abc import Callable
from typing import Any, TypeVar

from markupsafe import Markup

from sentiscore.errors import import_extra
from sentiscore.pages import markup

Drawn = TypeVar("Drawn")


def draw_svg(
    draw: Callable[[Any, Drawn], None], what: Drawn, *, size: tuple[float, float] = (4.6, 4.2), extra: str = "plots"
) -> Markup:
    """A drawing as an SVG element.

    Args:
        draw: A function that draws on a matplotlib figure.
        what: The data to draw.
        size: Width and height in inches.
        extra: The extra of sentiscore that installs matplotlib for this.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    figure = import_extra("matplotlib.figure", extra).Figure(figsize=size, layout="constrained")
    draw(figure, what)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return markup(text[text.index("<svg") :])
