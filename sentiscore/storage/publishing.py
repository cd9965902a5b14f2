"""Publishes finished outputs to a store: a file in one write, a folder by its parts and then its manifest."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sentiscore.errors import OutputError
from sentiscore.storage.address import Address
from sentiscore.storage.parts_manifest import MANIFEST_NAME, PartFacts, PartsManifest, is_part_key, part_key
from sentiscore.storage.store import ConditionFailedError, ObjectFacts, Store

_PROVENANCE = "provenance.json"


def facts_before(store: Store, output: Address) -> ObjectFacts | None:
    """What an output replaces: the object of a file, or the manifest of a folder; None if there is none.

    Raises:
        OutputError: A folder holds objects that sentiscore did not write.
    """
    if not output.is_folder:
        return _facts(store, output.key)
    for found in store.list(output.key):
        name = found.key.removeprefix(f"{output.key}/")
        if name != MANIFEST_NAME and not is_part_key(name):
            raise OutputError(
                f"{output} holds objects that sentiscore did not write, such as {name}.",
                "Choose a new folder, or one that sentiscore wrote: it is replaced as a whole.",
            )
    return _facts(store, output.inside(MANIFEST_NAME).key)


def publish_file(store: Store, output: Address, path: Path, before: ObjectFacts | None) -> None:
    """Replace an object by a file. Stores replace an object as a whole or not at all.

    Raises:
        OutputError: It cannot be written, or was replaced by somebody else meanwhile.
    """
    if _facts(store, output.key) not in (before, None):
        raise _replaced(output)
    store.upload({output.key: path})


def publish_folder(
    store: Store, output: Address, folder: Path, before: ObjectFacts | None, sources: Sequence[dict[str, Any]]
) -> None:
    """Write the parts of a folder, then its manifest, and then remove the parts of the manifest before.

    Args:
        store: The store.
        output: The folder there.
        folder: The finished folder on this disk.
        before: The manifest that is replaced, as it was when the job began.
        sources: What the job was made from, for the manifest.

    Raises:
        OutputError: Something cannot be written, or the manifest was replaced by somebody else meanwhile.
    """
    there = {found.key: found.size for found in store.list(output.key)}
    parts, keys = [], set()
    for path in sorted(folder.glob("*.parquet")):
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        part = PartFacts(name=path.name, key=part_key(path.name, sha256), sha256=sha256, size=path.stat().st_size)
        key = output.inside(part.key).key
        if there.get(key) != part.size:  # its name has its hash, so it is there if its whole size is
            store.upload({key: path})
        parts.append(part)
        keys.add(key)
    provenance = json.loads((folder / _PROVENANCE).read_bytes()) if (folder / _PROVENANCE).exists() else None
    manifest = PartsManifest(parts=tuple(parts), provenance=provenance, sources=list(sources))
    manifest_key = output.inside(MANIFEST_NAME).key
    try:
        store.put(manifest_key, manifest.to_bytes(), instead_of=before)
    except (ConditionFailedError, FileNotFoundError) as error:
        raise _replaced(output) from error
    store.delete([key for key in there if key not in keys and is_part_key(key.removeprefix(f"{output.key}/"))])


def _facts(store: Store, key: str) -> ObjectFacts | None:
    try:
        return store.head(key)
    except FileNotFoundError:
        return None


def _replaced(output: Address) -> OutputError:
    return OutputError(
        f"{output} was written by another run while this one worked.",
        "Give the same command again to replace that: what was finished is kept.",
    )
