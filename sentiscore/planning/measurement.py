"""What was measured on a sample of a job. Plain numbers, from which everything else is computed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

INSPECT: Final = "inspect"
HASH: Final = "hash"
READ: Final = "read"
TOKENISE: Final = "tokenise"
COMPUTE: Final = "compute"
ASSEMBLE: Final = "assemble"
WRITE: Final = "write"
VERIFY: Final = "verify"

STAGES: Final = {
    INSPECT: "look at every row of a CSV or ndjson, or at the footer of parquet, before any text is scored",
    HASH: "hash the input",
    READ: "read rows",
    TOKENISE: "find the distinct texts of a window, and encode them",
    COMPUTE: "run the model on them",
    ASSEMBLE: "make rows of scores",
    WRITE: "keep each finished window, and write rows with their scores",
    VERIFY: "sync the output, and read it back",
}
"""The stages of a job, in order, and what each does."""

BEFORE_AND_AFTER: Final = (INSPECT, HASH, VERIFY)
"""Stages that overlap with nothing."""

OVERLAPPING: Final = (READ, TOKENISE, COMPUTE, ASSEMBLE, WRITE)


@dataclass(frozen=True)
class StageTiming:
    """How long something took.

    Attributes:
        amount: How much was done: rows, tokens, or files.
        wall: Seconds that passed.
        cpu: Processor seconds of all threads.
    """

    amount: float
    wall: float
    cpu: float


@dataclass(frozen=True, kw_only=True)
class Held:
    """What was held in memory, in bytes.

    Attributes:
        before: By the process before it loaded the model; None where the system does not report it.
        most: By the process, at any time while one window was processed.
        window: By the rows, tokens and scores of the largest window.
        gpu: On the GPU; None without one.
    """

    before: int | None
    most: int | None
    window: int
    gpu: int | None


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What was measured on a sample. Pairs are of rows of the sample and of something else of these rows.

    Attributes:
        total: The size of the input, in rows or bytes.
        sizes: For each excerpt, its rows and its size.
        exact: Whether the size of the input is its number of rows, or the sample is all of it.
        whole: Whether the sample is all of the input.
        n_files: The files of the input.
        timings: The timings of each stage but `COMPUTE`, by rows; those of `INSPECT` by files if `inspects_files`.
        inspects_files: Whether a file is inspected without looking at each of its rows.
        computing: The timings of the model, by tokens.
        texts: For each window, its rows and its distinct texts.
        tokens: For each window, its rows and the tokens of its distinct texts.
        written: For each excerpt, its rows and the bytes of its output.
        window_rows: The rows of a full window.
        start: Seconds to load the model.
        held: What was held in memory.
        cores: The cores that the job uses.
        on_gpu: Whether the model computes on a GPU.
    """

    total: int
    sizes: tuple[tuple[float, float], ...]
    exact: bool
    whole: bool
    n_files: int
    timings: Mapping[str, tuple[StageTiming, ...]]
    inspects_files: bool
    computing: tuple[StageTiming, ...]
    texts: tuple[tuple[float, float], ...]
    tokens: tuple[tuple[float, float], ...]
    written: tuple[tuple[float, float], ...]
    window_rows: int
    start: float
    held: Held
    cores: int
    on_gpu: bool
