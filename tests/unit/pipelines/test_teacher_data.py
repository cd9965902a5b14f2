"""What the teacher of the default model learns from: labels follow from rules, and nothing held out is trained on."""

import random
import re
import tomllib
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import prepare
import templates
import varied
from tests.conftest import SHARED
from tests.unit.pipelines.conftest import PIPELINES

FOLDER = PIPELINES / "default_model"


def words_of(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def chance(seed: int = 0) -> random.Random:
    return random.Random(seed)  # noqa: S311


# --------------------------------------------------------------------------------------------------- templates


@pytest.mark.parametrize("name", list(templates.FILES))
def test_every_frame_is_filled_and_the_same_words_make_the_same_rows(name: str) -> None:
    words = words_of(name)
    rows = templates.made(words, 200, name)
    assert rows.equals(templates.made(words, 200, name))
    assert rows.height == 200
    assert not rows["text"].str.contains(r"[{}^|]").any()
    assert set(rows["label"]) == {"negative", "neutral", "positive"}


@pytest.mark.parametrize("name", list(templates.FILES))
def test_every_slot_of_a_frame_names_a_list_or_a_number(name: str) -> None:
    words = words_of(name)
    frames = [frame for kind in words["kinds"] for frame in kind["frames"]]
    for text in [*frames, *(entry for entries in words["lists"].values() for entry in entries)]:
        for slot in re.findall(r"\{([^{}|]+)\}", text):
            which, _, unit = slot.partition(":")
            assert unit in templates._NUMBERS if unit else which.rstrip("0123456789") in words["lists"], text


def test_each_target_is_in_its_text_and_has_the_label_of_its_slot() -> None:
    rows = templates.made(words_of("targets"), 300, "targets")
    assert all(target in text for text, target in rows.select("text", "target").iter_rows())
    rated = rows.filter(pl.col("kind") == "broker and firm, down")
    assert set(rated["label"]) == {"neutral", "negative"}


def test_a_repeated_slot_is_the_same_thing_and_a_numbered_one_is_another() -> None:
    lists = {"counted": [], "who": ["Ann Lee", "Bo Lee", "Cy Orr"]}
    for seed in range(20):
        one, two, three = templates.written("{who}|{who}|{who2}", lists, chance(seed), templates.Sentence()).split("|")
        assert one == two
        assert not set(one.split()) & set(three.split())


def test_verbs_agree_with_the_noun_before_them() -> None:
    lists = {"counted": ["noun"], "noun": ["job openings"]}
    assert templates.written("{noun} rises^rise", lists, chance(), templates.Sentence()) == "job openings rise"
    lists["noun"] = ["the stock of new orders"]
    assert templates.written("{noun} rises^rise", lists, chance(), templates.Sentence()).endswith("orders rises")


@given(st.sampled_from(sorted(templates._NUMBERS)), st.integers(0, 500))
def test_the_low_number_is_less_than_the_high_one(unit: str, seed: int) -> None:
    memory: dict[str, str] = {}
    low, high = (templates.number(which, unit, memory, chance(seed)) for which in ("low", "high"))
    low_value, high_value = (float(re.sub(r"[^\d.]", "", re.sub(r"\.(?!\d)", "", one))) for one in (low, high))
    assert low_value < high_value
    assert re.sub(r"[\d.,]", "", low) == re.sub(r"[\d.,]", "", high)


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("a order of  8 , said Foods's chief", "An order of 8, said Foods' chief"),
        ("a unit , a European one", "A unit, a European one"),
        ("a 8% rise", "An 8% rise"),
    ],
)
def test_articles_spaces_and_possessives_are_put_right(given_text: str, expected: str) -> None:
    assert templates.tidy(given_text) == expected


# ------------------------------------------------------------------------------------------------------ varied


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("it 's not bad , but i do n't care .", "It's not bad, but I don't care."),
        ("`` swept away '' is a -lrb- slow -rrb- film", '"swept away" is a (slow) film'),
        ("a ` thriller ' without thrills", "A 'thriller' without thrills"),
    ],
)
def test_sentences_of_sst2_are_written_as_people_write(given_text: str, expected: str) -> None:
    assert varied.natural(given_text) in (expected, expected[0] + expected[1:].replace("swept", "Swept", 1))


@given(st.integers(0, 300), st.sampled_from(list(varied.KINDS)))
def test_a_style_keeps_the_words_of_a_text(seed: int, style: varied.Style) -> None:
    text = "The film's plot isn't dull, \"never\" & the ending works."
    made = style(text, chance(seed))
    assert made
    words = ("film", "plot", "dull", "never", "the", "ending", "works")
    missing = [word for word in words if word not in made.lower()]
    assert len(missing) <= (2 if style is varied.mistyped else 0)
    assert "never" not in missing


