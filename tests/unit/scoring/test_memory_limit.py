import pickle
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from sentiscore.errors import InputError
from sentiscore.scoring import memory_limit as module
from sentiscore.scoring.memory_limit import held_bytes, memory_limit, window_limits

MIB = 1 << 20

linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is watched on Linux alone")


def wait_for(seconds: float = 20) -> None:
    """Python code that ends by itself only if nothing interrupts it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.005)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What the process is said to hold; the test changes it."""
    amount = [0]
    monkeypatch.setattr(module, "held_bytes", lambda: amount[0])
    return amount


# --- windows ---


def test_windows_are_as_usual_without_a_limit_or_with_a_large_one() -> None:
    assert window_limits(None) == window_limits(8 * 1024 * MIB) == (32_768, 8 * MIB)


@pytest.mark.parametrize("n_bytes", [1, 64 * MIB, 300 * MIB, 1024 * MIB, 2048 * MIB])
def test_windows_of_a_small_limit_are_small(n_bytes: int) -> None:
    rows, text = window_limits(n_bytes)
    assert 1024 <= rows <= 32_768
    assert MIB <= text <= max(MIB, n_bytes // 16)
    assert rows == 1024 or rows < window_limits(n_bytes * 2)[0] or rows == 32_768


# --- the watch ---


def test_a_block_within_its_limit_is_left_alone(held: list[int]) -> None:
    held[0] = 100
    with memory_limit(100) as limit:
        limit.check()
        time.sleep(0.15)
    assert not limit.exceeded


def test_a_block_past_its_limit_is_ended(held: list[int]) -> None:
    def work() -> None:
        with memory_limit(2_000_000_000):
            held[0] = 2_000_000_001
            wait_for()
            pytest.fail("it was not interrupted")

    with pytest.raises(InputError, match=r"needs more than the 2 GB of --max-memory.\n.*--columns") as caught:
        work()
    sent = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - as a worker process hands it to its parent
    assert str(sent) == str(caught.value)


def test_no_limit_is_not_watched(held: list[int]) -> None:
    held[0] = 10**15
    with memory_limit(None) as limit:
        limit.check()
        assert not [thread for thread in threading.enumerate() if thread.name == "sentiscore-memory"]


def test_a_limit_that_is_passed_before_the_block_begins_is_an_error_at_once(held: list[int]) -> None:
    held[0] = 11
    with pytest.raises(InputError, match="10 B"), memory_limit(10):
        pytest.fail("the block was entered")


def test_a_check_tells_other_threads(held: list[int]) -> None:
    found: list[str] = []

    def other(limit: module.MemoryLimit) -> None:
        try:
            limit.check()
        except InputError as error:
            found.append(error.message)

    def work() -> None:
        with memory_limit(10) as limit:
            held[0] = 11
            thread = threading.Thread(target=other, args=[limit])
            thread.start()
            thread.join()
            held[0] = 0  # what was once passed stays so
            limit.check()

    with pytest.raises(InputError, match="--max-memory"):
        work()
    assert len(found) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, SystemExit])
def test_other_exceptions_pass_as_they_are(held: list[int], error: type[BaseException]) -> None:
    with pytest.raises(error), memory_limit(10):
        raise error


def test_nothing_strikes_after_the_block(held: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is passed at the very end of the block, each time a little earlier or later."""
    monkeypatch.setattr(module, "_PAUSE_S", 0.001)
    struck = 0
    for i in range(60):
        held[0] = 0
        try:
            with memory_limit(10):
                timer = threading.Timer(0.001 + i * 0.0002, held.__setitem__, [0, 11])
                timer.start()
                time.sleep(0.008 + (i % 7) * 0.0002)
        except InputError:
            struck += 1
        timer.join()
        for _ in range(100):  # an interruption that was left over would be raised here
            pass
    assert struck, "no round was interrupted, so nothing was tried"


TRACED = """
import sys, threading
from sentiscore.errors import InputError
from sentiscore.scoring import memory_limit as module

held = [0]
module.held_bytes = lambda: held[0]
try:
    with module.memory_limit(10):
        held[0] = int(sys.argv[1])
        threading.Event().wait(1 if held[0] else 0.1)
except InputError as error:
    print("exceeded")

def counter():
    count = 0
    def add():
        nonlocal count
        count += 1
        return count
    return add

sys.settrace(lambda *_: None)
print(counter()())
"""


@pytest.mark.parametrize(("bytes_held", "printed"), [(0, "1"), (11, "exceeded 1")])
def test_a_process_that_had_a_limit_can_be_traced(bytes_held: int, printed: str) -> None:
    """A debugger or a coverage tool would hang in CPython 3.11 if the watch left a flag behind."""
    command = [sys.executable, "-c", TRACED, str(bytes_held)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.split() == printed.split()


def test_a_finally_of_the_block_is_run(held: list[int]) -> None:
    cleaned = []

    def work() -> None:
        with memory_limit(10):
            try:
                held[0] = 11
                wait_for()
            finally:
                cleaned.append(1)

    with pytest.raises(InputError):
        work()
    assert cleaned == [1]


@linux
def test_real_memory_is_seen_while_it_is_taken() -> None:
    def work() -> None:
        with memory_limit(held_bytes() + 64 * MIB):
            kept = [bytearray(b"x" * (4 * MIB)) for _ in range(32)]
            wait_for(60)  # the watcher may be late where the machine is busy
            pytest.fail(f"{len(kept) * 4} MiB were taken")

    with pytest.raises(InputError, match="--max-memory"):
        work()


def test_a_system_that_does_not_tell_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "_STATM", tmp_path / "gone")
    with pytest.raises(InputError, match="cannot be watched on this system"), memory_limit(10**15):
        pytest.fail("the block was entered")
