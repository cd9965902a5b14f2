"""Inputs of less than 1 MB that would take much memory or time, through every command that reads a table.

python -m tests.faults.small_inputs [--command NAME] [--input PART-OF-A-NAME] [--model FOLDER]

Each run is a process of its own. Of each the most memory that it held and the seconds that it computed are told, less
those of the same command on two rows in the same format. A run is past the promise if one of them is past its bound, or
if it ends with anything but success, the exit code of an alarm, or an error with a message.
"""

import argparse
import base64
import gzip
import io
import json
import random
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from tests.faults.bombs import MB, claimed_columns, shared_beginnings
from tests.faults.nursery import Nursery, Run, Sabotage

LARGEST: Final = 1_000_000
"""Bytes of an input, all files of a folder together."""

EXTRA_MB: Final = 512
EXTRA_SECONDS: Final = 30.0
_DRIFTED: Final = 3
_LIMITS: Final = Sabotage(cpu_seconds=240, memory_bytes=8 << 30)

Columns = dict[str, str]

TAILS: Final[dict[str, Columns]] = {
    "raw": {},
    "labelled": {"label": "positive"},
    "words": {"word": "up", "label": "positive"},
    "scored": {
        "p_negative": "0.25",
        "p_positive": "0.75",
        "sentiment": "0.5",
        "label": "positive",
        "n_tokens": "3",
        "unknown_share": "0.0",
        "status": "ok",
    },
}
"""Columns of a table beside its texts, times and entities, each with the value of every row, by the table's kind."""

_TIME: Final = "2024-01-05T10:00:00Z"


@dataclass(frozen=True)
class Small:
    """An input.

    Attributes:
        name: What its file is called, or its folder.
        make: What makes it of a kind of tables: its bytes, or those of each file of a folder.
        kinds: The kinds that it is made of.
    """

    name: str
    make: Callable[[str], bytes | dict[str, bytes]]
    kinds: tuple[str, ...] = tuple(TAILS)

    def write(self, folder: Path, kind: str) -> Path:
        """Write it into a folder; where it is."""
        made = self.make(kind)
        path = folder / self.name
        if isinstance(made, bytes):
            path.write_bytes(made)
            size = len(made)
        else:
            for name, data in made.items():
                (path / name).parent.mkdir(parents=True, exist_ok=True)
                (path / name).write_bytes(data)
            size = sum(map(len, made.values()))
        assert size < LARGEST, f"{self.name} has {size:,} bytes"
        return path


# --- CSV ---


def _row(kind: str, text: str, time: str = _TIME, entity: str = "A") -> bytes:
    return ",".join([text, time, entity, *TAILS[kind].values()]).encode() + b"\n"


def _header(kind: str) -> bytes:
    return ",".join(["text", "time", "entity", *TAILS[kind]]).encode() + b"\n"


def _padded(packed: bytes) -> bytes:
    """A gzipped file with almost as many bytes as are allowed: what it may unpack to is counted by them.

    What is added is a member of nothing, in blocks of nothing.
    """
    blocks = (LARGEST - 64 - len(packed)) // 5
    return packed + b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + b"\0\0\0\xff\xff" * blocks + b"\1\0\0\xff\xff" + bytes(8)


