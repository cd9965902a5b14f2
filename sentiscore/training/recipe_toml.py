"""A recipe -> TOML that reads back as the same recipe."""

import dataclasses

from sentiscore.errors import import_extra
from sentiscore.training.recipe import Recipe


def recipe_toml(recipe: Recipe, comment: str = "") -> str:
    """Write a recipe with all settings that it has as TOML, for `Recipe.read` and `sentiscore train --recipe`.

    Args:
        recipe: The recipe.
        comment: Lines to put above it as a comment.

    Raises:
        MissingExtraError: tomli-w is not installed.
    """
    lines = "".join(f"# {line}".rstrip() + "\n" for line in comment.splitlines())
    settings = {name: value for name, value in dataclasses.asdict(recipe).items() if value not in ((), None)}
    text: str = import_extra("tomli_w", "tune").dumps(settings)
    return lines + text
