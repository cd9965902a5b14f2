"""Paths on this machine, as opposed to addresses such as s3://bucket/news.parquet."""

import os
import re
from pathlib import Path
from typing import Final

from sentiscore.errors import CheckpointError, InputError, SentiscoreError

_ADDRESS: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/(?!$)")
"""A scheme of two letters or more, since a single letter is a Windows drive. `Path` collapses the two slashes to
one."""


_STORES: Final = (
    "What score, features, inspect and monitor read and write may be at s3://, gs://, az:// and hf:// addresses."
)
_HUB_MODEL: Final = re.compile(
    r"(?:(?:www\.)?(?:huggingface\.co|hf\.co)/)?(?!datasets/|spaces/)([\w.-]+/[\w.-]+?)(?:[/?#@].*)?"
)


def local_path(path: str | Path, refused: type[SentiscoreError] = InputError) -> Path:
    """Convert to a path; the file or folder need not exist yet.

    A leading `~` that no shell has expanded, for example because of quotes, is the home folder; see `with_home`.

    Everything that a user names is a path on this machine; an address of a bucket or web page would otherwise become a
    folder called `s3:`.

    Args:
        path: What the user named.
        refused: The error to raise for an address.

    Raises:
        SentiscoreError: It is an address, or not a path at all.
    """
    if not isinstance(path, str | os.PathLike) or not isinstance(text := os.fspath(path), str):
        raise refused(
            f"A path is expected, not {path!r:.60} of the type {type(path).__name__}.", "Pass a str or a pathlib.Path."
        )
    found = split_address(text)
    if found is None:
        return Path(with_home(text))
    scheme, rest = found
    raise refused(
        f"{text.partition(':')[0]}://{rest} is not on this machine, and a local file or folder is needed here.",
        _way_to_model(scheme, rest) if issubclass(refused, CheckpointError) else _way(scheme, rest),
    )


def split_address(path: object) -> tuple[str, str] | None:
    """The scheme, in lower case, and the rest of an address; None if it is a path, or neither."""
    text = os.fspath(path) if isinstance(path, str | os.PathLike) else None
    found = _ADDRESS.match(text) if isinstance(text, str) else None
    return None if found is None or text is None else (found[1].lower(), text[found.end() :].lstrip("/"))


def with_home(text: str) -> str:
    """A path or pattern in which a leading `~` is expanded to the home folder, unless something here is called `~`."""
    is_home = text == "~" or text.startswith(("~/", f"~{os.sep}"))
    return os.path.expanduser(text) if is_home and not os.path.lexists("~") else text  # noqa: PTH111 - Path would not keep a pattern


def _way(scheme: str, rest: str) -> str:
    """The hint of the error."""
    if scheme == "file":
        return f"Give the path alone: /{rest.removeprefix('localhost/')}"
    if scheme in ("http", "https", "ftp"):
        return (
            "Download it first, for example with curl -LO, and name the file; or pipe it: "
            f"curl -L {scheme}://{rest} | sentiscore score - --text-col NAME -o scored.parquet"
        )
    if scheme == "hf":
        return f"Download it first, for example with: hf download. A model is named by its id alone. {_STORES}"
    return f"Copy it to this machine or from it with the client of that store, and name the local file. {_STORES}"


def _way_to_model(scheme: str, rest: str) -> str:
    """The hint where a model is expected."""
    found = _HUB_MODEL.fullmatch(rest)
    on_hub = scheme == "hf" or (scheme in ("http", "https") and re.match(r"(www\.)?(huggingface|hf)\.co/", rest))
    return f"Name the model by its id on the hub: -m {found[1]}" if found and on_hub else _way(scheme, rest)
