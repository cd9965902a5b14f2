"""Texts in, calibrated probabilities out, row for row."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from sentiscore import labels as names
from sentiscore.checkpoint import DEFAULT, Checkpoint, load_checkpoint
from sentiscore.engine.classifier import Classifier
from sentiscore.engine.device import choose_device, choose_dtype, dtype_name
from sentiscore.errors import InputError
from sentiscore.evaluation.calibration import probabilities
from sentiscore.tables.source import require_column

_TEXT: Final = "text"
_SHORTEST: Final = 3
"""Tokens that leave room for a word between two special ones."""


class Scorer:
    """A loaded model that scores texts; make one with `Scorer.from_pretrained`.

    Attributes:
        checkpoint: What was loaded.
        device: Where it computes, as torch names it.
        dtype: "fp32" or "bf16".
    """

    def __init__(self, checkpoint: Checkpoint, classifier: Classifier) -> None:
        self.checkpoint = checkpoint
        self._classifier = classifier
        self.device = str(classifier.device)
        self.dtype = dtype_name(classifier.dtype)

    @classmethod
    def from_pretrained(
        cls,
        model: str | Path = DEFAULT,
        *,
        device: str = "auto",
        dtype: str = "auto",
        revision: str | None = None,
        labels: Sequence[str] | None = None,
        max_length: int | None = None,
    ) -> Self:
        """Load a model.

        Args:
            model: "default" (inside the package), a folder, or a hub id.
            device: "auto", "cpu", "cuda", "cuda:N" or "mps".
            dtype: "auto" (bf16 where the hardware computes it), "fp32" or "bf16".
            revision: Branch, tag or commit of a hub id.
            labels: Label names in the order of the model's ids, where its config does not say.
            max_length: Tokens of a text that are read; the model's own limit by default.

        Raises:
            CheckpointError: The model cannot be found or loaded, or its labels are unknown.
            InputError: There is no such device or dtype, or max_length is out of range.
        """
        where = choose_device(device)
        number = choose_dtype(dtype, where)
        checkpoint = load_checkpoint(model, revision=revision, labels=labels)
        if max_length is not None and not _SHORTEST <= max_length <= checkpoint.longest:
            raise InputError(
                f"{checkpoint.name} can read {_SHORTEST} to {checkpoint.longest} tokens, not {max_length}.",
                "Choose a --max-length (max_length) in that range.",
            )
        classifier = Classifier.load(checkpoint, device=where, dtype=number, max_length=max_length)
        return cls(checkpoint, classifier)

    @property
    def columns(self) -> list[str]:
        """The columns that scoring adds, in order."""
        return names.score_columns(self.checkpoint.labels)

    def score(self, texts: Iterable[str | None]) -> pl.DataFrame:
        """Score texts.

        Args:
            texts: Texts; None and blank ones get a status and no scores.

        Returns:
            One row for each text, in order, with the columns p_negative, p_positive, p_neutral (where the
            model has it), sentiment, label, n_tokens and status.

        Raises:
            InputError: Something in it is neither a text nor None.
        """
        if isinstance(texts, str):
            raise InputError("score takes a list of texts, not one text.", "Put it in a list: [text]")
        try:
            series = pl.Series(_TEXT, texts, dtype=pl.String, strict=True)
        except (TypeError, UnicodeEncodeError, pl.exceptions.PolarsError) as error:
            raise InputError(f"Not all of these are texts: {error}.", "Texts are str or None.") from error
        return self.score_series(series)

    def score_frame(self, df: pl.DataFrame, *, text_col: str, prefix: str = "") -> pl.DataFrame:
        """Score a column of a frame.

        Args:
            df: Any frame.
            text_col: Its column of texts.
            prefix: Put before the name of each added column.

        Returns:
            The frame's rows and columns as they were, with the scores beside them.

        Raises:
            InputError: The column is missing or not text, or an added column would clash.
        """
        check_text_column(df.schema, text_col, "The frame")
        check_clashes(df.columns, self.columns, prefix, "The frame")
        scores = self.score_series(df[text_col])
        return df.hstack(scores.rename({name: prefix + name for name in scores.columns}).get_columns())

    def logits(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """What the network says before temperature and softmax.

        Args:
            texts: Any texts.

        Returns:
            Shape (texts, labels), in the order of the checkpoint's labels; NaN for a text without tokens.
        """
        return self._classifier.run(texts).logits

    def score_series(self, texts: pl.Series, progress: Callable[[int], None] | None = None) -> pl.DataFrame:
        """Score a series of texts; equal texts go through the model once.

        Args:
            texts: Texts, nulls allowed.
            progress: Called with how many more rows are done.

        Returns:
            See `score`.
        """
        from sentiscore.schemas import ScoredRows, validate

        rows = pl.DataFrame({_TEXT: texts.cast(pl.String)})
        null = pl.col(_TEXT).is_null()
        # "\x00" and other control characters are no text either; what is left may still have no tokens
        blank = pl.col(_TEXT).str.contains(r"^[\s\p{C}]*$")
        unique = rows.filter(~null & ~blank).unique(maintain_order=True)
        counted = None
        if progress is not None:
            counted = _per_row(progress, rows.height, unique.height)
        scored = rows.join(self._score_unique(unique[_TEXT], counted), on=_TEXT, how="left", maintain_order="left")
        complete = scored.with_columns(
            pl.when(null)
            .then(pl.lit(names.NULL))
            .when(blank)
            .then(pl.lit(names.EMPTY))
            .otherwise(names.STATUS)
            .alias(names.STATUS),
            pl.col(names.N_TOKENS).fill_null(0),
        )
        return validate(complete.select(self.columns), ScoredRows)

    def _score_unique(self, texts: pl.Series, progress: Callable[[int], None] | None) -> pl.DataFrame:
        """Scores of distinct texts, beside the texts."""
        outputs = self._classifier.run(texts.to_list(), progress)
        probs = probabilities(outputs.logits, self.checkpoint.temperature or 1.0)
        position = {label: i for i, label in enumerate(self.checkpoint.labels)}
        read = outputs.n_tokens > 0
        best = np.where(read, np.nan_to_num(probs).argmax(axis=1), len(position))
        status = np.where(read, np.where(outputs.truncated, names.TRUNCATED, names.OK), names.EMPTY)
        columns = {
            _TEXT: texts,
            **{f"p_{label}": pl.Series(probs[:, i]) for label, i in position.items()},
            names.SENTIMENT: pl.Series(probs[:, position[names.POSITIVE]] - probs[:, position[names.NEGATIVE]]),
            names.LABEL: pl.Series([*self.checkpoint.labels, None], dtype=pl.String).gather(best),
            names.N_TOKENS: pl.Series(outputs.n_tokens, dtype=pl.Int32),
            names.STATUS: pl.Series(status.tolist(), dtype=pl.String),
        }
        numbers = [f"p_{label}" for label in position] + [names.SENTIMENT]
        return pl.DataFrame(columns).with_columns(pl.col(numbers).fill_nan(None).cast(pl.Float32))


def check_text_column(schema: pl.Schema, text_col: str, where: str) -> None:
    """Raise an InputError unless the column is there and holds text."""
    require_column(schema, text_col, where, "--text-col (text_col)")
    dtype = schema[text_col]
    if dtype not in (pl.String, pl.Null, pl.Categorical, pl.Enum):
        texts = [name for name, kind in schema.items() if kind == pl.String]
        raise InputError(
            f"The column {text_col!r} of {where} holds {dtype}, not text.",
            f"Columns of text are: {', '.join(texts) or '(none)'}.",
        )


def check_clashes(kept: Sequence[str], added: Sequence[str], prefix: str, where: str) -> None:
    """Raise an InputError if a column that will be added is there already."""
    if clashes := [prefix + name for name in added if prefix + name in kept]:
        raise InputError(
            f"{where} already has the column{'s'[: len(clashes) > 1]} {', '.join(clashes)}, which scoring adds.",
            "Name the added columns differently, for example with --prefix senti_, or choose --columns to keep.",
        )


def _per_row(progress: Callable[[int], None], rows: int, unique: int) -> Callable[[int], None]:
    """Progress in texts scored -> progress in rows done, which repeats make more."""
    done = 0

    def report(texts: int) -> None:
        nonlocal done
        before = done * rows // max(1, unique)
        done += texts
        progress(done * rows // max(1, unique) - before)

    return report
