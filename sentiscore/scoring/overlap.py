"""Two steps of a stream at a time: the one ahead and the one behind run in threads of their own."""

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, Self, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(items: Iterator[Item]) -> Generator[Item]:
    """The same items, the next of which is already being made while one is used. No more than one is waiting.

    What goes wrong while an item is made is raised in its place.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="sentiscore-ahead") as thread:
        coming = thread.submit(_next, items)
        while found := coming.result():
            coming = thread.submit(_next, items)
            yield found[0]


def _next(items: Iterator[Item]) -> tuple[Item] | None:
    for item in items:
        return (item,)
    return None


class Behind(Generic[Item, Result]):
    """Calls a function with one item after the other in a thread of its own; use it as a context manager.

    No more than one item is waiting: giving the next waits until the one before is done. What goes wrong is
    raised then, or when the block is left.

    Args:
        function: What is done with an item.
        then: Called with each result, in the thread that gives the items.
    """

    def __init__(self, function: Callable[[Item], Result], then: Callable[[Result], None]) -> None:
        self._function = function
        self._then = then
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sentiscore-behind")
        self._running: Future[Result] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._settle()
        finally:
            self._thread.shutdown()

    def give(self, item: Item) -> None:
        """Have one more item worked on, once the one before is done."""
        self._settle()
        self._running = self._thread.submit(self._function, item)

    def _settle(self) -> None:
        if self._running is not None:
            running, self._running = self._running, None
            self._then(running.result())
