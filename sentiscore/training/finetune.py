"""Fine-tune a pre-trained model on labelled rows, keep the best state, calibrate it, write a checkpoint."""

import dataclasses
import functools
import json
import math
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from sentiscore import __version__, forks
from sentiscore.checkpoint import Base, Checkpoint, KeptAdapters, Manifest, write_manifest
from sentiscore.checkpoint.load import check_base, find_folder
from sentiscore.checkpoint.reading import opened
from sentiscore.engine.classifier import Classifier
from sentiscore.engine.device import choose_device, choose_dtype
from sentiscore.engine.huggingface import quiet_transformers
from sentiscore.errors import DivergedError, OutputError, SentiscoreWarning, TrainingError, import_extra
from sentiscore.evaluation.calibration import HOTTEST, fit_temperature, log_loss, probabilities
from sentiscore.evaluation.metrics import finite, point_metrics
from sentiscore.local import local_path
from sentiscore.tables.labelled import LabelledData, load_hub_data
from sentiscore.training import adapters
from sentiscore.training.base import check_installed, encode, load_base
from sentiscore.training.folder import STATE, check_folder_free, claim_folder, last_whole_state, step_of
from sentiscore.training.loss import masked_cross_entropy
from sentiscore.training.recipe import Recipe
from sentiscore.training.sampling import LikeLengthSampler

LOG: Final = "log.jsonl"
CALIBRATED_LOSS: Final = "calibrated_log_loss"
"""The figure by which the best state is chosen."""


@dataclass(frozen=True)
class Progress:
    """Where a training run is.

    Attributes:
        step: Steps done.
        steps: Steps there will be.
        epoch: Passes over the data done, a fraction within one.
        metrics: Figures on the validation rows, if this is a validation, each a mean over the sets: `accuracy`,
            `log_loss` and so on, and `calibrated_log_loss`, by which the best state is chosen. With several sets the
            figures of each are there too, as `NAME.log_loss` and so on.
    """

    step: int
    steps: int
    epoch: float
    metrics: dict[str, float] | None = None


