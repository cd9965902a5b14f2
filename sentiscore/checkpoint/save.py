"""Finish a checkpoint folder: hash what is in it and write the manifest last."""

from dataclasses import replace
from pathlib import Path

from sentiscore.checkpoint.manifest import MANIFEST, Manifest, hash_file, loaded_files
from sentiscore.disk.durable import write_text


def write_manifest(folder: Path, manifest: Manifest) -> Manifest:
    """Write `sentiscore.json` with the hashes of every file that loading reads.

    Args:
        folder: A folder with weights, config and tokenizer.
        manifest: What to say of it; its `files` are filled in here.

    Returns:
        The manifest as written.
    """
    complete = replace(manifest, files={path.name: hash_file(path) for path in loaded_files(folder)})
    write_text(folder / MANIFEST, complete.to_json())
    return complete
