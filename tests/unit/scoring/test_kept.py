"""What a process keeps of the models that it has loaded."""

import threading
import time
from collections.abc import Iterator

import pytest

from sentiscore.scoring.kept import kept, release


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    release()
    yield
    release()


def test_the_two_that_were_used_last_are_kept() -> None:
    loaded = []

    def ask(key: str) -> object:
        def load() -> object:
            loaded.append(key)
            return object()

        return kept(key, load)

    first = ask("a")
    ask("b")
    assert ask("a") is first
    ask("c")
    assert ask("a") is first
    ask("b")
    assert loaded == ["a", "b", "c", "b"]
    release()
    assert ask("a") is not first


def test_threads_that_ask_at_the_same_time_load_it_once() -> None:
    loaded, found = [], []

    def load() -> object:
        time.sleep(0.05)
        loaded.append(1)
        return object()

    threads = [threading.Thread(target=lambda: found.append(kept("a", load))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(loaded), len(set(map(id, found)))) == (1, 1)


def test_what_cannot_be_loaded_is_not_kept() -> None:
    def fail() -> object:
        raise ValueError

    for _ in range(2):
        with pytest.raises(ValueError, match=r"^$"):
            kept("a", fail)
    assert kept("a", lambda: 1) == 1
