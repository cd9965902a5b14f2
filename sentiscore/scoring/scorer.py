"""Texts in, calibrated probabilities out, row for row."""

import copy
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from sentiscore import contracts, forks
from sentiscore import labels as names
from sentiscore.checkpoint import DEFAULT, Checkpoint, load_checkpoint
from sentiscore.engine.classifier import Classifier, Progress
from sentiscore.engine.device import choose_device, choose_dtype, dtype_name
from sentiscore.engine.keeping import Keeper
from sentiscore.errors import InputError
from sentiscore.frames import Frame, opened
from sentiscore.scoring.answers import AnswerStore, Asker
from sentiscore.scoring.cleaning import check_cleaner, cleaned
from sentiscore.scoring.expression import with_scores
from sentiscore.scoring.identity import identity_of
from sentiscore.scoring.loading import load_classifier, warn_about
from sentiscore.scoring.mentions import Targets, check_reads_targets, mentions_of
from sentiscore.scoring.options import ScorerOptions, one_scorer
from sentiscore.scoring.pickled import Origin, restore
from sentiscore.scoring.pieces import answers_of
from sentiscore.scoring.prepared import Answers, Prepared
from sentiscore.scoring.preparing import distinct_of, per_row, prepare
from sentiscore.scoring.probabilities import class_logits
from sentiscore.scoring.scored_columns import check_clashes, check_inputs, rows_of
from sentiscore.scoring.target_names import names_of
from sentiscore.scoring.texts import as_texts
from sentiscore.tables.exact import series_of


