"""The recipes in pipelines/."""

from pathlib import Path
from typing import Final

PIPELINES: Final = Path(__file__).parents[1] / "pipelines"
LISTS_OF_WORDS: Final = {"boilerplate", "economy", "news", "opinions", "targets", "unlabelled", "varied"}
"""Files that sentences to train on are made of."""

JOBS: Final = {"backfill", "nightly"}
"""Options of scripts, which their own tests read."""

RECIPES: Final = sorted(path for path in PIPELINES.rglob("*.toml") if path.stem not in LISTS_OF_WORDS | JOBS)
