"""Steps of which nobody knows whether they come to an end are tried in a process with limits."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sentiscore import Scorer
from sentiscore.engine.tokenizer import TextEncoder
from sentiscore.engine.tokenizer_trial import try_steps
from sentiscore.engine.verification import verify
from sentiscore.errors import CheckpointError


def split(pattern: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


@pytest.mark.parametrize("pattern", [r"\w+|[^\w\s]", r"[A-Z]?[a-z]+\d{0,3}"])
def test_a_pattern_that_comes_to_an_end_passes(pattern: str) -> None:
    try_steps({"normalizer": None, "pre_tokenizer": split(pattern)})


@pytest.mark.parametrize("pattern", ["(q+)+$", r"(\w+\s?)*$", "(tick|ticktick)*!", "("])
def test_a_pattern_that_backtracks_without_end_or_is_broken_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"cannot read every text|take more than"):
        try_steps({"normalizer": None, "pre_tokenizer": split(pattern)})


def test_a_pattern_that_puts_in_more_than_it_takes_out_is_refused() -> None:
    step = {"type": "Replace", "pattern": {"Regex": "x*"}, "content": "y" * 9}
    with pytest.raises(ValueError, match=r"64 times as long|take more than"):
        try_steps({"normalizer": {"type": "Sequence", "normalizers": [step] * 9}, "pre_tokenizer": None})


def test_a_machine_that_starts_no_process_is_named_as_the_cause(
    tiny_bert: Callable[..., Path], edit_json: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny_bert(id2label={0: "negative", 1: "positive"})
    edit_json(folder / "tokenizer.json", pre_tokenizer=split("[a-z]+|."))

    def none(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    with monkeypatch.context() as patch:
        patch.setattr("subprocess.run", none)
        with pytest.raises(CheckpointError, match=r"none can be started: .*Resource temporarily unavailable"):
            TextEncoder.load(folder, 16)
    assert TextEncoder.load(folder, 16).encode(["a film"]).lengths.all()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {"normalizer": {"type": "Strip", "strip_left": True, "strip_right": True}},
            "nothing is left of its added token",
        ),
        ({"pre_tokenizer": split("(e+)+$")}, "cannot read every text"),
    ],
)
def test_verify_and_score_refuse_the_same_tokenizers_in_the_same_words(
    changes: dict[str, Any], why: str, tiny_bert: Callable[..., Path], edit_json: Callable[..., None]
) -> None:
    folder = tiny_bert(id2label={0: "negative", 1: "positive"})
    token = {"id": 5, "content": "  ", "normalized": True, "special": False}
    plain = {"single_word": False, "lstrip": False, "rstrip": False}
    found = json.loads((folder / "tokenizer.json").read_text())["added_tokens"]
    edit_json(folder / "tokenizer.json", **changes, added_tokens=[*found, token | plain])
    checked = verify(folder).error
    assert checked is not None
    with pytest.raises(CheckpointError, match=why) as raised:
        Scorer.from_pretrained(folder, device="cpu")
    assert str(raised.value) == str(checked)
