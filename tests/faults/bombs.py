"""Files that would take a machine's memory, or lie about what they hold, or are nothing that they seem to be."""

import gzip
import io
import json
from collections.abc import Callable
from typing import Any, Final

import numpy as np

MB: Final = 1 << 20


def _packed(member: bytes, times: int, before: bytes = b"", after: bytes = b"") -> bytes:
    """A gzipped file of a piece repeated, made without ever unpacking it."""
    return gzip.compress(before) + gzip.compress(member, 6) * times + gzip.compress(after)


# --- parquet, by pyarrow ---


def _parquet(table: Any, **how: Any) -> bytes:
    from pyarrow import parquet

    file = io.BytesIO()
    parquet.write_table(table, file, compression="zstd", **how)
    return file.getvalue()


_ONE_PAGE: Final = {
    "use_dictionary": False,
    "data_page_size": 2**31 - 1,
    "write_batch_size": 2**30,
    "max_rows_per_page": 2**30,
}


def large_page() -> bytes:
    """80 MB of text in one page."""
    import pyarrow as pa

    return _parquet(pa.table({"text": pa.array(["x" * 1000] * 80_000)}), **_ONE_PAGE)


def large_dictionary() -> bytes:
    """A dictionary of one text of 80 MB, which three rows have."""
    import pyarrow as pa

    return _parquet(pa.table({"text": pa.array(["x" * 80 * MB] * 3)}), dictionary_pagesize_limit=2**31 - 1)


def many_pages() -> bytes:
    """A row of two hundred texts of 500 kB."""
    import pyarrow as pa

    return _parquet(pa.table({f"c{i}": ["x" * 500_000] for i in range(200)}), use_dictionary=False)


def just_within() -> bytes:
    """A row of 60 MB, in a page that is not too large."""
    import pyarrow as pa

    return _parquet(pa.table({"text": ["x" * 60 * MB]}), use_dictionary=False)


def odd_types() -> bytes:
    """Dictionaries with every type of key, times that no calendar has, and decimals."""
    from decimal import Decimal

    import pyarrow as pa

    columns: dict[str, Any] = {
        "text": pa.array(["up", "down", None]),
        "times": pa.array([2**63 - 1, -(2**63), None], pa.timestamp("us", "UTC")),
        "nanoseconds": pa.array([2**63 - 1, -(2**63), None], pa.timestamp("ns")),
        "days": pa.array([2**31 - 1, -(2**31), None], pa.date32()),
        "decimals": pa.array([Decimal("1e37"), Decimal(-1), None], pa.decimal128(38, 0)),
        "halves": pa.array([0.5, 1.5, None], pa.float16()),
        "none": pa.nulls(3),
    }
    for kind in (pa.int8(), pa.uint8(), pa.int16(), pa.uint16(), pa.int32(), pa.uint32(), pa.int64(), pa.uint64()):
        keys = pa.array([0, 1, None], kind)
        columns[f"texts by {kind}"] = pa.DictionaryArray.from_arrays(keys, pa.array(["a", "b"]))
        columns[f"numbers by {kind}"] = pa.DictionaryArray.from_arrays(keys, pa.array([1.5, 2.5]))
    return _parquet(pa.table(columns))


def large_text() -> bytes:
    """One row of 30 MB."""
    import pyarrow as pa

    return _parquet(pa.table({"text": ["up", "x" * 30 * MB]}), use_dictionary=False)


def long_list() -> bytes:
    """One row with a list of fifty million numbers, in less than a kilobyte."""
    import pyarrow as pa

    n = 50_000_000
    values = pa.ListArray.from_arrays(pa.array([0, n], pa.int32()), pa.array(np.zeros(n, dtype="i1")))
    return _parquet(pa.table({"text": ["up"], "list": values}))


def texts_in_lists() -> bytes:
    """Four million texts of 1 MB in the lists of one row."""
    import pyarrow as pa

    n = 3_900_000
    texts = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, dtype="i4")), pa.array(["x" * 1_000_000]))
    lists = pa.ListArray.from_arrays(pa.array([0, n], pa.int32()), texts)
    return _parquet(pa.table({"text": ["up"], "list": lists}), store_schema=False)


