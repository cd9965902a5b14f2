"""All checks of a model, one by one, and what was found of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from sentiscore.checkpoint.load import CHECKS, DEFAULT, Checkpoint, find_folder, load_checkpoint
from sentiscore.checkpoint.lock import Pin, is_commit, record
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
class Verification:
    """What the checks of a model found.

    Attributes:
        model: What the user called it.
        folder: Where its files are.
        revision: The hub commit, if it came from the hub.
        checks: The checks in order; the last ones are left out where an earlier one failed.
        checkpoint: The model; None if it cannot be loaded.
        lock: The lock file that its commit was recorded in; None if it was not.
    """

    model: str
    folder: Path
    revision: str | None
    checks: tuple[Check, ...]
    checkpoint: Checkpoint | None
    lock: Path | None = None

    @property
    def passed(self) -> bool:
        """Whether all checks passed."""
        return self.error is None

    @property
    def error(self) -> SentiscoreError | None:
        """What the first check that failed found; None if all passed."""
        return next((check.error for check in self.checks if check.error is not None), None)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values, for JSON."""
        found = self.checkpoint
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
            "labels": [] if found is None else list(found.labels),
            "temperature": None if found is None else found.temperature,
            "max_length": None if found is None else found.max_length,
            "manifest": None if found is None else found.manifest is not None,
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
        What was found; a check that fails is told in it, and not raised.

    Raises:
        CheckpointError: There is no such model, or it cannot be fetched.
        InputError: A commit is to be recorded of what is no hub id.
        OutputError: The lock file cannot be written.
    """
    folder, commit = find_folder(model, revision, must_be_pinned=not lock, ask_lock=not lock)
    if lock and commit is None:
        raise InputError(f"{model} is not from the hub, so it has no commit to record.", "Leave --lock out.")
    checks = [_run(name, partial(check, folder)) for name, check in CHECKS.items()]
    checkpoint = None
    if all(check.passed for check in checks):
        found: list[Checkpoint] = []
        checks.append(_run("labels", lambda: found.append(_in_folder(model, folder, commit, labels))))
        if found:
            checks.append(_run("loading", lambda: _load(found[0])))
            checkpoint = found[0] if checks[-1].passed else None
    place = None
    if lock and commit is not None and checkpoint is not None:
        place = record(str(model), Pin(None if is_commit(revision) else revision, commit))
    return Verification(str(model), folder, commit, tuple(checks), checkpoint, place)


def _in_folder(model: str | Path, folder: Path, commit: str | None, labels: Sequence[str] | None) -> Checkpoint:
    """The checkpoint in a folder that was found already, by the name that the user gave it."""
    return replace(load_checkpoint(folder, labels=labels), name=str(model), revision=commit)


def _run(name: str, check: Callable[[], None]) -> Check:
    try:
        check()
    except SentiscoreError as error:
        return Check(name, error)
    return Check(name, None)


def _load(checkpoint: Checkpoint) -> None:
    """Load it as scoring would, and see that it has an answer to a text."""
    import torch

    from sentiscore.engine.classifier import Classifier

    classifier = Classifier.load(checkpoint, device=torch.device("cpu"), dtype=torch.float32)
    classifier.run(classifier.encoder.encode(["A good day."]))
