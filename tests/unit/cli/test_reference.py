from pathlib import Path

from sentiscore.cli.main import COMMANDS
from sentiscore.cli.reference import render

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"


def test_the_reference_page_is_what_help_says_now() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), "run: make reference"


def test_every_command_is_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"## sentiscore {name}\n" not in page] == []
