"""Files on disk <-> polars frames, in windows of rows, in order."""

from sentiscore.tables.hashes import hash_output
from sentiscore.tables.opening import open_source, read_table
from sentiscore.tables.places import check_target, is_folder_target, sidecar_path
from sentiscore.tables.sink import Sink, open_sink, write_frame
from sentiscore.tables.source import Source

__all__ = [
    "Sink",
    "Source",
    "check_target",
    "hash_output",
    "is_folder_target",
    "open_sink",
    "open_source",
    "read_table",
    "sidecar_path",
    "write_frame",
]
