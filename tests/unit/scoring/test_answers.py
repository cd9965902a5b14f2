import os
import signal
import sqlite3
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from pathlib import Path
from threading import Timer

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from sentiscore import InputError, OutputError, Scorer
from sentiscore.errors import SentiscoreWarning
from sentiscore.scoring import answers as answers_module
from sentiscore.scoring.answer_file import NAME
from sentiscore.scoring.answers import AnswerStore, Asker
from sentiscore.scoring.prepared import Answers, Prepared
from sentiscore.scoring.upkeep import cache_info, prune_cache
from tests.conftest import TEXTS

ASKER = Asker.of({"model": "0123456789abcdef", "dtype": "fp32"}, 2)


@pytest.fixture(scope="module")
def scorer(tiny_checkpoint: Path) -> Scorer:
    return Scorer.from_pretrained(tiny_checkpoint, device="cpu", dtype="fp32")


def made(n: int, seed: int = 0) -> Answers:
    chance = np.random.default_rng(seed)
    probs = chance.random((n, 2))
    tokens, truncated = chance.integers(1, 30, n), chance.random(n) < 0.5
    return Answers(probs, tokens, np.ones(n, dtype=np.int64), truncated, chance.random(n, dtype=np.float32))


def kept(store: AnswerStore, texts: list[str], asker: Asker = ASKER, seed: int = 0) -> Answers:
    """Have made answers to these texts kept, those that are not known."""
    known = store.look_up(asker, texts)
    answers = made(len(texts), seed)
    store.keep(asker, known, answers.of(~known.found))
    return answers


def found(store: AnswerStore, texts: list[str], asker: Asker = ASKER) -> npt.NDArray[np.bool_]:
    return store.look_up(asker, texts).found


def test_answers_come_back_as_they_were_to_the_last_bit(tmp_path: Path) -> None:
    texts = [f"text {i}" for i in range(2_000)]
    with AnswerStore.open(tmp_path / "answers") as store:
        answers = kept(store, texts)
    with AnswerStore.open(tmp_path / "answers") as store:
        known = store.look_up(ASKER, [*texts, "another"])
    assert known.found.tolist() == [True] * 2_000 + [False]
    for name in ("probs", "n_tokens", "n_windows", "truncated", "unknown_share"):
        np.testing.assert_array_equal(getattr(known.answers, name), getattr(answers, name))
    assert sorted(path.name for path in (tmp_path / "answers").iterdir()) == [NAME]


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "a?mode=ro#b%20 é"
    with AnswerStore.open(folder) as store:
        kept(store, ["a"])
    assert (folder / NAME).is_file()
    assert cache_info(folder).answers == 1


def test_each_scorer_has_its_own_answers(tmp_path: Path) -> None:
    other = Asker.of({"model": "0123456789abcdef", "dtype": "bf16"}, 2)
    with AnswerStore.open(tmp_path) as store:
        kept(store, ["a", "b"])
        assert not found(store, ["a", "b"], other).any()
        theirs = kept(store, ["a"], other, seed=1)
        np.testing.assert_array_equal(store.look_up(other, ["a", "b"]).answers.probs, theirs.probs)
        assert found(store, ["a", "b"]).all()


def test_no_text_is_in_the_file(tmp_path: Path) -> None:
    with AnswerStore.open(tmp_path) as store:
        kept(store, ["an unusual headline"])
    assert b"unusual" not in (tmp_path / NAME).read_bytes()


def test_what_is_no_number_is_not_kept(tmp_path: Path) -> None:
    answers = made(3)
    answers.probs[1] = np.nan
    answers.probs[2, 0] = np.inf
    with AnswerStore.open(tmp_path) as store:
        store.keep(ASKER, store.look_up(ASKER, ["a", "b", "c"]), answers)
        assert found(store, ["a", "b", "c"]).tolist() == [True, False, False]


