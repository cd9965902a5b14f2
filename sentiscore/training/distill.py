"""Trains a small model on the predictions of larger ones.

Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015 (arXiv 1503.02531).
"""

import tempfile
from collections.abc import Callable, Collection, Sequence
from itertools import chain
from pathlib import Path

from sentiscore import forks
from sentiscore.checkpoint.load import check_base, find_folder
from sentiscore.errors import OutputError, TrainingError
from sentiscore.local import local_path
from sentiscore.scoring.scorer import Scorer
from sentiscore.tables.labelled import LabelledData
from sentiscore.training.augment import Augmentation, augment
from sentiscore.training.base import check_installed
from sentiscore.training.distillation import Distillation
from sentiscore.training.finetune import train
from sentiscore.training.folder import check_folder_free
from sentiscore.training.run import Progress, TrainingResult
from sentiscore.training.soft_labels import Input, ask_once, check_classes, classes_in, classes_of, mixed, unlabelled
from sentiscore.training.student import build_student, name_of


def distill(
    teachers: Sequence[str | Path],
    plan: Distillation,
    *,
    output: str | Path,
    train_data: Sequence[LabelledData],
    eval_data: Sequence[LabelledData],
    texts: Sequence[str | Input] = (),
    soft_labels: str | Path | None = None,
    resume: bool = False,
    device: str = "auto",
    dtype: str = "auto",
    on_asked: Callable[[int], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> TrainingResult:
    """Train a student on labels and on the predictions of its teachers, and write it as a checkpoint.

    The teachers score every text once: those of the labelled sets, those without a label, and the augmented texts made
    from both. The means of their probabilities, the soft labels, are kept in a file, with a hash of each text instead
    of the text. So a run with another seed, or a resumed one, only scores texts that are not in the file, and a file
    that covers every text replaces the teachers.

    Args:
        teachers: Folders or hub ids of models with the same classes; none if there are soft labels for all texts.
        plan: The settings.
        output: The folder to create.
        train_data: Labelled sets to learn from.
        eval_data: Labelled sets to choose the best state by, and to calibrate on.
        texts: Texts without labels, those that are read for a mention in them as pairs of text and mention.
        soft_labels: The file of soft labels; OUTPUT.soft.parquet by default. If it exists, it is used and added to.
        resume: Resume a run that was stopped, from its last saved state.
        device: "auto", "cpu", "cuda" or "cuda:N".
        dtype: The number type that the teachers compute in: "auto", "fp32" or "bf16".
        on_asked: Called with the number of texts that a teacher has scored since the last call.
        on_progress: Called at the start of the student's training if settings were chosen, and after each of its steps
            and validations.

    Raises:
        TrainingError: The student or the sets do not fit the teachers, or the run cannot be resumed.
        CheckpointError: A teacher or the student cannot be loaded.
        OutputError: The folder is in use or may not be written to.
        MissingExtraError: A library that training needs is not installed.
    """
    forks.check()
    check_installed()
    output = local_path(output, OutputError)
    check_folder_free(output, resume=resume)
    recipe, student = plan.recipe, plan.student
    _check_student(plan, teachers)
    soft_path = local_path(soft_labels or output.with_name(f"{output.name}.soft.parquet"), OutputError)
    labelled = dict.fromkeys(one for rows in train_data for one in rows.inputs)
    others = _unlabelled(texts, labelled)
    listed = list(dict.fromkeys(text for text, _ in [*labelled, *others]))
    made = augment(_to_augment(plan.augmentation, train_data, others), plan.augmentation, known=listed)
    extra = {"texts without labels": others, "augmented texts": _unlabelled(made)}
    with tempfile.TemporaryDirectory(prefix="sentiscore-") as scratch:
        if student.is_built:
            layers_of = student.model or next(iter(teachers), "")
            base = Path(scratch) / name_of(student, layers_of)
            build_student(student, layers_of, listed, max_length=recipe.max_length, seed=recipe.seed, output=base)
            recipe = recipe.with_changes({"base": str(base)})
        else:
            check_base(find_folder(recipe.base, recipe.base_revision or None)[0])
        scorers = [Scorer.from_pretrained(teacher, device=device, dtype=dtype) for teacher in teachers]
        if scorers:
            check_classes(classes_of(scorers), train_data)  # before they score, which takes long
        who, answers = ask_once(scorers, [*labelled, *chain(*extra.values())], soft_path, on_asked)
        check_classes(classes_in(answers), train_data)
        del scorers  # frees memory for the student's training
        return train(
            recipe,
            output=output,
            train_data=[
                *(mixed(rows, answers, plan.mixing.label_share) for rows in train_data),
                *(unlabelled(name, more, answers, plan.mixing.soft_weight) for name, more in extra.items() if more),
            ],
            eval_data=eval_data,
            record={
                "teachers": [[one.name, one.identity] for one in who],
                "student": student.as_dict(),
                "distill": plan.mixing.as_dict(),
                "augment": plan.augmentation.as_dict(),
            },
            resume=resume,
            device=device,
            on_progress=on_progress,
        )


def _unlabelled(texts: Sequence[str | Input], known: Collection[Input] = ()) -> list[Input]:
    """Distinct texts with their mentions, without blank and known ones."""
    given = dict.fromkeys((one, None) if isinstance(one, str) else one for one in texts)
    return [one for one in given if one not in known and one[0].strip()]


def _check_student(plan: Distillation, teachers: Sequence[str | Path]) -> None:
    recipe, student = plan.recipe, plan.student
    if student.is_built and recipe.adapters == "keep":
        raise TrainingError(
            "The base of this student is gone once it is trained, so its adapters cannot be kept apart from it.",
            'Set adapters = "merge" in the student\'s settings.',
        )
    if student.hidden_size and recipe.method == "head":
        raise TrainingError(
            "All weights of this student are new, so its head alone has nothing to read.",
            "Leave method out, or name a base, or layers to take.",
        )
    if student.take_layers and not (student.model or teachers):
        raise TrainingError(
            "There is no teacher whose layers could be taken.", "Name one, or a model in the [student] table."
        )


def _to_augment(how: Augmentation, train_data: Sequence[LabelledData], others: Sequence[Input]) -> list[str]:
    """The texts to make more of: those that are not read for a mention."""
    names = [rows.name for rows in train_data]
    if unknown := sorted(set(how.sets) - set(names)):
        raise TrainingError(
            f"There is no set {', '.join(map(repr, unknown))} to augment.", f"The sets are: {', '.join(names)}."
        )
    chosen = [rows for rows in train_data if not how.sets or rows.name in how.sets]
    inputs = [*(one for rows in chosen for one in rows.inputs), *others]
    return list(dict.fromkeys(text for text, mention in inputs if mention is None))
