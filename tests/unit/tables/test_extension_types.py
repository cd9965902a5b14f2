"""Columns of an extension type, which polars writes as their storage or not at all."""

import polars as pl
import pytest

from sentiscore.tables.writable import fits

MILES = pl.Extension("sentiscore.tests.miles", pl.Int32)


@pytest.mark.parametrize(("suffix", "expected"), [(".csv", False), (".parquet", True), (".ndjson", True)])
def test_a_csv_does_not_hold_an_extension_type(suffix: str, expected: bool) -> None:
    assert fits(suffix, MILES) is expected
