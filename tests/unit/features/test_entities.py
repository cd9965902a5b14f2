"""One entity, several, or none: for which series a text counts."""

import json
import re
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner
from polars.testing import assert_frame_equal

from sentiscore import InputError, features, score_file
from sentiscore.cli.main import cli
from sentiscore.errors import SentiscoreWarning
from sentiscore.features import DailyConfig, entities
from sentiscore.features.entities import LONGEST, read_entities
from sentiscore.features.entity_lists import looks_like_lists
from sentiscore.nightly.daily_file import daily_file
from sentiscore.nightly.update_daily import update_daily
from tests.conftest import TEXTS

AT = datetime(2024, 1, 5, 15, tzinfo=UTC)
NONE: Any = None


def scored(entities: pl.Series | list[Any], sentiment: list[float] | None = None) -> pl.DataFrame:
    """Scored rows of one day; each has its own text unless two have one sentiment."""
    values = sentiment or [round(0.125 * (i % 7 + 1), 3) for i in range(len(entities))]
    return pl.DataFrame(
        {
            "entity": entities,
            "at": [AT] * len(values),
            "text": [f"text {value}" for value in values],
            "sentiment": pl.Series(values, dtype=pl.Float32),
            "label": ["positive"] * len(values),
            "status": ["ok"] * len(values),
        }
    )


def daily(frame: pl.DataFrame, **more: Any) -> pl.DataFrame:
    return features.daily(frame, time_col="at", entity_col="entity", text_col="text", **more)


def counts(frame: pl.DataFrame) -> dict[Any, int]:
    return dict(frame.select("unique_id", "n_docs").iter_rows())


def exploded() -> pl.DataFrame:
    """What the rows of `lists` are, one row for each entity."""
    return scored(["AAPL", "MSFT", "AAPL", "MSFT", "AAPL"], [0.5, 0.5, 0.25, 0.75, 0.75])


LISTS = [["AAPL", "MSFT"], ["AAPL"], ["MSFT", "AAPL", "MSFT"], [], NONE, [None], ["nan", ""]]
VALUES = [0.5, 0.25, 0.75, 0.1, 0.1, 0.1, 0.1]


def test_a_text_counts_once_for_each_entity_between_separators() -> None:
    rows = scored(["AAPL;MSFT", " AAPL ", "MSFT; AAPL;;MSFT", ";", None, " ; ", "nan;"], VALUES)
    with pytest.warns(SentiscoreWarning) as told:
        found = daily(rows, entity_separator=";")
    assert_frame_equal(found, daily(exploded()))
    assert [str(one.message).split(".")[0] for one in told] == [
        "3 rows have an entity that is blank or stands for a missing one, such as NaN: it counts as none",
        "4 rows have no entity, or no time from 1900 to 2199, and are not in the daily features",
    ]


@pytest.mark.parametrize("dtype", [pl.List(pl.String), pl.List(pl.Categorical)])
def test_lists_of_entities_need_no_option(dtype: pl.DataType) -> None:
    with pytest.warns(SentiscoreWarning, match="have no entity|stands for a missing one"):
        found = daily(scored(pl.Series(LISTS, dtype=pl.List(pl.String)).cast(dtype), VALUES))
    assert_frame_equal(found.with_columns(pl.col("unique_id").cast(pl.String)), daily(exploded()))


def test_arrays_and_lists_of_numbers_explode_too() -> None:
    pairs = pl.Series([[1, 2], [2, 2], [2, 3]], dtype=pl.Array(pl.Int64, 2))
    assert counts(daily(scored(pairs))) == {1: 1, 2: 3, 3: 1}
    floats = pl.Series([[1.0, float("nan")], [None]], dtype=pl.List(pl.Float64))
    with pytest.warns(SentiscoreWarning, match="1 rows have no entity|1 row has an entity"):
        assert counts(daily(scored(floats))) == {1.0: 1}


