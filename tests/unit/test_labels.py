import pytest

from sentiscore.errors import CheckpointError
from sentiscore.labels import check_labels, labels_of_config, score_columns


def test_label_names_are_known_in_any_case_and_order() -> None:
    assert check_labels(["POSITIVE", "Negative", " neutral "]) == ("positive", "negative", "neutral")
    assert check_labels(["negative", "positive"]) == ("negative", "positive")


@pytest.mark.parametrize(
    "names", [["joy", "anger"], ["negative"], ["negative", "negative"], ["negative", "neutral"], []]
)
def test_other_label_names_are_refused_with_the_option_that_helps(names: list[str]) -> None:
    with pytest.raises(CheckpointError, match="--labels"):
        check_labels(names)


def test_two_numbered_labels_are_a_guess_and_three_are_refused() -> None:
    assert labels_of_config({1: "LABEL_1", 0: "LABEL_0"}) == (("negative", "positive"), True)
    with pytest.raises(CheckpointError, match="LABEL_2"):
        labels_of_config({0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"})


def test_a_model_without_neutral_adds_no_column_for_it() -> None:
    assert "p_neutral" not in score_columns(("negative", "positive"))
    assert score_columns(("positive", "neutral", "negative")) == [
        "p_negative",
        "p_positive",
        "p_neutral",
        "sentiment",
        "tone",
        "label",
        "n_tokens",
        "unknown_share",
        "status",
    ]


@pytest.mark.parametrize(
    ("names", "meaning"),
    [
        (["NEG", "NEU", "POS"], "negative neutral positive"),
        (["Neutral", "Positive", "Negative"], "neutral positive negative"),
        (["bearish", "Bullish", "neutral"], "negative positive neutral"),
        (
            ["Very Negative", "Negative", "Neutral", "Positive", "Very Positive"],
            "negative negative neutral positive positive",
        ),
        (["extremely_positive", "somewhat-negative"], "positive negative"),
        ([f"{i} star{'s'[: i > 1]}" for i in range(1, 6)], "negative negative neutral positive positive"),
        (["5 Stars", "4 stars", "3 stars", "2 stars", "1 star"], "positive positive neutral negative negative"),
        (["negative", "negative", "neutral", "positive", "positive"], "negative negative neutral positive positive"),
        (
            ["Strongly Negative", "Moderately Negative", "Neutral", "Moderately Positive", "Strongly Positive"],
            "negative negative neutral positive positive",
        ),
        (["star_5", "star_4", "star_3", "star_2", "star_1"], "positive positive neutral negative negative"),
        (
            [f"{n} stars" for n in ("five", "four", "three", "two", "one")],
            "positive positive neutral negative negative",
        ),
        (["label_positive", "Negative sentiment"], "positive negative"),
    ],
)
def test_names_whose_meaning_is_certain_are_understood(names: list[str], meaning: str) -> None:
    assert labels_of_config(dict(enumerate(names))) == (tuple(meaning.split()), False)
    assert check_labels(names) == tuple(meaning.split())


@pytest.mark.parametrize(
    ("names", "line"),
    [
        (["LABEL_0", "LABEL_1", "LABEL_2"], "negative,neutral,positive"),
        ([f"LABEL_{i}" for i in range(5)], "negative,negative,neutral,positive,positive"),
        (["1 star", "2 stars", "3 stars", "4 stars"], "negative,negative,positive,positive"),
        (["5", "4", "3", "2", "1"], "positive,positive,neutral,negative,negative"),
        (["LABEL_2", "LABEL_1", "LABEL_0"], "positive,neutral,negative"),
    ],
)
def test_the_error_for_numbered_names_has_a_line_to_copy(names: list[str], line: str) -> None:
    with pytest.raises(CheckpointError) as refused:
        labels_of_config(dict(enumerate(names)))
    assert ", ".join(map(repr, names)) in refused.value.message
    assert refused.value.hint.endswith(f"--labels {line}")
    assert check_labels(line.split(","))


@pytest.mark.parametrize(
    ("names", "line"),
    [
        (["Positive", "Negative", "mixed"], "positive,negative,?"),
        (["joy", "anger"], "?,?"),
        (["positive", "not_positive"], "positive,?"),
        (["bullish", "not bullish"], "positive,?"),
        (["good", "bad"], "?,?"),
    ],
)
def test_the_error_for_other_names_guesses_nothing(names: list[str], line: str) -> None:
    with pytest.raises(CheckpointError) as refused:
        labels_of_config(dict(enumerate(names)))
    assert ", ".join(map(repr, names)) in refused.value.message
    assert refused.value.hint.endswith(f"--labels {line}")


def test_ids_with_a_gap_are_refused() -> None:
    with pytest.raises(ValueError, match="its ids are 0, 2"):
        labels_of_config({0: "negative", 2: "positive"})
