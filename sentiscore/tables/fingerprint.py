"""Which labelled rows something was made from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DataFingerprint:
    """Which labelled rows something was made from.

    Attributes:
        name: The file's name or the hub id.
        rows: How many labelled rows.
        sha256: Hash over texts and labels in order, so that equal rows have equal fingerprints.
    """

    name: str
    rows: int
    sha256: str
