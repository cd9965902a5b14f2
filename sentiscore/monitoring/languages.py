"""Guesses the language of a text from its letters and its function words, without a model or a dependency.

A text counts for the script of most of its letters. Texts in Latin letters count for the language of which they have
the most function words. A headline may have none, and is then unclear: the guess is good for comparing shares over many
texts, not for identifying the language of one.
"""

from typing import Final

import polars as pl

_SCRIPTS: Final = {
    "Latin": r"\p{Latin}",
    "Cyrillic": r"\p{Cyrillic}",
    "Greek": r"\p{Greek}",
    "Arabic": r"\p{Arabic}",
    "Hebrew": r"\p{Hebrew}",
    "Chinese or Japanese": r"[\p{Han}\p{Hiragana}\p{Katakana}]",
    "Korean": r"\p{Hangul}",
    "Devanagari": r"\p{Devanagari}",
    "Thai": r"\p{Thai}",
}
_OTHER: Final = "other letters"
_NONE: Final = "no letters"
_UNCLEAR: Final = "unclear"

UNKNOWN: Final = (_UNCLEAR, _NONE)
"""The names for texts whose language cannot be guessed."""

# Words that are common in one language and rare in the others here; without ambiguous single letters.
_FUNCTION_WORDS: Final = {
    "English": "the of and to for is are was were with from that this it by at has have had be been will would not "
    "its after as over says said their they you he she his her but what who an in on do no per come so us co",
    "German": "der die das und ist nicht ein eine einen einem einer mit von zu den dem des für auf im sich auch nach "
    "bei aus wird werden wurde sind als wie über vor zum zur am hat haben ich wir",
    "French": "le la les des du et est une dans pour qui que sur pas au aux avec ce cette par plus sont ne se il elle "
    "ses leur mais ou être ont vous nous",
    "Spanish": "el la los las del es una para por con que se su al lo como más pero sus este esta fue ha son está "
    "hay muy sin sobre tras entre",
    "Italian": "il lo la gli le di del della dei delle che è per un una con non sono nel nella alla al ha più anche "
    "dal dalla si come questo ma",
    "Portuguese": "os as do da dos das é em no na nos nas um uma para por com não que se ao mais são foi pelo pela "
    "seu sua após",
    "Dutch": "de het een en van is niet op te dat voor met zijn naar bij ook aan uit om maar door wordt worden heeft "
    "hij zij ik wij nog",
    "Swedish": "och att det som en är på för av med den till inte om ett har från var vid kan när efter hos ska sig",
    "Danish or Norwegian": "og at det som en er på for av af med den til ikke om et har fra var ved kan når etter "
    "efter hos skal sig seg",
    "Polish": "na się nie do jest że to po za od przez dla jak są oraz przy był ale tym ze co",
    "Turkish": "ve bir bu için ile da de olarak daha çok gibi olan sonra kadar ne ama en her var yok",
}


def languages(texts: pl.Series) -> pl.DataFrame:
    """Count the texts by language, as far as it can be guessed.

    Args:
        texts: Strings without nulls.

    Returns:
        The columns language and n, sorted by language; values such as "German", "Cyrillic", "unclear", "no letters".
    """
    frame = texts.rename("text").to_frame()
    counts = frame.select(
        *(pl.col("text").str.count_matches(pattern).alias(name) for name, pattern in _SCRIPTS.items()),
        letters=pl.col("text").str.count_matches(r"\p{L}"),
    )
    known = pl.max_horizontal(*_SCRIPTS)
    script = pl.lit(None, dtype=pl.String)
    for name in reversed(list(_SCRIPTS)):  # the first one wins a tie
        script = pl.when(pl.col(name) == pl.col("most")).then(pl.lit(name)).otherwise(script)
    scripts = counts.with_columns(most=known).select(
        pl.when(pl.col("letters") == 0)
        .then(pl.lit(_NONE))
        .when(pl.col("most") * 2 < pl.col("letters"))
        .then(pl.lit(_OTHER))
        .otherwise(script)
        .alias("script")
    )
    guess = frame.with_row_index("i").with_columns(scripts).join(_by_words(frame), on="i", how="left")
    language = (
        pl.when(pl.col("script") == "Latin").then(pl.col("guess").fill_null(_UNCLEAR)).otherwise(pl.col("script"))
    )
    return guess.group_by(language.alias("language")).agg(n=pl.len().cast(pl.Int64)).sort("language")


def _by_words(frame: pl.DataFrame) -> pl.DataFrame:
    """The columns i and guess: the language of each text that has more function words of it than of any other."""
    table = pl.DataFrame(
        [(word, name) for name, words in _FUNCTION_WORDS.items() for word in dict.fromkeys(words.split())],
        schema={"word": pl.String, "guess": pl.String},
        orient="row",
    )
    found = (
        frame.with_row_index("i")
        .select("i", word=pl.col("text").str.to_lowercase().str.extract_all(r"\p{L}+"))
        .explode("word", empty_as_null=True)
        .drop_nulls("word")
        .join(table, on="word")
    )
    hits = found.group_by("i", "guess").agg(hits=pl.len())
    best = hits.group_by("i").agg(most=pl.col("hits").max())
    top = hits.join(best, on="i").filter(pl.col("hits") == pl.col("most"))
    return top.group_by("i").agg(guess=pl.col("guess").first(), ties=pl.len()).filter(pl.col("ties") == 1).drop("ties")
