"""Fine-tunes a pre-trained model on labelled rows, keeps the best state, calibrates it and writes a checkpoint."""

import functools
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from sentiscore import forks
from sentiscore.checkpoint.config import read_config
from sentiscore.checkpoint.load import check_base, find_folder
from sentiscore.checkpoint.reading import opened
from sentiscore.checkpoint.weights_header import count_numbers
from sentiscore.engine.device import choose_device, choose_dtype
from sentiscore.engine.huggingface import quiet_transformers
from sentiscore.errors import OutputError, SentiscoreWarning, TrainingError
from sentiscore.labels import CLASSES, NEUTRAL
from sentiscore.local import local_path
from sentiscore.tables.labelled import LabelledData, load_hub_data
from sentiscore.training import adapters
from sentiscore.training.base import check_installed, load_base, use_token_types
from sentiscore.training.by_rows import choose_by_rows, count_rows
from sentiscore.training.finish import calibrate, save
from sentiscore.training.folder import STATE, check_folder_free, claim_folder, last_whole_state, step_of
from sentiscore.training.heads import classes_of_base, fit_head
from sentiscore.training.recipe import Recipe
from sentiscore.training.run import Progress, Run, TrainingResult
from sentiscore.training.targets import check_targets, reads_targets
from sentiscore.training.trainer import encode_sets, make_trainer
from sentiscore.training.weaknesses import warn_of


def train(
    recipe: Recipe,
    *,
    output: str | Path,
    train_data: Sequence[LabelledData] | None = None,
    eval_data: Sequence[LabelledData] | None = None,
    record: Mapping[str, Any] | None = None,
    resume: bool = False,
    device: str = "auto",
    on_progress: Callable[[Progress], None] | None = None,
) -> TrainingResult:
    """Fine-tune a classifier and write it as a checkpoint.

    Several labelled sets can be trained on together. The model has three classes if one of them has neutral rows; in
    training and validation, rows of a set without neutral rows leave that class out. At each validation a temperature
    is fitted on the validation rows, with equal weight for each set, and the state with the lowest loss after
    temperature is kept: a state that is right more often but overconfident is better once it is calibrated. The
    temperature and the figures in the manifest are those of the saved checkpoint.

    Settings that the recipe leaves out are chosen by the number of training rows. The manifest has them, the figures of
    TF-IDF on the same rows, and, as `weaknesses`, whether the model is no better than that or always gives one answer;
    a warning says so too.

    Args:
        recipe: The settings.
        output: The folder to create.
        train_data: Sets of rows to learn from; the recipe's hub data set by default.
        eval_data: Sets of rows to choose the best state by; never taken from the training rows, since near copies of
            them would bias the choice.
        record: Anything else that the rows and the base were made from, for the manifest; a resumed run must have the
            same.
        resume: Resume a run that was stopped, from its last saved state.
        device: "auto", "cpu", "cuda" or "cuda:N".
        on_progress: Called at the start if settings were chosen, and after each step and each validation.

    Raises:
        TrainingError: The run cannot be resumed, or it diverged.
        CheckpointError: The base cannot be loaded.
        InputError: The data cannot be used.
        OutputError: The folder is in use or may not be written to.
        MissingExtraError: A library that training needs is not installed.
    """
    forks.check()
    check_installed()
    if (train_data is None) != (eval_data is None):
        raise TrainingError("Training rows and validation rows go together.", "Give both files, or neither.")
    output = local_path(output, OutputError)
    check_folder_free(output, resume=resume)
    base, revision = find_folder(recipe.base, recipe.base_revision or None)
    source = opened(base)
    check_base(source)
    adapters.check_recipe(recipe)
    if train_data is None or eval_data is None:
        train_data, eval_data = ([rows] for rows in load_hub_data(recipe.data, recipe.data_revision))
    known = classes_of_base(read_config(source))
    classes = _with_neutral(recipe, known, _check_classes(train_data, eval_data))
    check_targets(train_data, eval_data, recipe.max_length)
    where = choose_device(device)
    dtype = choose_dtype(recipe.precision, where)
    quiet_transformers().set_seed(recipe.seed)
    how = functools.partial(adapters.how_to_load, quiet_transformers(), recipe, where, dtype)
    tokenizer, model, loading_info = load_base(quiet_transformers(), source, classes, recipe.max_length, how)
    if reads_targets(train_data):
        use_token_types(tokenizer, model)
    chosen = choose_by_rows(recipe, rows=count_rows(train_data), weights=count_numbers(source))
    left_out, recipe = chosen.left_out_of(recipe), recipe.with_changes(asdict(chosen))
    run = Run(recipe, chosen, left_out, output, classes, train_data, eval_data, base, revision, record or {})
    rows = encode_sets(run, tokenizer)
    last = last_whole_state(output) if resume else None
    if recipe.head_first and last is None:
        fit_head(model, rows[0], quiet_transformers().DataCollatorWithPadding(tokenizer), where)
    model = adapters.choose_weights(model, recipe, loading_info)
    claim_folder(output, recipe, source, train_data, eval_data, record=run.record, resume=resume)
    trainer = make_trainer(run, model, tokenizer, rows, where, bf16=dtype == torch.bfloat16, on_progress=on_progress)
    resumed_from = step_of(last) if last else 0
    start = time.perf_counter()
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    seconds = time.perf_counter() - start
    steps = trainer.state.global_step - resumed_from

    manifest = calibrate(run, save(run, trainer.model, tokenizer))
    shutil.rmtree(output / STATE)  # only once the manifest, and so the model, is on disk
    warn_of(manifest)
    rows_per_second = steps * chosen.batch_size / seconds
    on_gpu = torch.cuda.max_memory_allocated() / 2**20 if where.type == "cuda" else 0.0
    return TrainingResult(output, manifest, seconds, rows_per_second, _peak_memory_mb(), on_gpu, resumed_from)


