"""Make the notebook of the tutorial out of its page: prose becomes cells of Markdown, and Python becomes cells of code.

python -m tests.notebook

The page is what is written and tested; a test says when the notebook is not made of it any more.
"""

import json
import re
from pathlib import Path
from typing import Any, Final

from tests.doc_blocks import ROOT

PAGE: Final = ROOT / "docs" / "tutorials" / "from-headlines-to-a-forecast.md"
NOTEBOOK: Final = PAGE.with_suffix(".ipynb")
SITE: Final = "https://github.com/sentiscore/sentiscore/blob/main/docs"
_CODE: Final = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def notebook_of(page: str) -> str:
    """A notebook, as JSON, with the prose and the code of a page in order."""
    cells: list[dict[str, Any]] = []
    for i, part in enumerate(_CODE.split(page)):
        text = part.strip() if i % 2 else re.sub(r"\]\(\.\./", f"]({SITE}/", part).strip()
        if not text:
            continue
        cell: dict[str, Any] = {"id": f"cell-{len(cells)}", "metadata": {}, "source": text.splitlines(keepends=True)}
        code: dict[str, Any] = {"cell_type": "code", "execution_count": None, "outputs": []}
        cells.append(cell | (code if i % 2 else {"cell_type": "markdown"}))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    made = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(made, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    NOTEBOOK.write_text(notebook_of(Path(PAGE).read_text(encoding="utf-8")), encoding="utf-8")
