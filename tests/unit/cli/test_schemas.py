"""The JSON Schemas in the documentation are those of the settings, and say what the settings refuse."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sentiscore
from sentiscore import Distillation, Recipe, RowOptions, RunOptions, ScorerOptions, SentiscoreError
from sentiscore.checkpoint.manifest import Manifest
from sentiscore.cli.schemas import render
from sentiscore.features import DailyConfig
from sentiscore.settings import Settings
from tests.shipped import RECIPES

ROOT = Path(__file__).parents[3]
PAGES = ROOT / "docs" / "reference" / "schemas"
KINDS: dict[str, type[Settings]] = {
    "recipe.json": Recipe,
    "daily-config.json": DailyConfig,
    "scorer-options.json": ScorerOptions,
    "row-options.json": RowOptions,
    "run-options.json": RunOptions,
}
EMPTY: dict[str, Any] = {"array": [], "object": {}, "string": "", "integer": 0, "number": 0.0, "boolean": False}


def test_the_schemas_are_those_of_the_settings_now() -> None:
    assert {path.name: path.read_text(encoding="utf-8") for path in PAGES.iterdir()} == render(), "run: make reference"


def outside(schema: dict[str, Any]) -> Iterator[Any]:
    """Values that a schema of one value does not allow."""
    if "minimum" in schema:
        yield schema["minimum"] - 1
    if "exclusiveMinimum" in schema:
        yield schema["exclusiveMinimum"]
    if "maximum" in schema:
        yield schema["maximum"] + 1
    if "exclusiveMaximum" in schema:
        yield schema["exclusiveMaximum"]
    if "enum" in schema:
        yield "none of these"
    for kind, value in EMPTY.items():
        if kind != schema["type"] and not (schema["type"] == "number" and kind == "integer"):
            yield value


def refused() -> list[tuple[str, str, Any]]:
    """A field and a value that its schema does not allow, of each schema."""
    found: list[tuple[str, str, Any]] = []
    for page in KINDS:
        for name, schema in json.loads(render()[page])["properties"].items():
            if "anyOf" in schema:
                continue
            found += [(page, name, value) for value in outside(schema)]
            if schema["type"] == "array" and schema["items"]["type"] != "object":
                found += [(page, name, [value]) for value in outside(schema["items"])]
    return found


def test_what_a_schema_does_not_allow_is_refused() -> None:
    cases = refused()
    assert len(cases) > 200
    for page, name, value in cases:
        with pytest.raises(SentiscoreError):
            KINDS[page].from_dict({name: value})


def test_every_file_that_is_shipped_has_only_what_the_schema_names() -> None:
    schema = json.loads(render()["distillation.json"])["properties"]
    for path in RECIPES:
        keys = tomllib.loads(path.read_text(encoding="utf-8")).keys()
        assert keys <= schema.keys(), path
        assert (Distillation if keys & {"student", "distill", "augment"} else Recipe).read(path)
    found = json.loads(render()["manifest.json"])
    written = json.loads((Path(sentiscore.__file__).parent / "default_model" / "sentiscore.json").read_text())
    assert set(found["required"]) <= written.keys() <= found["properties"].keys()
    assert Manifest.from_dict({name: value for name, value in written.items() if name != "format"})
