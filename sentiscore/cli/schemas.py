"""The JSON Schemas of files that people write or read by hand.

python -m sentiscore.cli.schemas docs/reference/schemas
"""

import json
import sys
from pathlib import Path
from typing import Any

from sentiscore.json_schema import json_schema


def render() -> dict[str, str]:
    """Each schema as JSON, by file name."""
    from sentiscore.behaviour.suite import Suite
    from sentiscore.checkpoint.manifest import FORMAT, Manifest
    from sentiscore.features import DailyConfig, DailyRequest
    from sentiscore.scoring.options import RowOptions, RunOptions, ScorerOptions
    from sentiscore.training.augment import Augmentation
    from sentiscore.training.distillation import Mixing
    from sentiscore.training.recipe import Recipe
    from sentiscore.training.student import Student

    recipe, manifest = json_schema(Recipe), json_schema(Manifest)
    tables = {"student": json_schema(Student), "distill": json_schema(Mixing), "augment": json_schema(Augmentation)}
    found: dict[str, dict[str, Any]] = {
        "recipe.json": recipe,
        "distillation.json": recipe | {"title": "distillation", "properties": recipe["properties"] | tables},
        "daily-config.json": json_schema(DailyConfig),
        "daily-request.json": json_schema(DailyRequest),
        "scorer-options.json": json_schema(ScorerOptions),
        "row-options.json": json_schema(RowOptions),
        "run-options.json": json_schema(RunOptions),
        "behaviour-suite.json": json_schema(Suite),
        "manifest.json": manifest | {"properties": {"format": {"const": FORMAT}} | manifest["properties"]},
    }
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {name: json.dumps(head | schema, indent=2, ensure_ascii=False) + "\n" for name, schema in found.items()}


if __name__ == "__main__":
    for name, text in render().items():
        (Path(sys.argv[1]) / name).write_text(text, encoding="utf-8")
