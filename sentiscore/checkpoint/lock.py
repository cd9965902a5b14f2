"""`sentiscore.lock`: which commit of each hub model is used here, recorded once and then kept to.

A name on the hub, and a branch too, is whatever its owner puts there next. A commit is one content for ever.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from sentiscore.checkpoint.reading import MIB, parse_object
from sentiscore.errors import CheckpointError, OutputError
from sentiscore.settings import Settings, setting

LOCK: Final = "sentiscore.lock"
_FORMAT: Final = 1
_LARGEST: Final = 4 * MIB
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_PATIENCE: Final = 10.0
"""Seconds to wait for another process that writes the file, which takes it a moment."""


def is_commit(revision: str | None) -> bool:
    """Is this a whole commit, and not a branch, a tag or the beginning of one?"""
    return revision is not None and _COMMIT.fullmatch(revision) is not None


def _commit(value: Any) -> Any:
    if isinstance(value, str) and not is_commit(value):
        raise ValueError("40 hexadecimal digits")
    return value


@dataclass(frozen=True)
class Pin(Settings):
    """What the lock file says of a hub model.

    Attributes:
        revision: The branch or tag that was asked for; None for the model's main branch.
        commit: The commit that it was then, 40 hexadecimal digits.
        tokenizer: The sha256 of the tokenizer that was made of its files, in hex; None where none had to be made.
    """

    what = "pin"
    error = CheckpointError
    skips_unknown = True

    revision: str | None
    commit: str = setting(form=_commit)
    tokenizer: str | None = None


def read_lock(folder: Path | None = None) -> dict[str, Pin]:
    """The pins in the lock file of a folder, by hub id.

    Args:
        folder: Where the file is; the working folder by default.

    Raises:
        CheckpointError: The file is there, but is not a lock file.
    """
    path = (folder or Path()) / LOCK
    try:
        with path.open("rb") as file:
            return _pins(parse_object(file.read(_LARGEST)))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{path} cannot be read: {error}.",
            f"Bring it back as it was, or remove it and record each model again: {command('HUB_ID')}",
        ) from error


def _pins(raw: dict[str, Any]) -> dict[str, Pin]:
    if raw.get("format") != _FORMAT or not isinstance(raw.get("models"), dict):
        raise ValueError(f"its format is not {_FORMAT}")
    return {model: _pin(model, about) for model, about in raw["models"].items()}


def _pin(model: str, about: Any) -> Pin:
    try:
        return Pin.from_dict({"revision": None} | about if isinstance(about, dict) else about)
    except CheckpointError as error:
        raise ValueError(f"it names no commit of {model[:80]}") from error


def _entry(pin: Pin) -> dict[str, Any]:
    return {name: value for name, value in pin.as_dict().items() if name != "tokenizer" or value is not None}


def pinned_tokenizer(model: str, commit: str | None) -> str | None:
    """The sha256 of the tokenizer that was made of a hub model's files when this commit of it was recorded, if any.

    Raises:
        CheckpointError: The lock file cannot be read.
    """
    pin = None if commit is None else read_lock().get(model)
    return pin.tokenizer if pin is not None and pin.commit == commit else None


def pinned(model: str, revision: str | None = None) -> str | None:
    """The commit of a hub model that is to be used, if that is settled.

    Args:
        model: A hub id.
        revision: What the user asked for; a commit settles it.

    Returns:
        The commit; None where neither the revision nor the lock file says it.

    Raises:
        CheckpointError: The lock file cannot be read.
    """
    if is_commit(revision):
        return revision
    pin = read_lock().get(model)
    return pin.commit if pin is not None and revision in (None, pin.revision) else None


def record(model: str, pin: Pin, folder: Path | None = None) -> Path:
    """Write a pin into the lock file of a folder; other pins stay, whoever writes them meanwhile.

    Args:
        model: A hub id.
        pin: What to write.
        folder: Where the file is; the working folder by default.

    Returns:
        The lock file.

    Raises:
        OutputError: It cannot be written.
        CheckpointError: What is there cannot be read.
    """
    from sentiscore.disk.durable import write_text

    path = (folder or Path()) / LOCK
    try:
        with FileLock(path.with_name(f".{LOCK}.lock"), timeout=_PATIENCE):
            pins = read_lock(folder) | {model: pin}
            models = {name: _entry(pin) for name, pin in sorted(pins.items())}
            text = json.dumps({"format": _FORMAT, "models": models}, indent=2) + "\n"
            write_text(path, text)
    except Timeout as error:
        raise OutputError(f"Another process holds {path}.", "Wait for it, and run this again.") from error
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error}.", "Work in a folder that can be written to.") from error
    return path


def command(model: str, revision: str | None = None) -> str:
    """What to type to record a hub model in the lock file."""
    return f"sentiscore verify {model} --revision {revision or 'main'} --lock"
