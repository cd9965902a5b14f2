"""All settings of a training run, in one frozen object that reads from TOML."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from sentiscore.errors import TrainingError
from sentiscore.settings import Settings, setting

CONFIGS: Final = "See pipelines/configs/."
"""The hint of the error about a recipe that cannot be read."""


@dataclass(frozen=True, kw_only=True)
class SetOfRows(Settings):
    """One of several labelled sets that are trained on together: a `[[sets]]` table of a recipe.

    Raises:
        TrainingError: A value has the wrong type or is out of range.
    """

    what = "set"
    error = TrainingError
    hint = "Begin each with a line [[sets]]."

    name: str = setting("", "The name of the set in figures; its training file's name by default.")
    train: str = setting("", "File of the rows to learn from; a set without one is only validated on.")
    validation: str = setting("", "File of the rows to choose the best state by and to calibrate on, if any.")
    text_col: str = setting("sentence", "The column of texts in both files.")
    label_col: str = setting("label", "The column of labels in both files.")
    target_col: str = setting(
        "", "The column of the mentions that the labels are about, in both files; the model then reads targets."
    )
    labels: tuple[str, ...] = setting((), "The labels that the ids 0, 1, ... stand for, in order.")
    separator: str = setting(
        "", "The separator of fields in CSV files; by default a comma, or what the header clearly uses."
    )
    skip_rows: int = setting(0, "Lines before the header of CSV files.", low=0)
    comment: str = setting("", "The beginning of lines in CSV files that are not rows.")
    encoding: str = setting("utf-8", "Encoding of CSV files.")
    soft: bool = setting(False, "Train on the columns p_negative, p_positive (and p_neutral) instead of labels.")
    weight: float = setting(1.0, "Weight of a training row, relative to those of other sets.", above=0)
    never_neutral: bool = setting(
        False, "Teach the model that training rows of this set are never neutral; it has no class neutral."
    )


@dataclass(frozen=True, kw_only=True)
class Recipe(Settings):
    """Settings of a training run.

    Settings that are None are chosen by the number of training rows; see `sentiscore.training.by_rows`.

    Raises:
        TrainingError: A value has the wrong type or is out of range.
    """

    what = "recipe"
    error = TrainingError
    hint = CONFIGS

    base: str = setting("EleutherAI/pythia-70m", "Pre-trained model to start from: a folder or a hub id.")
    base_revision: str = setting("", "Branch, tag or commit of a base from the hub.")
    data: str = setting("stanfordnlp/sst2", "Hub data set to train on, if no files are given.")
    data_revision: str = setting("", "Branch, tag or commit of the hub data set.")
    epochs: float | None = setting(None, "Passes over the training rows.", above=0)
    max_steps: int = setting(0, "Stop after this many steps; 0 for no limit.", low=0)
    batch_size: int | None = setting(None, "Rows per step.", low=1)
    learning_rate: float | None = setting(None, "Peak learning rate of AdamW.", above=0)
    schedule: str = setting(
        "linear",
        "How the learning rate falls after the warm-up.",
        choices=("linear", "cosine", "constant_with_warmup"),
    )
    warmup: float | None = setting(None, "Share of the steps during which the learning rate rises.", low=0, below=1)
    weight_decay: float = setting(0.01, "Weight decay of AdamW.", low=0)
    label_smoothing: float = setting(0.0, "Share of a label's weight spread over all labels.", low=0, below=1)
    max_length: int = setting(100, "Tokens of a text that are read; the rest is cut off.", low=3)
    sampling: str = setting(
        "length", "Batches of rows of similar length, or of random rows.", choices=("length", "random")
    )
    precision: str = setting("auto", "bf16 if it is faster, or fp32.", choices=("auto", "bf16", "fp32"))
    evals_per_epoch: int | None = setting(None, "Validations, and saved states, per epoch.", low=1)
    head_first: bool = setting(
        False, "Fit the head to what the base computes before the training, so that it does not begin as noise."
    )
    neutral: str | None = setting(
        None,
        "If the base knows neutral and no row is neutral: drop the class (with a warning, unless this is given), or "
        "keep what the base knows of it.",
        choices=("drop", "keep"),
    )
    save_dtype: str = setting(
        "float32", "Number type of the saved weights.", choices=("float32", "float16", "bfloat16")
    )
    seed: int = setting(0, "Seed of everything random.", low=0, below=2**32)
    method: str = setting(
        "full",
        "Train all weights (full); or only the head, at a learning rate of about 1e-3, as the start of another run "
        "(head); or low-rank adapters next to the weights (lora); or these, with the weights in 4 bits (qlora).",
        choices=("full", "head", "lora", "qlora"),
    )
    lora_rank: int = setting(16, "Rank of the adapters.", low=1)
    lora_alpha: float = setting(32.0, "Scale of the adapters, divided by their rank.", above=0)
    lora_dropout: float = setting(0.05, "Dropout of the adapters' inputs, only in training.", low=0, below=1)
    adapters: str = setting(
        "merge",
        "Merge adapters into the saved weights, or keep them apart from the base.",
        choices=("merge", "keep"),
    )
    sets: tuple[SetOfRows, ...] = setting(
        (), "Labelled sets to train on together, each a [[sets]] table in TOML.", wanted="[[sets]] tables, or no tables"
    )

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a recipe from a TOML file; settings that it leaves out keep their defaults.

        Raises:
            TrainingError: The file is missing, is not TOML, or names a setting that does not exist.
        """
        return cls.from_toml(path)
