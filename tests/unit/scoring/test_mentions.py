"""A target is mentioned where its name stands in the text as words of its own."""

import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sentiscore import InputError
from sentiscore.scoring.mentions import LONGEST, LOOKED_AT, Targets, mentions_of, plain_form, words_of


def found(text: str, *names: str) -> str | None:
    """The name that is found in a text."""
    targets = Targets(pl.Series(["it"]), {"it": names})
    mention: str | None = mentions_of(pl.Series([text]), targets).mention[0]
    return mention


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Gold shines; Silver dull", "Gold"),
        ("GOLD shines", "gold"),
        ("shares of gold", "Gold"),
        ("Gold's best day", "Gold"),
        ("(Gold)", "Gold"),
        ("up 3%: $TSLA!", "$TSLA"),
        ("$TSLA up", "TSLA"),
        ("AT&T falls", "AT&T"),
        ("Yahoo! rises", "Yahoo!"),
        ("\uff34\uff33\uff2c\uff21 up", "TSLA"),
        ("ﬁve star", "FIVE STAR"),
        ("Cafe\u0301 Corp. rises", "Café Corp."),
        ("STRASSE AG", "Straße"),
        ("Moody\u2019s cuts", "Moody's"),
        ("Moody's cuts", "Moody\u2019s"),
        ("Gold\u00a0\n Fields up", "Gold Fields"),
        ("トヨタが上昇", "トヨタ"),
        ("삼성전자가 상승", "삼성전자"),
        ("TSLA株が上昇", "TSLA"),
        ("ราคาทองคำขึ้น", "ทองคำ"),
        ("Marigold and gold", "gold"),
        ("Pellowick\u2122 shines", "Pellowick"),
        ("Pellowick\u2120 shines", "Pellowick"),
        ("Pellowick\u00ae shines", "Pellowick"),
        ("Pellowick\u00b9 shines", "Pellowick"),
        ("Apple\u2460\u2461 up", "Apple"),
        ("Apple\u2776 up", "Apple"),
        ("Pellowick shines", "Pellowick\u2122"),
        ("Rolls\u2011Royce up", "Rolls-Royce"),
        ("Rolls-Royce up", "Rolls\u2010Royce"),
        ("Pello\u00adwick shines", "Pellowick"),
        ("\ufeffPel\u200blo\u2060wick\u200d shines", "Pellowick"),
        ("H2O Corp.", "H\u2082O"),
    ],
)
def test_a_name_is_found_whatever_its_case_form_and_neighbours(text: str, name: str) -> None:
    assert found(text, name) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Marigold grows", "gold"),
        ("Golden days", "Gold"),
        ("gold_price", "gold"),
        ("3M2 rises", "3M"),
        ("Éclat", "clat"),
        ("हिन्दी", "हिन्द"),
        ("silver", "Gold"),
        ("silver", "\u2122"),
        ("silver", "\u2460 \u00b9"),
        ("Gold fields", "Gold  Mines"),
        ("T & T", "AT&T"),
        ("a" * 2 * LONGEST, "a" * (LONGEST + 1)),
        (f"{'a ' * LONGEST}", "a " * LONGEST),
    ],
)
def test_a_name_within_a_word_and_one_that_is_too_long_are_not_found(text: str, name: str) -> None:
    assert found(text, name) is None


def test_the_first_name_that_the_text_mentions_is_the_mention() -> None:
    names = ("Apple Inc.", "Apple", "AAPL")
    assert [found(text, *names) for text in ("apple inc. up", "AAPL and Apple", "$AAPL", "Pineapple")] == [
        "Apple Inc.", "Apple", "AAPL", None
    ]  # fmt: skip


def test_rows_without_a_text_or_a_target_are_read_whole_and_are_not_absent() -> None:
    texts = ["Gold up", "Gold up", None, " ", "Gold up", "Gold up", "Gold up"]
    targets = [" Gold ", "Silver", "Gold", "Gold", None, " \t", "\u200b"]
    mention, absent = mentions_of(pl.Series(texts), Targets(pl.Series(targets), {}))
    assert mention.to_list() == ["Gold", *[None] * 6]
    assert absent.to_list() == [False, True, *[False] * 5]


@pytest.mark.parametrize("dtype", [pl.Categorical, pl.Enum(["Gold", "Silver"])], ids=["categorical", "enum"])
def test_targets_may_be_categories(dtype: pl.DataType) -> None:
    targets = Targets(pl.Series(["Gold", "Silver", None], dtype=dtype), {})
    mention, absent = mentions_of(pl.Series(["Gold up"] * 3), targets)
    assert (mention.to_list(), absent.to_list()) == (["Gold", None, None], [False, True, False])


def test_targets_without_any_value_are_no_targets() -> None:
    mention, absent = mentions_of(pl.Series(["a", "b"]), Targets(pl.Series([None, None]), {}))
    assert (mention.null_count(), absent.any()) == (2, False)


def test_more_or_fewer_targets_than_texts_are_a_clear_error() -> None:
    with pytest.raises(InputError, match="Number of texts: 2; of targets: 1"):
        mentions_of(pl.Series(["a", "b"]), Targets(pl.Series(["a"]), {}))


@given(before=st.text(max_size=8), name=st.text(min_size=1, max_size=8), after=st.text(max_size=8))
def test_a_name_between_blanks_is_always_found(before: str, name: str, after: str) -> None:
    assume(plain_form(name))
    assert words_of(name) in words_of(f"{before} {plain_form(name)} {after}")


ALPHABET = "ab _.\u00e9\u6771\u0940"


@given(text=st.text(ALPHABET, max_size=12), name=st.text(ALPHABET, min_size=1, max_size=4))
def test_what_is_found_begins_and_ends_with_a_word(text: str, name: str) -> None:
    def within_word(at: int) -> bool:
        return 0 < at < len(text) and all(char in "ab_\u00e9\u0940" for char in (text[at - 1], text[at]))

    assume(plain_form(name) == name and plain_form(text) == text)
    places = [i for i in range(len(text)) if text.startswith(name, i)]
    expected = any(not within_word(i) and not within_word(i + len(name)) for i in places)
    assert (words_of(name) in words_of(text)) == expected


@pytest.mark.parametrize(
    ("text", "name"),
    [("a", "a" * LONGEST), ("ab ", "ab " * 80 + "a"), ("a ", "a " * 100 + "b"), ("\u00e9 ", "\u00e9 " * 100 + "x")],
)
def test_a_text_that_repeats_the_beginning_of_a_name_is_read_to_its_end_and_no_further(text: str, name: str) -> None:
    assert found(text * LOOKED_AT, name) is None
    assert found(text * 1_000 + f" {name}. {text * LOOKED_AT}", name) == name
