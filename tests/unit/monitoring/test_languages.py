import polars as pl
import pytest

from sentiscore.monitoring.languages import languages
from sentiscore.monitoring.words import word_shift
from tests.scored_rows import scored_rows


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Shares of the bank fell after it said that profit would drop", "English"),
        ("Die Aktie der Bank ist nach dem Bericht nicht mehr auf dem Stand von gestern", "German"),
        ("Les actions de la banque sont en baisse dans une séance difficile pour le secteur", "French"),
        ("Las acciones del banco caen tras el informe y los inversores venden", "Spanish"),
        ("Le azioni della banca sono in calo dopo il rapporto che non è piaciuto alla borsa", "Italian"),
        ("As ações do banco não caem e os lucros são mais altos pelo segundo ano", "Portuguese"),
        ("De aandelen van de bank zijn niet gedaald en het bedrijf wordt verkocht", "Dutch"),
        ("Aktierna i banken är inte dyra och det har varit en bra dag för att köpa", "Swedish"),
        ("Akcje banku nie są drogie i to jest dobry dzień dla firm, które się liczą", "Polish"),
        ("Акции банка упали после отчёта", "Cyrillic"),
        ("μετοχές της τράπεζας έπεσαν", "Greek"),
        ("股価は下落した", "Chinese or Japanese"),
        ("은행 주가가 하락했다", "Korean"),
        ("Acme Q3 EPS misses", "unclear"),
        ("12.5 % (3Q)!", "unclear"),
        ("12.5 % !", "no letters"),
        ("", "no letters"),
        ("ბანკის აქციები", "other letters"),
    ],
)
def test_the_language_of_a_text_is_guessed_from_its_letters_and_smallest_words(text: str, language: str) -> None:
    assert languages(pl.Series([text])).rows() == [(language, 1)]


def test_every_text_counts_once() -> None:
    texts = pl.Series(["the cat of the house", "der Hund und das Haus", "a b c d", "1", "Привет"])
    assert languages(texts)["n"].sum() == 5


def test_the_same_kind_of_words_differ_by_no_more_than_chance() -> None:
    texts = scored_rows(800, empty=0, null=0, repeats=0)["text"]
    shift = word_shift(texts.head(400), texts.tail(400))
    assert shift is not None
    assert abs(shift.divergence.value) < shift.divergence.rare < 0.05
    assert shift.unseen.value < shift.unseen.rare


def test_other_words_differ_by_much_more_than_chance_and_are_named() -> None:
    texts = scored_rows(400, empty=0, null=0, repeats=0)["text"]
    shift = word_shift(scored_rows(400, language="German", empty=0, null=0, repeats=0)["text"], texts)
    assert shift is not None
    assert shift.divergence.value > 0.9 > shift.divergence.rare
    assert shift.unseen.value > 0.9 > shift.unseen.rare
    assert {"der", "die", "das"} <= set(shift.new)


def test_a_few_new_words_are_told_from_none() -> None:
    texts = scored_rows(2_000, empty=0, null=0, repeats=0)["text"]
    changed = texts.head(1_000) + pl.Series([" covid pandemic"] * 1_000)
    shift = word_shift(changed, texts.tail(1_000))
    assert shift is not None
    assert shift.divergence.value > 0.05 > shift.divergence.rare
    assert set(shift.new[:2]) == {"covid", "pandemic"}


def test_texts_without_words_have_no_word_shift() -> None:
    assert word_shift(pl.Series(["1", "2"]), pl.Series(["a b", "c"])) is None


def test_letters_of_scripts_without_spaces_are_words() -> None:
    shift = word_shift(pl.Series(["股価は下落した", "株価指数"] * 20), pl.Series(["日本経済", "銀行の株"] * 20))
    assert shift is not None
    assert all(len(word) == 1 for word in shift.new)
