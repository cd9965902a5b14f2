"""Overlaps the steps of a stream: the previous and the next step run in threads of their own."""

from collections.abc import Callable, Generator, Iterator
from functools import partial
from types import TracebackType
from typing import Generic, Self, TypeVar

from sentiscore.threads import Task

Item = TypeVar("Item")
Result = TypeVar("Result")


def _nothing() -> None:
    """There is nothing to hurry."""


def ahead(items: Iterator[Item], hurry: Callable[[], object] = _nothing) -> Generator[Item]:
    """Yield the same items, but make the next one while one is in use. At most one is waiting.

    An error while making an item is raised instead of it. Closing this closes the items too, once the one that is being
    made is done.

    Args:
        items: Makes the items.
        hurry: Called if this ends early, also by Ctrl-C during a wait for an item, so that the item that is being made
            stops waiting for something else.
    """
    coming = Task(partial(_next, items))
    try:
        coming.begin()
        while found := coming.result():
            coming = Task(partial(_next, items))
            coming.begin()
            yield found[0]
    except BaseException:
        hurry()
        raise
    finally:
        coming.give_up()
        if isinstance(items, Generator):
            items.close()


def _next(items: Iterator[Item]) -> tuple[Item] | None:
    for item in items:
        return (item,)
    return None


class Behind(Generic[Item, Result]):
    """Calls a function with one item after the other in a thread of its own; use it as a context manager.

    At most one item is waiting: passing the next waits until the previous one is done. Errors are raised at that point,
    or when the block is left.

    Args:
        function: Processes an item.
        then: Called with each result, in the thread that passes the items.
        hurry: Called if the block ends early, also by Ctrl-C during the wait at its end, so that the item in hand stops
            waiting for something else.
    """

    def __init__(
        self, function: Callable[[Item], Result], then: Callable[[Result], None], hurry: Callable[[], object] = _nothing
    ) -> None:
        self._function = function
        self._then = then
        self._hurry = hurry
        self._running: Task[Result] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._settle()
            else:
                self._hurry()
        except BaseException:
            self._hurry()
            raise
        finally:
            if self._running is not None:
                self._running.give_up()

    def give(self, item: Item) -> None:
        """Pass one more item, once the previous one is done."""
        self._settle()
        self._running = Task(partial(self._function, item))
        self._running.begin()

    def _settle(self) -> None:
        if self._running is not None:
            self._then(self._running.result())
            self._running = None
