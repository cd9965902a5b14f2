"""Any bytes under any name are rows, as many as another count finds, or an InputError."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sentiscore.errors import InputError
from sentiscore.tables import open_source
from tests.effort import examples
from tests.faults.fuzz import count_rows

SNIPPETS = st.lists(
    st.sampled_from(
        [
            b"a",
            b"b",
            b",",
            b";",
            b'"',
            b'""',
            b"\n",
            b"\r",
            b"\r\n",
            b"\0",
            b"\xff",
            b"\xc3\xa9",
            b"\xef\xbb\xbf",
            b" ",
            b"\t",
        ]
    ),
    max_size=30,
).map(b"".join)
JSON = st.lists(
    st.sampled_from(
        [
            b'{"a":',
            b'"b":',
            b'{"a":1}\n',
            b'{"b":"x"}\n',
            b"}",
            b"[",
            b"]",
            b"\n",
            b"\r\n",
            b" ",
            b",",
            b"1",
            b'"\\ud800"',
            b"null",
            b"1e9",
            b"\xff",
            b"{}",
        ]
    ),
    max_size=20,
).map(b"".join)


@settings(max_examples=examples(200))
@given(data=SNIPPETS | st.binary(max_size=40), name=st.sampled_from(["t.csv", "t.tsv"]), n_rows=st.integers(1, 5))
def test_any_bytes_as_a_csv(data: bytes, name: str, n_rows: int) -> None:
    check(data, name, n_rows)


@settings(max_examples=examples(200))
@given(data=JSON | st.binary(max_size=40), n_rows=st.integers(1, 5))
def test_any_bytes_as_ndjson(data: bytes, n_rows: int) -> None:
    check(data, "t.ndjson", n_rows)


@settings(max_examples=examples(100))
@given(data=st.binary(max_size=60), magic=st.sampled_from([b"PAR1", b""]), length=st.integers(0, 60))
def test_any_bytes_as_parquet(data: bytes, magic: bytes, length: int) -> None:
    check(magic + data + length.to_bytes(4, "little") + magic, "t.parquet", 3)


def check(data: bytes, name: str, n_rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        try:
            source = open_source(path)
            rows = sum(window.height for window in source.windows(n_rows, damaged="is bad"))
        except InputError:
            return
        assert rows == source.rows == count_rows(path)