@pytest.mark.parametrize("separator", [";", "|", ", ", "::", "\t", ".*", " "])
def test_a_separator_is_text_and_no_pattern(separator: str) -> None:
    rows = scored([separator.join("AB"), "B"])
    assert counts(daily(rows, entity_separator=separator)) == {"A": 1, "B": 2}


@pytest.mark.filterwarnings("ignore:.*equal in entity, time and text")
def test_repeats_are_those_of_an_entity() -> None:
    rows = scored(["A;B", "B;C"], [0.5, 0.5])
    once = daily(rows, entity_separator=";", config=DailyConfig(repeats="drop"))
    assert counts(once) == {"A": 1, "B": 1, "C": 1}
    assert counts(daily(rows, entity_separator=";")) == {"A": 1, "B": 2, "C": 1}
    assert daily(rows, entity_separator=";")["n_unique"].to_list() == [1, 1, 1]


@pytest.mark.parametrize("written", ["NaN", "NAN", "nan", "Nan", " nan ", "", "  ", "\t", "<NA>", "None"])
def test_what_stands_for_nothing_is_no_entity(written: str) -> None:
    with pytest.warns(SentiscoreWarning) as told:
        found = daily(scored([written, "A", "NA", "TRUE", "NANO", "NONE", "null"]))
    assert counts(found) == {"A": 1, "NA": 1, "TRUE": 1, "NANO": 1, "NONE": 1, "null": 1}
    assert any("1 row has an entity that is blank or stands for a missing one" in str(one.message) for one in told)
    with pytest.warns(SentiscoreWarning, match="1 rows have no entity"):
        missing = daily(scored([None, "A", "NA", "TRUE", "NANO", "NONE", "null"]))
    assert_frame_equal(found, missing)


def test_a_float_that_is_not_a_number_is_no_entity() -> None:
    with pytest.warns(SentiscoreWarning, match="have no entity|has an entity"):
        assert counts(daily(scored([7.0, float("nan"), 8.0]))) == {7.0: 1, 8.0: 1}


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["AAPL", "AAPL;MSFT"], (";", ["AAPL;MSFT"])),
        (["AAPL|MSFT", "MSFT|GOOG"], ("|", ["AAPL|MSFT", "MSFT|GOOG"])),
        (["AAPL", "MSFT", "AAPL, MSFT"], (",", ["AAPL, MSFT"])),
        (["Apple", "Apple, Inc", "Inc"], (",", ["Apple, Inc"])),
        (["Apple", "Apple, Inc"], None),
        (["A;B", "C"], None),
        (["A;", ";", "A"], None),
        (["AAPL", "MSFT"], None),
        ([], None),
    ],
)
def test_names_that_look_like_lists_are_told_from_names(names: list[str], found: Any) -> None:
    assert looks_like_lists(pl.Series(names, dtype=pl.String)) == found


def test_entities_that_look_like_lists_are_warned_about_and_the_option_is_named() -> None:
    rows = scored(["AAPL;MSFT", "AAPL", "MSFT;AAPL"])
    with pytest.warns(SentiscoreWarning, match=r"2 entities look like several in one.*'AAPL;MSFT'.*-separator ';'"):
        assert counts(daily(rows)) == {"AAPL": 1, "AAPL;MSFT": 1, "MSFT;AAPL": 1}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        daily(rows, entity_separator=";")


def test_a_separator_that_has_nothing_to_separate_is_refused() -> None:
    rows = scored([1, 2])
    with pytest.raises(InputError, match="holds Int64, not text"):
        daily(rows, entity_separator=";")
    with pytest.raises(InputError, match="holds lists, whose entities count one by one"):
        daily(scored([["A"], ["B"]]), entity_separator=";")
    with pytest.raises(InputError, match="The entity separator is ''"):
        daily(rows, entity_separator="")
    with pytest.raises(InputError, match="no entity column, so there is nothing to separate"):
        features.daily(rows, time_col="at", entity_separator=";")
    with pytest.raises(InputError, match=r"holds Struct.*\n.*or a list of these"):
        daily(scored([{"a": 1}, {"a": 2}]))
    with pytest.raises(InputError, match=r"holds List\(List\(String\)\)"):
        daily(scored([[["A"]], [["B"]]]))


