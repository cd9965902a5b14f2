"""Links lead somewhere, also from where the README is shown without the repository around it."""

import re
import tomllib
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
PAGES: Final = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
HERE: Final = f"{PROJECT['urls']['Repository']}/blob/main/"
_LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
_FENCED: Final = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def links_of(page: Path) -> list[str]:
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))
    return [link for link in _LINK.findall(text) if not link.startswith("mailto:")]


def anchors_of(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))
    names = [re.sub(r"[^\w\- ]", "", title.lower()).strip() for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)]
    return {name.replace(" ", "-") for name in names}


def leads_nowhere(page: Path, link: str) -> bool:
    """Whether a link into this repository leads to no file, or to no heading of it."""
    within = link.startswith(HERE)
    if "://" in link and not within:
        return False
    path, _, anchor = link.removeprefix(HERE).partition("#")
    target = (ROOT if within else page.parent) / path if path else page
    return not target.exists() or (bool(anchor) and anchor not in anchors_of(target))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_into_the_repository_leads_to_a_file_and_a_heading(page: Path) -> None:
    assert [link for link in links_of(page) if leads_nowhere(page, link)] == []


def test_links_of_the_readme_work_where_it_is_shown_elsewhere() -> None:
    links = links_of(ROOT / PROJECT["readme"])
    assert len(links) > 20
    assert [link for link in links if "://" not in link] == []


def test_a_link_to_a_missing_file_or_heading_is_found() -> None:
    page = ROOT / "docs" / "contributing.md"
    for link in ("nowhere.md", "../README.md#nothing", f"{HERE}docs/nowhere.md", "#no-such-heading"):
        assert leads_nowhere(page, link), link
    for link in ("../README.md", "../README.md#figures", f"{HERE}docs/security.md", "#tests", "https://example.com/x"):
        assert not leads_nowhere(page, link), link


def test_the_addresses_of_the_project_are_the_same_everywhere() -> None:
    repository = PROJECT["urls"]["Repository"]
    assert {url for url in PROJECT["urls"].values() if not url.startswith(repository)} == set()
    assert f"repository-code: {repository}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    config = (ROOT / ".github" / "ISSUE_TEMPLATE" / "config.yml").read_text(encoding="utf-8")
    assert f"url: {repository}/security/advisories/new" in config
