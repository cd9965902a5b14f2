"""What an output was made of and how: in the metadata of parquet, and in a small JSON file next to every output.

Files are named without their folders, so that a provenance reveals nothing about the machine or its user.
"""

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, Self

from sentiscore.disk.durable import write_text
from sentiscore.errors import InputError
from sentiscore.local import local_path
from sentiscore.settings import Settings
from sentiscore.tables.hashes import hash_output
from sentiscore.tables.parquet_pages import read_footer
from sentiscore.tables.part_folders import parts_of
from sentiscore.tables.places import sidecar_path
from sentiscore.version import __version__

KEY: Final = "sentiscore"
"""The name under which parquet metadata holds a provenance."""
FORMAT: Final = 1
SCORED_ROWS: Final = "scored rows"
REJECTED_ROWS: Final = "rejected rows"
DAILY_FEATURES: Final = "daily features"
METADATA: Final = "metadata"
SIDECAR: Final = "sidecar"
_ROOTED: Final = re.compile(r"(?:[/\\~]|[A-Za-z]:[/\\]|\.\.?[/\\])")
"""How a text that names a path on a machine begins; a hub id does not."""


@dataclass(frozen=True, kw_only=True)
class ModelFacts(Settings):
    """The model that scored.

    Attributes:
        name: What the user called it; for a folder, its last component.
        revision: The hub commit, if it came from the hub.
        sha256: One hash over the hashes of its files, in hex.
        labels: Label names in the order of its ids.
        temperature: The divisor of its logits; None if it was never calibrated.
        dtype: The number type of its computation.
        device: The device on which it computed.
    """

    what = "table of the model"
    skips_unknown = True

    name: str
    revision: str | None
    sha256: str
    labels: tuple[str, ...]
    temperature: float | None
    dtype: str
    device: str

    @property
    def identity(self) -> tuple[str, tuple[str, ...], float | None]:
        """What must be equal for scores to be on the same scale."""
        return self.sha256, self.labels, self.temperature


