"""A table of the names that entities go by."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sentiscore import InputError
from sentiscore.scoring.target_names import TargetNames, names_of

NAMES = "entity,name\nAAPL,Apple\nAAPL, Apple Inc. \nMSFT,Microsoft\n AAPL ,iPhone maker\nAAPL,Apple\n"


def test_the_names_of_an_entity_are_longest_first(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_text(NAMES)
    read = TargetNames.read(path)
    assert read.names == {"AAPL": ["iPhone maker", "Apple Inc.", "Apple"], "MSFT": ["Microsoft"]}
    assert read.file == "names.csv"


@pytest.mark.parametrize("dtype", [pl.String, pl.Categorical])
def test_a_table_of_any_format_is_read(tmp_path: Path, dtype: Any) -> None:
    path = tmp_path / "names.parquet"
    pl.DataFrame({"name": ["Gold"], "entity": ["XAU"], "note": [1]}, schema_overrides={"name": dtype}).write_parquet(
        path
    )
    assert TargetNames.read(path).names == {"XAU": ["Gold"]}


def test_the_hash_is_of_what_is_looked_for(tmp_path: Path) -> None:
    def sha256(text: str) -> str:
        (tmp_path / "names.csv").write_text(text)
        return TargetNames.read(tmp_path / "names.csv").sha256

    assert sha256(NAMES) == sha256(NAMES.replace("MSFT,Microsoft\n", "") + "MSFT,Microsoft\n")
    assert sha256(NAMES) != sha256(NAMES.replace("Microsoft", "Micro"))
    assert TargetNames().sha256 == ""


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"ticker": ["A"], "name": ["b"]}, "has no column 'entity'; its columns are: ticker, name"),
        ({"entity": ["A"]}, "has no column 'name'"),
        ({"entity": ["A"], "name": [1]}, "The column 'name' of .* contains Int64, not text"),
        ({"entity": ["A", None], "name": ["b", "c"]}, "Row 2 of .* has no entity or no name"),
        ({"entity": ["A", "B", "C"], "name": ["b", "c", " "]}, "Row 3 of .* has no entity or no name"),
        ({"entity": pl.Series([], dtype=pl.String), "name": pl.Series([], dtype=pl.String)}, "has no rows"),
    ],
)
def test_a_broken_table_is_a_clear_error(tmp_path: Path, written: Mapping[str, Any], message: str) -> None:
    pl.DataFrame(written).write_parquet(tmp_path / "names.parquet")
    with pytest.raises(InputError, match=message) as refused:
        TargetNames.read(tmp_path / "names.parquet")
    assert "columns entity and name" in refused.value.hint


def test_a_table_needs_a_column_of_targets() -> None:
    with pytest.raises(InputError, match="but no column of targets") as refused:
        names_of("names.csv", None)
    assert "--target-col (target_col)" in refused.value.hint
    with pytest.raises(InputError, match=r"There is no file names\.csv"):
        names_of("names.csv", "ticker")