class Scorer:
    """A loaded model that scores texts; make one with `Scorer.from_pretrained`.

    A pickled scorer holds no weights. It is loaded again when it is unpickled, with the requested device, number type,
    length and labels; unpickling fails if the model's files are missing or have changed. Copies share the network.

    Methods that score raise a ForkError in a fork of a process that had used polars, since they would hang there.

    Attributes:
        checkpoint: The loaded checkpoint.
        device: The device on which it computes, as torch names it.
        dtype: "fp32" or "bf16".
        overflow: What to do with a text that is too long.
        clean: What is taken out of texts before they are read.
    """

    def __init__(self, checkpoint: Checkpoint, classifier: Classifier, asked: ScorerOptions) -> None:
        self.checkpoint = checkpoint
        self.overflow = asked.overflow
        self.clean = asked.clean
        self._origin = Origin.of(checkpoint)
        self._asked = replace(asked, model=self._origin.model, revision=self._origin.revision)
        self._classifier = classifier
        self._answers: tuple[AnswerStore, Asker] | None = None
        self.device, self.dtype = str(classifier.device), dtype_name(classifier.dtype)

    @classmethod
    def from_pretrained(
        cls,
        model: str | Path | ScorerOptions = DEFAULT,
        *,
        device: str = "auto",
        dtype: str = "auto",
        revision: str | None = None,
        labels: Sequence[str] | None = None,
        max_length: int | None = None,
        overflow: str = names.TRUNCATE,
        clean: str = names.AS_IS,
    ) -> Self:
        """Load a model. Warns about one that was never calibrated.

        Args:
            model: "default" (inside the package), a folder, or a hub id; or an object with all of these options.
            device: "auto", "cpu", "cuda", "cuda:N" or "mps".
            dtype: "auto" (bf16 where the device is faster for it), "fp32" or "bf16".
            revision: The commit of a hub id, or a branch or tag that `sentiscore.lock` has a commit for.
            labels: Label names in the order of the model's ids, where its config does not say.
            max_length: Tokens of a text that are read; the model's own limit by default.
            overflow: What to do with a longer text: "truncate" or "windows"; see `ScorerOptions`.
            clean: What to take out of texts first: "none" or "html"; see `ScorerOptions`.

        Raises:
            CheckpointError: The model cannot be found or loaded, or its labels are unknown.
            InputError: An option does not exist or is out of range, or is set by an object and by a keyword.
            MissingExtraError: `clean` needs a library that is not installed.
            ForkError: The device is a GPU that was used before this process was forked.
        """
        given = ScorerOptions(device=device, dtype=dtype, revision=revision, max_length=max_length)
        asked = one_scorer(model, given.with_changes({"labels": labels, "overflow": overflow, "clean": clean}))
        choose_dtype(asked.dtype, choose_device(asked.device))  # fail before reading the model's files
        checkpoint = load_checkpoint(asked.model, revision=asked.revision, labels=asked.labels)
        scorer = cls.load(checkpoint, asked)
        warn_about(checkpoint, scorer._classifier, stacklevel=3)
        return scorer

    @classmethod
    def load(cls, checkpoint: Checkpoint, asked: ScorerOptions) -> Self:
        """Load the network of a checkpoint.

        Args:
            checkpoint: The model.
            asked: The device, number type and maximum length; see `from_pretrained`.

        Raises:
            CheckpointError: It cannot be loaded.
            InputError: The device or dtype does not exist, or max_length is out of range.
        """
        check_cleaner(asked.clean)
        return cls(checkpoint.closed(), load_classifier(checkpoint, asked), asked)

    def __reduce__(self) -> tuple[object, ...]:
        if self._answers is not None:
            raise InputError(
                "A scorer with a store of answers cannot be pickled: a process must open the store itself.",
                "Pickle the scorer without it, and call with_answers(AnswerStore.open(folder)) in each process.",
            )
        return restore, (type(self), self._origin, self._asked)

    def __copy__(self) -> Self:
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__)
        return other

    def __deepcopy__(self, memo: object) -> Self:
        return copy.copy(self)  # scoring modifies neither the network nor the tokenizer

    @property
    def calibrated(self) -> bool:
        """Whether a temperature was fitted to the model, so that its probabilities can be trusted."""
        return self.checkpoint.temperature is not None

    @property
    def takes_padding(self) -> bool:
        """Whether texts of unequal length may be batched."""
        return self._classifier.takes_padding

    @property
    def max_length(self) -> int:
        """Tokens of a text that are read."""
        return self._classifier.encoder.max_length

    def identity(self) -> dict[str, str]:
        """Everything that its answers depend on except the text, by name: equal identities give equal answers."""
        return identity_of(self.checkpoint, self._classifier, self.overflow, self.clean)

    @property
    def has_store(self) -> bool:
        """Whether its answers are kept in a store."""
        return self._answers is not None

    def with_answers(self, store: AnswerStore) -> Self:
        """A scorer with the same model that looks up texts in a store first, and stores new answers.

        The rows are the same as without a store. A text's answer is exactly the one of the night on which it was first
        scored; scored today in a batch with other texts, its last bits could differ.

        Args:
            store: An open store, to be closed after the last row is scored. Copies share it; they cannot be pickled.
        """
        other = copy.copy(self)
        other._answers = (store, Asker.of(self.identity(), len(self.checkpoint.labels)))
        return other

    @property
    def columns(self) -> list[str]:
        """The columns that scoring adds, in order."""
        return names.score_columns(self.checkpoint.labels, self.overflow)

    def score(self, texts: Iterable[object], targets: Iterable[object] | None = None) -> pl.DataFrame:
        """Score texts.

        Args:
            texts: Texts in a list, an array, or a polars or pandas series. Missing ones (None, NaN, pandas.NA, NaT) and
                blank ones get a status and no scores.
            targets: What the sentiment of each text is towards, as the text mentions it; likewise. A text with a
                missing or blank target is scored as a whole, and so is one that does not mention it, with the status
                not_mentioned.

        Returns:
            One row for each text, in order, with the columns p_negative, p_positive, p_neutral (where the
            model has it), sentiment, tone, label, n_tokens, n_windows (with overflow="windows"), unknown_share (share
            of the tokens that the model does not know) and status.

        Raises:
            InputError: An item is neither a text nor missing, there are more or fewer targets than texts, or the model
                cannot read targets.
        """
        forks.check()
        towards = None if targets is None else Targets(as_texts(targets, "target"), {})
        return self.score_series(as_texts(texts), targets=towards)

    def score_frame(
        self,
        df: Frame,
        *,
        text_col: str,
        target_col: str | None = None,
        targets: str | Path | None = None,
        prefix: str = "",
    ) -> Frame:
        """Score a column of a frame.

        Args:
            df: A frame of polars; or of pandas, pyarrow, DuckDB or another library that narwhals knows, which needs the
                extra `frames`. A polars LazyFrame stays one: it is scored as it is collected, part by part if it
                streams. A DuckDB relation is read at once, and so are the other lazy frames of one machine.
            text_col: Its column of texts.
            target_col: Its column of what the sentiment of each text is towards; see `score`.
            targets: A table of the names that the text may use for a target, with the columns entity and name.
            prefix: Put before the name of each added column. Beside a `label`, the model's is `predicted_label`.

        Returns:
            A frame of the same library: the rows and columns unchanged, with the index of a pandas frame, followed by
            the columns of scores.

        Raises:
            InputError: It is not a frame, or one of several machines; a column is missing, occurs twice, has the wrong
                type or would clash, the table cannot be used, or the model cannot read targets.
            MissingExtraError: The frame is not one of polars, and narwhals is not installed.
        """
        given = opened(df, "The frame")
        check_inputs(given.schema, text_col, target_col, "the frame")
        check_clashes(given.schema.names(), self.columns, prefix, "The frame")
        table = names_of(targets, target_col)
        if isinstance(df, pl.LazyFrame):
            return cast("Frame", with_scores(self, df, text_col, target_col, table.names, prefix))
        given = given.whole()
        read = given.read([text_col] if target_col is None else [text_col, target_col])
        mentioned = None
        if target_col is not None:
            mentioned = Targets(series_of(read, target_col), table.names)
            table.warn_of_strangers(target_col, [mentioned.values], stacklevel=2)
        scores = self.score_series(series_of(read, text_col), targets=mentioned)
        named = names.names_beside(given.schema.names(), scores.columns, prefix)
        return cast("Frame", given.with_columns(scores.rename(named)))

    def logits(self, texts: Sequence[str], mentions: Sequence[str | None] | None = None) -> npt.NDArray[np.float32]:
        """The network's logits for the beginning of each text, before temperature and softmax.

        Args:
            texts: Any texts.
            mentions: The mention that each text is read for, None for the whole text; by default for all texts.

        Returns:
            Shape (texts, labels), in the order of the checkpoint's labels; NaN for a text of which the model knows
            nothing. If several ids mean the same label, it is the logit of their sum at the checkpoint's temperature.
        """
        encoder = self._classifier.encoder
        encoded = encoder.encode(texts, mentions)
        logits = self._classifier.run(encoded)
        logits[~encoder.reading(encoded).known] = np.nan
        joined = class_logits(logits, self.checkpoint.outputs, self.checkpoint.temperature or 1.0)
        return joined.astype(np.float32, copy=False)

    def score_series(
        self, texts: pl.Series, progress: Progress | None = None, targets: Targets | None = None
    ) -> pl.DataFrame:
        """Score a series of texts; equal texts with equal targets go through the model once.

        Args:
            texts: Texts, nulls allowed.
            progress: Called with how many more rows are done.
            targets: What the sentiment of each is towards; None for the whole text.

        Returns:
            See `score`.
        """
        prepared = self.prepare(texts, targets)
        return self.finish(prepared, self.compute(prepared, progress))

    def prepare(
        self, texts: pl.Series, targets: Targets | None = None, among: npt.NDArray[np.bool_] | None = None
    ) -> Prepared:
        """The first of three steps, which may run in threads, each on another window: find and encode distinct texts.

        Args:
            texts: Texts, nulls allowed.
            targets: What the sentiment of each is towards; None for the whole text.
            among: Which distinct texts may be taken from the store of answers, to encode what an earlier run encoded.
        """
        forks.check()
        texts = cleaned(texts, self.clean)
        mentions = None
        if targets is not None:
            check_reads_targets(self.checkpoint, self.max_length)
            mentions = mentions_of(texts, targets)
        found = distinct_of(texts, mentions)
        known = None
        if self._answers is not None:
            store, asker = self._answers
            asked = None if found.mentions is None else found.mentions.to_list()
            known = store.look_up(asker, found.texts.to_list(), asked).among(among)
        return prepare(found, known, self._classifier.encoder, windows=self.overflow == names.WINDOWS)

    def compute(
        self, prepared: Prepared, progress: Progress | None = None, keeper: Keeper | None = None
    ) -> npt.NDArray[np.float32]:
        """The second step, and the only slow one: compute the logits of what was encoded.

        Args:
            prepared: The result of `prepare`.
            progress: Called with how many more rows are done.
            keeper: Keeps the logits of finished batches.

        Returns:
            Shape (encoded texts or pieces, ids of the model).
        """
        counted = None if progress is None else per_row(progress, prepared.which.len(), prepared.owners.size)
        return self._classifier.run(prepared.encoded, counted, keeper)

    def store(self, prepared: Prepared, logits: npt.NDArray[np.float32]) -> Answers:
        """The answers to what was encoded, NaN where the logits are; the others go into the store, if there is one."""
        new = answers_of(prepared, logits, self.checkpoint.outputs, self.checkpoint.temperature or 1.0)
        if self._answers is not None and prepared.known is not None:
            store, asker = self._answers
            store.keep(asker, prepared.known, new)
        return new

    def finish(self, prepared: Prepared, logits: npt.NDArray[np.float32]) -> pl.DataFrame:
        """The last step: calibrated probabilities, row for row, validated; new ones are stored if there is a store.

        Args:
            prepared: The result of `prepare`.
            logits: The result of `compute` for it.

        Returns:
            See `score`.
        """
        forks.check()
        new = self.store(prepared, logits)
        answers = new if prepared.known is None else prepared.known.answers.joined(new, ~prepared.known.found)
        rows = rows_of(prepared, answers, self.checkpoint.labels, self.columns)
        return contracts.check(rows, contracts.SCORED_ROWS)
