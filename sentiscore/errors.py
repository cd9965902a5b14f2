"""What can go wrong, as exceptions that tell the user the next step.

    SentiscoreError
    ├── InputError          a table, file or argument that cannot be used as it is
    ├── OutputError         a path that cannot be written to
    ├── CheckpointError     a model folder or hub id that cannot be loaded
    ├── TrainingError       a recipe or training run that cannot go on
    │   └── DivergedError   a training run whose loss is no longer a number
    ├── ValidationError     a frame that breaks its schema
    ├── MissingExtraError   an optional dependency that is not installed
    ├── ForkError           a process forked from one whose threads or GPU it would need
    └── StoppedError        a job that was asked to stop, and can be resumed

    SentiscoreWarning       something the user should know, though the work goes on

Exceptions of other libraries are translated into these where the library is called, so that users of sentiscore need
not know which library read the file.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any


class SentiscoreError(Exception):
    """The base of every error that sentiscore raises on purpose.

    Args:
        message: What is wrong, in one sentence.
        hint: What to do next, in one sentence; may be empty.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class InputError(SentiscoreError):
    """A table, file or argument that cannot be used as it is."""


class OutputError(SentiscoreError):
    """A path that cannot be written to."""


class CheckpointError(SentiscoreError):
    """A model folder or hub id that cannot be loaded."""


class TrainingError(SentiscoreError):
    """A recipe or training run that cannot go on."""


class DivergedError(TrainingError):
    """A training run whose loss is no longer a number."""


class ValidationError(SentiscoreError):
    """A frame that breaks its schema."""


class MissingExtraError(SentiscoreError):
    """An optional dependency that is not installed."""


class ForkError(SentiscoreError):
    """A process forked from one whose threads or GPU it would need."""


class StoppedError(SentiscoreError):
    """A job that was asked to stop, and can be resumed."""


class SentiscoreWarning(UserWarning):
    """Something the user should know, though the work goes on."""


def import_extra(module: str, extra: str) -> Any:
    """Import an optional dependency.

    Args:
        module: The module to import, for example "matplotlib".
        extra: The name of sentiscore's extra that installs it.

    Raises:
        MissingExtraError: The module is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise missing_extra(f"This needs {module}, which is not installed.", extra) from error


def require_extra(extra: str, *modules: str) -> None:
    """Check that optional dependencies are installed, before long work begins; imports none of them.

    Args:
        extra: The name of sentiscore's extra that installs them.
        modules: The modules to look for.

    Raises:
        MissingExtraError: One of them is not installed.
    """
    for module in modules:
        if not is_installed(module):
            raise missing_extra(f"This needs {module}, which is not installed.", extra)


def is_installed(module: str) -> bool:
    """Whether a module exists; only its parent packages are imported."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # its parent package is missing
        return False


def missing_extra(message: str, extra: str) -> MissingExtraError:
    """The error for a missing dependency.

    Args:
        message: What needs it.
        extra: The name of sentiscore's extra that installs it.
    """
    return MissingExtraError(message, f"Install it with: pip install 'sentiscore[{extra}]'")
