"""Identifies the labelled rows that something was made from."""

from dataclasses import dataclass

from sentiscore.settings import Settings


@dataclass(frozen=True)
class DataFingerprint(Settings):
    """Identifies the labelled rows that something was made from.

    Attributes:
        name: The file's name or the hub id.
        rows: The number of labelled rows.
        sha256: Hash over texts and labels in order, so that equal rows have equal fingerprints.
    """

    what = "fingerprint of labelled rows"

    name: str
    rows: int
    sha256: str
