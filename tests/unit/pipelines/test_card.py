"""The default model has one card, which the documentation and the model's folder both show."""

import re

import card

LINKS = re.compile(r"\]\(([^)]+)\)")


def test_the_card_in_the_folder_is_made_of_the_page_of_the_documentation() -> None:
    assert card.CARD.read_text(encoding="utf-8") == card.render(), "run: make reference"


def test_no_link_of_the_card_is_dead_in_either_place() -> None:
    page = LINKS.findall(card.PAGE.read_text(encoding="utf-8"))
    links = LINKS.findall(card.CARD.read_text(encoding="utf-8"))
    assert page
    assert len(page) == len(links)
    for link in page:
        assert re.match("https://|#", link) or (card.PAGE.parent / link.partition("#")[0]).is_file(), link
    for link in links:
        name = link.removeprefix(card.DOCS).partition("#")[0]
        assert link.startswith("https://"), link
        assert name.startswith("https://") or (card.PAGE.parent / name).is_file(), link
