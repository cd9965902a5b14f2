"""Each promise of docs/explanation/guarantees.md names a test that is there."""

import ast
import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
PAGE: Final = ROOT / "docs" / "explanation" / "guarantees.md"
NAMED: Final = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def named_tests() -> list[tuple[str, str]]:
    return NAMED.findall(PAGE.read_text(encoding="utf-8"))


def rows() -> list[str]:
    """The rows of the page's tables, without their heads."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith("| ") and not line.startswith(("| ---", "| promise"))]


def test_there_are_promises() -> None:
    assert len(rows()) > 20


@pytest.mark.parametrize("row", rows())
def test_a_promise_names_a_test(row: str) -> None:
    assert NAMED.search(row.split("|")[2]), row


@pytest.mark.parametrize(("file", "name"), named_tests())
def test_a_named_test_is_there_and_make_test_runs_it(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    (found,) = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    assert "thorough" not in [ast.unparse(mark).rpartition(".")[2] for mark in found.decorator_list]
    whole_file = [ast.unparse(node) for node in tree.body if ast.unparse(node).startswith("pytestmark")]
    assert "thorough" not in "".join(whole_file)
