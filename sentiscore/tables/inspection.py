"""Reads what an output says about how it was made, and checks that it has not changed since."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentiscore.errors import InputError
from sentiscore.local import local_path
from sentiscore.storage.address import local_or_address
from sentiscore.storage.options import StorageOptions
from sentiscore.storage.staging import Staging
from sentiscore.tables.places import sidecar_path
from sentiscore.tables.provenance import Provenance, read_provenance


@dataclass(frozen=True)
class Inspection:
    """What an output says about itself.

    Attributes:
        file: The output. For one in an object store only its name counts.
        provenance: What it was made of and how.
        where: Where the provenance is stored: in the output's "metadata", or in the "sidecar" file next to it.
        intact: Whether its sha256 is the one in the sidecar file; None if there is no such file.
    """

    file: Path
    provenance: Provenance
    where: str
    intact: bool | None

    @property
    def error(self) -> InputError | None:
        """What is wrong with the output; None if nothing is known to be."""
        if self.intact is not False:
            return None
        return InputError(
            f"{self.file.name} has another sha256 than {sidecar_path(self.file).name} says.",
            "One of the two was changed or replaced since; make the output anew if you do not know why.",
        )

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values, for JSON."""
        whole = {"file": self.file.name, "where": self.where, "intact": self.intact}
        return {**whole, "provenance": self.provenance.to_dict()}


def inspect(file: str | Path, storage: StorageOptions | None = None) -> Inspection:
    """What an output was made of: model, options, sources, version and job key.

    Args:
        file: An output of scoring or of daily features: a file, or a folder of parts; also one in an object store.
        storage: How addresses in object stores are read.

    Returns:
        What was found; a change of the output since is reported in it, not raised.

    Raises:
        InputError: There is no such output, it cannot be read, or it does not say how it was made.
    """
    with Staging([file], storage, reads_only=True) as staging:
        staging.fetch([file], provenance=True)
        return _inspect(local_path(staging.path(file)), Path(local_or_address(file)))


def _inspect(path: Path, file: Path) -> Inspection:
    """Read the provenance of an output that is at a path, and that the user calls by another one perhaps."""
    found = read_provenance(path)
    if found is None:
        raise InputError(
            f"{path} does not say how it was made.",
            "Scored rows, rows that were set aside and daily features of this version of sentiscore do; a file of them "
            f"that is no parquet needs {sidecar_path(path).name} beside it.",
        )
    return Inspection(file, found.provenance, found.where, found.intact)
