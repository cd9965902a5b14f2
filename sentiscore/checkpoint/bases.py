"""Finds the base of adapters that were saved separately: next to them, where it was, or in the hub's cache."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sentiscore.checkpoint.checks import check_folder, check_whole
from sentiscore.checkpoint.config import CONFIG
from sentiscore.checkpoint.hub import find_in_cache
from sentiscore.checkpoint.lock import command, is_commit
from sentiscore.checkpoint.manifest import KeptAdapters, Manifest
from sentiscore.checkpoint.reading import DEFAULT, PACKAGED, Folder, OpenedFolder, hash_inside, is_plain_name, opened
from sentiscore.errors import CheckpointError

_HUB_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,95}(/[A-Za-z0-9][A-Za-z0-9_.-]{0,95})?")


@dataclass(frozen=True)
class Base:
    """The base of a checkpoint's adapters.

    Attributes:
        folder: Its path.
        in_4_bits: Whether its weights must be rounded to 4 bits first, as in training.
        opened: The open folder that was checked; None to open it by its path.
    """

    folder: Path
    in_4_bits: bool
    opened: OpenedFolder | None = field(default=None, repr=False, compare=False)

    @property
    def source(self) -> Folder:
        """The folder from which its files are read."""
        return self.opened or self.folder


def hash_base(folder: Folder) -> dict[str, str]:
    """The sha256 by file name of the files that define a base: its config and its weights.

    Raises:
        CheckpointError: A file cannot be read.
    """
    base = opened(folder)
    weights = sorted(name for name in base.names if name.endswith(".safetensors"))
    return {name: hash_inside(base, name) for name in [CONFIG, *weights]}


def find_base(folder: Folder, manifest: Manifest) -> Base | None:
    """Find the base of the adapters in a folder; None if it holds a complete model.

    A manifest may be untrusted, so the hub is not asked for a base that it names. The base is looked for next to the
    folder of the adapters, then where it was in training: in the hub's cache at the same commit, or in a folder.

    Raises:
        CheckpointError: The base cannot be found, or is not the one on which they were trained.
    """
    wanted = manifest.adapters
    if wanted is None:
        return None
    _check_name_of_base(folder, manifest, from_hub=wanted.base_folder is None)
    other = None
    for candidate in _base_candidates(folder, manifest, wanted):
        if not os.path.isfile(candidate / CONFIG):  # noqa: PTH113 - an inaccessible path is not an error here
            continue
        found = opened(candidate)
        if hash_base(found) == wanted.base_files:
            check_folder(found)
            check_whole(found)
            return Base(candidate, wanted.in_4_bits, found)
        other = other or candidate
    nearby = _adjacent_base_path(folder, manifest)
    if wanted.base_folder is None and other in (None, nearby):
        raise CheckpointError(
            f"{folder} holds adapters for the hub model {manifest.base}, which is not in the local cache at the "
            "commit that they were trained on.",
            f"Fetch it, if you trust its owner: {command(manifest.base, manifest.base_revision)}\n"
            f"(a base that is no classifier fails its last check, and is fetched all the same), or put it at {nearby}.",
        )
    if other is None:
        raise CheckpointError(
            f"{folder} holds adapters for the base {manifest.base}, which is not at {wanted.base_folder} any more.",
            f"Put the base, or a link to it, at {nearby}.",
        )
    raise CheckpointError(
        f"{other} is not the base that the adapters in {folder} were trained on.",
        "Bring back the base as it was, or train again.",
    )


def _check_name_of_base(folder: Folder, manifest: Manifest, *, from_hub: bool) -> None:
    base = manifest.base
    if base == DEFAULT:
        return
    if not (_HUB_ID.fullmatch(base) if from_hub else is_plain_name(base)):
        raise CheckpointError(f"The manifest of {folder} names no base: {base[:80]!r}.", "Train it again.")
    if from_hub and not is_commit(manifest.base_revision):
        raise CheckpointError(f"The manifest of {folder} names no commit of its base {base}.", "Train it again.")


def _base_candidates(folder: Folder, manifest: Manifest, wanted: KeptAdapters) -> Iterator[Path]:
    """The paths at which a base may be; a later one is touched only if the base is not at an earlier one."""
    if wanted.base_folder is None and manifest.base == DEFAULT:
        yield PACKAGED
        return
    yield _adjacent_base_path(folder, manifest)
    if wanted.base_folder is not None:
        yield Path(wanted.base_folder)
    elif (cached := find_in_cache(manifest.base, manifest.base_revision)) is not None:
        yield cached


def _adjacent_base_path(folder: Folder, manifest: Manifest) -> Path:
    path = folder.path if isinstance(folder, OpenedFolder) else folder
    return path.parent / manifest.base.rpartition("/")[2]
