"""Thrift's compact protocol, as far as the footers and page headers of parquet files need it."""

from collections.abc import Iterator
from typing import Any, Final

_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)
_WIDTHS: Final = {_BYTE: 1, _DOUBLE: 8}
_LONG_LIST: Final = 15
_MORE: Final = 128
_MAX_BITS: Final = 70
_MAX_DEPTH: Final = 32


class BadThriftError(ValueError):
    """The bytes are invalid."""


class TooManyError(ValueError):
    """There are more structures than a file of this size has."""


class Compact:
    """A reader of Thrift's compact protocol; raises an IndexError if the bytes end too early.

    Attributes:
        at: The current position.
        most_structs: The maximum number of structures to read.
    """

    def __init__(self, data: bytes) -> None:
        self.at = 0
        self.most_structs = 100
        self._data = data

    def struct(self, wanted: dict[int, Any], depth: int = 0) -> dict[int, Any]:
        """The requested fields by number: an int, bytes, a dict for a structure, or a list of these."""
        self.most_structs -= 1
        if self.most_structs < 0:
            raise TooManyError
        found: dict[int, Any] = {}
        for number, kind in self._fields():
            if number in wanted:
                found[number] = self._value(kind, wanted[number], depth)
            else:
                self._skip(kind, depth)
        return found

    def _fields(self) -> Iterator[tuple[int, int]]:
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            yield number, head & 15

    def _value(self, kind: int, wanted: Any, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            raise BadThriftError
        if kind == _STRUCT and isinstance(wanted, dict):
            return self.struct(wanted, depth + 1)
        if kind == _LIST and isinstance(wanted, list):
            n, of = self._list_head()
            if of != _STRUCT:
                raise BadThriftError
            return [self.struct(wanted[0], depth + 1) for _ in range(n)]
        if kind in (_I16, _I32, _I64) and wanted is int:
            return self._zigzag()
        if kind == _BINARY and wanted is bytes:
            n = self._varint()
            self._move(n)
            return self._data[self.at - n : self.at]
        raise BadThriftError

    def _skip(self, kind: int, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise BadThriftError
        if kind in (_I16, _I32, _I64):
            self._varint()
        elif kind == _BINARY:
            self._move(self._varint())
        elif kind == _STRUCT:
            for _, inner in self._fields():
                self._skip(inner, depth + 1)
        elif kind in (_LIST, _SET):
            n, of = self._list_head()
            for _ in range(n):
                if of in (_TRUE, _FALSE):
                    self._move(1)
                else:
                    self._skip(of, depth + 1)
        elif kind == _MAP:
            self._skip_map(depth)
        elif kind in _WIDTHS:
            self._move(_WIDTHS[kind])
        elif kind not in (_TRUE, _FALSE):
            raise BadThriftError

    def _skip_map(self, depth: int) -> None:
        n = self._varint()
        kinds = self._byte() if n else 0
        for _ in range(n):
            self._skip(kinds >> 4, depth + 1)
            self._skip(kinds & 15, depth + 1)

    def _list_head(self) -> tuple[int, int]:
        head = self._byte()
        n = head >> 4
        n = self._varint() if n == _LONG_LIST else n
        if n > len(self._data) - self.at:  # each takes at least a byte
            raise IndexError
        return n, head & 15

    def _byte(self) -> int:
        value = self._data[self.at]
        self.at += 1
        return value

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            if byte < _MORE:
                return value
            shift += 7
            if shift >= _MAX_BITS:
                raise BadThriftError

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def _move(self, n: int) -> None:
        self.at += n
        if self.at > len(self._data):
            raise IndexError
