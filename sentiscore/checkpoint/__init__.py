"""A folder on disk <-> a verified, calibrated model."""

from sentiscore.checkpoint.load import DEFAULT, Base, Checkpoint, load_checkpoint
from sentiscore.checkpoint.manifest import KeptAdapters, Manifest
from sentiscore.checkpoint.save import write_manifest

__all__ = [
    "DEFAULT",
    "Base",
    "Checkpoint",
    "KeptAdapters",
    "Manifest",
    "load_checkpoint",
    "write_manifest",
]