def repeated_text(rows: int) -> bytes:
    """One text of 1 MB in many rows, in less than a kilobyte."""
    import pyarrow as pa

    indices = pa.array(np.zeros(rows, dtype="i4"))
    texts = pa.DictionaryArray.from_arrays(indices, pa.array(["x" * 1_000_000]))
    return _parquet(pa.table({"text": texts}), store_schema=False)


def shared_beginnings() -> bytes:
    """1 GB: texts of 1 MB that differ in their ends, of which alone the ends are there."""
    import pyarrow as pa

    texts = pa.array(["x" * 1_000_000 + str(i) for i in range(150)])
    return _parquet(
        pa.table({"text": pa.chunked_array([texts])}), column_encoding={"text": "DELTA_BYTE_ARRAY"}, **_ONE_PAGE
    )


def many_columns(n: int) -> bytes:
    """A row of many columns."""
    import pyarrow as pa

    return _parquet(pa.table({f"c{i}": pa.array([1]) for i in range(n)}), use_dictionary=False, write_statistics=False)


def wrong_count() -> bytes:
    """A footer that says 1,001 rows, and pages of 1,000."""
    import pyarrow as pa

    data = _parquet(pa.table({"text": [f"{i}" for i in range(1000)]}), write_statistics=False)
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    thousand, one_more = b"\xd0\x0f", b"\xd2\x0f"
    assert thousand in data[footer:]
    return data[:footer] + data[footer:].replace(thousand, one_more)


# --- parquet, by hand ---

_I32, _I64, _BINARY, _LIST, _STRUCT = 5, 6, 8, 9, 12


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _struct(*fields: tuple[int, int, Any]) -> bytes:
    """A structure in Thrift's compact protocol, of fields as number, kind and value."""
    out = b""
    before = 0
    for number, kind, value in fields:
        out += bytes([(number - before) << 4 | kind])
        before = number
        if kind in (_I32, _I64):
            out += _varint(value << 1 if value >= 0 else -value * 2 - 1)
        elif kind == _BINARY:
            out += _varint(len(value)) + value
        elif kind == _LIST:
            of, items = value
            out += bytes([15 << 4 | of]) + _varint(len(items)) + b"".join(items)
        else:
            out += value
    return out + b"\0"


def _element(name: bytes, *more: tuple[int, int, Any]) -> bytes:
    return _struct(*sorted([(4, _BINARY, name), *more]))


def _by_hand(schema: list[bytes], groups: list[bytes], rows: int, pages: bytes = b"") -> bytes:
    footer = _struct((1, _I32, 1), (2, _LIST, (_STRUCT, schema)), (3, _I64, rows), (4, _LIST, (_STRUCT, groups)))
    return b"PAR1" + pages + footer + len(footer).to_bytes(4, "little") + b"PAR1"


def nulls(rows: int) -> bytes:
    """So many nulls, truly: two thousand million to a page of a few bytes."""
    pages = b""
    left = rows
    while left:
        n = min(left, 2**31 - 1)
        levels = _varint(n << 1) + b"\0"
        body = len(levels).to_bytes(4, "little") + levels
        about = _struct((1, _I32, n), (2, _I32, 0), (3, _I32, 3), (4, _I32, 3))
        pages += _struct((1, _I32, 0), (2, _I32, len(body)), (3, _I32, len(body)), (5, _STRUCT, about)) + body
        left -= n
    meta = _struct(
        (1, _I32, 1),
        (2, _LIST, (_I32, [b"\0", b"\6"])),
        (3, _LIST, (_BINARY, [b"\4text"])),
        (4, _I32, 0),
        (5, _I64, rows),
        (6, _I64, len(pages)),
        (7, _I64, len(pages)),
        (9, _I64, 4),
    )
    chunk = _struct((2, _I64, 4), (3, _STRUCT, meta))
    group = _struct((1, _LIST, (_STRUCT, [chunk])), (2, _I64, len(pages)), (3, _I64, rows))
    schema = [_element(b"schema", (5, _I32, 1)), _element(b"text", (1, _I32, 1), (3, _I32, 1))]
    return _by_hand(schema, [group], rows, pages)


def nested_schema(depth: int) -> bytes:
    """Groups within groups."""
    groups = [_element(b"g", (3, _I32, 1), (5, _I32, 1)) for _ in range(depth)]
    return _by_hand([_element(b"schema", (5, _I32, 1)), *groups, _element(b"leaf", (1, _I32, 1))], [], 0)


