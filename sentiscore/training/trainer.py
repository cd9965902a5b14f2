"""Hugging Face's Trainer, set up for a run with our own loss, order of rows, figures and log."""

import json
import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import torch

from sentiscore.engine.huggingface import quiet_transformers
from sentiscore.errors import DivergedError, import_extra
from sentiscore.evaluation.calibration import fit_temperature, log_loss
from sentiscore.evaluation.metrics import finite, point_metrics
from sentiscore.scoring.probabilities import probabilities
from sentiscore.training.base import encode
from sentiscore.training.folder import STATE
from sentiscore.training.loss import masked_cross_entropy
from sentiscore.training.run import Progress, Run
from sentiscore.training.sampling import LikeLengthSampler

LOG: Final = "log.jsonl"
CALIBRATED_LOSS: Final = "calibrated_log_loss"
"""The figure by which the best state is chosen."""


def encode_sets(run: Run, tokenizer: Any) -> tuple[Any, list[Any]]:
    """The training rows of a run, in one data set, and each of its sets of validation rows, as token ids and targets.

    Raises:
        InputError: No text of a set has any tokens.
    """
    recipe, classes = run.recipe, run.classes
    train_rows = [
        encode(tokenizer, rows, classes, recipe.max_length, recipe.label_smoothing) for rows in run.train_data
    ]
    return _joined(train_rows), [encode(tokenizer, rows, classes, recipe.max_length) for rows in run.eval_data]


def make_trainer(
    run: Run,
    model: Any,
    tokenizer: Any,
    rows: tuple[Any, list[Any]],
    device: torch.device,
    *,
    bf16: bool,
    on_progress: Callable[[Progress], None] | None,
) -> Any:
    """The Trainer of a run.

    Args:
        run: The inputs of the run.
        model: The network, with a head for the classes of the run.
        tokenizer: Its tokenizer.
        rows: The result of `encode_sets`.
        device: The device to train on.
        bf16: Whether to compute in bf16.
        on_progress: Called after each step and each validation.
    """
    transformers = quiet_transformers()
    train_rows, eval_rows = rows
    sizes = {known.name: len(ids) for known, ids in zip(run.eval_data, eval_rows, strict=True)}
    steps_per_epoch = math.ceil(len(train_rows) / run.chosen.batch_size)
    trainer = _trainer_class(run)(
        model=model,
        args=_arguments(run, device, bf16=bf16),
        train_dataset=train_rows,
        eval_dataset=_joined(eval_rows),
        processing_class=tokenizer,
        data_collator=transformers.DataCollatorWithPadding(tokenizer),
        compute_metrics=_validation_metrics(sizes),
        callbacks=[_make_callback(run, steps_per_epoch, on_progress)],
    )
    trainer.remove_callback(transformers.trainer_callback.PrinterCallback)
    return trainer


def _joined(sets: list[Any]) -> Any:
    """All rows in one data set, with weights scaled to a mean of 1."""
    datasets = import_extra("datasets", "train")
    joined = sets[0] if len(sets) == 1 else datasets.concatenate_datasets(sets)
    weights = np.asarray(joined["weight"], dtype=np.float32)
    return joined.remove_columns("weight").add_column("weight", weights / weights.mean())


def _arguments(run: Run, device: torch.device, *, bf16: bool) -> Any:
    recipe, chosen = run.recipe, run.chosen
    return quiet_transformers().TrainingArguments(
        output_dir=str(run.output / STATE),
        num_train_epochs=chosen.epochs,
        max_steps=recipe.max_steps or -1,
        per_device_train_batch_size=chosen.batch_size,
        per_device_eval_batch_size=64,
        learning_rate=chosen.learning_rate,
        lr_scheduler_type=recipe.schedule,
        warmup_steps=chosen.warmup,
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
        remove_unused_columns=False,  # the loss needs the weight of a row, which the model does not take
        label_names=["labels"],
        seed=recipe.seed,
        data_seed=recipe.seed,
    )


def _trainer_class(run: Run) -> Any:
    """The Trainer with our loss, and with our order of rows if the recipe wants batches of similar length."""

    class WeightedTrainer(quiet_transformers().Trainer):  # type: ignore[misc]
        def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any) -> Any:
            targets, weights = inputs.pop("labels"), inputs.pop("weight")
            outputs = model(**inputs)
            loss = masked_cross_entropy(outputs.logits, targets, weights)
            return (loss, outputs) if return_outputs else loss

    if run.recipe.sampling == "random":
        return WeightedTrainer

    class LikeLengthTrainer(WeightedTrainer):
        def _get_train_sampler(self, train_dataset: Any = None) -> LikeLengthSampler:
            rows = self.train_dataset if train_dataset is None else train_dataset
            return LikeLengthSampler([len(ids) for ids in rows["input_ids"]], run.chosen.batch_size, run.recipe.seed)

    return LikeLengthTrainer


def _validation_metrics(sizes: dict[str, int]) -> Callable[[Any], dict[str, float]]:
    """Computes figures of each set of validation rows, which are concatenated, and their means over the sets."""

    def metrics(prediction: Any) -> dict[str, float]:
        if not np.isfinite(prediction.predictions).all():
            raise DivergedError("The loss is no longer a number.", "Try a lower --learning-rate in a new --output.")
        ends = np.cumsum(list(sizes.values()))[:-1]
        each, answers = {}, []
        for name, logits, targets in zip(
            sizes, np.split(prediction.predictions, ends), np.split(prediction.label_ids, ends), strict=True
        ):
            used = ~np.isnan(targets[0])
            answers.append((logits[:, used], targets[:, used].argmax(axis=1)))
            each[name] = point_metrics(answers[-1][1], probabilities(answers[-1][0]))
        temperature = fit_temperature(*answers)
        means = {figure: float(np.mean([one[figure] for one in each.values()])) for figure in next(iter(each.values()))}
        means[CALIBRATED_LOSS] = log_loss(temperature, *answers)
        if len(each) == 1:
            return means
        return means | {f"{name}.{figure}": value for name, one in each.items() for figure, value in one.items()}

    return metrics


def _make_callback(run: Run, steps_per_epoch: int, on_progress: Callable[[Progress], None] | None) -> Any:
    log, evals_per_epoch = run.output / LOG, run.chosen.evals_per_epoch
    within_epoch = {steps_per_epoch * i // evals_per_epoch for i in range(1, evals_per_epoch)} - {0}

    class Observer(quiet_transformers().TrainerCallback):  # type: ignore[misc]
        """Requests validations within an epoch, writes the log, notifies the caller."""

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if on_progress is not None and run.left_out:
                done = float(state.epoch or 0)
                on_progress(Progress(state.global_step, state.max_steps, done, settings=run.left_out))

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
