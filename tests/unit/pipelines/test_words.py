"""The default model reads emoji, styled letters and curly quotes as words, and every other text as before."""

import json
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, normalizers

import sentiscore
import words
from sentiscore import Scorer, sample_news
from sentiscore.engine.tokenizer import TextEncoder
from sentiscore.tables import read_table
from tests.conftest import SHARED
from tests.unit.pipelines.conftest import PIPELINES

FOLDER = Path(sentiscore.__file__).parent / "default_model"
TABLE = words.characters()
PICTURES = "".join(pl.read_csv(PIPELINES / "default_model" / "words.tsv", separator="\t")["characters"])


@pytest.fixture(scope="module")
def now() -> TextEncoder:
    return TextEncoder.load(FOLDER, 128)


@pytest.fixture(scope="module")
def before() -> TextEncoder:
    """The same tokenizer with BERT's own normaliser alone."""
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    return TextEncoder(tokenizer, 128)


def ids(encoder: TextEncoder, texts: list[str]) -> list[list[int]]:
    encoded = encoder.encode(texts)
    return [encoded.of(i).tolist() for i in range(len(texts))]


def test_the_default_model_has_the_table_of_the_pipeline(tmp_path: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((FOLDER / name).read_bytes())
    words.write_words(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert json.loads((tmp_path / name).read_text()) == json.loads((FOLDER / name).read_text())


@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=1),
        st.text(st.characters(codec="utf-8", exclude_characters="\0")),
        min_size=1,
    )
)
def test_a_table_of_any_characters_is_read_as_it_is_written(table: Mapping[str, str]) -> None:
    normaliser = normalizers.Precompiled(words.charsmap(table))
    assert {char: normaliser.normalize_str(char) for char in table} == dict(table)
    others = [char for char in "abc\u00e9\u4e2d\U0001f600" if char not in table]
    assert [normaliser.normalize_str(char) for char in others] == others


def test_every_character_of_the_table_is_written_as_it_says() -> None:
    normaliser = Tokenizer.from_file(str(FOLDER / "tokenizer.json")).normalizer[0]
    assert {char: normaliser.normalize_str(char) for char in TABLE} == TABLE


def test_texts_without_such_characters_have_the_ids_they_had(now: TextEncoder, before: TextEncoder) -> None:
    texts = [text for text in read_table(sample_news())["headline"].drop_nulls() if not set(text) & set(TABLE)]
    assert len(texts) > 100
    assert ids(now, texts) == ids(before, texts)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters=TABLE), max_size=40), min_size=1, max_size=20))
def test_no_text_without_such_characters_has_other_ids(texts: list[str]) -> None:
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    found = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
    tokenizer.normalizer = normalizers.BertNormalizer()
    assert found == [encoding.ids for encoding in tokenizer.encode_batch(texts)]


@pytest.mark.shared_data
@pytest.mark.thorough
def test_film_reviews_have_the_ids_they_had(now: TextEncoder, before: TextEncoder) -> None:
    texts = pl.read_csv(SHARED / "sst2" / "validation.tsv", separator="\t", quote_char=None)["sentence"].to_list()
    assert len(texts) == 872
    assert ids(now, texts) == ids(before, texts)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("\uff53\uff48\uff41\uff52\uff45\uff53 \uff50\uff4c\uff55\uff4e\uff47\uff45", "shares plunge"),
        ("\U0001d42c\U0001d421\U0001d41a\U0001d42b\U0001d41e\U0001d42c", "shares"),
        ("\u1d18\u0280\u1d0f\u0493\u026a\u1d1b", "profit"),
        ("\U0001f171\ufe0fankrupt", "bankrupt"),
        ("It\u2019s \u201cgreat\u201d", 'It\'s "great"'),
        ("the \ufb01rm\u2026", "the firm..."),
        ("non\u2011binding", "non-binding"),
        ("\U0001f44d\U0001f3fd", "good"),
        ("\U0001f937\u200d\u2642\ufe0f", "unsure"),
        ("1\ufe0f\u20e3", "1"),
        ("up\U0001f4c9down", "up slumping down"),
        ("\u2764\ufe0f", "love"),
        ("\uff01\uff1f", "!?"),
    ],
)
def test_what_is_written_otherwise_is_read_as_what_is_meant(now: TextEncoder, written: str, meant: str) -> None:
    assert ids(now, [written]) == ids(now, [meant])


def test_every_listed_picture_becomes_words_that_the_model_knows(now: TextEncoder) -> None:
    read = now.reading(now.encode(list(PICTURES)))
    assert read.known.all()
    assert not read.unknown.any()
    assert len(set(PICTURES)) == len(PICTURES)


def test_pictures_alone_have_the_sign_that_anybody_would_give_them() -> None:
    good = "\U0001f680\U0001f4c8\U0001f44d\U0001f389\u2764\U0001f600\U0001f60d\U0001f4aa\U0001f3c6\u2705\U0001f402"
    bad = "\U0001f4c9\U0001f621\U0001f480\U0001f44e\U0001f62d\U0001f494\U0001f4a9\u274c\U0001f43b\U0001f4b8"
    scored = Scorer.from_pretrained(device="cpu", dtype="fp32").score([*good, *bad, 3 * good[0]])
    assert (scored["status"] == "ok").all()
    found = scored["sentiment"].to_list()
    assert min(found[: len(good)]) > 0.2
    assert max(found[len(good) : -1]) < -0.2
    assert found[-1] > 0.5


def test_three_falling_charts_are_as_bad_as_one() -> None:
    scored = Scorer.from_pretrained(device="cpu", dtype="fp32").score([3 * "\U0001f4c9"])
    assert scored["sentiment"][0] < -0.5


def test_training_on_the_default_model_keeps_the_table(now: TextEncoder, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    texts = ["It\u2019s falling \U0001f4c9", "profit \U0001d42c"]
    tokenizer = AutoTokenizer.from_pretrained(FOLDER, local_files_only=True)
    assert tokenizer(texts)["input_ids"] == ids(now, texts)
    tokenizer.save_pretrained(tmp_path)
    assert ids(TextEncoder.load(tmp_path, 128), texts) == ids(now, texts)