@dataclass(frozen=True)
class TrainingResult:
    """What came out of a training run.

    Attributes:
        folder: The checkpoint.
        manifest: What its manifest says.
        seconds: Time spent training, validations included.
        rows_per_second: Rows trained on in a second, validations included.
        peak_memory_mb: The most memory this process held, in MiB.
        peak_gpu_memory_mb: The most memory torch held on the GPU, in MiB; 0 on a CPU.
        resumed_from: The step that the run was taken up at; 0 for a fresh one.
    """

    folder: Path
    manifest: Manifest
    seconds: float
    rows_per_second: float
    peak_memory_mb: float
    peak_gpu_memory_mb: float
    resumed_from: int


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

    Several labelled sets may be trained on together. The model has three classes if one of them has neutral rows;
    rows of a set without any are trained and validated with neutral left out. At each validation a temperature is
    fitted on the validation rows, where each set counts alike, and the state with the least loss after it is kept: a
    state that is right more often and too sure of it is the better one once it is calibrated. The temperature and the
    figures in the manifest are those of the checkpoint as it was saved.

    Args:
        recipe: The settings.
        output: The folder to make.
        train_data: Sets of rows to learn from; the recipe's hub data set by default.
        eval_data: Sets of rows to choose the best state by; never taken from the training rows, since near copies
            of them would make the choice blind.
        record: What else the rows and the base follow from, for the manifest; a run that is taken up must have the
            same.
        resume: Take up a run that was stopped, from its last saved state.
        device: "auto", "cpu", "cuda" or "cuda:N".
        on_progress: Called after each step and each validation.

    Raises:
        TrainingError: The run cannot be taken up, or diverged.
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
    state = output / STATE
    check_folder_free(output, resume=resume)
    base, revision = find_folder(recipe.base, recipe.base_revision or None)
    source = opened(base)
    check_base(source)
    adapters.check_recipe(recipe)
    if train_data is None or eval_data is None:
        train_data, eval_data = ([rows] for rows in load_hub_data(recipe.data, recipe.data_revision))
    classes = _check_classes(train_data, eval_data)
    where = choose_device(device)
    dtype = choose_dtype(recipe.precision, where)
    transformers = quiet_transformers()
    transformers.set_seed(recipe.seed)
    how = functools.partial(adapters.how_to_load, transformers, recipe, where, dtype)
    tokenizer, model, loading_info = load_base(transformers, source, classes, recipe.max_length, how)
    model = adapters.choose_weights(model, recipe, loading_info)
    train_rows = _joined(
        [encode(tokenizer, rows, classes, recipe.max_length, recipe.label_smoothing) for rows in train_data]
    )
    eval_rows = [encode(tokenizer, rows, classes, recipe.max_length) for rows in eval_data]
    claim_folder(output, recipe, source, train_data, eval_data, record=record or {}, resume=resume)
    steps_per_epoch = math.ceil(len(train_rows) / recipe.batch_size)
    trainer = _trainer_class(transformers, recipe)(
        model=model,
        args=_arguments(transformers, recipe, state, where, bf16=dtype == torch.bfloat16),
        train_dataset=train_rows,
        eval_dataset=_joined(eval_rows),
        processing_class=tokenizer,
        data_collator=transformers.DataCollatorWithPadding(tokenizer),
        compute_metrics=_validation_metrics(
            {rows.name: len(ids) for rows, ids in zip(eval_data, eval_rows, strict=True)}
        ),
        callbacks=[_make_callback(transformers, steps_per_epoch, recipe.evals_per_epoch, output / LOG, on_progress)],
    )
    trainer.remove_callback(transformers.trainer_callback.PrinterCallback)
    last = last_whole_state(output) if resume else None
    resumed_from = step_of(last) if last else 0
    start = time.perf_counter()
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    seconds = time.perf_counter() - start
    steps = trainer.state.global_step - resumed_from

    kept = _save(trainer.model, tokenizer, output, recipe, base)
    manifest = _calibrate(output, recipe, classes, train_data, eval_data, revision, base, kept, record or {})
    shutil.rmtree(state)
    return TrainingResult(
        folder=output,
        manifest=manifest,
        seconds=seconds,
        rows_per_second=steps * recipe.batch_size / seconds,
        peak_memory_mb=_peak_memory_mb(),
        peak_gpu_memory_mb=torch.cuda.max_memory_allocated() / 2**20 if where.type == "cuda" else 0.0,
        resumed_from=resumed_from,
    )


def _check_classes(train_data: Sequence[LabelledData], eval_data: Sequence[LabelledData]) -> tuple[str, ...]:
    """The classes to learn, which the training rows must show."""
    names = [rows.name for rows in eval_data]
    if len(set(names)) < len(names):
        raise TrainingError(
            f"Two sets of validation rows have one name: {', '.join(names)}.", "Give each a name of its own."
        )
    trained_on = {rows.fingerprint.sha256: rows.name for rows in train_data}
    for rows in eval_data:
        if rows.fingerprint.sha256 in trained_on:
            raise TrainingError(
                f"{trained_on[rows.fingerprint.sha256]} and {rows.name} hold the same rows.",
                "Validate on rows that are not trained on, or the best state and the temperature mean nothing.",
            )
    known = {text for rows in train_data for text in rows.texts}
    if repeated := sum(text in known for rows in eval_data for text in rows.texts):
        warnings.warn(
            f"{repeated:,} of the {sum(len(rows.texts) for rows in eval_data):,} validation texts are training texts "
            "too; the figures will look better than they are.",
            SentiscoreWarning,
            stacklevel=3,
        )
    # Soft labels teach of every class, one that is never the likeliest too.
    shown = {label for rows in train_data for label in (rows.label_names if rows.probs is None else rows.classes)}
    trained = ", ".join(rows.name for rows in train_data)
    if len(shown) == 1:
        raise TrainingError(
            f"All rows of {trained} are {shown.pop()}.", "Rows of at least two classes are needed to learn."
        )
    for rows in eval_data:
        if unseen := set(rows.label_names) - shown:
            raise TrainingError(
                f"{rows.name} has rows that are {', '.join(sorted(unseen))}, and {trained} has none.",
                "Validate on rows of the classes that are trained.",
            )
    return max((rows.classes for rows in train_data), key=len)


