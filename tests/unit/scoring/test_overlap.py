import threading
from collections.abc import Iterator

import pytest

from sentiscore.scoring.overlap import Behind, ahead


def test_items_come_in_order_and_one_ahead_at_most() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for i in range(5):
            made.append(i)
            yield i

    for n, item in enumerate(ahead(items())):
        assert item == n
        assert len(made) <= n + 2
    assert made == [0, 1, 2, 3, 4]


def test_what_goes_wrong_ahead_is_raised_in_its_place() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    stream = ahead(items())
    assert next(stream) == 1
    with pytest.raises(ValueError, match="broken"):
        next(stream)


def test_results_from_behind_come_in_order_and_in_the_thread_that_gives() -> None:
    seen: list[tuple[int, str]] = []
    here = threading.current_thread().name
    double: Behind[int, int] = Behind(lambda x: x * 2, lambda y: seen.append((y, threading.current_thread().name)))
    with double as behind:
        for i in range(4):
            behind.give(i)
    assert seen == [(0, here), (2, here), (4, here), (6, here)]


def test_what_goes_wrong_behind_is_raised_when_the_block_is_left() -> None:
    def fail(_: int) -> None:
        raise ValueError("broken")

    behind: Behind[int, None] = Behind(fail, lambda _: None)
    with pytest.raises(ValueError, match="broken"), behind:
        behind.give(1)
