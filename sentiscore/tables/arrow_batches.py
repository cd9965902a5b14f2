"""What the record batches of an Arrow file claim to hold, read from their headers before anything is unpacked.

A header is a flatbuffer (https://flatbuffers.dev/internals/), with the tables of Arrow's format/Message.fbs.
"""

import struct
from dataclasses import dataclass
from typing import Any, Final

RECORD_BATCH: Final = 3
DICTIONARY_BATCH: Final = 2

_HEADER_TYPE: Final = 1
_HEADER: Final = 2
_DATA_OF_DICTIONARY: Final = 1
_LENGTH: Final = 0
_BUFFERS: Final = 2
_COMPRESSION: Final = 3
_BUFFER: Final = struct.Struct("<qq")
_LENGTH_BYTES: Final = 8

_DICTIONARIES: Final = 2
_RECORD_BATCHES: Final = 3
_BLOCK: Final = struct.Struct("<qi4xq")
_END: Final = struct.Struct("<i6s")
_CONTINUED: Final = b"\xff\xff\xff\xff"


@dataclass(frozen=True)
class BatchClaim:
    """What a message holds.

    Attributes:
        kind: The type of the message, such as RECORD_BATCH.
        rows: Its rows; 0 if it is neither rows nor a dictionary.
        unpacked: Bytes of its buffers once they are unpacked.
    """

    kind: int
    rows: int
    unpacked: int


def batches_of(file: memoryview) -> list[BatchClaim]:
    """What the batches of a file claim, as its footer names them: dictionaries first.

    Args:
        file: The whole file, for example mapped into memory.

    Raises:
        ValueError: It is broken.
    """
    try:
        size, _ = _END.unpack(file[-_END.size :])
        if not 0 < size < len(file):
            raise ValueError("its footer is broken: it has no size")
        data = bytes(file[-_END.size - size : -_END.size])
        footer = _Table(data, struct.unpack_from("<I", data, 0)[0])
        blocks = [*footer.records(_DICTIONARIES, _BLOCK), *footer.records(_RECORD_BATCHES, _BLOCK)]
    except (struct.error, IndexError) as error:
        raise ValueError(f"its footer is broken: {error}") from error
    return [_batch_at(file, *block) for block in blocks]


def _batch_at(file: memoryview, start: int, n_header: int, n_body: int) -> BatchClaim:
    """The batch of a block of the footer."""
    begin = start + n_header
    if start < 0 or n_header <= _LENGTH_BYTES or n_body < 0 or begin + n_body > len(file):
        raise ValueError("its footer is broken: a batch is not within the file")
    header = bytes(file[start:begin])
    header = header[8:] if header.startswith(_CONTINUED) else header[4:]
    return batch_of(header, file[begin : begin + n_body])


def batch_of(header: bytes, body: Any) -> BatchClaim:
    """Read the header of a message.

    Args:
        header: The flatbuffer.
        body: The buffers, as an object of bytes that can be sliced.

    Raises:
        ValueError: It is broken.
    """
    try:
        message = _Table(header, struct.unpack_from("<I", header, 0)[0])
        kind = message.number(_HEADER_TYPE, "<B", 0)
        table = message.table(_HEADER) if kind in (RECORD_BATCH, DICTIONARY_BATCH) else None
        if kind == DICTIONARY_BATCH and table is not None:
            table = table.table(_DATA_OF_DICTIONARY)
        if table is None:
            return BatchClaim(kind, 0, 0)
        rows = table.number(_LENGTH, "<q", 0)
        packed = table.place(_COMPRESSION) is not None
        unpacked = sum(_size_of(body, start, size, packed=packed) for start, size in table.records(_BUFFERS, _BUFFER))
    except (struct.error, IndexError) as error:
        raise ValueError(f"the header of a batch is broken: {error}") from error
    if rows < 0 or unpacked < 0:
        raise ValueError("the header of a batch is broken: it has a negative size")
    return BatchClaim(kind, rows, unpacked)


def _size_of(body: Any, start: int, size: int, *, packed: bool) -> int:
    """The unpacked size of a buffer: a packed one begins with it, or with -1 if it is not packed after all."""
    if start < 0 or size < 0 or start + size > len(body):
        raise ValueError("the header of a batch is broken: a buffer is not within it")
    if not packed or size < _LENGTH_BYTES:
        return size
    claimed: int = struct.unpack("<q", bytes(body[start : start + _LENGTH_BYTES]))[0]
    return size if claimed == -1 else max(claimed, 0)


class _Table:
    """A table of a flatbuffer.

    Args:
        data: The flatbuffer.
        start: Where the table begins.
    """

    def __init__(self, data: bytes, start: int) -> None:
        self._data = data
        self._start = start
        self._fields = start - struct.unpack_from("<i", data, start)[0]
        if self._fields < 0:
            raise ValueError("the header of a batch is broken: a table has no fields")

    def place(self, field: int) -> int | None:
        """Where a field is; None if it has its default."""
        at = 4 + 2 * field
        if at + 2 > struct.unpack_from("<H", self._data, self._fields)[0]:
            return None
        found = struct.unpack_from("<H", self._data, self._fields + at)[0]
        return self._start + found if found else None

    def number(self, field: int, form: str, default: int) -> int:
        place = self.place(field)
        return default if place is None else int(struct.unpack_from(form, self._data, place)[0])

    def table(self, field: int) -> "_Table | None":
        place = self.place(field)
        return None if place is None else _Table(self._data, self._target(place))

    def records(self, field: int, form: struct.Struct) -> list[Any]:
        """A vector of structures of numbers."""
        place = self.place(field)
        if place is None:
            return []
        start = self._target(place)
        n = struct.unpack_from("<I", self._data, start)[0]
        if n > len(self._data) // form.size:
            raise ValueError("the header of a batch is broken: a list is longer than it")
        return [form.unpack_from(self._data, start + 4 + i * form.size) for i in range(n)]

    def _target(self, place: int) -> int:
        return place + int(struct.unpack_from("<I", self._data, place)[0])
