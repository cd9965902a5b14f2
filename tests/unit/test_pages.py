import re
from pathlib import Path

import jinja2
import pytest

import sentiscore
from sentiscore.pages import fill, markup

PACKAGE = Path(sentiscore.__file__).parent
TEMPLATES = sorted(PACKAGE.rglob("*.html.j2"))
ROWS = [("</td><script>alert(1)</script>", "'\"&")]


def page(**changes: object) -> str:
    values = {
        "title": "<b>title</b>",
        "found": "found",
        "note": "note",
        "rows": ROWS,
        "importances": "",
        "unknown": "unknown",
        "by_setting": [markup("<svg>1</svg>"), "<svg>2</svg>"],
        "history": "",
    }
    return fill("training/tuning.html.j2", **values | changes)


def test_text_is_escaped_and_what_is_ours_is_not() -> None:
    found = page()
    assert "<script" not in found
    assert "&lt;script&gt;alert(1)" in found
    assert "<h1>&lt;b&gt;title&lt;/b&gt;</h1>" in found
    assert "<svg>1</svg>" in found
    assert "&lt;svg&gt;2" in found


def test_a_value_that_was_forgotten_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        fill("training/tuning.html.j2", title="x")


def test_no_template_switches_the_escaping_off() -> None:
    assert len(TEMPLATES) == 5
    for path in TEMPLATES:
        assert not re.search(r"\|\s*safe|autoescape|Markup", path.read_text(encoding="utf-8")), path


def test_html_is_written_in_templates_alone() -> None:
    element = re.compile(r"</(?:html|head|body|table|div|t[dhr]|p|h[1-6]|span|section|style)>")
    assert [path for path in PACKAGE.rglob("*.py") if element.search(path.read_text(encoding="utf-8"))] == []
