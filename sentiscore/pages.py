"""HTML pages from templates that lie beside the modules that fill them in."""

from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup


def fill(template: str, **values: Any) -> str:
    """A page from a template.

    Args:
        template: Its path in the package, such as "evaluation/report.html.j2".
        values: What its names stand for. Text is escaped wherever it comes from; what is `markup` is not.
    """
    return _templates().get_template(template).render(values)


def markup(text: str) -> Markup:
    """Text of our own that is a part of a page as it is: a drawing, a script."""
    return Markup(text)  # noqa: S704 - what comes from elsewhere is never given here


@cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
