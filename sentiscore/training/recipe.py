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


@dataclass(frozen=True, kw_only=True)
class Recipe:
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
    method: str = _setting(
        "full",
        "Train all weights; or low-rank adapters beside them (lora); or these, with the weights in 4 bits (qlora).",
        choices=("full", "lora", "qlora"),
    )
    lora_rank: int = _setting(16, "Rank of the adapters.", low=1)
    lora_alpha: float = _setting(32.0, "Adapters count for so much, divided by their rank.", above=0)
    lora_dropout: float = _setting(0.05, "Dropout of what adapters read, in training alone.", low=0, below=1)
    adapters: str = _setting(
        "merge",
        "Merge adapters into the saved weights, or keep them apart from the base.",
        choices=("merge", "keep"),
    )

    def __post_init__(self) -> None:
        for setting in dataclasses.fields(self):
            value = getattr(self, setting.name)
            if type(value) is int and type(setting.default) is float:
                value = float(value)
                object.__setattr__(self, setting.name, value)  # the way a frozen dataclass sets itself up
            _check(setting, value)

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
        return cls().with_changes(raw)

    def with_changes(self, changes: Mapping[str, Any]) -> Self:
        """The same recipe with some settings changed.

        Raises:
            TrainingError: A setting does not exist, or its value is wrong.
        """
        known = [setting.name for setting in dataclasses.fields(self)]
        if unknown := sorted(set(changes) - set(known)):
            raise TrainingError(
                f"A recipe has no setting {', '.join(map(repr, unknown))}.", f"Settings are: {', '.join(known)}."
            )
        return dataclasses.replace(self, **changes)


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
