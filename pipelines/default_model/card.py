"""Write the card in the default model's folder from the one in the documentation.

python pipelines/default_model/card.py

The folder is also read without the documentation, so links to its pages become URLs.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "default-model.md"
CARD = ROOT / "sentiscore" / "default_model" / "README.md"
DOCS = "https://github.com/sentiscore/sentiscore/blob/main/docs/explanation/"
LINK = re.compile(r"\]\((?![a-z]+:|#)([^)]+)\)")
"""A link to a file of the documentation."""


def render() -> str:
    """The card as Markdown."""
    return LINK.sub(rf"]({DOCS}\1)", PAGE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    CARD.write_text(render(), encoding="utf-8")
    sys.stdout.write(f"written: {CARD}\n")
