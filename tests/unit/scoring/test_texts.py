"""What may hold texts, and what counts as a missing one."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from sentiscore import InputError
from sentiscore.scoring.texts import as_texts

NAT: Any = np.datetime64("NaT")


@pytest.mark.parametrize(
    "missing", [None, pd.NA, pd.NaT, float("nan"), np.nan, np.float32("nan"), NAT, np.timedelta64("NaT")], ids=repr
)
def test_what_stands_for_nothing_is_a_missing_text(missing: object) -> None:
    assert as_texts(["a", missing, "b"]).to_list() == ["a", None, "b"]
    assert as_texts([missing]).to_list() == [None]


@pytest.mark.parametrize(
    "held",
    [
        ["a", None],
        ("a", None),
        iter(["a", None]),
        np.array(["a", None], dtype=object),
        np.array(["a", np.nan], dtype=object),
        pd.Series(["a", None], index=[7, 7]),
        pd.Series(["a", None], dtype=object),
        pd.Series(["a", None], dtype="string"),
        pd.Series(["a", None], dtype="category"),
        pl.Series(["a", None]),
        pl.Series(["a", None], dtype=pl.Categorical),
    ],
    ids=lambda held: f"{type(held).__module__}.{type(held).__name__}",
)
def test_texts_come_in_anything_that_gives_them_in_order(held: Any) -> None:
    assert as_texts(held).to_list() == ["a", None]


def test_an_array_of_numpys_own_texts_is_read() -> None:
    assert as_texts(np.array(["a", "bc"])).to_list() == ["a", "bc"]
    assert as_texts([]).dtype == pl.String


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (5, "is 5, of the type int"),
        (2.5, "is 2.5, of the type float"),
        (float("inf"), "is inf, of the type float"),
        (True, "is True, of the type bool"),
        (b"x", "is b'x', of the type bytes"),
        (["x"], r"is \['x'\], of the type list"),
        (np.int64(5), r"is .*5.*, of the type numpy.int64"),
        (pd.Timestamp("2024-01-01"), "is .*, of the type pandas.Timestamp"),
        ("half \ud83d", "holds half a character"),
        ([0] * 999, r"is \[0, .*\.\.\., of the type list"),
    ],
    ids=lambda value: str(value)[:9].encode("ascii", "replace").decode(),
)
def test_the_first_thing_that_is_no_text_is_named_with_its_place(wrong: object, told: str) -> None:
    with pytest.raises(InputError, match=f"Not all of these are texts: number 2, counted from 0, {told}"):
        as_texts(["a", pd.NA, wrong, 6])


@pytest.mark.parametrize("wrong", [5, {"a": 1}, b"bytes", pl.Series([1, 2]), None], ids=repr)
def test_what_holds_no_texts_is_refused(wrong: Any) -> None:
    with pytest.raises(InputError, match="Not all of these are texts"):
        as_texts(wrong)


@pytest.mark.parametrize(
    ("held", "advice"),
    [
        (pd.DataFrame({"headline": ["a"]}), "score_frame"),
        (pd.DataFrame({"headline": ["a"]}).groupby("headline"), None),
        (pl.DataFrame({"headline": ["a"]}), "score_frame"),
        (pl.LazyFrame({"headline": ["a"]}), "score_frame"),
        (pa.table({"headline": ["a"]}), "score_frame"),
        (pa.record_batch({"headline": pa.array(["a"])}), "score_frame"),
        ({"headline": ["a"]}, "rows.values"),
        (io.StringIO("headline\na\n"), "score_file"),
        (io.BytesIO(b"headline\na\n"), "score_file"),
        (np.array("a"), "in a list"),
        (bytearray(b"a"), "in a list"),
        (memoryview(b"a"), "in a list"),
        (Path("news.csv"), "in a list"),
    ],
    ids=lambda held: f"{type(held).__module__}.{type(held).__name__}",
)
def test_what_would_give_names_keys_or_lines_is_refused_with_advice(held: Any, advice: str | None) -> None:
    with pytest.raises(InputError, match="Not all of these are texts") as caught:
        as_texts(held)
    assert advice is None or advice in str(caught.value.hint)


def test_a_series_whose_index_has_the_name_of_a_method_of_files_is_read() -> None:
    assert as_texts(pd.Series(["a"], index=["readline"])).to_list() == ["a"]