@pytest.mark.filterwarnings("ignore:.*equal in entity, time and text")
def test_entities_in_many_slices_are_those_of_one() -> None:
    lists = ["A;B", "B", None, "C;A;B"] * 70_000  # more rows than a slice has
    with pytest.warns(SentiscoreWarning, match="70,000 rows have no entity"):
        assert counts(daily(scored(lists), entity_separator=";")) == {"A": 140_000, "B": 210_000, "C": 70_000}


@pytest.mark.parametrize("separator", [None, ";"])
def test_names_in_bytes_are_text_and_those_that_are_not_utf_8_are_none(separator: str | None) -> None:
    rows = scored(pl.Series([b"AAPL", "Société".encode(), b"\xff\xfe", None]))
    with pytest.warns(SentiscoreWarning):
        made = features.daily(rows, time_col="at", entity_col="entity", entity_separator=separator)
    assert made["unique_id"].to_list() == ["AAPL", "Société"]


def test_lists_of_names_in_bytes_are_lists_of_text() -> None:
    rows = scored(pl.Series([[b"AAPL", b"\xff"], [b"MSFT"]]))
    made = features.daily(rows, time_col="at", entity_col="entity")
    assert made["unique_id"].to_list() == ["AAPL", "MSFT"]


def test_nothing_is_lost_between_a_column_and_its_entities() -> None:
    column = pl.Series("^x$", ["A;B", None, "", "B; B"])
    found = read_entities(column.alias("x"), ";")
    assert found.values.to_list() == [["A", "B"], None, None, ["B"]]
    assert found.n_stand_ins == 1


def test_a_column_of_numbers_has_no_stand_ins() -> None:
    assert read_entities(pl.Series([7, None, 9]), None).n_stand_ins == 0


@pytest.mark.parametrize("kind", ["csv", "parquet", "ndjson"])
def test_a_job_scores_a_text_once_and_keeps_the_column(tiny_checkpoint: Path, tmp_path: Path, kind: str) -> None:
    frame = pl.DataFrame({"text": TEXTS[:3], "at": ["2024-01-05T15:00:00Z"] * 3, "who": ["A;B", "A", "B;A"]})
    source = tmp_path / f"in.{kind}"
    getattr(frame, f"write_{kind}")(source)
    settings: dict[str, Any] = {"text_col": "text", "time_col": "at", "entity_col": "who", "entity_separator": ";"}
    summary = score_file(source, model=tiny_checkpoint, output=tmp_path / "out.parquet", **settings)
    assert (summary.rows, summary.texts_scored) == (3, 3)
    out = pl.read_parquet(tmp_path / "out.parquet")
    assert out["who"].to_list() == ["A;B", "A", "B;A"]
    found = pl.read_parquet(summary.daily[0])
    assert counts(found) == {"A": 3, "B": 2}
    told = json.loads((tmp_path / "out.daily.parquet.provenance.json").read_text())
    assert told["options"]["entity_separator"] == ";"
    if kind == "csv":
        return
    listed = frame.with_columns(pl.col("who").str.split(";"))
    getattr(listed, f"write_{kind}")(source)
    del settings["entity_separator"]
    summary = score_file(source, model=tiny_checkpoint, output=tmp_path / "out.parquet", **settings)
    assert_frame_equal(pl.read_parquet(summary.daily[0]), found)


def test_the_command_line_separates_entities(tmp_path: Path) -> None:
    scored(["A;B", "A"]).write_parquet(tmp_path / "scored.parquet")
    options = ["--time-col", "at", "--entity-col", "entity", "--entity-separator", ";"]
    result = CliRunner().invoke(cli, ["features", str(tmp_path / "scored.parquet"), *options])
    assert result.exit_code == 0, result.output
    assert "rows read       2" in result.stdout
    assert counts(pl.read_parquet(tmp_path / "scored.daily.parquet")) == {"A": 2, "B": 1}


