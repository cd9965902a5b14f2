"""The manifest of a folder of parts in a store: which objects are its parts, and how they were made.

A store has no rename, so parts get names with their hash, and the manifest is written last. Who reads the parts that it
names reads one job, and never parts of two.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from sentiscore.errors import InputError
from sentiscore.settings import Settings
from sentiscore.version import __version__

MANIFEST_NAME: Final = "_manifest.json"
"""Readers of folders of parquet, such as Spark, DuckDB and PyArrow, skip names that begin with an underscore."""
FORMAT: Final = 1
_KEY: Final = re.compile(r"part-\d{5,9}-[0-9a-f]{16}\.parquet")


@dataclass(frozen=True, kw_only=True)
class PartFacts(Settings):
    """One part.

    Attributes:
        name: Its name in a folder on a disk, such as part-00000.parquet.
        key: The name of its object below the folder, which has the beginning of its hash.
        sha256: Of its content, in hex.
        size: Its bytes.
    """

    what: ClassVar[str] = "part of a manifest"
    skips_unknown: ClassVar[bool] = True

    name: str
    key: str
    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True)
class PartsManifest(Settings):
    """A folder of parts.

    Attributes:
        parts: The parts, in order.
        provenance: How they were made, as in the provenance.json of a folder on a disk.
        sources: For each source in a store its address, size and etag.
        sentiscore: The version of sentiscore that wrote them.
        format: The version of this format.
    """

    what: ClassVar[str] = "manifest of parts"
    skips_unknown: ClassVar[bool] = True

    parts: tuple[PartFacts, ...]
    provenance: Any = None
    sources: Any = None
    sentiscore: str = __version__
    format: int = FORMAT

    def to_bytes(self) -> bytes:
        """The content of its object."""
        return (json.dumps(self.as_dict(), indent=2) + "\n").encode()

    @classmethod
    def from_bytes(cls, content: bytes, where: str) -> "PartsManifest":
        """Read the content of an object.

        Raises:
            InputError: It is damaged, or of a later version.
        """
        try:
            return _checked(json.loads(content))
        except (InputError, ValueError, RecursionError) as error:
            reason = error.message if isinstance(error, InputError) else str(error)
            raise InputError(
                f"{where} cannot be read: {reason.rstrip('.')}.",
                "It was changed, or written by a later version of sentiscore.",
            ) from error


def part_key(name: str, sha256: str) -> str:
    """The key of a part: part-00000.parquet -> part-00000-HASH.parquet."""
    return name.replace(".parquet", f"-{sha256[:16]}.parquet")


def _checked(raw: Any) -> PartsManifest:
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise InputError(f"its format is not {FORMAT}, which this version knows")
    found = PartsManifest.from_dict(raw)
    for part in found.parts:
        if not is_part_key(part.key) or part.key != part_key(part.name, part.sha256):  # names become names of files
            raise InputError(f"it has the part {part.name[:60]!r}, whose object is {part.key[:60]!r}")
    return found


def is_part_key(key: str) -> bool:
    """Whether this is the name of a part in a store."""
    return _KEY.fullmatch(key) is not None