@dataclass(frozen=True, kw_only=True)
class SourceFacts(Settings):
    """A file that was read.

    Attributes:
        file: Its name, without its folder.
        sha256: Of its content, in hex.
        rows: The number of rows read from it.
    """

    what = "table of a source"
    skips_unknown = True

    file: str
    sha256: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class Provenance(Settings):
    """What an output was made of and how.

    Attributes:
        kind: "scored rows", "rejected rows" or "daily features".
        rows: Rows of the output.
        sources: The files that it was made of, oldest first; for daily features only the newest ones.
        n_sources: The total number of sources.
        options: All options, by name.
        job_key: The hash, in hex, of everything that the answers depend on.
        model: The model that scored; None for daily features, where `scored` names it.
        scored: For daily features, the provenance of the scored rows, the newest for each model, without their sources.
        n_unknown: For daily features, the number of sources without a provenance.
        created_at: When it was made, in UTC; None inside the output, so that equal jobs give equal bytes.
        sentiscore: The version of sentiscore that made it.
        sha256: The hash of the output in hex; empty inside the output, which cannot hold its own hash.
        format: The version of this format.
    """

    what = "provenance"
    skips_unknown = True

    kind: str
    rows: int
    sources: tuple[SourceFacts, ...]
    n_sources: int
    options: Mapping[str, Any]
    job_key: str
    model: ModelFacts | None = None
    scored: tuple["Provenance", ...] = ()
    n_unknown: int = 0
    created_at: datetime | None = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    sentiscore: str = __version__
    sha256: str = ""
    format: int = FORMAT

    def to_dict(self) -> dict[str, Any]:
        """All fields in a form that JSON has, without folders."""
        return _plain({each.name: getattr(self, each.name) for each in dataclasses.fields(self)})  # type: ignore[no-any-return]

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Make a provenance from the result of `to_dict`.

        Raises:
            InputError: Something is missing or invalid, or it has a later version.
        """
        if not isinstance(raw, Mapping) or raw.get("format") != FORMAT:
            raise InputError(f"its format is not {FORMAT}, which this version knows")
        if missing := [each.name for each in dataclasses.fields(cls) if each.name not in raw]:
            raise InputError(f"it has no {', '.join(missing)}")
        return super().from_dict(raw)

    def to_metadata(self) -> dict[str, str]:
        """The metadata for parquet."""
        return {KEY: json.dumps(self.without_time().to_dict())}

    def without_time(self) -> Self:
        """The provenance to store inside an output: without the time it was made, and without its hash."""
        scored = tuple(each.without_time() for each in self.scored)
        return dataclasses.replace(self, sha256="", created_at=None, scored=scored)

    @classmethod
    def from_metadata(cls, metadata: Mapping[bytes, bytes] | None) -> Self | None:
        """Read a provenance from the metadata of a parquet file; None if it has none.

        Raises:
            InputError: It is broken; likewise ValueError and RecursionError.
        """
        text = (metadata or {}).get(KEY.encode())
        return None if text is None else cls.from_dict(json.loads(text))

    def to_sidecar(self, sha256: str) -> str:
        """The text of the sidecar file of an output with this sha256."""
        return json.dumps(dataclasses.replace(self, sha256=sha256).to_dict(), indent=2) + "\n"


@dataclass(frozen=True, kw_only=True)
class Found:
    """A provenance, and where it was found.

    Attributes:
        provenance: What the output was made of.
        where: "metadata" or "sidecar".
        intact: Whether the output's sha256 is the one in its sidecar file; None if no such file has one.
    """

    provenance: Provenance
    where: str
    intact: bool | None


def write_sidecar(output: Path, provenance: Provenance, sha256: str) -> Path:
    """Write the sidecar file of a published output.

    Args:
        output: A file or a folder of parts.
        provenance: What it was made of.
        sha256: The hash of the output, in hex.

    Raises:
        OutputError: It cannot be written there.
    """
    path = sidecar_path(output)
    write_text(path, provenance.to_sidecar(sha256), like=output)
    return path


def read_provenance(path: str | Path) -> Found | None:
    """Read the provenance from an output or its sidecar file; None if neither has one.

    Metadata of parquet cannot be separated from its rows, so it wins if the sidecar file belongs to another output. If
    the sidecar belongs to this output, it has more: the time, and for a folder what became known after its first parts.

    Args:
        path: An output of sentiscore: a file or a folder of parts.

    Raises:
        InputError: The output does not exist or cannot be read, or its provenance is invalid.
    """
    path = local_path(path)
    try:
        if not path.exists():
            raise InputError(f"There is no file {path}.", "Check the path; it is taken relative to this folder.")
        held = held_provenance(path)
        sidecar = _from_sidecar(sidecar_path(path))
        intact = None if sidecar is None or not sidecar.sha256 else hash_output(path) == sidecar.sha256
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}.", "Check its permissions and its disk.") from error
    if sidecar is not None and (held is None or intact):
        return Found(provenance=sidecar, where=SIDECAR if held is None or path.is_dir() else METADATA, intact=intact)
    return None if held is None else Found(provenance=held, where=METADATA, intact=intact)


def held_provenance(path: Path) -> Provenance | None:
    """Read the provenance in the metadata of a parquet file, or of the first part of a folder; None if it has none.

    Raises:
        InputError: It cannot be read or is invalid.
    """
    import pyarrow as pa
    from pyarrow import parquet

    files = parts_of(path)[:1] if path.is_dir() else [path]
    if not files or files[0].suffix.lower() not in {".parquet", ".pq"}:
        return None
    read_footer(files[0])  # Arrow takes memory for as many columns as a footer claims to have
    try:
        metadata = parquet.read_metadata(files[0]).metadata
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{files[0]} cannot be read: {reason}.", "The file looks broken or cut short; make it anew."
        ) from error
    try:
        return Provenance.from_metadata(metadata)
    except (InputError, ValueError, RecursionError) as error:
        raise _senseless(files[0], error) from error


def _from_sidecar(path: Path) -> Provenance | None:
    if not path.is_file():
        return None
    try:
        return Provenance.from_dict(json.loads(path.read_bytes()))
    except (InputError, ValueError, RecursionError) as error:
        raise _senseless(path, error) from error


def _senseless(path: Path, error: Exception) -> InputError:
    reason = error.message if isinstance(error, InputError) else str(error)
    return InputError(
        f"What {path} says of how it was made cannot be read: {reason.rstrip('.')}.",
        "It was changed, or written by a later version of sentiscore.",
    )


def _plain(value: Any) -> Any:
    """Convert a value to a form that JSON has; paths on this machine are cut to their last component."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Path) or (isinstance(value, str) and _ROOTED.match(value)):
        return re.split(r"[/\\]", str(value).rstrip("/\\"))[-1]
    return value
