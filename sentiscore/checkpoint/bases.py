"""What adapters that were kept apart are put on: found beside them, where it was, or in the hub's cache."""

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
    """What the adapters of a checkpoint are to be put on.

    Attributes:
        folder: Where it is.
        in_4_bits: Whether its weights have to be rounded to 4 bits first, as they were in training.
        opened: The folder as it was checked; None to open it by its path.
    """

    folder: Path
    in_4_bits: bool
    opened: OpenedFolder | None = field(default=None, repr=False, compare=False)

    @property
    def source(self) -> Folder:
        """What its files are read from."""
        return self.opened or self.folder


def hash_base(folder: Folder) -> dict[str, str]:
    """sha256 by file name of what makes a base: its config and its weights.

    Raises:
        CheckpointError: A file cannot be read.
    """
    base = opened(folder)
    weights = sorted(name for name in base.names if name.endswith(".safetensors"))
    return {name: hash_inside(base, name) for name in [CONFIG, *weights]}


def find_base(folder: Folder, manifest: Manifest) -> Base | None:
    """What the adapters in a folder are to be put on; None if it holds a whole model.

    A manifest may come from a stranger, so the hub is not asked for a base that it names. The base is looked for beside
    the folder of the adapters, then where it was: in the hub's cache at the commit that was trained on, or in a folder.

    Raises:
        CheckpointError: The base cannot be found, or is not the one that they were trained on.
    """
    wanted = manifest.adapters
    if wanted is None:
        return None
    _check_name_of_base(folder, manifest, from_hub=wanted.base_folder is None)
    other = None
    for candidate in _base_candidates(folder, manifest, wanted):
        if not os.path.isfile(candidate / CONFIG):  # noqa: PTH113 - a path that cannot be asked for is no error here
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
    """Where a base may be; a later place is touched only if it was not in an earlier one."""
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
