"""The sha256 of a file, and of a folder of files."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from sentiscore.tables.part_folders import is_provenance


def hash_output(path: Path) -> str:
    """The sha256 of a file, or of all files in a folder, in hex.

    Args:
        path: A file, or a folder, of which hidden files and provenances are left out.

    Returns:
        For a folder, the sha256 of what `sha256sum *` prints in it, including the files of its subfolders.

    Raises:
        OSError: It cannot be read.
    """
    if not path.is_dir():
        return _hash_file(path)
    files = [each for each in path.rglob("*") if each.is_file() and not is_provenance(each.name)]
    names = {each.relative_to(path).as_posix(): each for each in files}
    shown = {name: each for name, each in names.items() if not any(part.startswith(".") for part in name.split("/"))}
    return hash_listing({name: _hash_file(each) for name, each in shown.items()})


def hash_listing(hashes: Mapping[str, str]) -> str:
    """The sha256 of a list of names and hashes, sorted by name, in the format of `sha256sum`."""
    listing = "".join(f"{hashes[name]}  {name}\n" for name in sorted(hashes))
    return hashlib.sha256(listing.encode()).hexdigest()


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
