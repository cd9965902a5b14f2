"""What a store can do, whatever it is, and the errors by which it says that something cannot be done."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, kw_only=True)
class ObjectFacts:
    """What identifies the content of an object.

    Attributes:
        key: Its key.
        size: Its bytes.
        etag: What the store calls this content; None if it does not say.
        version: The version of the object in a store that keeps several; not known from a list of objects.
    """

    key: str
    size: int
    etag: str | None
    version: str | None = None

    @property
    def content(self) -> dict[str, Any]:
        """What another content would differ in, in a form that JSON has."""
        return {"size": self.size, "etag": self.etag}


class ConditionFailedError(Exception):
    """An object is not what a write or a read was conditional on."""


class Store(Protocol):
    """The objects of one bucket.

    Methods raise FileNotFoundError for a missing object, and a SentiscoreError for everything else that fails.
    """

    def head(self, key: str) -> ObjectFacts:
        """Describe an object."""

    def list(self, prefix: str) -> Sequence[ObjectFacts]:
        """Describe all objects whose keys begin with a prefix and a slash, sorted by key; all for no prefix."""

    def read(self, facts: ObjectFacts, offset: int) -> Iterator[bytes]:
        """Read an object from an offset; raises ConditionFailedError if it has changed since it was described."""

    def get(self, key: str) -> bytes:
        """Read a small object as a whole."""

    def upload(self, files: Mapping[str, Path]) -> None:
        """Write whole files, each atomically, in the given order."""

    def put(self, key: str, content: bytes, *, instead_of: ObjectFacts | None) -> None:
        """Write a small object if the store holds the given one, or none for None.

        Raises ConditionFailedError otherwise. A store without conditions writes in any case.
        """

    def overwrite(self, key: str, content: bytes) -> None:
        """Write a small object whatever is there."""

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; those that do not exist do not matter."""
