"""Tables with nasty content in files of every layout, from a random generator, with what is in them."""

import gzip
import io
import json
import random
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS: Final = ("csv", "parquet", "ndjson")

_PIECES: Final = (
    *",;\t\"'\r\n\\ ab1-=+@|",
    "\x00",
    "\ufeff",
    "\r\n",
    '""',
    "\u2028",
    "\x85",
    "é",
    "e\u0301",
    "漢字",
    "😀",
    "👩\u200d👩\u200d👧",
    "\u202eabc",
    "\ud7ff",
    "\U0010ffff",
    "NULL",
    "NaN",
    "true",
    "007",
    "1e3",
    "<|endoftext|>",
    "=HYPERLINK(1)",
    '{"a":1}',
    "[[1]]",
    "profit rises",
    " ",
)
_LONG: Final = 3_000


@dataclass(frozen=True)
class Generated:
    """A file and what is in it.

    Attributes:
        ending: Of the file's name.
        data: Its bytes.
        frame: The rows that a reader has to give.
        damaged: For each row, its columns that have bytes which are not UTF-8.
    """

    ending: str
    data: bytes
    frame: pl.DataFrame
    damaged: list[list[str]]


def generate(kind: str, rng: random.Random, *, text_col: str | None = None, max_rows: int = 40) -> Generated:
    """Make one file.

    Args:
        kind: csv, parquet or ndjson.
        rng: Decides everything.
        text_col: The name of the first column, which is one of text; any name by default.
        max_rows: The most rows.
    """
    rows = rng.choice([0, 1, 2, rng.randrange(max_rows + 1)])
    names = _names(rng, rng.randint(1, 5), text_col)
    if kind == "csv":
        return _csv(rng, names, rows)
    frame = pl.DataFrame([pl.Series(name, *_column(rng, rows, typed=i > 0)) for i, name in enumerate(names)])
    return _parquet(rng, frame) if kind == "parquet" else _ndjson(rng, frame)


def mutate(data: bytes, rng: random.Random) -> bytes:
    """The same bytes with a few of them flipped, cut off, cut out, doubled, put in or swapped."""
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 5, 20])):
        at = rng.randrange(len(changed) + 1)
        until = min(len(changed), at + rng.choice([1, 2, 8, 100]))
        match rng.choice(["flip", "flip", "flip", "byte", "cut off", "cut out", "double", "put in", "zero", "swap"]):
            case "flip" if at < len(changed):
                changed[at] ^= 1 << rng.randrange(8)
            case "byte" if at < len(changed):
                changed[at] = rng.choice([0, 1, 127, 128, 255, 10, 13, 34, 44, rng.randrange(256)])
            case "cut off":
                del changed[at:]
            case "cut out":
                del changed[at:until]
            case "double":
                changed[at:at] = changed[at:until] * rng.choice([1, 1, 50])
            case "put in":
                changed[at:at] = rng.choice(
                    [b'"', b"\n", b"\r", b"\x00", b"\xff", b",", b"{", b"\xef\xbb\xbf", b"PAR1"]
                )
            case "zero":
                changed[at:until] = bytes(until - at)
            case "swap":
                to = rng.randrange(len(changed) + 1)
                changed[to:to] = changed[at:until]
    return bytes(changed)


def text_of(rng: random.Random) -> str:
    """Any text: empty, plain, long, or made of what a reader or writer could stumble over."""
    how = rng.random()
    if how < 0.1:
        return ""
    if how < 0.3:
        return rng.choice(["shares fall after weak results", "a warm and funny film", "up"])
    if how < 0.32:
        return "x" * rng.randrange(_LONG)
    return "".join(rng.choices(_PIECES, k=rng.randint(1, 8)))


def _names(rng: random.Random, n: int, first: str | None) -> list[str]:
    names: list[str] = [] if first is None else [first]
    while len(names) < n:
        name = "".join(
            rng.choices(["a", "b", "ü", " ", ",", '"', "*", "^x$", "_", "漢", "1", "'", "\n"], k=rng.randint(1, 4))
        )
        if name.strip() and name not in names:
            names.append(name)
    return names


def _csv(rng: random.Random, names: list[str], rows: int) -> Generated:
    separator, ending = rng.choice([(",", ".csv"), (",", ".csv"), ("\t", ".tsv")])
    end = rng.choice(["\n", "\n", "\r\n", "\r"]).encode()
    bad_share = rng.choice([0.0, 0.0, 0.2])

    def field(value: bytes | None) -> bytes:
        if value is None:
            return b""
        special = (separator.encode(), b"\r", b"\n", b'"')
        if not value or any(each in value for each in special) or rng.random() < 0.2:
            return b'"' + value.replace(b'"', b'""') + b'"'
        return value

    lines = [separator.encode().join(field(name.encode()) for name in names)]
    table: list[list[str | None]] = []
    damaged = []
    for _ in range(rows):
        values = [None if rng.random() < 0.1 else _bytes(rng, bad_share) for _ in names]
        lines.append(separator.encode().join(map(field, values)))
        if len(names) > 1 and rng.random() < 0.1:
            lines.append(b"")
        texts = [value if value is None else value.decode(errors="replace") for value in values]
        table.append(texts)
        named = zip(names, values, strict=True)
        damaged.append([name for name, value in named if value is not None and not _decodes(value)])
    last = end if rng.random() < 0.7 or (len(names) == 1 and not lines[-1]) else b""
    data = rng.choice([b"", b"", b"\xef\xbb\xbf"]) + end.join(lines) + last
    if rng.random() < 0.2:
        data, ending = gzip.compress(data), ending + ".gz"
    frame = pl.DataFrame(table, schema=dict.fromkeys(names, pl.String), orient="row")
    return Generated(ending, data, frame, damaged)