def _joined(sets: list[Any]) -> Any:
    """One data set of them all, in which weights are 1 on average."""
    datasets = import_extra("datasets", "train")
    joined = sets[0] if len(sets) == 1 else datasets.concatenate_datasets(sets)
    weights = np.asarray(joined["weight"], dtype=np.float32)
    return joined.remove_columns("weight").add_column("weight", weights / weights.mean())


def _arguments(transformers: Any, recipe: Recipe, state: Path, device: torch.device, *, bf16: bool) -> Any:
    return transformers.TrainingArguments(
        output_dir=str(state),
        num_train_epochs=recipe.epochs,
        max_steps=recipe.max_steps or -1,
        per_device_train_batch_size=recipe.batch_size,
        per_device_eval_batch_size=64,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type=recipe.schedule,
        warmup_steps=recipe.warmup,
        weight_decay=recipe.weight_decay,
        train_sampling_strategy="random",
        bf16=bf16,
        use_cpu=device.type == "cpu",
        dataloader_pin_memory=device.type == "cuda",
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model=CALIBRATED_LOSS,
        greater_is_better=False,
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,  # the weight of a row is for the loss, not for the model
        label_names=["labels"],
        seed=recipe.seed,
        data_seed=recipe.seed,
    )


def _trainer_class(transformers: Any, recipe: Recipe) -> Any:
    """The Trainer with our loss, and with our order of rows where the recipe wants batches of like length."""

    class WeighingTrainer(transformers.Trainer):  # type: ignore[misc]
        def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any) -> Any:
            targets, weights = inputs.pop("labels"), inputs.pop("weight")
            outputs = model(**inputs)
            loss = masked_cross_entropy(outputs.logits, targets, weights)
            return (loss, outputs) if return_outputs else loss

    if recipe.sampling == "random":
        return WeighingTrainer

    class LikeLengthTrainer(WeighingTrainer):
        def _get_train_sampler(self, train_dataset: Any = None) -> LikeLengthSampler:
            rows = self.train_dataset if train_dataset is None else train_dataset
            return LikeLengthSampler([len(ids) for ids in rows["input_ids"]], recipe.batch_size, recipe.seed)

    return LikeLengthTrainer


def _validation_metrics(sizes: dict[str, int]) -> Callable[[Any], dict[str, float]]:
    """Figures of each set of validation rows, which follow each other, and their means."""

    def metrics(prediction: Any) -> dict[str, float]:
        if not np.isfinite(prediction.predictions).all():
            raise DivergedError("The loss is not a number any more.", "Try a lower --learning-rate in a new --output.")
        ends = np.cumsum(list(sizes.values()))[:-1]
        each, answers = {}, []
        for name, logits, targets in zip(
            sizes, np.split(prediction.predictions, ends), np.split(prediction.label_ids, ends), strict=True
        ):
            asked = ~np.isnan(targets[0])
            answers.append((logits[:, asked], targets[:, asked].argmax(axis=1)))
            each[name] = point_metrics(answers[-1][1], probabilities(answers[-1][0]))
        temperature = fit_temperature(*answers)
        means = {figure: float(np.mean([one[figure] for one in each.values()])) for figure in next(iter(each.values()))}
        means[CALIBRATED_LOSS] = log_loss(temperature, *answers)
        if len(each) == 1:
            return means
        return means | {f"{name}.{figure}": value for name, one in each.items() for figure, value in one.items()}

    return metrics


def _make_callback(
    transformers: Any,
    steps_per_epoch: int,
    evals_per_epoch: int,
    log: Path,
    on_progress: Callable[[Progress], None] | None,
) -> Any:
    within_epoch = {steps_per_epoch * i // evals_per_epoch for i in range(1, evals_per_epoch)} - {0}

    class Observer(transformers.TrainerCallback):  # type: ignore[misc]
        """Validates within an epoch, keeps the log, tells the caller."""

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if (state.global_step % steps_per_epoch) in within_epoch and state.global_step < state.max_steps:
                control.should_evaluate = control.should_save = True
            if on_progress is not None:
                on_progress(Progress(state.global_step, state.max_steps, float(state.epoch)))

        def on_evaluate(self, args: Any, state: Any, control: Any, metrics: dict[str, float], **_: Any) -> None:
            figures = {
                name.removeprefix("eval_"): value
                for name, value in metrics.items()
                if name not in ("epoch", "eval_runtime", "eval_samples_per_second", "eval_steps_per_second")
            }
            line = {"step": state.global_step, "epoch": round(float(state.epoch), 4), **figures}
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(finite(line)) + "\n")
            if on_progress is not None:
                on_progress(Progress(state.global_step, state.max_steps, float(state.epoch), figures))

    return Observer()


