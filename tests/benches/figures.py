"""From what was measured to the figures of the report. Pure."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.benches import flops
from tests.benches.contestants import ENTRIES, EXACT, REFERENCE, Entry, Probabilities
from tests.benches.runner import Measured


@dataclass(frozen=True, kw_only=True)
class Line:
    """The figures of one contestant; None where there is none.

    Attributes:
        name: What `--only` calls it.
        skipped: Why there are no figures.
        seconds: Time of each round.
        rows_s: Rows in a second, in the best round.
        median_rows_s: The same in the median round.
        tokens_s: Real tokens in a second, in the best round.
        ratio: `rows_s` as a multiple of the reference's.
        padding: Share of padding in the tokens computed.
        peak_mib: The most memory the process held.
        first_row_s: From the start of the process to the first scored row.
        gemm_share: Speed of its linear layers, of the machine's peak for its number type.
        max_dp: Largest difference from the exact probabilities.
        mean_dp: Mean difference.
        flips: Share of rows that get another label.
    """

    name: str
    skipped: str | None = None
    seconds: Sequence[float] = ()
    rows_s: float | None = None
    median_rows_s: float | None = None
    tokens_s: float | None = None
    ratio: float | None = None
    padding: float | None = None
    peak_mib: float | None = None
    first_row_s: float | None = None
    gemm_share: float | None = None
    max_dp: float | None = None
    mean_dp: float | None = None
    flips: float | None = None

    @property
    def entry(self) -> Entry:
        """The contestant."""
        return ENTRIES[self.name]


@dataclass(frozen=True, kw_only=True)
class Result:
    """One model on one set of texts.

    Attributes:
        model: The model's name.
        texts: The set's name.
        rows: How many texts.
        distinct: How many different ones.
        tokens: Real tokens of all of them.
        spread: Standard deviation of the exact probabilities: where it is tiny, agreement says little.
        lines: The contestants.
    """

    model: str
    texts: str
    rows: int
    distinct: int
    tokens: int
    spread: float | None
    lines: Sequence[Line]


def result_of(
    measured: Mapping[str, Measured],
    *,
    model: str,
    config: Mapping[str, Any],
    labels: int,
    temperature: float,
    name: str,
    texts: Sequence[str],
    ids: Sequence[Sequence[int]],
    gflops: Mapping[str, float | None],
) -> Result:
    """Turn measurements into figures.

    Args:
        measured: What was seen of each contestant.
        model: The model's name.
        config: Its `config.json`.
        labels: How many labels it has.
        temperature: What sentiscore divides its logits by.
        name: The name of the set of texts.
        texts: The texts.
        ids: Their token ids, from the Hugging Face tokenizer.
        gflops: The machine's peaks by number type.
    """
    tokens = sum(map(len, ids))
    once = sum(map(len, dict(zip(texts, ids, strict=True)).values()))
    shape = flops.Shape.of_config(config, labels)
    work = (0, 0) if shape is None else (flops.whole_model(shape, ids), flops.work_left(shape, texts, ids))
    answers = {
        who: seen.probabilities if ENTRIES[who].ours else calibrated(seen.probabilities, temperature)
        for who, seen in measured.items()
        if seen.probabilities is not None
    }
    exact = answers.get(EXACT)
    reference = min(measured[REFERENCE].seconds, default=None) if REFERENCE in measured else None
    lines = []
    for who, seen in measured.items():
        if seen.skipped is not None or not seen.seconds:
            lines.append(Line(name=who, skipped=seen.skipped or "no round was finished"))
            continue
        entry, best = ENTRIES[who], min(seen.seconds)
        peak = gflops[entry.number]
        difference = None if exact is None else np.abs(answers[who] - exact)
        lines.append(
            Line(
                name=who,
                seconds=seen.seconds,
                rows_s=len(texts) / best,
                median_rows_s=len(texts) / statistics.median(seen.seconds),
                tokens_s=tokens / best,
                ratio=None if reference is None else reference / best,
                padding=None if seen.tokens is None else 1 - (once if entry.ours else tokens) / seen.tokens,
                peak_mib=seen.peak_mib,
                first_row_s=seen.first_row_s,
                gemm_share=None if peak is None or shape is None else work[entry.ours] / best / (peak * 1e9),
                max_dp=None if difference is None else float(difference.max()),
                mean_dp=None if difference is None else float(difference.mean()),
                flips=None if exact is None else float((answers[who].argmax(1) != exact.argmax(1)).mean()),
            )
        )
    return Result(
        model=model,
        texts=name,
        rows=len(texts),
        distinct=len(set(texts)),
        tokens=tokens,
        spread=None if exact is None else float(exact[:, -1].std()),
        lines=lines,
    )


def calibrated(probabilities: Probabilities, temperature: float) -> Probabilities:
    """Probabilities as they would be if the logits behind them had been divided by a temperature."""
    raised = probabilities ** (1 / temperature)
    result: Probabilities = raised / raised.sum(axis=1, keepdims=True)
    return result
