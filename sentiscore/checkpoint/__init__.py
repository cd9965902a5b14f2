"""A folder on disk <-> a verified, calibrated model."""

from sentiscore.checkpoint.load import DEFAULT, Checkpoint, load_checkpoint
from sentiscore.checkpoint.manifest import DataFingerprint, Manifest
from sentiscore.checkpoint.save import write_manifest

__all__ = ["DEFAULT", "Checkpoint", "DataFingerprint", "Manifest", "load_checkpoint", "write_manifest"]
