"""Computes what a parquet file would unpack to from its footer and page headers, without unpacking any page.

The footer is not trusted: each size that matters is taken from the page's own header, which also determines how much
memory a reader reserves. Headers are in Thrift's compact protocol, of which this reads what it needs.
"""

import io
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sentiscore.errors import InputError
from sentiscore.tables.limits import (
    CHUNK_BYTES,
    FREE_CHUNKS,
    FREE_ROWS,
    MAX_COLUMNS,
    MAX_DEPTH,
    NESTED_RATIO,
    NESTED_VALUES,
    PARQUET_CELLS_OF_A_BYTE,
    ROWS_OF_A_BYTE,
    UNPACKED_BYTES,
    UNPACKED_RATIO,
)
from sentiscore.tables.problems import broken, check_cells, check_names, too_much
from sentiscore.tables.thrift import BadThriftError, Compact, TooManyError

_MAGIC: Final = b"PAR1"
_ENCRYPTED: Final = b"PARE"
_TAIL: Final = 8
_HEAD_BYTES: Final = 1 << 10
_REPEATED: Final = 2
_DICTIONARY: Final = 2
_DATA: Final = (0, 3)
_DELTA_BYTE_ARRAY: Final = 7
_INT96: Final = 3
_BYTE_ARRAY: Final = 6

# The numbers of fields, as the format's parquet.thrift gives them.
_SCHEMA, _ROWS, _GROUPS, _ENCRYPTION = 2, 3, 4, 8
_TYPE, _REPETITION, _NAME, _CHILDREN = 1, 3, 4, 5
_CHUNKS, _GROUP_ROWS = 1, 3
_META, _VALUES, _SIZE, _DATA_AT, _DICTIONARY_AT = 3, 5, 7, 9, 11
_KIND, _UNPACKED, _PACKED, _ABOUT_V1, _ABOUT_V2 = 1, 2, 3, 5, 8
_PAGE_VALUES, _ENCODING_V1, _ENCODING_V2 = 1, 2, 4

_FOOTER: Final = {
    _SCHEMA: [{_TYPE: int, _REPETITION: int, _NAME: bytes, _CHILDREN: int}],
    _ROWS: int,
    _GROUPS: [
        {
            _CHUNKS: [{_META: {_VALUES: int, _SIZE: int, _DATA_AT: int, _DICTIONARY_AT: int}}],
            _GROUP_ROWS: int,
        }
    ],
    _ENCRYPTION: {},
}
_PAGE: Final = {
    _KIND: int,
    _UNPACKED: int,
    _PACKED: int,
    _ABOUT_V1: {_PAGE_VALUES: int, _ENCODING_V1: int},
    _ABOUT_V2: {_PAGE_VALUES: int, _ENCODING_V2: int},
}


@dataclass(frozen=True)
class Chunk:
    """The values of one column in one row group, as the footer describes them."""

    values: int
    size: int
    data_at: int
    dictionary_at: int | None

    @property
    def start(self) -> int:
        """The position of its first page."""
        return self.data_at if self.dictionary_at is None else self.dictionary_at


@dataclass(frozen=True)
class Leaf:
    """One stored column.

    Attributes:
        column: The name of the table's column that it belongs to.
        repeated: Whether a row may have many values.
        text: Whether its values point into the unpacked page, which is then kept as long as they are.
        int96: Whether its values are times of 96 bits.
    """

    column: str
    repeated: bool
    text: bool
    int96: bool = False


@dataclass(frozen=True)
class Footer:
    """The parts of a footer that its readers rely on.

    Attributes:
        names: The columns.
        leaves: The stored columns.
        rows: The number of rows.
        group_rows: The number of rows of each row group.
        numbers: The four numbers of each chunk, one chunk for each leaf and row group. They are in one array since
            there may be many, and a footer is kept as long as its file is used.
    """

    names: tuple[str, ...]
    leaves: tuple[Leaf, ...]
    rows: int
    group_rows: "array[int]"
    numbers: "array[int]"

    @property
    def int96(self) -> frozenset[str]:
        """The columns that contain times of 96 bits."""
        return frozenset(leaf.column for leaf in self.leaves if leaf.int96)

    def chunk(self, group: int, leaf: int) -> Chunk:
        """The chunk of a leaf in a row group, both counted from 0."""
        at = 4 * (group * len(self.leaves) + leaf)
        values, size, data_at, dictionary_at = self.numbers[at : at + 4]
        return Chunk(values, size, data_at, dictionary_at or None)


