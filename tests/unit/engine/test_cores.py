"""What a thread is given of the machine's cores takes nothing from the others."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import sentiscore
from sentiscore import Scorer
from sentiscore.engine.cores import cores, on_cores


@pytest.fixture(autouse=True)
def three_cores() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def in_a_new_thread() -> int:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return found[0]


def test_a_number_of_cores_is_that_of_one_thread() -> None:
    with cores(1):
        assert torch.get_num_threads() == 1
        assert in_a_new_thread() == 3
    assert torch.get_num_threads() == 3


def test_calls_share_the_cores_and_come_in_order() -> None:
    seen: list[int] = []
    assert on_cores(lambda i: (i, torch.get_num_threads()), range(50), seen.append) == [(i, 1) for i in range(50)]
    assert sorted(seen) == list(range(50))
    assert on_cores(lambda _: torch.get_num_threads(), [0]) == [3]
    assert on_cores(lambda i: i, []) == []


def test_what_is_not_begun_when_one_fails_never_begins() -> None:
    begun: list[int] = []

    def fail(i: int) -> None:
        begun.append(i)
        raise ValueError(f"{i} is broken")

    with pytest.raises(ValueError, match="is broken"):
        on_cores(fail, range(1000))
    assert len(begun) <= 3


def test_an_interruption_leaves_nothing_to_wait_for() -> None:
    def interrupt(i: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        on_cores(lambda i: i, range(1000), interrupt)
    assert on_cores(lambda i: i, range(10)) == list(range(10))


def test_where_there_is_no_thread_the_calls_are_made_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(sentiscore.threads._Threads, "pool", sentiscore.threads._Pool())
    monkeypatch.setattr(threading.Thread, "start", refuse)
    here = threading.get_ident()
    assert on_cores(lambda i: (i, threading.get_ident()), range(5)) == [(i, here) for i in range(5)]
    assert torch.get_num_threads() == 3


def test_scoring_in_several_threads_at_once_leaves_every_count_as_it_was(tiny_checkpoint: Path) -> None:
    scorer = Scorer.from_pretrained(tiny_checkpoint)
    found: list[int] = []

    def work() -> None:
        scorer.score([f"profit rises {i}" for i in range(200)])
        found.append(torch.get_num_threads())

    for _ in range(5):
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        found.append(in_a_new_thread())
        for thread in threads:
            thread.join()
        found += [in_a_new_thread(), torch.get_num_threads()]
    assert set(found) == {3}
