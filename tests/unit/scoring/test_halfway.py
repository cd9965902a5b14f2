"""A window that is stopped halfway goes on with the batches that are left."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sentiscore.scoring import halfway
from sentiscore.scoring.answers import AnswerStore
from sentiscore.scoring.halfway import Half, HalfKeeper, StoppedHalfwayError
from sentiscore.scoring.journal import Journal
from sentiscore.scoring.scorer import Scorer
from sentiscore.scoring.texts import as_texts
from sentiscore.scoring.work_folder import work_folder

TEXTS = [f"profit {'rises ' * (i % 40)}{i} per cent" for i in range(600)]
KEY = {"input": "a" * 64}


@pytest.fixture(scope="module")
def scorer(tiny_checkpoint: Path) -> Scorer:
    return Scorer.from_pretrained(tiny_checkpoint, device="cpu", dtype="fp32")


@pytest.fixture(autouse=True)
def always_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(halfway, "_LOOK_S", 0.0)


def stopped_after(batches: int, scorer: Scorer, prepared: Any) -> Half:
    """What is kept of a window that is stopped after some batches."""
    kept: list[Half] = []
    looks = iter([False] * (batches - 1))
    keeper = HalfKeeper(
        None, None if prepared.known is None else prepared.known.found, kept.append, lambda: next(looks, True)
    )
    with pytest.raises(StoppedHalfwayError):
        scorer.compute(prepared, None, keeper)
    return Half.from_bytes(kept[-1].to_bytes())


def test_batches_that_were_kept_are_not_computed_again(scorer: Scorer, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = scorer.prepare(as_texts(TEXTS))
    whole = scorer.compute(prepared)
    half = stopped_after(3, scorer, prepared)
    assert 0 < half.n_done < len(TEXTS)
    computed: list[int] = []
    engine: Any = scorer._classifier._engine
    logits = engine.logits

    def counting(window: Any, ids: Any, *rest: Any) -> Any:
        computed.append(len(ids))
        return logits(window, ids, *rest)

    monkeypatch.setattr(engine, "logits", counting)
    progress: list[int] = []
    done = scorer.compute(prepared, progress.append, HalfKeeper(half, None, lambda _: None, lambda: False))
    assert sum(computed) == len(TEXTS) - half.n_done
    assert sum(progress) == len(TEXTS)
    np.testing.assert_array_equal(done, whole)


def test_what_was_kept_of_other_texts_is_not_used(scorer: Scorer) -> None:
    half = stopped_after(1, scorer, scorer.prepare(as_texts(TEXTS)))
    others = scorer.prepare(as_texts([text.replace("rises", "falls") for text in TEXTS]))
    found = scorer.compute(others, None, HalfKeeper(half, None, lambda _: None, lambda: False))
    np.testing.assert_array_equal(found, scorer.compute(others))


def test_answers_of_finished_batches_are_in_the_store_and_the_rest_ends_with_the_same_bits(
    scorer: Scorer, tmp_path: Path
) -> None:
    whole = scorer.score(TEXTS)
    with AnswerStore.open(tmp_path / "answers") as store:
        stored = scorer.with_answers(store)
        prepared = stored.prepare(as_texts(TEXTS))
        half = stopped_after(2, stored, prepared)
        stored.store(prepared, half.logits)
        again = stored.prepare(as_texts(TEXTS))
        assert again.n_known == half.n_done
        again = stored.prepare(as_texts(TEXTS), among=half.known)
        assert again.n_known == 0
        logits = stored.compute(again, None, HalfKeeper(half, half.known, lambda _: None, lambda: False))
        assert stored.finish(again, logits).equals(whole)


def test_a_journal_keeps_the_last_half_of_a_window_until_it_is_finished(tmp_path: Path) -> None:
    target = tmp_path / "out.parquet"
    with Journal(target) as journal:
        journal.begin(KEY, resume=True)
        journal.keep_half(4, b"one")
        journal.keep_half(4, b"two")
    with Journal(target) as journal:
        assert journal.begin(KEY, resume=True) == 0
        assert journal.half(4) == b"two"
        assert journal.half(0) is None
        (path,) = work_folder(target).glob("half-*")
        path.write_bytes(b"twx")
        assert journal.half(4) is None, "a flipped bit is found"
        assert journal.begin(KEY, resume=False) == 0
        assert not list(work_folder(target).glob("half-*"))
