"""Addresses in object stores, such as s3://bucket/folder/news.parquet."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from sentiscore.errors import InputError, SentiscoreError
from sentiscore.local import split_address

SCHEMES: Final = ("s3", "gs", "az", "hf")
_EXAMPLES: Final = {
    "s3": "s3://BUCKET/KEY",
    "gs": "gs://BUCKET/KEY",
    "az": "az://CONTAINER/KEY",
    "hf": "hf://datasets/USER/NAME/FILE",
}
_REPOSITORY: Final = re.compile(r"(datasets/[\w.-]+/[\w.-]+(?:@[^/]+)?)(?:/(.*))?", re.DOTALL)
_MOST_BYTES: Final = 200
"""The maximum length of a component of a key, which becomes the name of a file here."""


@dataclass(frozen=True)
class Address:
    """An object, or all objects whose keys begin with a prefix.

    Attributes:
        scheme: "s3", "gs", "az" or "hf".
        bucket: The bucket or container; for hf the repository, such as datasets/USER/NAME or datasets/USER/NAME@main.
        key: The key or prefix, without a slash at either end.
        is_folder: Whether it is a prefix for certain, since it was written with a slash at its end.
    """

    scheme: str
    bucket: str
    key: str
    is_folder: bool = False

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.key}{'/' if self.is_folder and self.key else ''}"

    @property
    def name(self) -> str:
        """The last component of the key."""
        return self.key.rpartition("/")[2]

    def inside(self, name: str) -> "Address":
        """The address of an object below this prefix."""
        return replace(self, key=f"{self.key}/{name}".lstrip("/"), is_folder=False)

    def beside(self, name: str) -> "Address":
        """The address of an object with another name next to this one."""
        return replace(self, key=f"{self.key.rpartition('/')[0]}/{name}".lstrip("/"), is_folder=False)


def is_address(path: object) -> bool:
    """Whether something that a user named is in an object store that can be used."""
    found = split_address(path)
    return found is not None and found[0] in SCHEMES


def address_of(path: object, refused: type[SentiscoreError] = InputError) -> Address | None:
    """The address that a user named; None for anything else, such as a path of this machine.

    Args:
        path: What the user named. A `Path` made of an address, which has one of its slashes left, counts too.
        refused: The error to raise.

    Raises:
        SentiscoreError: It names no object, or a key that no file can be called.
    """
    found = split_address(path)
    if found is None or found[0] not in SCHEMES:
        return None
    scheme, rest = found
    if scheme == "hf":
        repository = _REPOSITORY.fullmatch(rest)
        bucket, key = ("", "") if repository is None else (repository[1], repository[2] or "")
    else:
        bucket, _, key = rest.partition("/")
    parts = key.removesuffix("/").split("/")
    if not bucket or not parts[0]:
        raise refused(f"{scheme}://{rest} does not name an object.", f"Write {_EXAMPLES[scheme]}.")
    for part in parts:
        if part in ("", ".", "..") or "\0" in part or "\\" in part or len(part.encode()) > _MOST_BYTES:
            raise refused(
                f"{scheme}://{rest} has the part {part[:40]!r}, which no file here can be called.",
                f"Parts of a key have 1 to {_MOST_BYTES} bytes, and are not . or .. or contain a backslash.",
            )
    return Address(scheme, bucket, "/".join(parts), key.endswith("/"))


def local_or_address(path: str | Path) -> str | Path:
    """A path as it is; an address in its usual form, also if it was made a `Path`."""
    found = address_of(path)
    return path if found is None else str(found)