def _save(model: Any, tokenizer: Any, output: Path, recipe: Recipe, base: Path) -> KeptAdapters | None:
    kept = None
    if not adapters.has_adapters(recipe):
        model.to(getattr(torch, recipe.save_dtype)).save_pretrained(output)
    else:
        kept = adapters.export(model, recipe, base, output)
    tokenizer.model_max_length = recipe.max_length
    tokenizer.save_pretrained(output)
    for weights in output.glob("*.safetensors"):
        weights.chmod((output / "config.json").stat().st_mode)  # they come out readable by their owner alone
    return kept


def _calibrate(
    output: Path,
    recipe: Recipe,
    classes: tuple[str, ...],
    train_data: Sequence[LabelledData],
    eval_data: Sequence[LabelledData],
    revision: str | None,
    base_folder: Path,
    kept: KeptAdapters | None,
    record: Mapping[str, Any],
) -> Manifest:
    """Fit the temperature on the model as it was saved, and write the manifest."""
    saved = Checkpoint(
        name=str(output),
        folder=output,
        revision=None,
        outputs=classes,
        max_length=recipe.max_length,
        longest=recipe.max_length,
        temperature=None,
        manifest=None,
        base=Base(base_folder, kept.in_4_bits) if kept else None,
    )
    classifier = Classifier.load(saved, device=torch.device("cpu"), dtype=torch.float32)
    answers = {rows.name: _answers(classifier, rows, classes) for rows in eval_data}
    temperature = fit_temperature(*answers.values())
    if temperature >= HOTTEST * 0.99:
        warnings.warn(
            "The fitted temperature is as high as it goes: the model tells next to nothing about these rows.",
            SentiscoreWarning,
            stacklevel=3,
        )
    manifest = Manifest(
        base=_name_of(recipe.base),
        base_revision=revision,
        labels=classes,
        max_length=recipe.max_length,
        temperature=temperature,
        training_data=tuple(rows.fingerprint for rows in train_data),
        selection_data=tuple(rows.fingerprint for rows in eval_data),
        recipe=_without_places(recipe) | dict(record) | {"data": ", ".join(rows.name for rows in train_data)},
        metrics={
            name: finite(point_metrics(labels, probabilities(logits, temperature)))
            for name, (logits, labels) in answers.items()
        },
        versions={
            "sentiscore": __version__,
            "python": ".".join(map(str, sys.version_info[:3])),
            **{name: version(name) for name in ("torch", "transformers", "tokenizers", *adapters.libraries(recipe))},
        },
        adapters=kept,
    )
    return write_manifest(output, manifest)


def _without_places(recipe: Recipe) -> dict[str, Any]:
    """The settings as JSON has them; of files and folders the names alone, for they lie elsewhere elsewhere."""
    settings = json.loads(json.dumps(dataclasses.asdict(recipe)))
    sets = [one | {part: Path(one[part]).name for part in ("train", "validation")} for one in settings["sets"]]
    return {**settings, "base": _name_of(recipe.base), "sets": sets}


def _name_of(base: str) -> str:
    return Path(base).name if Path(base).is_dir() else base


def _answers(
    classifier: Classifier, rows: LabelledData, classes: tuple[str, ...]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """The logits of the classes that a set knows, and its labels, for the rows that have tokens."""
    logits = classifier.run(classifier.encoder.encode(rows.texts))
    read = ~np.isnan(logits[:, 0])
    return logits[read][:, [classes.index(name) for name in rows.classes]], rows.ids(rows.classes)[read]


def _peak_memory_mb() -> float:
    if sys.platform == "win32":
        return float("nan")
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