def test_an_update_with_another_separator_is_refused(tmp_path: Path) -> None:
    first, second = tmp_path / "first.parquet", tmp_path / "second.parquet"
    scored(["A;B", "A"]).write_parquet(first)
    later = scored(["B;C"], [0.5]).with_columns(pl.lit(datetime(2024, 1, 8, 15, tzinfo=UTC)).alias("at"))
    later.write_parquet(second)
    settings: dict[str, Any] = {"time_col": "at", "entity_col": "entity", "daily": tmp_path / "daily.parquet"}
    update_daily(first, as_of="2024-01-07T00:00:00Z", entity_separator=";", **settings)
    for other in ("|", None):
        with pytest.raises(InputError, match=r"other settings: entities was .*separated by ';'"):
            update_daily(second, entity_separator=other, **settings)
    updated = update_daily(second, as_of="2024-01-10T00:00:00Z", entity_separator=";", **settings)
    whole = tmp_path / "whole.parquet"
    pl.concat([pl.read_parquet(first), later]).write_parquet(whole)
    more: dict[str, Any] = {"as_of": "2024-01-10T00:00:00Z", "entity_separator": ";", "time_col": "at"}
    at_once = daily_file(whole, output=tmp_path / "once.parquet", entity_col="entity", **more)
    assert_frame_equal(updated.daily, pl.read_parquet(at_once.output))


def test_late_rows_are_counted_as_rows(tmp_path: Path) -> None:
    scored(["A;B"]).write_parquet(tmp_path / "first.parquet")
    scored(["A;B;C", "A"], [0.25, 0.5]).write_parquet(tmp_path / "late.parquet")
    settings: dict[str, Any] = {"time_col": "at", "entity_col": "entity", "entity_separator": ";"}
    update_daily(tmp_path / "first.parquet", daily=tmp_path / "daily.parquet", **settings)
    with pytest.raises(InputError, match="2 of the 2 rows count for sessions up to"):
        update_daily(tmp_path / "late.parquet", daily=tmp_path / "daily.parquet", **settings)


