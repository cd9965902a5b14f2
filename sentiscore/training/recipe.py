"""Every setting of a training run, in one frozen object that reads from TOML."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from sentiscore.errors import TrainingError
from sentiscore.settings import Settings, setting

CONFIGS: Final = "See pipelines/configs/."
"""What to do about a recipe that cannot be read."""


@dataclass(frozen=True, kw_only=True)
class SetOfRows(Settings):
    """One of several labelled sets that are trained on together: a `[[sets]]` table of a recipe.

    Raises:
        TrainingError: A value is of the wrong type or out of its range.
    """

    what = "set"
    error = TrainingError
    hint = "Begin each with a line [[sets]]."

    name: str = setting("", "What the set is called in figures; its training file's name by default.")
    train: str = setting("", "File of the rows to learn from.")
    validation: str = setting("", "File of the rows to choose the best state by and calibrate on; none if left out.")
    text_col: str = setting("sentence", "The column of texts in both files.")
    label_col: str = setting("label", "The column of labels in both files.")
    target_col: str = setting(
        "", "The column of the mentions that the labels are about, in both files; the model then reads targets."
    )
    labels: tuple[str, ...] = setting((), "What label ids mean, in order.")
    separator: str = setting("", "What separates the fields of files that are CSV; by default a comma or what is seen.")
    skip_rows: int = setting(0, "Lines of files that are CSV before their header.", low=0)
    comment: str = setting("", "How lines of files that are CSV begin that are not rows.")
    encoding: str = setting("utf-8", "Encoding of files that are CSV.")
    soft: bool = setting(False, "Train on the columns p_negative, p_positive (and p_neutral) in place of labels.")
    weight: float = setting(1.0, "How much a training row counts beside those of other sets.", above=0)
    never_neutral: bool = setting(
        False, "The training rows of a set without neutral are known not to be neutral, which the model is to learn."
    )


@dataclass(frozen=True, kw_only=True)
class Recipe(Settings):
    """Settings of a training run; the defaults are the tuned recipe.

    Raises:
        TrainingError: A value is of the wrong type or out of its range.
    """

    what = "recipe"
    error = TrainingError
    hint = CONFIGS

    base: str = setting("EleutherAI/pythia-70m", "Pre-trained model to begin with: a folder or a hub id.")
    base_revision: str = setting("", "Branch, tag or commit of a base from the hub.")
    data: str = setting("stanfordnlp/sst2", "Hub data set to train on, where no files are given.")
    data_revision: str = setting("", "Branch, tag or commit of the hub data set.")
    epochs: float = setting(2.0, "Passes over the training rows.", above=0)
    max_steps: int = setting(0, "Stop after so many steps; 0 for no limit.", low=0)
    batch_size: int = setting(32, "Rows of one step.", low=1)
    learning_rate: float = setting(5e-5, "Peak learning rate of AdamW.", above=0)
    schedule: str = setting(
        "linear",
        "How the rate falls after the warm-up.",
        choices=("linear", "cosine", "constant_with_warmup"),
    )
    warmup: float = setting(0.06, "Share of the steps over which the rate rises.", low=0, below=1)
    weight_decay: float = setting(0.01, "Weight decay of AdamW.", low=0)
    label_smoothing: float = setting(0.0, "Share of a label's weight spread over all labels.", low=0, below=1)
    max_length: int = setting(100, "Tokens of a text that are read; the rest is cut off.", low=3)
    sampling: str = setting(
        "length", "Batches of rows of like length, or of random rows.", choices=("length", "random")
    )
    precision: str = setting("auto", "bf16 where it is faster, or fp32.", choices=("auto", "bf16", "fp32"))
    evals_per_epoch: int = setting(4, "Validations, and saved states, in each epoch.", low=1)
    save_dtype: str = setting(
        "float32", "Number type of the saved weights.", choices=("float32", "float16", "bfloat16")
    )
    seed: int = setting(0, "Seed of everything random.", low=0, below=2**32)
    method: str = setting(
        "full",
        "Train all weights; or the head alone, at a rate of about 1e-3, for another run to go on from (head); or "
        "low-rank adapters beside the weights (lora); or these, with the weights in 4 bits (qlora).",
        choices=("full", "head", "lora", "qlora"),
    )
    lora_rank: int = setting(16, "Rank of the adapters.", low=1)
    lora_alpha: float = setting(32.0, "Adapters count for so much, divided by their rank.", above=0)
    lora_dropout: float = setting(0.05, "Dropout of what adapters read, in training alone.", low=0, below=1)
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
        """A recipe from a TOML file; what it leaves out keeps its default.

        Raises:
            TrainingError: The file is missing, is not TOML, or names a setting that does not exist.
        """
        return cls.from_toml(path)
