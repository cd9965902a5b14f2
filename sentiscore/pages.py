"""HTML pages from templates, which are stored next to the modules that fill them in."""

from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup


def fill(template: str, **values: Any) -> str:
    """Render a page from a template.

    Args:
        template: Its path in the package, such as "evaluation/report.html.j2".
        values: The values of its variables. All text is escaped, except what `markup` returned.
    """
    return _templates().get_template(template).render(values)


def markup(text: str) -> Markup:
    """Mark our own text as safe to insert unescaped, such as a drawing or a script."""
    return Markup(text)  # noqa: S704 - never called with text from elsewhere


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
