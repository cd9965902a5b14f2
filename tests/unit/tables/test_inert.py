"""A CSV that is opened in a spreadsheet runs nothing."""

from pathlib import Path

import polars as pl
import pytest

from sentiscore.tables import open_sink
from sentiscore.tables.inert import inert, inert_header, unguarded


def guarded(*texts: str | None) -> list[str | None]:
    return inert(pl.DataFrame({"^t$": texts}, schema={"^t$": pl.String}))["^t$"].to_list()


@pytest.mark.parametrize(
    "text",
    [
        '=HYPERLINK("http://x","y")',
        "+1+1",
        "-2+3+cmd|' /C calc'!A0",
        "@SUM(1+1)",
        "\ttext",
        "\rtext",
        "\x00text",
        "\ntext",
        "  =1",
        "\u00a0=1",
        "\u200b@a",
        "\ufeff=1",
        "\uff1d1",
        "\uff0b1+1",
        "\uff0d2+3",
        "\uff20SUM(1)",
        "-",
        "=",
        "- a list",
        "-5.2%",
        "+1 555 0100",
        "-1,5",
        "- 5",
        " -5",
        "-.",
        "-1e",
        "-5\n",
        "-٣",
        "'=1",
        "''@x",
    ],
)
def test_a_text_that_begins_like_a_formula_gets_an_apostrophe(text: str) -> None:
    assert guarded(text) == [f"'{text}"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        None,
        "profit = 3",
        "a@b.c",
        " ",
        "'tis",
        "'-5",
        "-5.2",
        "+3",
        "-0",
        "-.5",
        "-5.",
        "-1e-7",
        "+1.5E+10",
        "2024-02-05T16:05:30-05:00",
        "(-3)",
        '"=1"',
    ],
)
def test_plain_numbers_and_other_texts_stay_as_they_are(text: str | None) -> None:
    assert guarded(text) == [text]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("good;=cmd|' /C calc'!A0;x", "good;'=cmd|' /C calc'!A0;x"),
        ("a\t=1", "a\t'=1"),
        ("a|@b", "a|'@b"),
        ("a,+1+1", "a,'+1+1"),
        ("a;  =1", "a;'  =1"),
        ('a;"=1"', 'a;\'"=1"'),
        ("a\n- item\r\n- item", "a\n'- item\r\n'- item"),
        ("a\r=1", "a\r'=1"),
        ("\t=1", "'\t'=1"),
        ("a; \t=1", "a; \t'=1"),
        ("a;\t=1", "a;'\t'=1"),
        ("a;'=1", "a;''=1"),
        ("=1;=1", "'=1;'=1"),
        ("a;\u200b\uff1d1", "a;'\u200b\uff1d1"),
        ("a;-1|cmd", "a;'-1|cmd"),
        (";;-;", ";;'-;"),
    ],
)
def test_what_follows_a_separator_is_guarded_like_a_beginning(text: str, cell: str) -> None:
    assert guarded(text) == [cell]
    assert unguarded(cell) == text
    assert inert_header([text]) == [cell]


@pytest.mark.parametrize(
    "text",
    [
        "Fed holds; stocks, bonds | gold",
        "52.1,-0.12",
        "-1;-2;-3".removeprefix("-"),
        "a;b\nc",
        "a - b = c; d + e",
        "mail a@b.c, or d@e.f",
        "it's; 'quoted'",
        "a;'-1;b",
    ],
)
def test_prose_and_lists_of_numbers_stay_as_they_are(text: str) -> None:
    assert guarded(text) == [text]
    assert unguarded(text) == text


def test_only_columns_of_text_are_guarded(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    rows = pl.DataFrame({"x": [-0.5], "n": [-3], "text": ["=1"], "c": pl.Series(["@c"], dtype=pl.Categorical)})
    with open_sink(path) as sink:
        sink.write(rows)
    assert path.read_text() == "x,n,text,c\n-0.5,-3,'=1,'@c\n"
    with open_sink(path, inert=False) as sink:
        sink.write(rows)
    assert path.read_text() == "x,n,text,c\n-0.5,-3,=1,@c\n"


def test_names_of_columns_are_guarded_too(tmp_path: Path) -> None:
    with open_sink(tmp_path / "out.csv") as sink:
        sink.write(pl.DataFrame({"=cmd": ["a"], "-1": ["b"]}))
    assert (tmp_path / "out.csv").read_text() == "'=cmd,-1\na,b\n"


def test_texts_in_other_formats_are_not_touched(tmp_path: Path) -> None:
    for ending in (".parquet", ".ndjson"):
        with open_sink(tmp_path / f"out{ending}") as sink:
            sink.write(pl.DataFrame({"=a": ["=1"]}))
    assert pl.read_parquet(tmp_path / "out.parquet").rows() == [("=1",)]
    assert (tmp_path / "out.ndjson").read_text() == '{"=a":"=1"}\n'


def test_any_names_stay_apart_since_guarding_can_be_undone(tmp_path: Path) -> None:
    with open_sink(tmp_path / "out.csv") as sink:
        sink.write(pl.DataFrame({"=a": ["1"], "'=a": ["2"], "''=a": ["3"]}))
    assert (tmp_path / "out.csv").read_text().splitlines()[0] == "'=a,''=a,'''=a"
