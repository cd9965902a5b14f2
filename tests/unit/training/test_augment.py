from hypothesis import given
from hypothesis import strategies as st

from sentiscore.training.augment import Augmentation, augment

WORDS = st.lists(st.sampled_from(["rain", "sun", "wind", "snow", "fog", "hail"]), min_size=0, max_size=9).map(" ".join)
TEXTS = st.lists(WORDS.filter(bool), min_size=1, max_size=8, unique=True)


@given(TEXTS, st.integers(0, 2), st.integers(0, 2), st.integers(0, 2), st.integers(0, 5))
def test_what_is_made_is_new_and_the_same_for_a_seed(
    texts: list[str], spans: int, joins: int, drops: int, seed: int
) -> None:
    how = Augmentation(spans=spans, joins=joins, drops=drops, seed=seed)
    made = augment(texts, how)
    assert made == augment(texts, how)
    assert len(made) == len(set(made)) <= (spans + joins + drops) * len(texts)
    assert not set(made) & set(texts)
    assert all(made)


def test_each_kind_is_what_it_says() -> None:
    texts = ["one two three four five six seven", "eight nine"]
    (span,) = augment(texts, Augmentation(spans=1))
    assert f" {span} " in f" {texts[0]} "
    assert 3 <= len(span.split()) < 7
    assert all(text.split()[0] in ("one", "eight") for text in augment(texts, Augmentation(joins=2)))
    dropped = augment(texts, Augmentation(drops=3, drop_rate=0.5))
    assert all(set(text.split()) < {word for one in texts for word in one.split()} for text in dropped)
