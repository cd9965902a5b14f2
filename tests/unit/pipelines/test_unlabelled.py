"""The pool of sentences without labels: cut from texts, distinct, held out of nothing, and the same every time."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import draw
import unlabelled


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sales rose. Prices fell.", ["Sales rose.", "Prices fell."]),
        ("Acme Corp. said 3.5 pct. May was flat.", ["Acme Corp. said 3.5 pct. May was flat."]),
        ("Mr. J. Doe of the U.S. Treasury left. He is 61.", ["Mr. J. Doe of the U.S. Treasury left.", "He is 61."]),
        ('"It is over." She left! Did he? 12 people did.', ['"It is over."', "She left!", "Did he?", "12 people did."]),
        ("no stop at all", ["no stop at all"]),
        ("", []),
    ],
)  # fmt: skip
def test_texts_are_cut_behind_sentences_and_not_behind_abbreviations(text: str, expected: list[str]) -> None:
    assert unlabelled.sentences(text) == expected


@given(st.lists(st.sampled_from(["Prices", "rose.", "U.S.", "3.5", "fell!", '"Why?"', "and", "Co."]), max_size=30))
def test_no_word_is_lost_in_cutting(words: list[str]) -> None:
    text = " ".join(words)
    assert " ".join(unlabelled.sentences(text)) == text


IN_PRINT = "Iraq\u2019s army left. It (so far) is 3.5 miles off."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Iraq \u2019s army left .  It ( so far ) is 3.5 miles off . Reuter", IN_PRINT),
        ("worth .893 shares , it said", "worth .893 shares, it said"),
    ],
)  # fmt: skip
def test_spaces_are_as_in_print(text: str, expected: str) -> None:
    assert unlabelled.tidied(text) == expected


@pytest.mark.parametrize(
    ("text", "fit"),
    [
        ("Sales rose again in May", True),
        ("Sales rose", False),
        (" ".join(["word"] * 61), False),
        ("Net 3 4 5 6 7 8", False),
        ("[[Image:one.jpg of the plant in May", False),
        ("] and so it went on", False),
        ("", False),
    ],
)
def test_what_is_short_long_or_no_sentence_is_left_out(text: str, fit: bool) -> None:
    assert unlabelled.is_fit(text) is fit


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("But the Bank of England said on Monday that Acme's offer was late.", ["Bank of England", "Acme"]),
        ("In April sales of American Motors Corp rose in the U.S. market.", ["American Motors Corp", "U.S."]),
        ("Retailers expect no change.", []),
        ("Retailers in French towns expect no change on Tuesday.", []),
        ("ACME AND BOLT POST RECORD NET", []),
    ],
)
def test_names_are_runs_of_capitals_that_are_no_first_word_or_day(sentence: str, expected: list[str]) -> None:
    assert unlabelled.names(sentence) == expected


def test_lines_of_the_beige_book_are_about_known_nouns_and_others_about_names() -> None:
    line = "Loan demand fell in Dallas, and prices held."
    assert unlabelled.mentions(line, "beige_book") == ["Loan demand", "prices"]
    assert unlabelled.mentions(line, "wikinews") == ["Dallas"]
    assert unlabelled.mentions("A contact in Dallas agreed with us.", "beige_book") == ["Dallas"]


TEXTS = {
    "beige_book": [f"Prices of {one} rose in May." for one in ("corn", "CORN", "oats", "hay", "rye", "peas")],
    "wikinews": [f"The mayor of {one} met people from London today." for one in ("Oslo", "Turin", "Cork", "Lyon")],
}  # fmt: skip
SHARES = {"beige_book": 0.5, "wikinews": 0.5}


def test_the_pool_has_distinct_texts_of_each_source_and_none_that_is_held_out() -> None:
    held = ["The mayor of OSLO met 3 people from London today!"]
    texts, _ = unlabelled.set_aside(TEXTS, held, part=0)
    made = unlabelled.pool(texts, 20, SHARES, copies=0, targets=0)
    assert sorted(made["text"]) == sorted([*TEXTS["beige_book"][:1], *TEXTS["beige_book"][2:], *TEXTS["wikinews"][1:]])
    assert made["target"].null_count() == made.height
    assert made.equals(unlabelled.pool(texts, 20, SHARES, copies=0, targets=0))


def test_a_larger_pool_contains_a_smaller_one() -> None:
    small, large = (unlabelled.pool(TEXTS, rows, SHARES, copies=0, targets=0) for rows in (4, 8))
    assert small["source"].value_counts(sort=True)["count"].to_list() == [2, 2]
    assert set(small["text"]) < set(large["text"])


def test_a_sentence_is_in_the_pool_or_aside() -> None:
    texts = {"reuters": [f"Sales of item {chr(97 + i % 26)}{chr(97 + i // 26)} rose in May." for i in range(600)]}
    fit, aside = unlabelled.set_aside(texts, [], part=0.2)
    assert 60 < aside.height < 180
    assert sorted([*fit["reuters"], *aside["text"]]) == sorted(texts["reuters"])
    assert set(aside["source"]) == {"reuters"}


def test_labels_are_drawn_as_often_as_the_teacher_says() -> None:
    texts = [f"sentence {i}" for i in range(2_000)]
    p = {"p_negative": [0.5] * 2_000, "p_neutral": [0.2] * 2_000, "p_positive": [0.3] * 2_000}
    rows = pl.DataFrame({"text": texts, **p})
    made = draw.drawn(pl.concat([rows, pl.DataFrame({"text": ["?"], **dict.fromkeys(p)}, schema=rows.schema)]))
    assert sorted(made["text"]) == sorted(texts)
    shares = dict(made["label"].value_counts(normalize=True).iter_rows())
    assert shares == pytest.approx({"negative": 0.5, "neutral": 0.2, "positive": 0.3}, abs=0.04)
    assert made.equals(draw.drawn(rows.reverse()))


def test_copies_and_mentions_come_on_top() -> None:
    made = unlabelled.pool(TEXTS, 8, SHARES, copies=1, targets=1)
    whole = made.filter(pl.col("target").is_null())
    assert whole["source"].value_counts().sort("source").rows() == [
        (name, 4) for name in ("beige_book", "beige_book_varied", "wikinews", "wikinews_varied")
    ]
    pairs = made.filter(pl.col("target").is_not_null())
    assert pairs.height == 8
    assert all(target in text for text, target in pairs.select("text", "target").iter_rows())


@pytest.mark.parametrize(
    ("options", "message"),
    [(["--shares", "blogs=1"], "no source blogs"), ([], "run prepare.py first")],
)
def test_a_pool_that_cannot_be_made_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    monkeypatch.setattr("sys.argv", ["unlabelled.py", str(tmp_path), str(tmp_path), *options])
    with pytest.raises(SystemExit) as stopped:
        unlabelled.main()
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_the_pool_is_written_with_its_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "unlabelled"
    folder.mkdir()
    pl.DataFrame({"text": TEXTS["beige_book"]}).write_parquet(folder / "beige_book.parquet")
    news = {"title": ["ACME WINS AN ORDER"], "body": ["Acme said it won. The order is from London. Reuter"]}
    pl.DataFrame(news).write_parquet(folder / "reuters21578.parquet")
    pl.DataFrame(news).rename({"body": "text"}).write_parquet(folder / "wikinews.parquet")
    pl.DataFrame({"text": ["Prices of rye rose in MAY!"]}).write_csv(tmp_path / "headlines_report.csv")
    monkeypatch.setattr("sys.argv", ["unlabelled.py", str(tmp_path), str(tmp_path), "--rows", "100", "--targets", "1"])
    unlabelled.main()
    made = pl.read_parquet(tmp_path / "pool.parquet")
    assert made.columns == ["text", "target", "source"]
    assert {"ACME WINS AN ORDER", "The order is from London."} <= set(made["text"])
    assert "London" in set(made["target"])
