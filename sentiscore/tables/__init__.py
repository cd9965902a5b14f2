"""Files on disk <-> polars frames, in windows of rows, in order."""

from sentiscore.tables.hashes import hash_output
from sentiscore.tables.places import (
    check_place,
    check_target,
    is_folder_target,
    put_in_place,
    sidecar_path,
    sweep,
    write_text,
)
from sentiscore.tables.sink import Sink, open_sink, write_frame
from sentiscore.tables.source import Source, open_source, read_table

__all__ = [
    "Sink",
    "Source",
    "check_place",
    "check_target",
    "hash_output",
    "is_folder_target",
    "open_sink",
    "open_source",
    "put_in_place",
    "read_table",
    "sidecar_path",
    "sweep",
    "write_frame",
    "write_text",
]
