"""Finishes a checkpoint folder: hashes its files, syncs them to the disk, and writes the manifest last."""

from dataclasses import replace
from pathlib import Path

from sentiscore.checkpoint.manifest import MANIFEST, Manifest, hash_file, loaded_files
from sentiscore.disk.durable import sync_contents, write_text
from sentiscore.disk.failures import translated


def write_manifest(folder: Path, manifest: Manifest) -> Manifest:
    """Write `sentiscore.json` with the hashes of every file that loading reads.

    If the manifest survives a power loss, so do the files it names: they reach the disk before it does.

    Args:
        folder: A folder with weights, config and tokenizer.
        manifest: Its manifest; the `files` are filled in here.

    Returns:
        The manifest as written.

    Raises:
        OutputError: It cannot be written, or the other files cannot be synced.
    """
    complete = replace(manifest, files={path.name: hash_file(path) for path in loaded_files(folder)})
    with translated(folder):
        sync_contents(folder)
    write_text(folder / MANIFEST, complete.to_json())
    return complete
