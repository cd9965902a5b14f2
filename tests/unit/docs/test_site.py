"""The site has every page, and what is made of a page is made of it as it is."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

from tests.doc_blocks import ROOT
from tests.notebook import NOTEBOOK, PAGE, notebook_of

SETTINGS = tomllib.loads((ROOT / ".zensical.toml").read_text(encoding="utf-8"))["project"]


def pages_of(entries: list[Any]) -> Iterator[str]:
    """The pages of a navigation, at any depth."""
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        else:
            for value in entry.values():
                yield from [value] if isinstance(value, str) else pages_of(value)


def test_every_page_is_in_the_navigation_once() -> None:
    docs = ROOT / SETTINGS["docs_dir"]
    listed = list(pages_of(SETTINGS["nav"]))
    assert sorted(listed) == sorted(page.relative_to(docs).as_posix() for page in docs.rglob("*.md"))


def test_the_notebook_is_made_of_its_page() -> None:
    assert NOTEBOOK.read_text(encoding="utf-8") == notebook_of(PAGE.read_text(encoding="utf-8"))


def test_no_page_installs_from_the_package_index() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "pipelines").rglob("*.md")]
    written = {page.name: page.read_text(encoding="utf-8") for page in pages}
    assert [name for name, text in written.items() if "pip install sentiscore" in text] == []
    generated = {"cli.md", "installation.md"}  # hints for those who have it installed
    assert [name for name, text in written.items() if "install 'sentiscore[" in text and name not in generated] == []


def test_no_page_has_a_relative_link_out_of_the_docs() -> None:
    docs = ROOT / SETTINGS["docs_dir"]
    for page in docs.rglob("*.md"):
        links = re.findall(r"\]\((\.\./[^)#]+)", page.read_text(encoding="utf-8"))
        assert [link for link in links if not (page.parent / link).resolve().is_relative_to(docs)] == [], page