def claimed_columns() -> bytes:
    """A row group that claims 980,000 columns, and has none of them."""
    claim = bytes([(1 << 4) | _LIST, (15 << 4) | _STRUCT]) + _varint(980_000)
    return _by_hand([_element(b"schema", (5, _I32, 1)), _element(b"text", (1, _I32, 1))], [claim], 1)


def many_chunks() -> bytes:
    """Nine million bytes of footer that describe three million columns of one row group, each of nothing."""
    group = _struct((1, _LIST, (_STRUCT, [b"\x3c\0\0"] * 3_000_000)), (2, _I64, 1), (3, _I64, 1))
    return _by_hand([_element(b"schema", (5, _I32, 1)), _element(b"text", (1, _I32, 1))], [group], 1)


# --- rows, columns and long texts that a small file has many of ---


def packed_grid(rows: int, width: int, length: int) -> bytes:
    """A packed CSV of rows of one text of a length and of empty fields."""
    row = b"x" * length + b"," * (width - 1) + b"\n"
    at_once = max(1, min(rows, 4 * MB // len(row)))
    header = b",".join(b"c%d" % i for i in range(width)) + b"\n"
    return _packed(row * at_once, rows // at_once, header)


def keys_in_turn(rows: int, keys: int) -> bytes:
    """Lines that have a text and one more key each, of so many."""
    return b"".join(b'{"text":"up","k%d":1}\n' % (i % keys) for i in range(rows))


def keys_in_objects() -> bytes:
    """A list of an object of two thousand keys, and one of forty thousand empty objects."""
    keys = b",".join(b'"k%d":1' % i for i in range(2_000))
    return b'{"a":[{%s}]}\n{"a":[%s{}]}\n' % (keys, b"{}," * 40_000)


def null_columns(rows: int, width: int) -> bytes:
    """A parquet file of nulls."""
    import pyarrow as pa

    return _parquet(pa.table({f"c{i}": pa.nulls(rows, pa.string()) for i in range(width)}))


# --- all that have to be refused: the name of the file, what makes it, and what is said ---

_TEXT: Final = b"id,text\n1,up\n"
_QUOTE: Final = "quote or a field that is wrong|quote that is never closed"

REFUSED: Final[dict[str, tuple[Callable[[], bytes], str]]] = {
    # CSV
    "zeros.csv.gz": (lambda: _packed(bytes(16 * MB), 600), "a row of more than 16 MB in line 1"),
    "field.csv.gz": (lambda: _packed(b"x" * 10 * MB, 10, _TEXT + b"2,", b"\n"), "a row of more than 16 MB in line 3"),
    "quoted-field.csv.gz": (
        lambda: _packed((b"x" * 1023 + b"\n") * 10 * 1024, 10, _TEXT + b'2,"', b'"\n'),
        "row of more than 16 MB|field larger",
    ),
    "open-quote.csv": (lambda: _TEXT + b'2,"open\n' + b"3,down\n" * 1_200_000, _QUOTE),
    "open-quote.csv.gz": (
        lambda: _packed(b"3,down\n" * MB, 14, _TEXT + b'2,"open\n'),
        "row of more than 16 MB|field larger",
    ),
    "million-columns.csv": (lambda: b",".join(b"c%d" % i for i in range(1_000_000)) + b"\n", "1,000,000 columns"),
    "commas.csv": (lambda: _TEXT + b"," * 9 * MB + b"\n", "more than 1,000,000 separators in line 3"),
    "commas.csv.gz": (lambda: _packed(b"," * MB, 15, _TEXT), "more than 1,000,000 separators in line 3"),
    "ragged.csv": (lambda: _TEXT * 2 + b"1,2,3\n", "ragged: the row in line 5 has 3 fields"),
    "utf16.csv": (lambda: _TEXT.decode().encode("utf-16"), "not UTF-8"),
    "utf16-without-mark.csv": (lambda: _TEXT.decode().encode("utf-16-le"), "NUL bytes"),
    "utf32.csv": (lambda: _TEXT.decode().encode("utf-32"), "not UTF-8"),
    "latin-1.csv": (lambda: _TEXT + "3,größe\n".encode("latin-1"), "not UTF-8, in line 3"),
    "latin-1-header.csv": (lambda: "größe,b\n1,2\n".encode("latin-1"), "not UTF-8, in its header"),
    "page.csv": (lambda: b"\r\n<!DOCTYPE html>\n<html><body>Sign in</body></html>", "web page"),
    "pointer.csv": (lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "Git LFS"),
    "lines.csv.gz": (
        lambda: _packed(b'"' + b"\n" * 10 * MB + b'"\n', 2, b"text\n"),
        r"20,\d+,\d+ lines or more in",
    ),
    "cut.csv.gz": (lambda: gzip.compress(_TEXT * 1000)[:-9], "cut short"),
    "not-packed.csv.gz": (lambda: _TEXT, "cannot be read"),
    "noise.csv.gz": (lambda: b"\x1f\x8b\x08\0\0\0\0\0\0\3" + b"\xff\xa5" * 99, "cannot be read"),
    "twice.csv": (lambda: b"a,b,a\n1,2,3\n", "more than one column called 'a'"),
    "rows.csv.gz": (lambda: packed_grid(12 * MB, 1, 1), "rows of 1 values or more in"),
    "short-rows.csv.gz": (lambda: packed_grid(2 * MB, 20, 1), "rows of 20 values or more in"),
    "wide-rows.csv.gz": (lambda: packed_grid(4_000, 9_000, 1), "rows of 9,000 values or more in"),
    "long-rows.csv.gz": (lambda: packed_grid(24, 2, 10 * MB), "unpacks to more than 200 times its size"),
    # parquet
    "null-rows.parquet": (lambda: null_columns(20 * MB, 1), "20,971,520 rows of 1 values or more"),
    "null-columns.parquet": (lambda: null_columns(40_000, 500), "40,000 rows of 500 values or more"),
    "page.parquet": (large_page, "pages that unpack to"),
    "dictionary.parquet": (large_dictionary, "pages that unpack to"),
    "pages.parquet": (many_pages, "pages that unpack to"),
    "just-within.parquet": (just_within, "more than 16 MB of text in row 1"),
    "text.parquet": (large_text, "more than 16 MB of text in row 2"),
    "list.parquet": (long_list, "50,000,000 values in the lists"),
    "texts-in-lists.parquet": (texts_in_lists, "more than 16 MB of text in row 1"),
    "repeated-often.parquet": (lambda: repeated_text(10_000), r"more than 2,\d\d\d MB of text in 2,\d\d\d rows"),
    "columns.parquet": (lambda: many_columns(12_000), "12,000 columns"),
    "rows.parquet": (lambda: nulls(10**12), "says that it has 1,000,000,000,000 rows"),
    "chunks.parquet": (many_chunks, "more columns and row groups than it has room for"),
    "claims.parquet": (claimed_columns, "footer makes no sense"),
    "nested.parquet": (lambda: nested_schema(10_000), "nested more than 64 levels"),
    "no-columns.parquet": (lambda: _by_hand([_element(b"schema", (5, _I32, 0))], [], 0), "has no columns"),
    "count.parquet": (wrong_count, "1000 values, not 1001"),
    "cut.parquet": (lambda: wrong_count()[:-1], "does not begin and end as a parquet file does"),
    "encrypted.parquet": (lambda: b"PARE" + wrong_count()[4:-4] + b"PARE", "is encrypted"),
    "footer.parquet": (lambda: b"PAR1" + b"\xff" * 500 + b"\xf4\1\0\0PAR1", "footer makes no sense"),
    "page-of-web.parquet": (lambda: b"<html>no</html>", "web page"),
    "pointer.parquet": (lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "Git LFS"),
    "csv.parquet": (lambda: _TEXT * 100, "does not begin and end"),
    # ndjson
    "keys-in-turn.ndjson": (lambda: keys_in_turn(9_000, 9_000), "9,000 rows of 9,001 values or more"),
    "keys-in-objects.ndjson": (keys_in_objects, "rows of 2,001 values or more"),
    "deep.ndjson": (
        lambda: b'{"a":1}\n{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}\n",
        "more than 64 levels deep in line 2",
    ),
    "deep-and-open.ndjson": (lambda: b'{"a":' * 10_000, "more than 64 levels deep in line 1"),
    "line.ndjson": (lambda: b'{"a":"' + b"x" * 100 * MB + b'"}\n', "more than 16 MB in line 1"),
    "lists.ndjson": (lambda: b'{"a":[' + b"[]," * 3 * MB + b"[]]}\n", "more than 1,000,000 separators in line 1"),
    "keys.ndjson": (
        lambda: json.dumps({f"k{i}": 1 for i in range(700_000)}).encode(),
        "more than 10,000 names of columns and fields in line 1",
    ),
    "inner-keys.ndjson": (
        lambda: b"".join(b'{"a":{"k%d":1}}\n' % i for i in range(400_000)),
        "more than 10,000 names",
    ),
    "half-a-pair.ndjson": (lambda: b'{"a":"x"}\n{"a":"\\ud800"}\n', "line 2 is wrong: .*surrogates"),
    "bytes.ndjson": (lambda: b'{"a":"x"}\n\n{"a":"\xff"}\n', "not UTF-8, in line 3"),
    "long-number.ndjson": (lambda: b'{"a":' + b"9" * 5000 + b"}\n", "line 1 is wrong: a whole number is too long"),
    "rounded-number.ndjson": (lambda: b'{"a":0.5}\n{"a":9007199254740993}\n', "line 2 is wrong: .* too many digits"),
    "large-number.ndjson": (lambda: b'{"a":1}\n{"a":1e999}\n', "line 2 is wrong"),
    "no-number.ndjson": (lambda: b'{"a":NaN}\n', "line 1 is wrong: NaN"),
    "twice.ndjson": (lambda: b'{"a":1}\n{"b":{"c":1,"c":2}}\n', "line 2 is wrong: a key stands in it twice"),
    "list.ndjson": (lambda: b'{"a":1}\n[1]\n', "line 2 is wrong: it is not an object"),
    "two.ndjson": (lambda: b'{"a":1}{"a":2}\n', "line 1 is wrong: Extra data"),
    "over-two-lines.ndjson": (lambda: b'{"a":1}\n{"a":\n2}\n', "line 2 is wrong"),
    "split.ndjson": (lambda: b'{"a":[1\n2]},{"a":1}\n', "line 1 is wrong"),
    "types.ndjson": (lambda: b'{"a":1}\n{"a":[1]}\n', "line 2 is wrong: its types"),
    "blank.ndjson": (lambda: b"\n \n", "has no columns"),
    "empty-objects.ndjson": (lambda: b"{}\n{}\n", "has no columns"),
    "cut.ndjson": (lambda: b'{"a":1}\n{"a":"x', "line 2 is wrong"),
}

READ: Final[dict[str, tuple[Callable[[], bytes], int]]] = {
    "repeated.parquet": (lambda: repeated_text(2_000), 2_000),
    "beginnings.parquet": (shared_beginnings, 150),
    "types.parquet": (odd_types, 3),
    "nulls.parquet": (lambda: nulls(3_000_000), 3_000_000),
    "9000-columns.parquet": (lambda: many_columns(9_000), 1),
    "wide.csv": (lambda: b",".join(b"c%d" % i for i in range(10_000)) + b"\n" + (b"," * 9_999 + b"\n") * 300, 300),
    "shapes.ndjson": (
        lambda: b"".join(
            b"{%s}\n" % b",".join(b'"%d":1' % j for j in range(14) if i >> j & 1) for i in range(1, 16_000)
        ),
        15_999,
    ),
    "rows-within.csv.gz": (lambda: packed_grid(2 * MB, 1, 1), 2 * MB),
    "wide-within.csv.gz": (lambda: packed_grid(930, 9_000, 1), 930),
    "long-within.csv.gz": (lambda: packed_grid(6, 2, 10 * MB), 6),
    "keys-in-turn-within.ndjson": (lambda: keys_in_turn(3_000, 3_000), 3_000),
    "one-column-of-nothing.csv": (lambda: b"a\n" + b"\n" * 500_000, 500_000),
}
"""Files that are right, however odd: how they are made, and their rows."""

HEAVY: Final = (
    "beginnings.parquet",
    "just-within.parquet",
    "keys.ndjson",
    "million-columns.csv",
    "texts-in-lists.parquet",
    "wide.csv",
    "wide-within.csv.gz",
    "long-within.csv.gz",
    "keys-in-turn-within.ndjson",
)
"""Those that take the most memory, so that each is measured in a process of its own."""
