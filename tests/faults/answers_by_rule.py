"""Answers that follow from their texts, so that any of them can be checked; and processes that write them.

python -m tests.faults.answers_by_rule write FOLDER SEED     keeps all answers, in an order by chance
python -m tests.faults.answers_by_rule kill FOLDER TIMES     kills a child that writes, and checks, so many times
"""

import os
import random
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sentiscore.scoring import answer_file
from sentiscore.scoring.answers import AnswerStore, Asker
from sentiscore.scoring.prepared import Answers

ASKER = Asker.of({"model": "0123456789abcdef", "dtype": "fp32"}, 3)
OTHER = Asker.of({"model": "0123456789abcdef", "dtype": "bf16"}, 3)
_BATCH = 1_000


def texts(n: int) -> list[str]:
    return [f"text {i}" for i in range(n)]


def right(asked: Sequence[str], asker: Asker = ASKER) -> Answers:
    """The only right answers to these texts."""
    numbers = np.array([int(text.split()[1]) for text in asked], dtype=np.int64)
    first = np.sin(numbers) ** 2 / (2 if asker is ASKER else 3)
    return Answers(
        probs=np.stack([first, first**2, 1 - first - first**2], axis=1).reshape(-1, 3),
        n_tokens=numbers % 50 + 1,
        n_windows=numbers % 3 + 1,
        truncated=numbers % 2 == 0,
        unknown_share=(numbers % 7 / 8).astype(np.float32),
    )


def keep_all(store: AnswerStore, asked: Sequence[str], asker: Asker = ASKER) -> None:
    known = store.look_up(asker, asked)
    store.keep(asker, known, right(asked, asker).of(~known.found))


def check(store: AnswerStore, asked: Sequence[str], asker: Asker = ASKER) -> int:
    """How many are known; each of them is right to the last bit."""
    known = store.look_up(asker, asked)
    expected = right(asked, asker).of(known.found)
    for name in ("probs", "n_tokens", "n_windows", "truncated", "unknown_share"):
        np.testing.assert_array_equal(getattr(known.answers, name), getattr(expected, name))
    return int(known.found.sum())


def write(folder: Path, seed: int) -> None:
    """Keep the answers to 2,000 texts, some at a time, several times over."""
    chance = random.Random(seed)  # noqa: S311
    with AnswerStore.open(folder) as store:
        for _ in range(3):
            asked = texts(2_000)
            chance.shuffle(asked)
            for start in range(0, len(asked), 100):
                keep_all(store, asked[start : start + 100])


def kill(folder: Path, times: int) -> int:
    """Kill a child while it writes, and find everything that it had said was written; how many were killed.

    SQLite has hardly any memory here, so that it writes to the file from the beginning of a transaction to its end.
    """
    setattr(answer_file, "_CACHE_KIB", 32)  # noqa: B010 - it is final
    chance = random.Random(0)  # noqa: S311
    written, killed = 0, 0
    for _ in range(times):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            with AnswerStore.open(folder) as store:
                os.write(writer, b".")
                for start in range(written, written + 40 * _BATCH, _BATCH):
                    keep_all(store, texts(start + _BATCH)[start:])
                    os.write(writer, b".")
            os._exit(0)
        os.close(writer)
        os.read(reader, 1)
        time.sleep(chance.random() * 0.12)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        killed += os.WIFSIGNALED(status)
        said = 0
        while some := os.read(reader, 1024):
            said += len(some)
        os.close(reader)
        written += said * _BATCH
        with AnswerStore.open(folder) as store:
            found = check(store, texts(written + 2 * _BATCH))
            assert found in (written, written + _BATCH), (found, written)  # it may be killed before it says so
            written = found
    return killed


if __name__ == "__main__":
    what, place, number = sys.argv[1:]
    if what == "write":
        write(Path(place), int(number))
    else:
        sys.stdout.write(str(kill(Path(place), int(number))))
