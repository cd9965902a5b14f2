"""Sets how many cores torch uses for each thread separately.

`torch.set_num_threads` also changes the default of later threads. So a thread's own number is set where torch keeps it,
in OpenMP and MKL.
"""

import ctypes
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from queue import SimpleQueue
from typing import Any, Final, TypeVar

import torch

from sentiscore.threads import Task

Item = TypeVar("Item")
Result = TypeVar("Result")

_OF_A_THREAD: Final = ("omp_set_num_threads", "MKL_Set_Num_Threads_Local")


@contextmanager
def cores(n: int) -> Iterator[None]:
    """Let torch use this many cores in this thread, and only in this one.

    Args:
        n: The number of cores.
    """
    before = torch.get_num_threads()  # torch initialises a new thread at its first call, and must not do so later
    _set_here(n)
    try:
        yield
    finally:
        _set_here(before)


def on_cores(
    function: Callable[[Item], Result], items: Sequence[Item], then: Callable[[Item], None] | None = None
) -> list[Result]:
    """Call a function with each item, as many at a time as torch may use cores here.

    Each call has its own cores, so that none waits for another. Calls that have not started when an error or Ctrl-C
    ends this never start. If the system provides no thread, the calls are made here, one after the other, on one core.

    Args:
        function: The function to call.
        items: The arguments.
        then: Called in this thread with each finished item, in any order.

    Returns:
        The results, in the order of the items.
    """
    allowed = torch.get_num_threads()
    workers = max(1, min(allowed, len(items)))
    left = deque(enumerate(items))
    found: dict[int, Result] = {}
    done: SimpleQueue[tuple[int, Result] | BaseException] = SimpleQueue()

    def work() -> None:
        try:
            with cores(allowed // workers):
                for number, item in _taken(left):
                    done.put((number, function(item)))
        except BaseException as error:  # noqa: BLE001 - raised when the results are collected
            done.put(error)

    def one_by_one() -> None:
        for number, item in _taken(left):
            found[number] = function(item)
            if then is not None:
                then(item)

    try:
        if not sum([Task(work).begin() for _ in range(workers)]):
            with cores(1):  # OpenMP would get no thread either, and end the process
                one_by_one()
        while len(found) < len(items):
            outcome = done.get()
            if isinstance(outcome, BaseException):
                raise outcome
            found[outcome[0]] = outcome[1]
            if then is not None:
                then(items[outcome[0]])
    finally:
        left.clear()
    return [found[number] for number in range(len(items))]


def _taken(left: deque[Item]) -> Iterator[Item]:
    """The remaining items, each handed out once, even with several threads."""
    while True:
        try:
            item = left.popleft()
        except IndexError:
            return
        yield item


def _set_here(n: int) -> None:
    if torch.get_num_threads() == n:
        return
    for set_number in _setters():
        set_number(n)


@cache
def _setters() -> list[Callable[[int], Any]]:
    """The functions of torch's libraries that set the number of cores of one thread."""
    library = ctypes.CDLL(torch._C.__file__)  # finds everything it is linked with
    setters = [getattr(library, name) for name in _OF_A_THREAD if hasattr(library, name)]
    return setters if hasattr(library, _OF_A_THREAD[0]) else [torch.set_num_threads]