@pytest.mark.parametrize("change", ["value", "key", "scorer"])
def test_an_answer_that_was_changed_is_no_answer_and_is_replaced(tmp_path: Path, change: str) -> None:
    with AnswerStore.open(tmp_path) as store:
        kept(store, ["a", "b"])
        kept(store, ["b"], Asker.of({"model": "other"}, 2), seed=1)
    with sqlite3.connect(tmp_path / NAME) as db:
        rows = db.execute("SELECT key, scorer, value FROM answers ORDER BY scorer, key").fetchall()
        (key, scorer, value), (other, _, _), _ = rows
        if change == "value":
            db.execute("UPDATE answers SET value = ? WHERE key = ?", (bytes([value[0] ^ 1]) + value[1:], key))
        elif change == "key":
            db.execute("DELETE FROM answers WHERE key = ?", (other,))
            db.execute("UPDATE answers SET key = ? WHERE key = ?", (other, key))
        else:
            db.execute("DELETE FROM answers WHERE scorer <> ?", (scorer,))
            db.execute("UPDATE answers SET scorer = 3 - scorer")
    db.close()
    asker = ASKER if change != "scorer" else Asker.of({"model": "other"}, 2)
    with AnswerStore.open(tmp_path) as store:
        before = found(store, ["a", "b"], asker)
        assert not before.all()
        kept(store, ["a", "b"], asker)
        assert found(store, ["a", "b"], asker).all()


def test_the_file_keeps_its_limit_and_what_was_not_used_for_longest_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def night(number: int) -> list[str]:
        return [f"{number} {i}" for i in range(1_000)]

    with AnswerStore.open(tmp_path, max_bytes=1_000_000) as store:
        for number in range(30):
            monkeypatch.setattr(answers_module, "_today", lambda number=number: 20_000 + number)
            kept(store, night(number))
            kept(store, night(0))  # of every night
            assert (tmp_path / NAME).stat().st_size <= 1_000_000
        assert found(store, night(29)).all()
        assert found(store, night(28)).all()
        assert found(store, night(0)).all()
        assert not found(store, night(1)).any()


def test_more_than_the_limit_at_once_is_no_error(tmp_path: Path) -> None:
    texts = [f"text {i}" for i in range(30_000)]
    with AnswerStore.open(tmp_path, max_bytes=1_000_000) as store:
        for seed in range(3):
            kept(store, texts, seed=seed)
            assert (tmp_path / NAME).stat().st_size <= 1_000_000
        assert 1_000 < found(store, texts).sum() < 30_000


def test_a_lower_limit_is_reached_step_by_step(tmp_path: Path) -> None:
    with AnswerStore.open(tmp_path, max_bytes=4_000_000) as store:
        kept(store, [f"text {i}" for i in range(15_000)])
    with AnswerStore.open(tmp_path, max_bytes=1_000_000) as store:
        for night in range(6):
            kept(store, [f"{night} {i}" for i in range(500)])
        assert found(store, [f"5 {i}" for i in range(500)]).all()
    info = cache_info(tmp_path)
    assert info.size - info.free <= 1_000_000
    assert info.max_bytes == 1_000_000


def test_a_limit_of_no_use_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too small"):
        AnswerStore.open(tmp_path, max_bytes=1_000)


def test_pruning_counts_and_gives_the_space_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Asker.of({"model": "fedcba9876543210"}, 2)
    today = answers_module._today()
    with AnswerStore.open(tmp_path) as store:
        for age in (100, 50, 0):
            monkeypatch.setattr(answers_module, "_today", lambda age=age: today - age)
            kept(store, [f"{age} {i}" for i in range(2_000)])
        kept(store, ["a", "b"], other)
        info = cache_info(tmp_path)
        assert info.answers == 6_002
        assert [(one.answers, (one.newest - one.oldest).days) for one in info.scorers] == [(6_000, 100), (2, 0)]  # type: ignore[operator]
        old = prune_cache(tmp_path, older_than=timedelta(days=90))
        assert (old.removed, old.left) == (2_000, 4_002)
        assert old.size < old.size_before
        assert (tmp_path / NAME).stat().st_size == old.size
        assert prune_cache(tmp_path, model="fedcba").removed == 2
        assert [one.identity["model"] for one in cache_info(tmp_path).scorers] == ["0123456789abcdef"]
        small = prune_cache(tmp_path, max_bytes=170_000)
        assert small.size <= 170_000
        assert found(store, [f"0 {i}" for i in range(2_000)]).mean() > 0.9  # those of today, and hardly any other
        assert found(store, [f"50 {i}" for i in range(2_000)]).mean() < 0.4
        assert prune_cache(tmp_path, everything=True).left == 0
        kept(store, ["a"])  # the store goes on
        assert found(store, ["a"]).all()


