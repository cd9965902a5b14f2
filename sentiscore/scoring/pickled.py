"""Pickles a scorer for another process: not its weights, but where to load it from and the hash it must have."""

import copy
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol, Self, TypeVar

from sentiscore.checkpoint import DEFAULT, Checkpoint, load_checkpoint
from sentiscore.errors import CheckpointError, SentiscoreWarning
from sentiscore.scoring.options import ScorerOptions


@dataclass(frozen=True)
class Origin:
    """Where a checkpoint was loaded from, in a form that is valid in another process.

    Attributes:
        model: "default", an absolute folder, or a hub id.
        revision: The commit of a hub id.
        name: What the user called the model.
        sha256: The hash of the checkpoint.
    """

    model: str
    revision: str | None
    name: str
    sha256: str

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Self:
        """The origin of a checkpoint; must be called before the working folder can change."""
        elsewhere = checkpoint.revision is not None or checkpoint.name == DEFAULT
        model = checkpoint.name if elsewhere else str(checkpoint.folder.absolute())
        return cls(model, checkpoint.revision, checkpoint.name, checkpoint.sha256)

    def load(self, labels: tuple[str, ...] | None) -> Checkpoint:
        """Load the checkpoint, which must be unchanged; warnings about it are not repeated.

        Args:
            labels: The requested label names.

        Raises:
            CheckpointError: It is missing, or has changed.
        """
        if Path(self.model).is_absolute() and not Path(self.model).is_dir():
            raise CheckpointError(
                f"The model folder {self.model} of a pickled scorer is not on this machine.",
                "Put a copy of the folder at that path, or load the model here: Scorer.from_pretrained(folder).",
            )
        again = "Put the files back as they were, or load what is there now: Scorer.from_pretrained."
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SentiscoreWarning)
                found = load_checkpoint(self.model, revision=self.revision, labels=labels)
        except CheckpointError as error:
            raise CheckpointError(
                f"The model {self.model} of a pickled scorer cannot be loaded again. {error.message}",
                error.hint or again,
            ) from error
        if found.sha256 != self.sha256:
            raise CheckpointError(
                f"The model {self.model} ({found.folder}) is not the one that the scorer was pickled with: "
                f"its hash is {found.sha256[:12]}, and was {self.sha256[:12]}.",
                again,
            )
        return replace(found, name=self.name)


class Reloadable(Protocol):
    """An object that can be loaded again: a scorer, or a subclass."""

    @classmethod
    def load(cls, checkpoint: Checkpoint, asked: ScorerOptions) -> Self:
        """Load it from its checkpoint, with the requested options."""


@dataclass(frozen=True)
class Reference:
    """What a pickled scorer consists of: a scorer to be loaded, here or in another process.

    Attributes:
        kind: The class of the scorer.
        origin: The origin of its model.
        asked: The other requested options.
    """

    kind: type[Any]
    origin: Origin
    asked: ScorerOptions

    def on(self, device: str) -> Self:
        """A reference to the same scorer on another device."""
        return replace(self, asked=replace(self.asked, device=device))

    def load(self) -> Any:
        """Load the scorer; see `restore`."""
        return restore(self.kind, self.origin, self.asked)

    def pickled(self) -> tuple[object, ...]:
        """How pickle makes the scorer again, as `__reduce__` returns it."""
        return restore, (self.kind, self.origin, self.asked)


_S = TypeVar("_S", bound=Reloadable)

_KEPT: Final[dict[object, Any]] = {}
"""The last scorer that was unpickled: a pool sends the same one with each of its tasks."""


def restore(kind: type[_S], origin: Origin, asked: ScorerOptions) -> _S:
    """Load a scorer again, with the requested options; called by pickle.

    The files are hashed each time, but the network of the last scorer is kept and shared.

    Args:
        kind: The class of the scorer.
        origin: The origin of its model.
        asked: The other requested options.

    Raises:
        CheckpointError: The model is missing, or has changed.
        InputError: This machine lacks the device, or it cannot compute with the number type.
    """
    checkpoint = origin.load(asked.labels)
    key = kind, origin, asked
    kept: _S | None = _KEPT.get(key)
    if kept is None:
        kept = kind.load(checkpoint, asked)
        _KEPT.clear()
        _KEPT[key] = kept
    return copy.copy(kept)
