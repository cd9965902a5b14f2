import pytest

from sentiscore.behaviour.edits import EDITS


@pytest.mark.parametrize(
    ("name", "text", "edited"),
    [
        ("capitals", "It's fine.", "IT'S FINE."),
        ("lower case", "It's Fine.", "it's fine."),
        ("title case", "it isn't a nice-looking desk", "It Isn't A Nice-Looking Desk"),
        ("typo", "A wonderful day", "A wondreful day"),
        ("typo", "Aaaaaaa day", "Aaaaaaa day"),
        ("curly apostrophes", "isn't", "isn\u2019t"),
        ("no apostrophes", "It isn't the firm's.", "It isnt the firms."),
        ("short forms", "It is not cold, and I am glad.", "It isn't cold, and I'm glad."),
        ("long forms", "It isn't cold, and they're glad.", "It is not cold, and they are glad."),
        ("html", 'Fish & "chips" aren\'t', "Fish &amp; &quot;chips&quot; aren&#x27;t"),
        ("no punctuation", "Well, it cost 3.5 dollars!", "Well it cost 3.5 dollars"),
        ("spaces", "One two three, four", "  One  two  three ,  four \n"),
    ],
)
def test_an_edit_does_what_it_is_called(name: str, text: str, edited: str) -> None:
    assert EDITS[name](text) == edited


def test_a_typo_keeps_the_ends_of_a_word_and_all_letters() -> None:
    for word in ("dreadful", "collapse", "bookcase", "triumph", "sleep"):
        typo = EDITS["typo"](word)
        assert typo != word
        assert (typo[0], typo[-1], sorted(typo)) == (word[0], word[-1], sorted(word))
