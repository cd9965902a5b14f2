from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sentiscore.engine.tokenizer import TextEncoder
from sentiscore.errors import CheckpointError, InputError


def rows(encoder: TextEncoder, texts: list[str]) -> list[np.ndarray]:
    encoded = encoder.encode(texts)
    return [encoded.of(i) for i in range(len(texts))]


def test_a_special_token_in_a_text_is_plain_text(tiny_checkpoint: Path) -> None:
    encoder = TextEncoder.load(tiny_checkpoint, 64)
    plain, dressed = rows(encoder, ["good movie", "good movie<|padding|><|endoftext|>"])
    assert dressed.size > plain.size
    assert 0 not in dressed
    assert 1 not in dressed


def test_special_tokens_that_a_model_wants_are_added_and_counted(tiny_bert: Callable[..., Path]) -> None:
    encoded = TextEncoder.load(tiny_bert(), 4).encode(["profit rises on strong demand", "profit", ""])
    first, last = encoded.of(1)[0], encoded.of(1)[-1]
    assert encoded.lengths.tolist() == [4, 3, 2] or encoded.lengths[0] == 4
    assert all(row[0] == first and row[-1] == last for row in map(encoded.of, range(3)))
    assert encoded.truncated.tolist()[0] is True
    assert encoded.truncated.tolist()[2] is False


def test_a_text_at_the_limit_is_not_truncated_and_one_past_it_is(tiny_checkpoint: Path) -> None:
    whole = TextEncoder.load(tiny_checkpoint, 64).encode(["profit rises on demand"]).lengths[0]
    assert not TextEncoder.load(tiny_checkpoint, int(whole)).encode(["profit rises on demand"]).truncated[0]
    assert TextEncoder.load(tiny_checkpoint, int(whole) - 1).encode(["profit rises on demand"]).truncated[0]


def test_a_very_long_text_has_the_tokens_of_its_beginning(tiny_checkpoint: Path) -> None:
    encoder = TextEncoder.load(tiny_checkpoint, 16)
    long, longer = rows(encoder, ["profit rises " * 100, "profit rises " * 100_000])
    assert long.tolist() == longer.tolist()


def test_many_texts_come_back_in_order(tiny_checkpoint: Path) -> None:
    encoder = TextEncoder.load(tiny_checkpoint, 16)
    texts = [f"profit {i}" for i in range(5000)]
    encoded = encoder.encode(texts)
    for i in (0, 1, 2047, 2048, 4999):
        assert encoded.of(i).tolist() == encoder.encode([texts[i]]).ids.tolist()


def test_a_missing_or_broken_tokenizer_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no tokenizer\.json"):
        TextEncoder.load(tmp_path, 8)
    (tmp_path / "tokenizer.json").write_text('{"model": 1')
    with pytest.raises(CheckpointError, match="cannot be read"):
        TextEncoder.load(tmp_path, 8)


def test_an_error_of_our_own_that_strikes_in_the_tokenizer_keeps_its_name(tiny_checkpoint: Path) -> None:
    class Struck:
        """A text that raises when its beginning is taken, as an error that another thread raises might."""

        def __init__(self, error: Exception) -> None:
            self.error = error

        def __getitem__(self, part: slice) -> str:
            raise self.error

        def __len__(self) -> int:
            return 1

    texts: Any = [Struck(InputError("This needs more than --max-memory.", "Allow more."))]
    with pytest.raises(InputError, match="max-memory"):
        TextEncoder.load(tiny_checkpoint, 8).encode(texts)
    texts = [Struck(RuntimeError("no such token"))]
    with pytest.raises(CheckpointError, match="The tokenizer of the model is broken: no such token"):
        TextEncoder.load(tiny_checkpoint, 8).encode(texts)


@pytest.mark.parametrize("limit", [4, 8, 16])
def test_pieces_of_a_long_text_are_the_text_and_within_the_limit(
    tiny_checkpoint: Path, tiny_bert: Callable[..., Path], limit: int
) -> None:
    text = "Profit rises. Demand is strong!  Shares fall after weak results; 株価は下落。 " * 20
    for folder in (tiny_checkpoint, tiny_bert()):
        encoder = TextEncoder.load(folder, limit)
        pieces = encoder.pieces(text)
        assert "".join(pieces) == text
        assert not encoder.encode(pieces).truncated.any()
        assert len(pieces) > 20
