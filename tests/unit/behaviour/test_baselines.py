import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import polars as pl
import pytest

from sentiscore.behaviour.baselines import baseline
from sentiscore.behaviour.judging import Answer
from sentiscore.errors import InputError, MissingExtraError

TEXTS = ["Profit fell, an awful LOSS", "A good day", "A good day and a loss", "Tuesday", ""]
SIGNS = [-1.0, 1.0, 0.0, 0.0, 0.0]
NAMES = {-1.0: "negative", 0.0: "neutral", 1.0: "positive"}


def answers(which: str | Path) -> list[Answer]:
    return baseline(which).read([(text, None) for text in TEXTS])


@pytest.mark.parametrize(
    "table",
    [
        "word,label\ngood,positive\nawful,Negative\nloss,neg\nday,neutral\n",
        '"Word";"Polarity"\n"GOOD";1\n"AWFUL";-1\n"LOSS";-1\n"DAY";0\n',
        "Word,Word Count,Negative,Positive\nGOOD,12,0,2009\nAWFUL,3,2009,0\nLOSS,4,2011,0\nDAY,9,0,-2020\n",
    ],
)
def test_a_word_list_of_any_form_gives_the_tone(tmp_path: Path, table: str) -> None:
    path = tmp_path / "words.csv"
    path.write_text(table, encoding="utf-8")
    assert answers(path) == [Answer(NAMES[sign], sign) for sign in SIGNS]
    assert baseline(path).name == "words.csv"


def test_a_word_list_may_be_parquet_with_numbers(tmp_path: Path) -> None:
    path = tmp_path / "words.parquet"
    pl.DataFrame({"word": ["good", "isn't"], "polarity": [2.5, -0.5]}).write_parquet(path)
    given = baseline(path).read([("It isn\u2019t good", None), ("It isn't", None)])
    assert given == [Answer("neutral", 0.0), Answer("negative", -1.0)]


def test_words_of_any_alphabet_and_in_quotes_are_found(tmp_path: Path) -> None:
    path = tmp_path / "words.csv"
    path.write_text("word,polarity\ngrößer,1\ngood,1\nšťastný,-1\ndon\u2019t,-1\n", encoding="utf-8")
    texts = ["GRÖSSER", "größer", "It was 'good'", "\u2018Good\u2019", "Šťastný.", "don't", "Good's"]
    given = baseline(path).read([(text, None) for text in texts])
    assert [answer.sentiment for answer in given] == [1, 1, 1, 1, -1, -1, 0]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("term,label\ngood,positive\n", "has no column of words"),
        ("word,weight\ngood,1\n", "does not say which words are positive"),
        ("word,label\ngood,great\n", "The word 'good' of .* has the label 'great'"),
        ("word,label\nfine,positive\ngood,\n", "The word 'good' of .* has no label"),
        ("word,polarity\nbad,-1\ngood,high\n", "The word 'good' of .* has the polarity 'high', which is not a number"),
        ("word,Polarity\ngood,\n", "The word 'good' of .* has no Polarity"),
        ("word,polarity\ngood,nan\n", "'nan', which is not a number"),
        ("word,polarity\ngood,1\n,1\n", "Row 2 of .* has no word"),
        ("word,polarity\nvery good,1\n", "has the entry 'very good', which is never found"),
        ("word,polarity\nGood,1\ngood,-1\n", "has the word 'good' twice, and its rows contradict each other"),
        ("word,label\ngood,neutral\ngood,positive\n", "has the word 'good' twice"),
        ("word,polarity\ngood,0\n", "has no word that is positive or negative"),
    ],
)
def test_a_table_that_is_no_word_list_is_refused(tmp_path: Path, table: str, message: str) -> None:
    path = tmp_path / "words.csv"
    path.write_text(table, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        baseline(path)


def test_vader_is_neutral_near_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    compound = {"bad": -0.6, "so-so": 0.049, "fine": 0.05, "": 0.0}
    module = ModuleType("vaderSentiment.vaderSentiment")
    analyzer = SimpleNamespace(polarity_scores=lambda text: {"compound": compound[text]})
    module.SentimentIntensityAnalyzer = lambda: analyzer  # type: ignore[attr-defined] # a stand-in for the library
    monkeypatch.setitem(sys.modules, "vaderSentiment", ModuleType("vaderSentiment"))
    monkeypatch.setitem(sys.modules, "vaderSentiment.vaderSentiment", module)
    seen: list[int] = []
    given = baseline("vader").read([(text, None) for text in compound], lambda done, _: seen.append(done))
    assert given == [
        Answer("negative", -0.6),
        Answer("neutral", 0.049),
        Answer("positive", 0.05),
        Answer("neutral", 0.0),
    ]
    assert seen == [1, 2, 3, 4]


def test_vader_that_is_not_installed_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vaderSentiment", None)
    monkeypatch.setitem(sys.modules, "vaderSentiment.vaderSentiment", None)
    with pytest.raises(MissingExtraError) as caught:
        baseline("vader")
    assert caught.value.hint == "Install it with: pip install 'sentiscore[evaluate]'"