def _rows(kind: str, row: bytes, size: int = 199 * MB * 1_000 // 1_049, *, block: int = 8 * MB) -> bytes:
    """A packed CSV of one row again and again, of so many bytes."""
    times = max(1, min(size, block) // len(row))
    members = gzip.compress(row * times) * max(1, size // (len(row) * times))
    return _padded(gzip.compress(_header(kind)) + members)


def _long(text: str, n_bytes: int = 15 * MB) -> Callable[[str], bytes]:
    """Rows of one long text, made of a short one."""
    return lambda kind: _rows(kind, _row(kind, text * (n_bytes // len(text.encode()))))


def _long_column(column: str, value: str, size: int = 190 * MB) -> Callable[[str], bytes]:
    return lambda kind: _rows(kind, _row(kind, "up", **{column: value}), size)


def _tiny_rows(kind: str) -> bytes:
    width = 7 + len(TAILS[kind])
    row = _row(kind, "up")
    return _rows(kind, row, min(190 * MB, len(row) * ((1 << 24) // width)))


def _one_column(kind: str) -> bytes:
    return _padded(gzip.compress(b"text\n") + gzip.compress(b"a\n" * 100_000) * 33)


def _generated(make: Callable[[int], dict[str, str]], n: int) -> Callable[[str], bytes]:
    """Rows that differ, as many as have room."""

    def made(kind: str) -> bytes:
        packer = zlib.compressobj(9, wbits=31)
        data = packer.compress(_header(kind))
        for start in range(0, n, 1_000):
            block = b"".join(_row(kind, **({"text": "up"} | make(i))) for i in range(start, min(n, start + 1_000)))
            data += packer.compress(block) + packer.flush(zlib.Z_SYNC_FLUSH)
            if len(data) > LARGEST - 20_000:
                break
        return data + packer.flush()

    return made


def _word(i: int) -> str:
    return base64.b32encode(i.to_bytes(4, "big")).decode().strip("=")


def _wide(kind: str, *, width: int, rows: int, name: int) -> bytes:
    names = "".join(f",{i:0{name}}" for i in range(width)).encode()
    tail = b"," * width + b"\n"
    data = _header(kind).removesuffix(b"\n") + names + b"\n"
    row = _row(kind, "up").removesuffix(b"\n") + tail
    return _padded(gzip.compress(data) + gzip.compress(row * min(rows, 100)) * (rows // min(rows, 100)))


def _noise(n: int) -> str:
    return base64.b64encode(random.Random(0).randbytes(n)).decode()  # noqa: S311


def _long_entity(kind: str) -> bytes:
    """Two rows ten years apart whose entity has a long name."""
    times = ("2014-01-05T10:00:00Z", "2024-01-05T10:00:00Z")
    return _header(kind) + b"".join(_row(kind, f"up {time}", time, "x" * 400_000) for time in times)


def _days(entities: int, first: str, last: str) -> Callable[[str], bytes]:
    """Few rows whose days are far apart."""
    return lambda kind: (
        _header(kind)
        + b"".join(_row(kind, f"up {i}", f"{day}T10:00:00Z", f"e{i}") for i in range(entities) for day in (first, last))
    )


def _lists(kind: str, *, distinct: bool) -> bytes:
    """Rows of as many entities as have room in one."""
    names = ";".join(_word(i) for i in range(1_900_000)) if distinct else "a;" * 7_000_000
    row = _row(kind, "up", entity=names[: 15 * MB])
    if not distinct:
        return _rows(kind, row)
    few = _row(kind, "up", entity=names[: 2 * MB])
    return _padded(gzip.compress(_header(kind)) + gzip.compress(few, 9))


# --- ndjson ---


def _line(kind: str, text: str, more: str = "", time: str = _TIME, entity: str = '"A"') -> bytes:
    tail = {
        name: float(value) if name[0] in "psu" and name != "status" else int(value) if name == "n_tokens" else value
        for name, value in TAILS[kind].items()
    }
    told = json.dumps({"time": time, **tail})[1:-1]
    return f'{{"text":"{text}","entity":{entity},{told}{more}}}\n'.encode()


def _lines(text: str, more: str = "", entity: str = '"A"', n: int = 10**6) -> Callable[[str], bytes]:
    def made(kind: str) -> bytes:
        line = _line(kind, text, more, entity=entity)
        return line * max(1, min(n, (LARGEST - 1_000) // len(line)))

    return made


def _keys_in_turn(kind: str) -> bytes:
    return b"".join(_line(kind, "up", f',"k{i % 2_500}":1') for i in range(5_000))[: LARGEST - 1_000].rpartition(b"\n")[
        0
    ]


# --- parquet ---


def _parquet(kind: str, rows: int, *, dictionary: bool = True, noise: int = 0, **columns: Any) -> bytes:
    """A parquet file of these columns and the same value in all rows of the others."""
    import pyarrow as pa
    from pyarrow import parquet

    def same(value: Any) -> Any:
        return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, dtype="i4")), pa.array([value]))

    def number(name: str, value: str) -> Any:
        if name in ("label", "status", "word"):
            return same(value)
        return pa.array(np.full(rows, float(value), dtype="f4" if name != "n_tokens" else "i4"))

    tail = {name: number(name, value) for name, value in TAILS[kind].items()}
    table = pa.table({"text": same("up"), "time": same(_TIME), "entity": same("A")} | tail | columns)
    file = io.BytesIO()
    with parquet.ParquetWriter(
        file,
        table.schema,
        compression="zstd",
        store_schema=False,
        dictionary_pagesize_limit=2**31 - 1,
        use_dictionary=dictionary,
    ) as writer:
        writer.write_table(table, row_group_size=rows)
        writer.add_key_value_metadata({"noise": _noise(noise * 3 // 4)})
    return file.getvalue()


def _repeated(length: int, rows: int, column: str = "text") -> Callable[[str], bytes]:
    """One text in many rows."""

    def made(kind: str) -> bytes:
        import pyarrow as pa

        value = pa.array(["x" * length])
        indices = pa.array(np.zeros(rows, dtype="i4"))
        return _parquet(kind, rows, **{column: pa.DictionaryArray.from_arrays(indices, value)})

    return made


def _null_rows(kind: str) -> bytes:
    """As many rows as a file of its size may have, none of which has a text."""
    import pyarrow as pa

    rows = 60 * LARGEST // (7 + len(TAILS[kind]))
    return _parquet(kind, rows, noise=LARGEST - 200_000, text=pa.nulls(rows, pa.string()))


def _wide_parquet(kind: str) -> bytes:
    import pyarrow as pa

    return _parquet(kind, 3, dictionary=False, **{f"c{i}": pa.nulls(3, pa.string()) for i in range(6_000)})


def _parquet_lists(column: str, values: int, text: str | None) -> Callable[[str], bytes]:
    """One row with a list of so many numbers, or texts."""

    def made(kind: str) -> bytes:
        import pyarrow as pa

        inner = (
            pa.array(np.zeros(values, dtype="i1"))
            if text is None
            else pa.DictionaryArray.from_arrays(pa.array(np.zeros(values, dtype="i4")), pa.array([text]))
        )
        lists = pa.ListArray.from_arrays(pa.array([0, values, values], pa.int32()), inner)
        return _parquet(kind, 2, **{column: lists})

    return made


def _beginnings(kind: str) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    if kind == "raw":
        return shared_beginnings()
    rows = 60
    texts = pa.array(["x" * 1_000_000 + str(i) for i in range(rows)])
    columns: dict[str, Any] = {"text": texts, "time": pa.array([_TIME] * rows), "entity": pa.array(["A"] * rows)}
    for name, value in TAILS[kind].items():
        columns[name] = pa.array([value if name in ("label", "status") else float(value)] * rows)
    file = io.BytesIO()
    parquet.write_table(
        pa.table(columns),
        file,
        compression="zstd",
        use_dictionary=False,
        column_encoding={"text": "DELTA_BYTE_ARRAY"},
        data_page_size=2**31 - 1,
        write_batch_size=2**30,
    )
    return file.getvalue()


def _folder(n: int, name: Callable[[int], str]) -> Callable[[str], dict[str, bytes]]:
    return lambda kind: {name(i): _header(kind) + _row(kind, f"up {i}") for i in range(n)}


INPUTS: Final = (
    Small("tiny.csv", lambda kind: _header(kind) + _row(kind, "up") + _row(kind, "down")),
    Small("tiny.csv.gz", lambda kind: gzip.compress(_header(kind) + _row(kind, "up") + _row(kind, "down"))),
    Small("tiny.ndjson", lambda kind: _line(kind, "up") + _line(kind, "down")),
    Small("tiny.parquet", lambda kind: _parquet(kind, 2)),
    Small("tiny.folder", _folder(2, lambda i: f"{i}.csv")),
    Small("ascii.csv.gz", _long("x")),
    Small("words.csv.gz", _long("up ")),
    Small("emoji.csv.gz", _long("\U0001f600")),
    Small("one-emoji.csv.gz", _long("x" * (15 * MB - 8) + "\U0001f600")),
    Small("combining.csv.gz", _long("\u0301\u0323")),
    Small("controls.csv.gz", _long("\x01")),
    Small("quotes.csv.gz", lambda kind: _rows(kind, _row(kind, '"' + '""' * (7 * MB) + '"'))),
    Small("lines.csv.gz", lambda kind: _rows(kind, _row(kind, '"' + "\n" * (15 * MB) + '"'))),
    Small("blanks.csv.gz", _long(" ")),
    Small("megabytes.csv.gz", _long("up ", MB)),
    Small("kilobytes.csv.gz", _long("up ", 1_000)),
    Small("long-time.csv.gz", _long_column("time", " " * (15 * MB) + _TIME)),
    Small("long-time-digits.csv.gz", _long_column("time", _TIME[:-1] + "." + "0" * (15 * MB) + "Z")),
    Small("long-entity.csv.gz", _long_column("entity", "e" * (15 * MB))),
    Small("long-entity.csv", _long_entity),
    Small("tiny-rows.csv.gz", _tiny_rows),
    Small("one-column.csv.gz", _one_column, ("raw",)),
    Small("distinct.csv.gz", _generated(lambda i: {"text": _word(i)}, 10**6)),
    Small("entities.csv.gz", _generated(lambda i: {"entity": _word(i)}, 10**6)),
    Small("wide.csv.gz", lambda kind: _wide(kind, width=9_000, rows=900, name=4)),
    Small(
        "long-names.csv",
        lambda kind: (
            _header(kind)[:-1]
            + b"".join(b",%090d" % i for i in range(9_900))
            + b"\n"
            + _row(kind, "up")[:-1]
            + b"," * 9_900
            + b"\n"
        ),
    ),
    Small(
        "long-name.csv",
        lambda kind: _header(kind)[:-1] + b"," + b"n" * 900_000 + b"\n" + _row(kind, "up")[:-1] + b",\n",
    ),
    Small("days.csv", _days(180, "1900-01-05", "2199-01-05")),
    Small("years.csv", _days(4_000, "2014-01-05", "2024-01-05")),
    Small("one-list.csv.gz", lambda kind: _lists(kind, distinct=False)),
    Small("distinct-list.csv.gz", lambda kind: _lists(kind, distinct=True)),
    Small("escapes.ndjson", _lines("\\u0001" * 150_000)),
    Small("surrogates.ndjson", _lines("\\ud83d\\ude00" * 78_000)),
    Small("numbers.ndjson", _lines("up", ',"list":[' + "1," * 490_000 + "1]")),
    Small("empties.ndjson", _lines("up", ',"list":[' + "{}," * 320_000 + "{}]")),
    Small("deep.ndjson", _lines("up", ',"list":' + "[" * 60 + "]" * 60)),
    Small("nested.ndjson", _lines("up", ',"deep":' + '{"a":' * 55 + "1" + "}" * 55)),
    Small("entities.ndjson", _lines("up", entity="[" + '"A",' * 240_000 + '"B"]')),
    Small("lines.ndjson", _lines("up")),
    Small("keys.ndjson", _keys_in_turn),
    Small("repeated.parquet", _repeated(1_000_000, 10_000)),
    Small("kilobyte.parquet", _repeated(1_000, 3_000_000)),
    Small("most-of-row.parquet", _repeated(15 * MB, 600)),
    Small("repeated-entity.parquet", _repeated(1_000_000, 10_000, "entity")),
    Small("repeated-time.parquet", _repeated(1_000_000, 3_000, "time")),
    Small("beginnings.parquet", _beginnings),
    Small("nulls.parquet", _null_rows),
    Small("rows.parquet", lambda kind: _parquet(kind, (1 << 24) // (7 + len(TAILS[kind])))),
    Small("wide.parquet", _wide_parquet),
    Small("numbers.parquet", _parquet_lists("list", 3_900_000, None)),
    Small("texts.parquet", _parquet_lists("list", 3_900_000, "abcd")),
    Small("entities.parquet", _parquet_lists("entity", 3_900_000, "A")),
    Small("claims.parquet", lambda _: claimed_columns()),
    Small("files.folder", _folder(4_000, lambda i: f"{i}.csv")),
    Small("keys.folder", _folder(3_000, lambda i: f"a={i}/b={i}/c.csv")),
)

_PLACED: Final = ("--time-col", "time", "--entity-col", "entity")

COMMANDS: Final[dict[str, tuple[str, Callable[[Path, Path], list[object]]]]] = {
    "score": ("raw", lambda path, model: ["score", path, "--text-col", "text", "-m", model, "-o", "out.parquet"]),
    "score-csv": ("raw", lambda path, model: ["score", path, "--text-col", "text", "-m", model, "-o", "out.csv"]),
    "score-ndjson": ("raw", lambda path, model: ["score", path, "--text-col", "text", "-m", model, "-o", "out.ndjson"]),
    "score-drop": (
        "raw",
        lambda path, model: [
            *("score", path, "--text-col", "text", "-m", model, "-o", "out.parquet", "--bad-rows", "drop"),
            *("--cache", "store"),
        ],
    ),
    "score-daily": (
        "raw",
        lambda path, model: ["score", path, "--text-col", "text", "-m", model, "-o", "out.parquet", *_PLACED],
    ),
    "features": ("scored", lambda path, _: ["features", path, *_PLACED, "--text-col", "text", "-o", "days.parquet"]),
    "features-ids": (
        "scored",
        lambda path, _: ["features", path, *_PLACED, "--id-col", "text", "-o", "days.parquet"],
    ),
    "features-csv": ("scored", lambda path, _: ["features", path, *_PLACED, "-o", "days.csv"]),
    "features-lists": (
        "scored",
        lambda path, _: ["features", path, *_PLACED, "--entity-separator", ";", "-o", "days.parquet"],
    ),
    "update": (
        "scored",
        lambda path, _: ["features", path, *_PLACED, "--text-col", "text", "--update", "days.parquet"],
    ),
    "monitor": (
        "scored",
        lambda path, _: ["monitor", path, "--reference", path, "--text-col", "text", "--time-col", "time"],
    ),
    "evaluate": (
        "labelled",
        lambda path, model: ["evaluate", model, "--eval-file", path, "--text-col", "text", "--resamples", 10],
    ),
    "baseline": (
        "labelled",
        lambda path, model: [
            *("evaluate", model, "--eval-file", path, "--train-file", path, "--text-col", "text", "--resamples", 10)
        ],
    ),
    "check": ("words", lambda path, model: ["check", model, "--baseline", path]),
    "inspect": ("scored", lambda path, _: ["inspect", path]),
}
"""Each command line by a name, and the kind of tables that it takes."""


def tiny_of(small: Small) -> Small:
    """The input of two rows in the same format."""
    ending = small.name.partition(".")[2]
    return next(each for each in INPUTS if each.name == f"tiny.{ending}")


def measure(nursery: Nursery, command: str, small: Small, model: Path, folder: Path, kept: Path) -> Run:
    """Run a command on an input, in a folder that is made for it and removed."""
    kind, arguments = COMMANDS[command]
    place = Path(tempfile.mkdtemp(dir=folder))
    try:
        path = place / small.name
        made = kept / kind / small.name
        if not made.exists():
            made.parent.mkdir(parents=True, exist_ok=True)
            small.write(made.parent, kind)
        shutil.copytree(made, path) if made.is_dir() else shutil.copyfile(made, path)
        return nursery.run(place, *arguments(Path(path.name), model), window_rows=32_768, sabotage=_LIMITS)
    finally:
        shutil.rmtree(place)


def past_the_bounds(run: Run, tiny: Run) -> bool:
    """Whether a run took more than is promised, or did not end as it should."""
    ended = run.code in (0, _DRIFTED) or (run.code == 1 and "error: " in run.stderr and "Traceback" not in run.stderr)
    return not ended or extra_mb(run, tiny) > EXTRA_MB or extra_seconds(run, tiny) > EXTRA_SECONDS


def extra_mb(run: Run, tiny: Run) -> int:
    """How many megabytes a run held beyond another."""
    return (run.peak_bytes - tiny.peak_bytes) >> 20


def extra_seconds(run: Run, tiny: Run) -> float:
    """How much longer a run computed than another, on all cores together, whatever else the machine did."""
    return run.cpu_seconds - tiny.cpu_seconds


def main() -> int:
    """The command."""
    from tests.faults.fuzz_models import make_models

    parser = argparse.ArgumentParser(prog="python -m tests.faults.small_inputs", description=__doc__)
    parser.add_argument("--command", action="append", choices=COMMANDS)
    parser.add_argument("--input", action="append", default=[])
    parser.add_argument("--keep", type=Path, help="where inputs are kept, and taken from if they are there")
    parser.add_argument("--model", help="the model that scores, a tiny one by default")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="sentiscore-small-"))
    make_models(folder)
    kept = given.keep or folder
    model = Path(given.model) if given.model else folder / "checkpoint"
    past = 0
    with Nursery() as nursery:
        for command in given.command or COMMANDS:
            kind = COMMANDS[command][0]
            tiny: dict[str, Run] = {}
            for small in INPUTS:
                if (
                    kind not in small.kinds
                    or small is tiny_of(small)
                    or not any(part in small.name for part in given.input or [""])
                ):
                    continue
                least = tiny_of(small)
                if least.name not in tiny:
                    tiny[least.name] = measure(nursery, command, least, model, folder, kept)
                    assert tiny[least.name].code in (0, 1, _DRIFTED), tiny[least.name].stderr
                run = measure(nursery, command, small, model, folder, kept)
                is_past = past_the_bounds(run, tiny[least.name])
                past += is_past
                said = next((line for line in run.stderr.splitlines() if "rror" in line), "")[:110]
                told = f"{extra_mb(run, tiny[least.name]):+6} MB {extra_seconds(run, tiny[least.name]):+6.1f} s"
                print(  # noqa: T201
                    f"{'PAST ' if is_past else '     '}{command:14} {small.name:26} {told}  exit {run.code}  {said}",
                    flush=True,
                )
    shutil.rmtree(folder)
    print(f"{past} past the bounds")  # noqa: T201
    return min(past, 100)


if __name__ == "__main__":
    sys.exit(main())
