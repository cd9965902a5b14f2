from hypothesis import given
from hypothesis import strategies as st

from sentiscore.engine.long_texts import cut


def word_ends(text: str) -> list[int]:
    """A tokenizer whose tokens are words."""
    return [i + 1 for i, char in enumerate(text) if char != " " and (i + 1 == len(text) or text[i + 1] == " ")]


def test_a_text_is_cut_at_the_end_of_a_sentence_in_the_second_half() -> None:
    text = "one two three. four five six seven. eight nine ten"
    assert cut(text, word_ends(text), 5) == ["one two three.", " four five six seven.", " eight nine ten"]


def test_without_a_sentence_end_a_text_is_cut_between_words() -> None:
    text = "one two three four five"
    assert cut(text, word_ends(text), 2) == ["one two", " three four", " five"]


def test_without_spaces_a_text_is_cut_after_a_token() -> None:
    assert cut("abcdef", [2, 4, 6], 1) == ["ab", "cd", "ef"]


def test_a_character_of_several_tokens_is_not_cut_through() -> None:
    assert cut("ab", [1, 1, 1, 2, 2, 2], 4) == ["a", "b"]


@given(text=st.text(alphabet="ab. !\n\u6f22", max_size=80), room=st.integers(1, 12), tokens=st.integers(1, 3))
def test_pieces_are_the_text_and_within_the_room(text: str, room: int, tokens: int) -> None:
    ends = [i + 1 for i in range(len(text)) for _ in range(tokens)]
    pieces = cut(text, ends, room)
    assert "".join(pieces) == text
    assert all(len(piece) * tokens <= max(room, tokens) for piece in pieces)
