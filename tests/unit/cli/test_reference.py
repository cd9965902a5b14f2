from pathlib import Path

from sentiscore.cli.main import COMMANDS
from sentiscore.cli.reference import render

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"


def test_the_reference_page_is_what_help_says_now() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), "run: make reference"


def test_every_command_is_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"## sentiscore {name}\n" not in page] == []


def test_commands_of_a_group_have_their_own_sections_after_it() -> None:
    page = render()
    sections = [line for line in page.splitlines() if line.startswith("## sentiscore cache")]
    assert sections == ["## sentiscore cache", "## sentiscore cache info", "## sentiscore cache prune"]
    assert "Usage: sentiscore cache prune [OPTIONS] FOLDER" in page
    assert "--older-than TIME" in page