@pytest.mark.parametrize(
    ("written", "more", "separator"),
    [
        ("['AAPL', 'MSFT']", [], ","),
        ('["AAPL","MSFT"]', [], ","),
        ("{AAPL,MSFT}", [], ","),
        ("['AAPL' 'MSFT']", [], " "),
        ("[AAPL; MSFT]", [], ";"),
        ("('AAPL', 'MSFT')", [], ","),
        ("AAPL MSFT", ["AAPL", "MSFT"], " "),
        ("$AAPL $MSFT", [], " "),
        ("AAPL/MSFT", ["AAPL"], "/"),
        ("AAPL,MSFT", ["AAPL"], ","),
        ("AAPL, MSFT", ["MSFT"], ","),
        ("AAPL,MSFT", [], ","),
        ("AAPL;MSFT", [], ";"),
        ("Apple Inc|Microsoft Corp", [], "|"),
        ("AAPL, MSFT, GOOG", [], ","),
        ("aapl,msft", [], ","),
        ("$AAPL,$MSFT", [], ","),
    ],
)
def test_a_list_is_warned_about_with_the_separator_that_reads_it(written: str, more: list[str], separator: str) -> None:
    rows = scored([written, *more])
    with pytest.warns(SentiscoreWarning, match=re.escape(f"--entity-separator '{separator}'")):
        daily(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = counts(daily(rows, entity_separator=separator))
    both = {name.strip() for name in re.split(r"[^A-Za-z$ ]+" if separator != " " else r"[^A-Z$]+", written)} - {""}
    assert set(found) == both | set(more)


def test_plain_names_do_not_look_like_lists() -> None:
    names = [
        *(
            "Berkshire Hathaway, Inc.",
            "Berkshire Hathaway",
            "BRK/B",
            "BRK",
            "S&P 500",
            "APPLE, INC",
            "APPLE",
            "EUR/USD",
        ),
        *(
            "Alphabet (Google)",
            "AAPL US",
            "AAPL",
            "MSFT US",
            "BRK.B",
            "SMITH, JOHN",
            "A/B",
            "Ford",
            "Ford Motor",
            "T, Inc",
            *("[Private]", "{id}", "10,000", "ford, inc", "DOW JONES", "DOW"),
        ),
    ]
    assert looks_like_lists(pl.Series(names)) is None


@pytest.mark.parametrize("written", ["\\N", "#N/A", "N/A", "n/a", "NaT", "#N/A N/A", "[]", "{}"])
def test_what_databases_and_spreadsheets_write_for_nothing_is_no_entity(written: str) -> None:
    with pytest.warns(SentiscoreWarning) as told:
        found = daily(scored([written, "A", "NAT", "N", "null"]))
    assert counts(found) == {"A": 1, "NAT": 1, "N": 1, "null": 1}
    assert any("1 row has an entity that is blank or stands for a missing one" in str(one.message) for one in told)


@pytest.mark.parametrize("dtype", [pl.String(), pl.Categorical(), pl.List(pl.String)])
def test_blanks_around_a_name_do_not_make_another_series(dtype: pl.DataType) -> None:
    names = ["AAPL", "AAPL ", " AAPL", "\u00a0AAPL\t", "Dow Jones"]
    column = pl.Series([[name] for name in names]) if dtype.is_nested() else pl.Series(names)
    assert counts(daily(scored(column.cast(dtype)))) == {"AAPL": 4, "Dow Jones": 1}


def test_tickers_side_by_side_look_like_lists_if_each_is_known_from_elsewhere() -> None:
    assert looks_like_lists(pl.Series(["AAPL MSFT", "MSFT GOOG", "AAPL", "GOOG"])) == (" ", ["AAPL MSFT", "MSFT GOOG"])
    assert looks_like_lists(pl.Series(["NASDAQ:AAPL,NYSE:IBM", "0700.HK,9988.HK"])) is not None


def test_a_name_that_is_too_long_to_be_one_is_refused_with_what_to_do() -> None:
    rows = pl.Series("firm", ["A", ";".join(["ACME"] * 300)])
    with pytest.raises(InputError, match=r"'firm' has a name of 1,499 bytes, .*\n.*--entity-separator"):
        read_entities(rows, None)
    assert read_entities(rows, ";").values.to_list() == [["A"], ["ACME"]]
    assert read_entities(pl.Series(["x" * LONGEST]), None).values.to_list() == ["x" * LONGEST]
    with pytest.raises(InputError, match="a name of 1,025 bytes"):
        read_entities(pl.Series([["A", "x" * (LONGEST + 1)]]), None)


@pytest.mark.parametrize("at_once", [1, 2, 5, 1_000])
def test_lists_are_taken_apart_some_at_a_time(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(entities, "_AT_ONCE", at_once)
    texts = pl.Series(["A;B;A", None, "", "C", ";".join("DEFG"), "nan;;", "H;A"])
    found = read_entities(texts, ";")
    assert found.values.to_list() == [["A", "B"], None, None, ["C"], list("DEFG"), None, ["H", "A"]]
    assert (found.n_stand_ins, found.n_names) == (2, 14)
    lists = read_entities(texts.str.split(";"), None)
    assert lists.values.to_list() == found.values.to_list()
    assert read_entities(texts.clear(), ";").values.to_list() == []


def test_absurdly_many_names_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entities, "MOST_OF_A_ROW", 3)
    assert read_entities(pl.Series(["A;B;C"]), ";").values.to_list() == [["A", "B", "C"]]
    for column, separator in ((pl.Series("e", ["A;;B;C"]), ";"), (pl.Series("e", [["A", "A", "B", "C"]]), None)):
        with pytest.raises(InputError, match="'e' has 4 names in a row, and 3 are the most"):
            read_entities(column, separator)
