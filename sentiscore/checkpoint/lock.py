"""`sentiscore.lock`: the commit of each hub model to use here, recorded once and then adhered to.

The content of a name or branch on the hub can change at any time; that of a commit never does.
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
"""Seconds to wait for another process that is writing the file, which takes a moment."""


def is_commit(revision: str | None) -> bool:
    """Whether this is a full commit, and not a branch, a tag or an abbreviated commit."""
    return revision is not None and _COMMIT.fullmatch(revision) is not None


def _commit(value: Any) -> Any:
    if isinstance(value, str) and not is_commit(value):
        raise ValueError("40 hexadecimal digits")
    return value


@dataclass(frozen=True)
class Pin(Settings):
    """The entry of a hub model in the lock file.

    Attributes:
        revision: The requested branch or tag; None for the model's main branch.
        commit: Its commit at that time, 40 hexadecimal digits.
        tokenizer: The sha256 of the tokenizer that was built from its files, in hex; None if none had to be built.
    """

    what = "pin"
    error = CheckpointError
    skips_unknown = True

    revision: str | None
    commit: str = setting(form=_commit)
    tokenizer: str | None = None


def read_lock(folder: Path | None = None) -> dict[str, Pin]:
    """Read the pins in the lock file of a folder, by hub id.

    Args:
        folder: The folder of the file; the working folder by default.

    Raises:
        CheckpointError: The file exists, but is not a lock file.
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
    """The sha256 of the tokenizer that was built from a hub model's files when this commit was recorded, if any.

    Raises:
        CheckpointError: The lock file cannot be read.
    """
    pin = None if commit is None else read_lock().get(model)
    return pin.tokenizer if pin is not None and pin.commit == commit else None


def pinned(model: str, revision: str | None = None) -> str | None:
    """The commit to which a hub model is pinned, if any.

    Args:
        model: A hub id.
        revision: The revision that the user requested; may be a commit.

    Returns:
        The commit; None if neither the revision nor the lock file has one.

    Raises:
        CheckpointError: The lock file cannot be read.
    """
    if is_commit(revision):
        return revision
    pin = read_lock().get(model)
    return pin.commit if pin is not None and revision in (None, pin.revision) else None


def record(model: str, pin: Pin, folder: Path | None = None) -> Path:
    """Write a pin into the lock file of a folder; other pins stay, even those written concurrently.

    Args:
        model: A hub id.
        pin: The pin.
        folder: The folder of the file; the working folder by default.

    Returns:
        The lock file.

    Raises:
        OutputError: It cannot be written.
        CheckpointError: The existing file cannot be read.
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
    """The command that records a hub model in the lock file."""
    return f"sentiscore verify {model} --revision {revision or 'main'} --lock"
