"""Every setting of a training run, in one frozen object that reads from TOML."""

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from sentiscore.errors import TrainingError


def _setting(
    default: Any,
    doc: str,
    *,
    choices: tuple[str, ...] = (),
    low: float | None = None,
    above: float | None = None,
    below: float | None = None,
) -> Any:
    bounds = {"choices": choices, "low": low, "above": above, "below": below}
    return field(default=default, metadata={"help": doc, **bounds})


class _Checked:
    """A frozen dataclass of settings that checks each of them."""

    def __post_init__(self) -> None:
        for setting in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, setting.name)
            if type(value) is int and type(setting.default) is float:
                value = float(value)
            elif type(value) is list:
                value = tuple(value)
            object.__setattr__(self, setting.name, value)  # the way a frozen dataclass sets itself up
            _check(setting, value)

    def with_changes(self, changes: Mapping[str, Any]) -> Self:
        """The same settings with some changed.

        Raises:
            TrainingError: A setting does not exist, or its value is wrong.
        """
        known = [setting.name for setting in dataclasses.fields(self)]  # type: ignore[arg-type]
        if unknown := sorted(set(changes) - set(known)):
            raise TrainingError(
                f"A recipe has no setting {', '.join(map(repr, unknown))}.", f"Settings are: {', '.join(known)}."
            )
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]


@dataclass(frozen=True, kw_only=True)
class SetOfRows(_Checked):
    """One of several labelled sets that are trained on together: a `[[sets]]` table of a recipe.

    Raises:
        TrainingError: A value is of the wrong type or out of its range.
    """

    name: str = _setting("", "What the set is called in figures; its training file's name by default.")
    train: str = _setting("", "File of the rows to learn from.")
    validation: str = _setting("", "File of the rows to choose the best state by and calibrate on; none if left out.")
    text_col: str = _setting("sentence", "The column of texts in both files.")
    label_col: str = _setting("label", "The column of labels in both files.")
    labels: tuple[str, ...] = _setting((), "What label ids mean, in order.")
    soft: bool = _setting(False, "Train on the columns p_negative, p_positive (and p_neutral) in place of labels.")
    weight: float = _setting(1.0, "How much a training row counts beside those of other sets.", above=0)


@dataclass(frozen=True, kw_only=True)
class Recipe(_Checked):
    """Settings of a training run; the defaults are the tuned recipe.

    Raises:
        TrainingError: A value is of the wrong type or out of its range.
    """

    base: str = _setting("EleutherAI/pythia-70m", "Pre-trained model to begin with: a folder or a hub id.")
    base_revision: str = _setting("", "Branch, tag or commit of a base from the hub.")
    data: str = _setting("stanfordnlp/sst2", "Hub data set to train on, where no files are given.")
    data_revision: str = _setting("", "Branch, tag or commit of the hub data set.")
    epochs: float = _setting(2.0, "Passes over the training rows.", above=0)
    max_steps: int = _setting(0, "Stop after so many steps; 0 for no limit.", low=0)
    batch_size: int = _setting(32, "Rows of one step.", low=1)
    learning_rate: float = _setting(5e-5, "Peak learning rate of AdamW.", above=0)
    schedule: str = _setting(
        "linear",
        "How the rate falls after the warm-up.",
        choices=("linear", "cosine", "constant_with_warmup"),
    )
    warmup: float = _setting(0.06, "Share of the steps over which the rate rises.", low=0, below=1)
    weight_decay: float = _setting(0.01, "Weight decay of AdamW.", low=0)
    label_smoothing: float = _setting(0.0, "Share of a label's weight spread over all labels.", low=0, below=1)
    max_length: int = _setting(100, "Tokens of a text that are read; the rest is cut off.", low=3)
    sampling: str = _setting(
        "length", "Batches of rows of like length, or of random rows.", choices=("length", "random")
    )
    precision: str = _setting(
        "auto", "bf16 where the hardware multiplies it, or fp32.", choices=("auto", "bf16", "fp32")
    )
    evals_per_epoch: int = _setting(4, "Validations, and saved states, in each epoch.", low=1)
    save_dtype: str = _setting(
        "float32", "Number type of the saved weights.", choices=("float32", "float16", "bfloat16")
    )
    seed: int = _setting(0, "Seed of everything random.", low=0)
    sets: tuple[SetOfRows, ...] = _setting((), "Labelled sets to train on together, each a [[sets]] table in TOML.")

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """A recipe from a TOML file; what it leaves out keeps its default.

        Raises:
            TrainingError: The file is missing, is not TOML, or names a setting that does not exist.
        """
        try:
            raw = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise TrainingError(f"The recipe {path} cannot be read: {error}.", "See pipelines/configs/.") from error
        sets = raw.get("sets", [])
        if not isinstance(sets, list) or not all(isinstance(one, dict) for one in sets):
            raise TrainingError(f"The sets of {path} are no tables.", "Begin each with a line [[sets]].")
        return cls().with_changes({**raw, "sets": tuple(SetOfRows().with_changes(one) for one in sets)})


def _check(setting: dataclasses.Field[Any], value: Any) -> None:
    kind = type(setting.default)
    if type(value) is not kind:
        raise TrainingError(
            f"The recipe's {setting.name} is {value!r}, which is not of type {kind.__name__}.",
            setting.metadata["help"],
        )
    bounds = setting.metadata
    if bounds["choices"] and value not in bounds["choices"]:
        wanted = f"one of {', '.join(bounds['choices'])}"
    elif bounds["low"] is not None and not value >= bounds["low"]:
        wanted = f"at least {bounds['low']}"
    elif bounds["above"] is not None and not value > bounds["above"]:
        wanted = f"more than {bounds['above']}"
    elif bounds["below"] is not None and not value < bounds["below"]:
        wanted = f"less than {bounds['below']}"
    else:
        return
    raise TrainingError(f"The recipe's {setting.name} is {value!r}; it has to be {wanted}.", bounds["help"])
