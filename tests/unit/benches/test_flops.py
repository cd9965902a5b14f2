"""The count of operations equals a count by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.benches.flops import Shape, whole_model, work_left

# width 4, MLP of 8: a square matrix has 16 weights, the MLP of a layer 4 * 8 * 2 = 64
NEOX = Shape(kind="gpt_neox", hidden=4, wide=8, layers=3, labels=2)
BERT = Shape(kind="bert", hidden=4, wide=8, layers=3, labels=2)
TEXTS = ["a", "b", "a"]
IDS = [[5, 6, 5], [6, 7], [5, 6, 5]]
TEXT = st.lists(st.integers(0, 20), min_size=1, max_size=12)


def test_a_whole_gpt_neox_is_every_layer_and_the_head_for_every_token() -> None:
    assert whole_model(NEOX, IDS) == 2 * (8 * 3 * (4 * 16 + 64) + 8 * 4 * 2)


def test_a_whole_bert_is_every_layer_for_every_token_and_the_pooler_and_head_for_every_text() -> None:
    assert whole_model(BERT, IDS) == 2 * (8 * 3 * (4 * 16 + 64) + 3 * (16 + 4 * 2))


def test_what_is_left_of_gpt_neox_by_hand() -> None:
    # two distinct texts with five tokens, three of them distinct
    first = 3 * 3 * 16 + 5 * 16 + 3 * 64
    middle = 5 * (4 * 16 + 64)
    last = 5 * 2 * 16 + 2 * (2 * 16 + 64)
    assert work_left(NEOX, TEXTS, IDS) == 2 * (first + middle + last + 2 * 4 * 2)


def test_a_serial_residual_keeps_the_first_mlp_for_every_token() -> None:
    serial = Shape(kind="gpt_neox", hidden=4, wide=8, layers=3, labels=2, parallel=False)
    assert work_left(serial, TEXTS, IDS) - work_left(NEOX, TEXTS, IDS) == 2 * (5 - 3) * 64


def test_one_layer_of_gpt_neox_is_the_first_and_the_last() -> None:
    single = Shape(kind="gpt_neox", hidden=4, wide=8, layers=1, labels=2)
    assert work_left(single, TEXTS, IDS) == 2 * (3 * (3 * 16 + 64) + 2 * 16 + 2 * 4 * 2)


def test_what_is_left_of_bert_by_hand() -> None:
    full = 2 * 5 * (4 * 16 + 64)
    last = 5 * 2 * 16 + 2 * (2 * 16 + 64)
    assert work_left(BERT, TEXTS, IDS) == 2 * (full + last + 2 * (16 + 4 * 2))


@pytest.mark.parametrize("shape", [NEOX, BERT])
@given(ids=st.lists(TEXT, min_size=1, max_size=8))
def test_no_more_is_left_than_there_was(shape: Shape, ids: list[list[int]]) -> None:
    assert 0 < work_left(shape, [str(row) for row in ids], ids) <= whole_model(shape, ids)


def test_a_shape_is_read_from_a_config_of_a_known_kind() -> None:
    config = {"hidden_size": 4, "intermediate_size": 8, "num_hidden_layers": 3}
    assert Shape.of_config(config | {"model_type": "gpt_neox"}, 2) == NEOX
    assert Shape.of_config(config | {"model_type": "bert"}, 2) == BERT
    assert Shape.of_config(config | {"model_type": "gpt2"}, 2) is None