def test_a_model_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with AnswerStore.open(tmp_path) as store:
        kept(store, ["a"])
    for name in ("ffffff", "0123"):
        with pytest.raises(InputError, match="0123456789ab"):
            prune_cache(tmp_path, model=name)


def test_a_folder_that_is_a_file_or_nowhere_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is a file"):
        AnswerStore.open(tmp_path / "file")
    with pytest.raises(OutputError, match="mkdir -p"):
        AnswerStore.open(tmp_path / "no" / "where")
    with pytest.raises(InputError, match="no store of answers"):
        cache_info(tmp_path)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody may write to")
def test_a_folder_that_may_not_be_written_to_is_a_clear_error() -> None:
    with pytest.raises(OutputError):
        AnswerStore.open("/proc/self")
    with pytest.raises(OutputError):
        AnswerStore.open("/proc/self/answers")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_store_that_may_only_be_read_is_a_clear_error_and_can_be_looked_into(tmp_path: Path) -> None:
    with AnswerStore.open(tmp_path) as store:
        kept(store, ["a"])
    (tmp_path / NAME).chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(OutputError, match="may not be"):
            AnswerStore.open(tmp_path)
        assert cache_info(tmp_path).answers == 1
    finally:
        tmp_path.chmod(0o755)


def test_what_is_no_store_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / NAME
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()
    for content in (path.read_bytes(), b"something else " * 100):
        path.write_bytes(content)
        for touch in (AnswerStore.open, cache_info, lambda folder: prune_cache(folder, everything=True)):
            with pytest.raises(InputError, match="is not a store of answers"):
                touch(tmp_path)
        assert path.read_bytes() == content


def test_a_newer_format_is_a_clear_error_and_is_left_as_it_is(tmp_path: Path) -> None:
    AnswerStore.open(tmp_path).close()
    with sqlite3.connect(tmp_path / NAME) as db:
        db.execute("PRAGMA user_version = 2")
    db.close()
    for touch in (AnswerStore.open, cache_info, lambda folder: prune_cache(folder, everything=True)):
        with pytest.raises(InputError, match="format 2"):
            touch(tmp_path)


def test_a_store_that_another_process_holds_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentiscore.scoring.answer_file._PATIENCE_S", 0.1)
    with AnswerStore.open(tmp_path) as store:
        db = sqlite3.connect(tmp_path / NAME, isolation_level=None)
        db.execute("BEGIN IMMEDIATE")
        with pytest.raises(OutputError, match="Another process"):
            kept(store, ["a"])
        db.execute("ROLLBACK")
        db.close()
        kept(store, ["a"])
        assert found(store, ["a"]).all()


def test_a_damaged_store_names_the_command_that_mends_it(tmp_path: Path) -> None:
    with AnswerStore.open(tmp_path) as store:
        kept(store, [f"text {i}" for i in range(2_000)])
    path = tmp_path / NAME
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\x00" * (len(content) - 4096))
    with pytest.raises(InputError, match=f"damaged.*\n.*sentiscore cache prune {tmp_path} --all"):
        AnswerStore.open(tmp_path)
    with pytest.raises(InputError, match="damaged"):
        prune_cache(tmp_path, max_bytes=10)
    assert prune_cache(tmp_path, everything=True).removed is None
    with AnswerStore.open(tmp_path) as store:
        kept(store, ["a"])
        assert found(store, ["a"]).all()


def test_a_scorer_with_answers_scores_new_texts_only_and_gives_the_same_rows(tmp_path: Path, scorer: Scorer) -> None:
    texts = [TEXTS[0], None, "", " \t", TEXTS[1] * 50, TEXTS[0]]
    plain = scorer.score(texts)
    with AnswerStore.open(tmp_path) as store:
        remembering = scorer.with_answers(store)
        assert_frame_equal(remembering.score(texts), plain, check_exact=True)
        again = remembering.prepare(pl.Series([*texts, TEXTS[2]]))
        assert (again.n_scored, again.n_known) == (1, 2)
        assert_frame_equal(remembering.score(texts), plain, check_exact=True)
        assert remembering.score([]).height == 0
        frame = pl.DataFrame({"headline": texts})
        assert_frame_equal(
            remembering.score_frame(frame, text_col="headline"), scorer.score_frame(frame, text_col="headline")
        )
    assert scorer.prepare(pl.Series(texts)).n_known == 0  # the scorer itself asks nobody


