"""What a model is tested on is not what the default model learns from."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from sentiscore.behaviour.suite import shipped_suite

ROOT: Final = Path(__file__).parents[3]
TRAINING: Final = ROOT / "pipelines" / "default_model"

NAMES: Final = ("firm", "ticker", "handle", "person", "town")
"""Of these no word may occur in training at all."""
SHARED_BY_NECESSITY: Final = {
    *(
        "good_thing",
        "bad_thing",
        "firm_good",
        "firm_bad",
        "went_up",
        "went_down",
        "counted_good",
        "counted_bad",
    ),  # plain nouns and verbs of business
    *("like", "dislike", "much"),  # plain verbs of liking and words of degree
    *("country", "identity", "job", "weekday", "small", "large", "number"),  # who, where and how many
    *("glad_emoji", "sad_emoji", "glad_words", "sad_words", "tag"),
}
"""Lists of which an item may be an item of a list of the training templates: the frames around them differ."""

SLOT: Final = re.compile(r"\{[^{}]*\}")
WORD: Final = re.compile(r"_|[a-z0-9']+")


def strings_in(value: Any) -> Iterator[str]:
    """Every text of parsed TOML."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from strings_in(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from strings_in(one)


def shape(text: str) -> str:
    """A frame or a sentence without its slots, case and punctuation."""
    return " ".join(WORD.findall(SLOT.sub(" _ ", text).lower()))


def says_something(shape_of_it: str) -> bool:
    """Whether it has three words beside its slots: "the _ is _" could be anybody's."""
    return len([word for word in shape_of_it.split() if word != "_"]) > 2


@pytest.fixture(scope="module")
def training() -> set[str]:
    """Every text of the training templates: frames, sentences and words."""
    return {text for path in TRAINING.glob("*.toml") for text in strings_in(tomllib.loads(path.read_text("utf-8")))}


def shared_frames(training: set[str]) -> set[str]:
    suite = shipped_suite()
    tested = {
        template
        for capability in suite.capabilities
        for test in capability.tests
        for templates in test.templates
        for template in templates
    }
    sentences = {item for items in suite.lists.values() for item in items if len(item.split()) > 3}
    return {name for text in tested | sentences if says_something(name := shape(text))} & set(map(shape, training))


def test_no_frame_and_no_sentence_is_shared(training: set[str]) -> None:
    assert shared_frames(training) == set()


def test_a_shared_frame_is_seen() -> None:
    assert shared_frames({"The {thing} is {nice}."}) == set()
    shared = "any other _ would have been a wiser choice"
    assert shared_frames({"Any other {kind of thing} would have been a wiser choice"}) == {shared}
    assert shared_frames({"the bus stops at the corner of elm street"}) == {"the bus stops at the corner of elm street"}


@pytest.mark.parametrize("name", NAMES)
def test_no_name_occurs_in_training(training: set[str], name: str) -> None:
    words = {word for text in training for word in re.findall(r"\w+", text.lower())}
    tested = {word for item in shipped_suite().lists[name] for word in re.findall(r"\w{3,}", item.lower())}
    assert tested & words == set()


def test_no_word_list_shares_an_item_with_training(training: set[str]) -> None:
    learned = {text.strip().lower() for text in training}
    lists = shipped_suite().lists
    assert lists.keys() > SHARED_BY_NECESSITY
    shared = {
        name: both
        for name, items in lists.items()
        if name not in SHARED_BY_NECESSITY and (both := {item.lower() for item in items} & learned)
    }
    assert shared == {}