def _with_neutral(recipe: Recipe, known: tuple[str, ...], classes: tuple[str, ...]) -> tuple[str, ...]:
    """The classes to learn, and neutral if only the base knows it and the recipe keeps it."""
    if NEUTRAL in classes or set(known) != set(CLASSES):
        return classes
    if recipe.neutral == "keep":
        return CLASSES
    if recipe.neutral is None:
        warnings.warn(
            "The base knows neutral, and no row is neutral: the new model has the classes negative and positive alone. "
            "To keep what the base knows of neutral, use --neutral keep; --neutral drop silences this.",
            SentiscoreWarning,
            stacklevel=3,
        )
    return classes


def _check_classes(train_data: Sequence[LabelledData], eval_data: Sequence[LabelledData]) -> tuple[str, ...]:
    """The classes to learn; an error if the sets of rows do not fit together."""
    names = [rows.name for rows in eval_data]
    if len(set(names)) < len(names):
        raise TrainingError(
            f"Two sets of validation rows have one name: {', '.join(names)}.", "Give each set its own name."
        )
    trained_on = {rows.fingerprint.sha256: rows.name for rows in train_data}
    for rows in eval_data:
        if rows.fingerprint.sha256 in trained_on:
            raise TrainingError(
                f"{trained_on[rows.fingerprint.sha256]} and {rows.name} hold the same rows.",
                "Validate on rows that are not trained on; otherwise the best state and the temperature mean nothing.",
            )
    known = {one for rows in train_data for one in rows.inputs}
    if repeated := sum(one in known for rows in eval_data for one in rows.inputs):
        warnings.warn(
            f"{repeated:,} of the {sum(len(rows.texts) for rows in eval_data):,} validation texts are also training "
            "texts; the figures will look better than they are.",
            SentiscoreWarning,
            stacklevel=3,
        )
    # Soft labels teach every class, even one that is never the most likely.
    shown = {label for rows in train_data for label in (rows.label_names if rows.probs is None else rows.classes)}
    trained = ", ".join(rows.name for rows in train_data)
    if len(shown) == 1:
        raise TrainingError(f"All rows of {trained} are {shown.pop()}.", "Training needs rows of at least two classes.")
    for rows in eval_data:
        if unseen := set(rows.label_names) - shown:
            raise TrainingError(
                f"{rows.name} has rows that are {', '.join(sorted(unseen))}, but {trained} has none.",
                "Validate on rows of the classes in the training rows.",
            )
    return max((rows.classes for rows in train_data), key=len)


def _peak_memory_mb() -> float:
    if sys.platform == "win32":
        return float("nan")
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
