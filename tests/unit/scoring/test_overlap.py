import signal
import threading
import time
from collections.abc import Iterator

import pytest

from sentiscore.scoring.overlap import Behind, ahead

PATIENCE_S = 20


def press_ctrl_c() -> None:
    """Interrupt the main thread a moment later, as a terminal does."""
    main = threading.main_thread().ident
    assert main is not None
    threading.Timer(0.2, signal.pthread_kill, [main, signal.SIGINT]).start()


def test_ctrl_c_while_an_item_is_awaited_hurries_the_one_that_is_being_made() -> None:
    hurried = threading.Event()

    def items() -> Iterator[bool]:
        yield hurried.wait(PATIENCE_S)

    press_ctrl_c()
    with pytest.raises(KeyboardInterrupt):
        next(ahead(items(), hurried.set))
    assert hurried.is_set()


@pytest.mark.parametrize("inside", [True, False], ids=["in the block", "at its end"])
def test_ctrl_c_while_a_result_is_awaited_hurries_it(*, inside: bool) -> None:
    hurried = threading.Event()
    behind: Behind[int, bool] = Behind(lambda _: hurried.wait(PATIENCE_S), lambda _: None, hurried.set)
    start = time.monotonic()

    def work() -> None:
        with behind:
            behind.give(1)
            press_ctrl_c()
            if inside:
                behind.give(2)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert hurried.is_set()
    assert time.monotonic() - start < PATIENCE_S


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
