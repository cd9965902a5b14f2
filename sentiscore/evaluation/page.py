"""What reports as HTML pages share: their style, and drawings that stand in the page itself."""

import io
from collections.abc import Callable
from typing import Any, Final, TypeVar

from sentiscore.errors import import_extra

Drawn = TypeVar("Drawn")

STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1c2430 }
table { border-collapse: collapse; margin: 1rem 0 } th, td { padding: .3rem .8rem; text-align: right }
th:first-child, td:first-child { text-align: left; white-space: pre } tr { border-bottom: 1px solid #dde2e8 }
small { color: #5b6675 } .plots { display: flex; flex-wrap: wrap; gap: 1rem } svg { max-width: 100%; height: auto }
"""


def draw_svg(
    draw: Callable[[Any, Drawn], None], what: Drawn, *, size: tuple[float, float] = (4.6, 4.2), extra: str = "plots"
) -> str:
    """A drawing as an svg element.

    Args:
        draw: Draws on a matplotlib figure.
        what: What it draws.
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
    return text[text.index("<svg") :]