def read_footer(path: Path) -> Footer:
    """Read a parquet file's footer, and check that it is consistent and within the limits.

    Raises:
        InputError: It is not.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(max(0, size - _TAIL))
        tail = file.read(_TAIL)
        length = int.from_bytes(tail[:4], "little")
        if _ENCRYPTED in (start, tail[4:]):
            raise InputError(f"{path} is encrypted.", "Write it anew without encryption.")
        if start != _MAGIC or tail[4:] != _MAGIC or length > size - _TAIL - len(_MAGIC):
            raise broken(path, "it does not begin and end as a parquet file does")
        file.seek(size - _TAIL - length)
        data = file.read(length)
    try:
        footer = _footer(path, data, size)
    except (BadThriftError, IndexError, KeyError, TypeError, OverflowError, UnicodeDecodeError) as error:
        raise broken(path, "its footer makes no sense") from error
    check_names(path, footer.names)
    if footer.rows > FREE_ROWS and footer.rows > ROWS_OF_A_BYTE * size:
        raise too_much(path, f"says that it has {footer.rows:,} rows in {size:,} bytes")
    check_cells(path, footer.rows, len(footer.leaves), size, PARQUET_CELLS_OF_A_BYTE)
    return footer


def check_pages(path: Path, footer: Footer, columns: set[str], *, all_texts: bool = False) -> int:
    """Check that what must be unpacked at the same time to read some columns is not absurdly large.

    Args:
        path: The file.
        footer: Its footer.
        columns: The names of the columns to read.
        all_texts: Whether the reader copies every text, so that each value of a page of text, with its dictionary, may
            take as much memory as all of them.

    Returns:
        Bytes of the largest page whose values may share prefixes with earlier ones (DELTA_BYTE_ARRAY): each of its
        values may be as large as the page. With `all_texts`, of the largest page of text. 0 if there is no such page.

    Raises:
        InputError: It is; or pages and footer contradict each other.
    """
    size = path.stat().st_size
    chosen = [i for i, leaf in enumerate(footer.leaves) if leaf.column in columns]
    most = max(UNPACKED_BYTES, UNPACKED_RATIO * size)
    shared = 0
    with path.open("rb", buffering=0) as file:
        for group, rows in enumerate(footer.group_rows):
            texts = others = nested = 0
            for i in chosen:
                leaf, chunk = footer.leaves[i], footer.chunk(group, i)
                try:
                    values, largest, sharing = _measure(file, chunk, size)
                except (BadThriftError, IndexError, KeyError, TypeError) as error:
                    raise broken(path, f"a page of its column {leaf.column!r} makes no sense") from error
                if values != chunk.values or (not leaf.repeated and values != rows):
                    raise broken(path, f"pages of its column {leaf.column!r} hold {values} values, not {rows}")
                if leaf.text:
                    texts += largest
                    sharing = largest if all_texts else sharing
                else:
                    others = max(others, largest)
                shared = max(shared, sharing)
                nested += values if leaf.repeated else 0
            if texts + others > most:
                raise too_much(path, f"has pages that unpack to {(texts + others) >> 20:,} MB at the same time")
            if nested > max(NESTED_VALUES, NESTED_RATIO * size):
                raise too_much(path, f"has {nested:,} values in the lists of {rows:,} rows")
    return shared


def _measure(file: io.FileIO, chunk: Chunk, file_size: int) -> tuple[int, int, int]:
    """Count the values of a chunk's pages, and the bytes that are unpacked.

    The bytes are those of its dictionary and largest page together, and those of the largest page whose values share
    prefixes.
    """
    if chunk.size == 0:  # a row group without rows
        return 0, 0, 0
    at, end = chunk.start, chunk.start + chunk.size
    if not len(_MAGIC) <= at <= end <= file_size:
        raise BadThriftError
    values = dictionary = largest = sharing = 0
    while at < end:
        head, length = _page_head(file, at)
        kind, unpacked, packed = head[_KIND], head[_UNPACKED], head[_PACKED]
        if packed < 0 or unpacked < 0:
            raise BadThriftError
        at += length + packed
        if kind == _DICTIONARY:
            dictionary += unpacked
        elif kind in _DATA:
            about = head[_ABOUT_V1 if kind == 0 else _ABOUT_V2]
            n = about[_PAGE_VALUES]
            if about[_ENCODING_V1 if kind == 0 else _ENCODING_V2] == _DELTA_BYTE_ARRAY:
                sharing = max(sharing, unpacked)
            if n < 0:
                raise BadThriftError
            values += n
            largest = max(largest, unpacked)
    if at != end:
        raise BadThriftError
    return values, dictionary + largest, sharing


def _page_head(file: io.FileIO, at: int) -> tuple[dict[int, Any], int]:
    """The header of a page, and its length in bytes."""
    size = _HEAD_BYTES
    while True:
        file.seek(at)
        data = file.read(size)
        reader = Compact(data)
        try:
            return reader.struct(_PAGE), reader.at
        except IndexError:
            if len(data) < size or size > UNPACKED_BYTES:
                raise
            size *= 32


def _footer(path: Path, data: bytes, size: int) -> Footer:
    reader = Compact(data)
    reader.most_structs = max(FREE_CHUNKS, size // CHUNK_BYTES) + 4 * MAX_COLUMNS
    try:
        found = reader.struct(_FOOTER)
    except TooManyError as error:
        raise too_much(path, "describes more columns and row groups than it has room for") from error
    if _ENCRYPTION in found:
        raise InputError(f"{path} is encrypted.", "Write it anew without encryption.")
    names, leaves = _leaves(path, found[_SCHEMA])
    group_rows, numbers = array("q"), array("q")
    for group in found.get(_GROUPS, []):
        if len(group[_CHUNKS]) != len(leaves) or group[_GROUP_ROWS] < 0:
            raise BadThriftError
        group_rows.append(group[_GROUP_ROWS])
        for meta in (chunk[_META] for chunk in group[_CHUNKS]):
            numbers.extend((meta[_VALUES], meta[_SIZE], meta[_DATA_AT], meta.get(_DICTIONARY_AT, 0)))
    if found[_ROWS] != sum(group_rows):
        raise BadThriftError
    return Footer(tuple(names), tuple(leaves), found[_ROWS], group_rows, numbers)


def _leaves(path: Path, elements: list[dict[int, Any]]) -> tuple[list[str], list[Leaf]]:
    """Convert the tree of a schema, stored in depth-first order, to its top-level names and its leaves."""
    names: list[str] = []
    leaves: list[Leaf] = []
    above = [[elements[0].get(_CHILDREN, 0), False]]  # number of children to come, and whether they may repeat
    for element in elements[1:]:
        while above and above[-1][0] == 0:
            above.pop()
        if not above:
            raise BadThriftError
        above[-1][0] -= 1
        if len(above) == 1:
            names.append(element[_NAME].decode())
        repeated = above[-1][1] or element.get(_REPETITION) == _REPEATED
        if element.get(_CHILDREN) or _TYPE not in element:  # a leaf has a type; some writers give it 0 children too
            above.append([element.get(_CHILDREN, 0), repeated])
            if len(above) > MAX_DEPTH:
                raise too_much(path, f"has columns that are nested more than {MAX_DEPTH} levels deep")
        else:
            kind = element.get(_TYPE)
            leaves.append(Leaf(names[-1], repeated, kind == _BYTE_ARRAY, kind == _INT96))
    if any(left for left, _ in above):
        raise BadThriftError
    return names, leaves
