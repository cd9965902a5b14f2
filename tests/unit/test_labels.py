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
        "label",
        "n_tokens",
        "unknown_share",
        "status",
    ]
