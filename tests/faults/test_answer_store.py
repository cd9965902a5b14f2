"""A store of answers that is killed, filled, shared and damaged never gives a wrong number."""

import random
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from sentiscore import OutputError, Scorer, SentiscoreError
from sentiscore.scoring.answer_file import NAME
from sentiscore.scoring.answers import AnswerStore
from sentiscore.scoring.upkeep import cache_info, prune_cache
from tests.effort import larger, share
from tests.faults.answers_by_rule import ASKER, OTHER, check, keep_all, right
from tests.faults.answers_by_rule import texts as made_texts


@pytest.fixture(scope="module")
def scorer(tiny_checkpoint: Path) -> Scorer:
    return Scorer.from_pretrained(tiny_checkpoint, device="cpu", dtype="fp32")


@pytest.fixture
def through_the_model(scorer: Scorer, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many texts were encoded, and how many went through the network, of each window so far."""
    counted: list[int] = []
    encode, run = scorer._classifier.encoder.encode, scorer._classifier.run

    def counting_encode(texts: Any, mentions: Any = None) -> Any:
        counted.append(len(texts))
        return encode(texts, mentions)

    def counting_run(encoded: Any, progress: Any = None, keeper: Any = None) -> Any:
        assert encoded.lengths.size == counted[-1]
        return run(encoded, progress, keeper)

    monkeypatch.setattr(scorer._classifier.encoder, "encode", counting_encode)
    monkeypatch.setattr(scorer._classifier, "run", counting_run)
    return counted


def nights(n: int, rows: int, new_share: float) -> Iterator[pl.DataFrame]:
    """Tables of each night: a share of the rows are new, and as many of the old ones are gone."""
    new = round(rows * new_share)
    headlines = [
        f"{'profit' if i % 3 else 'loss'} of company {i % 41} {'rises ' * (i % 5)}{i}" for i in range(rows * 3)
    ]
    chance = random.Random(0)  # noqa: S311
    for night in range(n):
        shown: list[str | None] = [*headlines[night * new : night * new + rows]]
        shown += [None, "", *chance.choices(shown, k=rows // 10)]  # a part of them twice
        chance.shuffle(shown)
        yield pl.DataFrame({"id": range(len(shown)), "headline": shown})


def test_texts_of_the_night_before_are_known_and_have_the_same_answers_to_the_bit(
    tmp_path: Path, scorer: Scorer, through_the_model: list[int]
) -> None:
    def score(table: pl.DataFrame) -> pl.DataFrame:
        with AnswerStore.open(tmp_path / "answers") as store:
            return scorer.with_answers(store).score_frame(table, text_col="headline")

    seen: set[str] = set()
    for table in nights(3, rows=200, new_share=0.05):
        through_the_model.clear()
        scored = score(table)
        new = set(table["headline"].drop_nulls()) - seen - {""}
        assert sum(through_the_model) == len(new) == (10 if seen else 200)
        seen |= new
        assert_frame_equal(scored, scorer.score_frame(table, text_col="headline"), abs_tol=1e-6)
        through_the_model.clear()
        assert_frame_equal(score(table), scored, check_exact=True)
        assert sum(through_the_model) == 0


def in_a_process(*arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.faults.answers_by_rule", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_may_write_at_once(tmp_path: Path) -> None:
    running = [in_a_process("write", tmp_path, seed) for seed in (1, 2)]
    for process in running:
        _, stderr = process.communicate(timeout=120)
        assert (process.returncode, stderr) == (0, "")
    with AnswerStore.open(tmp_path) as store:
        assert check(store, made_texts(2_000)) == 2_000
    assert cache_info(tmp_path).answers == 2_000


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_process_that_is_killed_while_it_writes_loses_nothing_that_was_written(tmp_path: Path) -> None:
    process = in_a_process("kill", tmp_path, 24)
    stdout, stderr = process.communicate(timeout=120)
    assert (process.returncode, stderr) == (0, "")
    assert int(stdout) >= 20, "too few were killed in the middle"


@larger
def test_every_flipped_byte_is_a_text_to_score_again_or_a_clear_error(tmp_path: Path) -> None:
    texts = made_texts(700)
    with AnswerStore.open(tmp_path) as store:
        keep_all(store, texts)
        keep_all(store, texts[:50], OTHER)
    path = tmp_path / NAME
    whole = path.read_bytes()
    chance = random.Random(0)  # noqa: S311
    heads = [page + i for page in range(0, len(whole), 4096) for i in range(16)]
    places = [
        *chance.sample(range(100), share(15, 50)),
        *chance.sample(heads, share(15, 40)),
        *(chance.randrange(len(whole)) for _ in range(share(20, 70))),
    ]
    refused = redone = 0
    for place in places:
        changed = bytearray(whole)
        changed[place] ^= chance.randrange(1, 256)
        path.write_bytes(changed)
        try:
            with AnswerStore.open(tmp_path) as store:
                redone += check(store, texts) < len(texts)
                check(store, texts, OTHER)
                keep_all(store, texts)
                check(store, texts)
            cache_info(tmp_path)
        except SentiscoreError as error:
            assert error.hint  # noqa: PT017
            refused += 1
        for everything in (False, True):
            try:
                prune_cache(tmp_path, max_bytes=50_000, everything=everything)
            except SentiscoreError as error:
                assert error.hint  # noqa: PT017
        for left in tmp_path.iterdir():
            left.unlink()
    assert refused >= 5
    assert redone >= 5


@pytest.mark.parametrize("kept_pages", [0, 1, 2, 7])
def test_a_file_that_was_cut_short_is_a_clear_error_or_scored_again(tmp_path: Path, kept_pages: int) -> None:
    texts = made_texts(700)
    with AnswerStore.open(tmp_path) as store:
        keep_all(store, texts)
    with (tmp_path / NAME).open("r+b") as file:
        file.truncate(4096 * kept_pages)
    try:
        with AnswerStore.open(tmp_path) as store:
            check(store, texts)
    except SentiscoreError as error:
        assert "damaged" in error.message  # noqa: PT017
    prune_cache(tmp_path, everything=True)
    with AnswerStore.open(tmp_path) as store:
        keep_all(store, texts)
        assert check(store, texts) == 700


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """Files of this process cannot grow beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_a_clear_error_and_what_was_kept_stays(tmp_path: Path) -> None:
    texts = made_texts(6_000)
    with AnswerStore.open(tmp_path) as store:
        keep_all(store, texts[:1_000])
        message = r"could not be .*written.*\n.*Free some space"
        with files_up_to((tmp_path / NAME).stat().st_size + 8_192), pytest.raises(OutputError, match=message):
            keep_all(store, texts)
        assert check(store, texts) == 1_000
        keep_all(store, texts)
        assert check(store, texts) == 6_000


def test_a_disk_too_full_to_begin_is_a_clear_error(tmp_path: Path) -> None:
    with files_up_to(2_048), pytest.raises(OutputError, match="Free some space"):
        AnswerStore.open(tmp_path)
    with AnswerStore.open(tmp_path) as store:
        keep_all(store, made_texts(10))


@pytest.mark.parametrize("remove", [Path.unlink, lambda path: path.rename(path.with_name("moved"))])
def test_a_store_that_is_removed_while_it_is_open_is_a_clear_error(
    tmp_path: Path, remove: Callable[[Path], Any]
) -> None:
    with AnswerStore.open(tmp_path) as store:
        keep_all(store, made_texts(10))
        remove(tmp_path / NAME)
        with pytest.raises(OutputError, match="was removed"):
            keep_all(store, made_texts(20))


def test_the_check_of_these_tests_tells_a_wrong_number(tmp_path: Path) -> None:
    texts = made_texts(5)
    answers = right(texts)
    answers.probs[3] += 1e-15
    with AnswerStore.open(tmp_path) as store:
        store.keep(ASKER, store.look_up(ASKER, texts), answers)
        with pytest.raises(AssertionError):
            check(store, texts)
