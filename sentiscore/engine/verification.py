"""Runs all checks of a model one by one, and collects their results."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sentiscore.checkpoint.checks import CHECKS
from sentiscore.checkpoint.load import DEFAULT, Checkpoint, find_folder, load_opened
from sentiscore.checkpoint.lock import Pin, is_commit, pinned_tokenizer, record
from sentiscore.checkpoint.reading import OpenedFolder
from sentiscore.errors import InputError, SentiscoreError


@dataclass(frozen=True)
class Check:
    """One check of a model.

    Attributes:
        name: What was checked: files, manifest, config, weights, adapters, tokenizer, labels or loading.
        error: What is wrong; None if it passed.
    """

    name: str
    error: SentiscoreError | None

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return self.error is None


@dataclass(frozen=True)
class TrialRun:
    """The result of scoring two texts with a model, in fp32 on the CPU.

    Attributes:
        max_length: Tokens of a text that are read.
        tokenizer: What its tokenizer was read or built from.
        tokenizer_sha256: The hash of a tokenizer that was built, in hex; None for `tokenizer.json` as it is.
        contradictions: How `tokenizer.json` and the other settings differ, in words.
        takes_padding: Whether texts of unequal length may be batched.
    """

    max_length: int
    tokenizer: str
    tokenizer_sha256: str | None
    contradictions: tuple[str, ...]
    takes_padding: bool


@dataclass(frozen=True)
class Verification:
    """The results of the checks of a model.

    Attributes:
        model: What the user called it.
        folder: The folder of its files.
        revision: The hub commit, if it came from the hub.
        checks: The checks in order; later ones are left out if an earlier one failed.
        checkpoint: The model; None if it cannot be loaded.
        trial: The result of scoring with it; None if it cannot be loaded.
        lock: The lock file in which its commit was recorded; None if it was not.
    """

    model: str
    folder: Path
    revision: str | None
    checks: tuple[Check, ...]
    checkpoint: Checkpoint | None
    trial: "TrialRun | None" = None
    lock: Path | None = None

    @property
    def passed(self) -> bool:
        """Whether all checks passed."""
        return self.error is None

    @property
    def error(self) -> SentiscoreError | None:
        """The error of the first failed check; None if all passed."""
        return next((check.error for check in self.checks if check.error is not None), None)

    @property
    def weaknesses(self) -> tuple[str, ...]:
        """What the model did no better than something simpler when it was trained, according to its manifest."""
        manifest = None if self.checkpoint is None else self.checkpoint.manifest
        return () if manifest is None else manifest.weaknesses

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain values, for JSON."""
        found, trial = self.checkpoint, self.trial
        return {
            "model": self.model,
            "folder": str(self.folder),
            "revision": self.revision,
            "passed": self.passed,
            "checks": [
                {"name": one.name, "passed": one.passed, "error": None if one.error is None else str(one.error)}
                for one in self.checks
            ],
            "sha256": None if found is None else found.sha256,
            "files": {} if found is None else found.files,
            "labels": [] if found is None else list(found.outputs),
            "temperature": None if found is None else found.temperature,
            "reads_targets": None if found is None else found.reads_targets,
            "max_length": None if trial is None else trial.max_length,
            "tokenizer": None if trial is None else trial.tokenizer,
            "tokenizer_sha256": None if trial is None else trial.tokenizer_sha256,
            "contradictions": [] if trial is None else list(trial.contradictions),
            "takes_padding": None if trial is None else trial.takes_padding,
            "manifest": None if found is None else found.manifest is not None,
            "weaknesses": list(self.weaknesses),
            "lock": None if self.lock is None else str(self.lock),
        }


def verify(
    model: str | Path = DEFAULT,
    *,
    revision: str | None = None,
    labels: Sequence[str] | None = None,
    lock: bool = False,
) -> Verification:
    """Run every check on a model, and load it if they all pass.

    Args:
        model: "default", a folder, or a hub id.
        revision: Branch, tag or commit of a hub id; a branch or tag only with `lock`, or as the lock file has it.
        labels: Label names in id order, for a model whose config does not say.
        lock: Record the commit of a hub id in `sentiscore.lock` in the working folder, if all checks pass.

    Returns:
        The results; a failed check is reported in them, not raised.

    Raises:
        CheckpointError: The model does not exist, or it cannot be fetched.
        InputError: A commit should be recorded of something that is not a hub id.
        OutputError: The lock file cannot be written.
    """
    folder, commit = find_folder(model, revision, must_be_pinned=not lock, ask_lock=not lock)
    if lock and commit is None:
        raise InputError(f"{model} is not from the hub, so it has no commit to record.", "Leave --lock out.")
    opened = OpenedFolder(folder)
    checks = [_run(name, partial(check, opened)) for name, check in CHECKS.items()]
    checkpoint, trials = None, list[TrialRun]()
    if all(check.passed for check in checks):
        found: list[Checkpoint] = []
        checks.append(_run("labels", lambda: found.append(_load(model, opened, commit, labels, lock=lock))))
        if found:
            checks.append(_run("loading", lambda: trials.append(_try(found[0]))))
            checkpoint = found[0].closed() if checks[-1].passed else None
    lock_file = None
    trial = next(iter(trials), None)
    if lock and commit is not None and trial is not None:
        pin = Pin(None if is_commit(revision) else revision, commit, trial.tokenizer_sha256)
        lock_file = record(str(model), pin)
    return Verification(str(model), folder, commit, tuple(checks), checkpoint, trial, lock_file)


def _load(
    model: str | Path, opened: OpenedFolder, commit: str | None, labels: Sequence[str] | None, *, lock: bool
) -> Checkpoint:
    """The checkpoint in a folder that was already found, under the name that the user gave."""
    pinned = None if lock else pinned_tokenizer(str(model), commit)
    return load_opened(opened, str(model), labels, revision=commit, pinned=pinned)


def _run(name: str, check: Callable[[], None]) -> Check:
    try:
        check()
    except SentiscoreError as error:
        return Check(name, error)
    return Check(name, None)


def _try(checkpoint: Checkpoint) -> TrialRun:
    """Load it as scoring would, and check that it answers each of two texts, or pairs if it reads targets.

    Raises:
        SentiscoreError: It cannot be loaded, or does not answer.
    """
    import torch

    from sentiscore.engine.classifier import Classifier
    from sentiscore.engine.tokenizer import PLAIN

    classifier = Classifier.load(checkpoint, device=torch.device("cpu"), dtype=torch.float32)
    encoder = classifier.encoder
    mentions = [text.split()[-1] for text in PLAIN] if checkpoint.reads_targets else None
    classifier.run(encoder.encode(PLAIN, mentions))
    return TrialRun(encoder.max_length, encoder.origin, encoder.made, encoder.differences, classifier.takes_padding)
