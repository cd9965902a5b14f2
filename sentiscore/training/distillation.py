"""All settings of a distillation: a recipe with three more tables."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from sentiscore.errors import TrainingError
from sentiscore.settings import Settings, setting
from sentiscore.training.augment import Augmentation
from sentiscore.training.recipe import CONFIGS, Recipe
from sentiscore.training.student import Student


@dataclass(frozen=True, kw_only=True)
class Mixing(Settings):
    """How labels and teachers are combined: the `[distill]` table of a distillation.

    Raises:
        TrainingError: A value has the wrong type or is out of range.
    """

    what = "[distill] table"
    error = TrainingError
    hint = "Begin it with a line [distill]."

    label_share: float = setting(
        0.5,
        "Share of the label in a labelled text's target, from 0 to 1.",
        low=0,
        high=1,
        wanted="from 0 to 1: nothing is more than all",
    )
    soft_weight: float = setting(1.0, "Weight of a text without a label, relative to a labelled one.", above=0)


@dataclass(frozen=True, kw_only=True)
class Distillation(Settings):
    """The settings that `sentiscore distill --student` reads.

    Attributes:
        recipe: How the student is trained, including its labelled sets; its base is the student unless `student` says
            otherwise.
        student: Where the student comes from.
        mixing: How labels and teachers are combined.
        augmentation: Which additional texts are made.

    Raises:
        TrainingError: The recipe smooths labels, but a student learns from soft labels.
    """

    what = "distillation"
    error = TrainingError
    hint = CONFIGS

    recipe: Recipe = field(default_factory=Recipe)
    student: Student = field(default_factory=Student)
    mixing: Mixing = field(default_factory=Mixing)
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.recipe.label_smoothing:
            raise TrainingError(
                "A student's targets are soft already, so label_smoothing changes nothing.", "Leave it out."
            )

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a distillation from a TOML file: a recipe's settings, and the tables [student], [distill] and [augment].

        Raises:
            TrainingError: The file is missing, is not TOML, or names a setting that does not exist.
        """
        raw = Recipe.read_toml(path)  # without these tables it is a recipe
        tables = {name: raw.pop(name, {}) for name in ("student", "distill", "augment")}
        return cls(
            recipe=Recipe.from_dict(raw),
            student=Student.from_dict(tables["student"]),
            mixing=Mixing.from_dict(tables["distill"]),
            augmentation=Augmentation.from_dict(tables["augment"]),
        )
