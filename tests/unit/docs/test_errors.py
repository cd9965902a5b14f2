import inspect
import re
from pathlib import Path

from sentiscore import errors

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "errors.md"


def test_the_page_of_errors_has_every_class_and_no_other() -> None:
    classes = {
        name for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception | Warning)
    }
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)) == classes


def test_the_tree_of_errors_has_every_class_too() -> None:
    tree = errors.__doc__ or ""
    assert [
        name for name in re.findall(r"^class (\w+)", inspect.getsource(errors), re.MULTILINE) if name not in tree
    ] == []