def test_a_typo_changes_a_word_but_no_negation() -> None:
    made = {varied.mistyped("It was never wonderful.", chance(seed)) for seed in range(30)}
    assert len(made) > 5
    assert all(text.startswith("It was never ") for text in made)
    assert varied.mistyped("so so", chance()) == "so so"


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        (varied.curly, "\u201cIt\u2019s good,\u201d he said & left."),
        (varied.shouted, '"IT\'S GOOD," HE SAID & LEFT.'),
        (varied.lowered, '"it\'s good," he said & left.'),
    ],
)
def test_quotes_and_capitals_are_as_the_style_has_them(style: varied.Style, expected: str) -> None:
    assert style('"It\'s good," he said & left.', chance()) == expected


def test_links_keep_their_letters_in_capitals() -> None:
    assert varied.shouted("see https://t.co/aB1", chance()) == "SEE https://t.co/aB1"


def test_a_contraction_is_written_out_and_back() -> None:
    made = {varied.contracted("It isn't bad and it is not good", chance(seed)) for seed in range(20)}
    assert made == {"It is not bad and it is not good", "It isn't bad and it's not good"}


def test_emoji_agree_with_the_label_as_themselves_or_as_words() -> None:
    written = varied.words_of_emoji()
    for label in ("positive", "negative"):
        allowed = varied.WORDS["emoji"][label]
        for seed in range(40):
            added = varied.with_emoji("A film", label, "films", written, chance(seed)).replace("A film", "").strip()
            drawn = [one for one in allowed if one in added or written.get(one, "-") in added]
            assert drawn, added


def test_copies_keep_the_labels_and_differ_from_their_texts() -> None:
    texts = [f"{word} {i} arrived" for word in ("apples", "onions") for i in range(25)]
    rows = pl.DataFrame({"text": texts, "label": ["positive"] * 25 + ["negative"] * 25})
    made = varied.copies(rows, "headlines", 100)
    assert made.equals(varied.copies(rows, "headlines", 100))
    assert made.height > 80
    assert len(set(made["text"]) - set(texts)) > 80
    for word, label in (("apples", "positive"), ("onions", "negative")):
        of_word = made.filter(pl.col("text").str.to_lowercase().str.contains(word))
        assert of_word.height > 30
        assert set(of_word["label"]) == {label}


# ----------------------------------------------------------------------------------------------------- targets


def write(path: Path, rows: list[tuple[str, str, str]]) -> Path:
    pl.DataFrame(rows, schema=["text", "target", "label"], orient="row").write_csv(path)
    return path


def test_a_mention_that_is_not_in_its_text_is_dropped_and_others_are_as_written(tmp_path: Path) -> None:
    path = write(
        tmp_path / "rows.csv",
        [
            ("Gold up, silver down", "gold", "positive"),
            ("Gold up, silver down", "silver", "negative"),
            ("Gold up, silver down", "tin", "neutral"),
            ("Tin up, tin down", "Tin", "positive"),
            ("Tin up, tin down", "Tin", "negative"),
        ],
    )
    assert prepare.mentions(path).rows() == [
        ("Gold up, silver down", "Gold", "positive"),
        ("Gold up, silver down", "silver", "negative"),
    ]


def test_a_text_that_is_held_out_of_one_set_is_trained_on_in_none() -> None:
    held, own = "Gold slides as dollar firms 3%", "Silver gains on strong demand"
    parts = {
        "a_report": pl.DataFrame({"text": [held]}),
        "b_train": pl.DataFrame({"text": ["GOLD slides as dollar firms 4%!", own]}),
        "films_phrases": pl.DataFrame({"text": [own, "a film"]}),
        "sst2_train": pl.DataFrame({"text": [held]}),
    }
    clean = prepare.without_leaks(parts)
    assert clean["b_train"]["text"].to_list() == [own]
    assert clean["films_phrases"].height == 2
    assert clean["sst2_train"].height == 1
    assert clean["a_report"].height == 1


@pytest.mark.shared_data
@pytest.mark.thorough
def test_no_text_of_the_teacher_is_one_to_choose_by_or_report_on(tmp_path: Path) -> None:
    prepare.main(SHARED, tmp_path)
    texts = {path.stem: set(pl.read_csv(path)["text"]) for path in tmp_path.glob("*.csv")}
    held = {
        prepare.same_story(text)
        for name, of_file in texts.items()
        if name.endswith(("_choose", "_report", "_validation"))
        for text in of_file
    }
    recipe = tomllib.loads((FOLDER / "teacher.toml").read_text(encoding="utf-8"))
    read = {Path(one["train"]).stem for one in recipe["sets"]} & set(texts)
    assert len(read) == 7
    for name in read:
        long = {story for text in texts[name] if len((story := prepare.same_story(text)).split()) >= 4}
        assert not long & held, name
    assert not texts["targets_headlines_train"] & (texts["headlines_report"] | texts["headlines_choose"])
