"""A folder on disk <-> a verified, calibrated model."""

from sentiscore.checkpoint.load import DEFAULT, Base, Checkpoint, load_checkpoint
from sentiscore.checkpoint.manifest import DataFingerprint, KeptAdapters, Manifest
from sentiscore.checkpoint.save import write_manifest
from sentiscore.checkpoint.verification import Check, Verification, verify

__all__ = [
    "DEFAULT",
    "Base",
    "Check",
    "Checkpoint",
    "DataFingerprint",
    "KeptAdapters",
    "Manifest",
    "Verification",
    "load_checkpoint",
    "verify",
    "write_manifest",
]
