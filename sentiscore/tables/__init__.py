"""Files on disk <-> polars frames, in windows of rows, in order."""

from sentiscore.tables.sink import (
    Sink,
    check_place,
    check_target,
    open_sink,
    put_in_place,
    sweep,
    write_frame,
    write_text,
)
from sentiscore.tables.source import Source, open_source, read_table

__all__ = [
    "Sink",
    "Source",
    "check_place",
    "check_target",
    "open_sink",
    "open_source",
    "put_in_place",
    "read_table",
    "sweep",
    "write_frame",
    "write_text",
]
