"""Each promise of docs/explanation/guarantees.md names a test that is there."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
PAGE: Final = ROOT / "docs" / "explanation" / "guarantees.md"
NAMED: Final = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def rows() -> list[str]:
    """The rows of the page's tables, without their heads."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith("| ") and not line.startswith(("| ---", "| promise"))]


def test_there_are_promises() -> None:
    assert len(rows()) > 20


@pytest.mark.parametrize("row", rows())
def test_a_promise_names_a_test(row: str) -> None:
    assert NAMED.search(row.split("|")[2]), row


@cache
def which_run(file: str) -> dict[str, bool]:
    """The tests of a file, and whether `make test` runs each."""
    body = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
    marks = [ast.unparse(node.value) for node in body if isinstance(node, ast.Assign)]
    left_out = any("mark.thorough" in mark for mark in marks if mark.startswith(("[pytest.mark", "pytest.mark")))
    return {
        node.name: not left_out and "pytest.mark.thorough" not in map(ast.unparse, node.decorator_list)
        for node in body
        if isinstance(node, ast.FunctionDef)
    }


@pytest.mark.parametrize("row", rows())
def test_a_named_test_is_there_and_make_test_runs_it(row: str) -> None:
    assert [(file, name) for file, name in NAMED.findall(row) if not which_run(file).get(name)] == []


def test_a_test_that_make_test_leaves_out_is_seen() -> None:
    assert (
        which_run("tests/integration/test_benches.py")["test_everyone_gives_the_same_answers_in_a_process_of_their_own"]
        is False
    )
    assert set(which_run("tests/integration/test_shared_data.py").values()) == {False}