def test_texts_in_windows_are_kept_whole(tmp_path: Path, tiny_checkpoint: Path) -> None:
    scorer = Scorer.from_pretrained(tiny_checkpoint, device="cpu", dtype="fp32", overflow="windows")
    texts = [TEXTS[0], "Profit rises on strong demand. Shares fall after weak results. " * 8, TEXTS[1]]
    plain = scorer.score(texts)
    with AnswerStore.open(tmp_path) as store:
        remembering = scorer.with_answers(store)
        remembering.score(texts[:2])
        assert remembering.prepare(pl.Series(texts)).n_scored == 1
        assert_frame_equal(remembering.score(texts), plain, abs_tol=1e-6)


def test_two_windows_in_flight_may_hold_the_same_new_text(tmp_path: Path, scorer: Scorer) -> None:
    with AnswerStore.open(tmp_path) as store:
        remembering = scorer.with_answers(store)
        first, second = (remembering.prepare(pl.Series(TEXTS)) for _ in range(2))
        assert first.n_known == second.n_known == 0
        rows = [remembering.finish(one, remembering.compute(one)) for one in (first, second)]
        assert_frame_equal(*rows, check_exact=True)
        assert remembering.prepare(pl.Series(TEXTS)).n_scored == 0


def test_the_steps_may_run_in_threads_of_their_own(tmp_path: Path, scorer: Scorer) -> None:
    from sentiscore.scoring.overlap import Behind, ahead

    windows = [pl.Series([f"profit rises {i * j % 37}" for j in range(200)]) for i in range(12)]
    rows: list[pl.DataFrame] = []
    with AnswerStore.open(tmp_path) as store:
        remembering = scorer.with_answers(store)

        def finish(done: tuple[Prepared, npt.NDArray[np.float32]]) -> pl.DataFrame:
            return remembering.finish(*done)

        with Behind(finish, rows.append) as writing:
            for prepared in ahead(remembering.prepare(window) for window in windows):
                writing.give((prepared, remembering.compute(prepared)))
    for window, scored in zip(windows, rows, strict=True):
        assert_frame_equal(scored, scorer.score_series(window), abs_tol=1e-6)


def test_another_identity_has_other_answers(tmp_path: Path, tiny_checkpoint: Path, scorer: Scorer) -> None:
    shorter = Scorer.from_pretrained(tiny_checkpoint, device="cpu", dtype="fp32", max_length=4)
    with AnswerStore.open(tmp_path) as store:
        scorer.with_answers(store).score(TEXTS)
        assert_frame_equal(shorter.with_answers(store).score(TEXTS), shorter.score(TEXTS), check_exact=True)
    assert len(cache_info(tmp_path).scorers) == 2


def test_a_wait_for_another_process_can_be_ended(tmp_path: Path) -> None:
    """By Ctrl-C in the thread that waits, and by `hurry` in any other, long before a minute is over."""
    with AnswerStore.open(tmp_path) as store, ThreadPoolExecutor(1) as thread:
        db = sqlite3.connect(tmp_path / NAME, isolation_level=None)
        db.execute("BEGIN EXCLUSIVE")
        for attempt in (lambda: AnswerStore.open(tmp_path), lambda: kept(store, ["a"]), lambda: found(store, ["a"])):
            rung = Timer(0.3, lambda: signal.raise_signal(signal.SIGINT))
            rung.start()
            with pytest.raises(KeyboardInterrupt):
                attempt()
            rung.join()
        waiting = thread.submit(lambda: kept(store, ["a"]))
        assert not wait([waiting], timeout=0.3).done
        store.hurry()
        assert isinstance(waiting.exception(20), OutputError)
        db.execute("ROLLBACK")
        db.close()


@pytest.mark.skipif(os.name == "nt", reason="modes are those of Unix")
def test_a_store_that_every_user_can_write_to_is_warned_about(tmp_path: Path) -> None:
    AnswerStore.open(tmp_path / "a").close()
    (tmp_path / "a").chmod(0o777)
    with pytest.warns(SentiscoreWarning, match="Every user of this machine can write to .* chmod -R o-w"):
        AnswerStore.open(tmp_path / "a").close()


def test_a_store_whose_file_is_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / NAME)
    with pytest.raises(InputError, match="is not a store of answers"):
        AnswerStore.open(tmp_path)