def _bytes(rng: random.Random, bad_share: float) -> bytes:
    text = text_of(rng).encode()
    if rng.random() < bad_share:
        at = rng.randrange(len(text) + 1)
        text = text[:at] + rng.choice([b"\xff", b"\xe9", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"]) + text[at:]
    return text


def _decodes(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _column(rng: random.Random, rows: int, *, typed: bool) -> tuple[list[Any], Any]:
    """Values and their type: text, or another type that each format has."""
    kind = rng.choice(["text", "int", "float", "bool", "list", "struct"]) if typed else "text"

    values: dict[str, Callable[[], Any]] = {
        "text": lambda: text_of(rng),
        "int": lambda: rng.choice([0, -1, 2**63 - 1, -(2**63), rng.randrange(1000)]),
        "float": lambda: rng.choice([0.0, -0.5, 1e300, 5e-324, rng.random()]),
        "bool": lambda: rng.random() < 0.5,
        "list": lambda: [text_of(rng) for _ in range(rng.randrange(4))],
        "struct": lambda: {"k": text_of(rng), "n": rng.randrange(9)},
    }
    types = {
        "int": pl.Int64(),
        "float": pl.Float64(),
        "bool": pl.Boolean(),
        "list": pl.List(pl.String()),
        "struct": pl.Struct({"k": pl.String(), "n": pl.Int64()}),
    }
    return [None if rng.random() < 0.1 else values[kind]() for _ in range(rows)], types.get(kind, pl.String())


def _parquet(rng: random.Random, frame: pl.DataFrame) -> Generated:
    """By polars or pyarrow, in any layout, with columns of types that ndjson has not."""
    times = [datetime(2024, 2, 5, 16, 5, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)]
    more = {
        "day": pl.Series([date(2024, 2, rng.randint(1, 29)) for _ in range(frame.height)], dtype=pl.Date()),
        "at": pl.Series([rng.choice(times) for _ in range(frame.height)], dtype=pl.Datetime("us", "UTC")),
        "category": pl.Series([text_of(rng) for _ in range(frame.height)], dtype=pl.Categorical()),
        "small": pl.Series([rng.randrange(256) for _ in range(frame.height)], dtype=pl.UInt8()),
        "bytes": pl.Series([rng.randbytes(3) for _ in range(frame.height)], dtype=pl.Binary()),
        "nothing": pl.Series([None] * frame.height, dtype=pl.Null()),
    }
    chosen = rng.sample(sorted(more), rng.randrange(4))
    frame = frame.with_columns(more[name].alias(f"{name} of parquet") for name in chosen)
    file = io.BytesIO()
    group = rng.choice([1, 3, 1000])
    if rng.random() < 0.5:
        frame.write_parquet(
            file,
            compression=rng.choice(["zstd", "snappy", "uncompressed", "gzip", "lz4"]),
            statistics=rng.random() < 0.5,
            row_group_size=group,
            data_page_size=rng.choice([None, 10, 1000]),
        )
    else:
        from pyarrow import parquet

        parquet.write_table(
            frame.to_arrow(),
            file,
            compression=rng.choice(["zstd", "snappy", "none", "gzip", "lz4"]),
            row_group_size=group,
            use_dictionary=rng.random() < 0.5,
            data_page_version=rng.choice(["1.0", "2.0"]),
            data_page_size=rng.choice([None, 10, 1000]),
            write_page_checksum=rng.random() < 0.5,
        )
    return Generated(".parquet", file.getvalue(), frame, [[] for _ in range(frame.height)])


def _ndjson(rng: random.Random, frame: pl.DataFrame) -> Generated:
    """With keys in any order, escapes or none, spaces, blank lines, and a line of values that tell the types."""
    anchor = {name: _anchor(dtype) for name, dtype in frame.schema.items()}
    frame = pl.concat([frame, pl.DataFrame([anchor], schema=frame.schema)])
    end = rng.choice(["\n", "\n", "\r\n"])
    lines = []
    for number, row in enumerate(frame.to_dicts()):
        keys = list(row)
        if number:
            rng.shuffle(keys)
        kept = {key: row[key] for key in keys if number == 0 or row[key] is not None or rng.random() < 0.5}
        separators = rng.choice([(", ", ": "), (",", ":"), (" , ", " :\t")])
        line = json.dumps(kept, ensure_ascii=rng.random() < 0.5, separators=separators)
        lines.append(line)
        if rng.random() < 0.1:
            lines.append(rng.choice(["", "  ", "\t"]))
    data = end.join(lines) + rng.choice(["", end])
    return Generated(".ndjson", data.encode(), frame, [[] for _ in range(frame.height)])


def _anchor(dtype: pl.DataType) -> Any:
    if dtype == pl.Struct:
        return {"k": "a", "n": 1}
    if dtype == pl.List:
        return ["a"]
    return {pl.Int64: 1, pl.Float64: 0.5, pl.Boolean: True}.get(type(dtype), "a")
