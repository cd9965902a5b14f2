"""Which processes a process has started, as Linux lists them in /proc."""

from contextlib import suppress
from pathlib import Path

GONE = (FileNotFoundError, ProcessLookupError)


def children_of(process: int) -> list[int]:
    """The processes that a process has started and that are not over, by any of its threads."""
    found: list[int] = []
    with suppress(*GONE):
        for task in Path(f"/proc/{process}/task").iterdir():
            with suppress(*GONE):
                found += map(int, (task / "children").read_text().split())
    return list(filter(is_alive, found))


def below(process: int) -> set[int]:
    """These, and all that they have started."""
    children = children_of(process)
    return set(children).union(*map(below, children))


def command_of(process: int) -> bytes:
    """The arguments with which a process was started; nothing if it is over."""
    with suppress(*GONE):
        return Path(f"/proc/{process}/cmdline").read_bytes()
    return b""


def is_alive(process: int) -> bool:
    """Whether a process exists and is not over."""
    with suppress(*GONE):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
