"""What a store of answers saves on a night, and what it costs on the first.

python -m tests.benches.cache

The times are of nights in one process: without a store, with an empty one, with one that knows 95 % of the
texts, and with one that knows all. Below them stands how far a text's answer depends on the texts beside it, which is
all that a run with a store can differ in from one without; and, for a store that is filled with made answers of whole
windows until it has had one and a half times what it may hold, how long a window's look-up and its writing take.
"""

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from itertools import cycle, islice

import click
import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from sentiscore import Scorer
from sentiscore.checkpoint import DEFAULT
from sentiscore.scoring.answers import AnswerStore, Asker
from sentiscore.scoring.prepared import Answers
from sentiscore.scoring.upkeep import cache_info
from sentiscore.units import parse_size, write_size
from tests.benches import machine, texts

_WINDOW = 32_768
_NEW = 20
"""One in so many texts is new on a usual night."""


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--model", default=DEFAULT, help="default or a model folder.")
@click.option("--dtype", type=click.Choice(["auto", "fp32", "bf16"]), default="auto", help="Numbers to compute with.")
@click.option("--rows", default=10_000, type=click.IntRange(min=_NEW), help="Distinct headlines of a night.")
@click.option("--compared", default=2_000, type=click.IntRange(min=1), help="Texts to score beside other texts.")
@click.option("--repeats", default=3, type=click.IntRange(min=1), help="Nights of each kind.")
@click.option("--limit", default="64MB", help="What the store of made answers may take.")
def main(model: str, dtype: str, rows: int, compared: int, repeats: int, limit: str) -> None:
    """Score the same headlines without a store and with stores that know more and more of them."""
    console = Console(highlight=False, width=100)
    console.print(f"{machine.hardware()}, {datetime.now(UTC).date()}")
    console.print(_nights(Scorer.from_pretrained(model, dtype=dtype), _headlines(rows), repeats))
    console.print(_neighbours(model, _headlines(compared)))
    console.print(_filling(parse_size(limit)))


def _headlines(n: int) -> list[str]:
    known = [text for each in texts.text_sets(n, texts.shared_data()) for text in each.texts]
    return [f"{text} {number}" for number, text in enumerate(islice(cycle(known), n))]


def _nights(scorer: Scorer, headlines: list[str], repeats: int) -> Table:
    table = Table(title=f"{len(headlines):,} headlines, {scorer.dtype}, best of {repeats}", title_justify="left")
    for name in ("store", "seconds", "of without", "texts scored"):
        table.add_column(name, justify="right")
    scorer.score(headlines[:_NEW])  # what is loaded once
    known = {"empty": [], "knows 95 %": headlines[len(headlines) // _NEW :], "knows all": headlines}
    seconds: dict[str, list[float]] = {name: [] for name in ("none", *known)}
    scored = {"none": len(headlines)}
    for _ in range(repeats):  # in turns, so that a busy machine is busy for all of them
        seconds["none"].append(_seconds(partial(_night, scorer, headlines))[0])
        for name, before in known.items():
            with tempfile.TemporaryDirectory() as folder:
                _with_store(scorer, folder, before)
                spent, scored[name] = _seconds(partial(_with_store, scorer, folder, headlines))
            seconds[name].append(spent)
    best = {name: min(spent) for name, spent in seconds.items()}
    for name, spent in best.items():
        table.add_row(name, f"{spent:.2f}", f"{spent / best['none']:.3f}", f"{scored[name]:,}")
    return table


def _with_store(scorer: Scorer, place: str, headlines: list[str]) -> int:
    with AnswerStore.open(place) as store:
        return _night(scorer.with_answers(store), headlines)


def _night(scorer: Scorer, headlines: list[str]) -> int:
    """Score in windows; how many texts went through the model."""
    scored = 0
    for window in pl.Series(headlines).to_frame("text").iter_slices(_WINDOW):
        prepared = scorer.prepare(window["text"])
        scorer.finish(prepared, scorer.compute(prepared))
        scored += prepared.n_scored
    return scored


def _seconds(work: Callable[[], int]) -> tuple[float, int]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def _neighbours(model: str, headlines: list[str]) -> Table:
    table = Table(title=f"{len(headlines):,} texts together and in tens", title_justify="left")
    for name in ("dtype", "rows that differ", "largest difference of a probability", "labels that differ"):
        table.add_column(name, justify="right")
    for dtype in ("bf16", "fp32"):
        scorer = Scorer.from_pretrained(model, dtype=dtype)
        together = scorer.score(headlines)
        apart = pl.concat([scorer.score(headlines[i : i + 10]) for i in range(0, len(headlines), 10)])
        probs = [name for name in together.columns if name.startswith("p_")]
        gaps = np.abs(together[probs].to_numpy() - apart[probs].to_numpy()).max(axis=1)
        labels = (together["label"] != apart["label"]).sum()
        table.add_row(dtype, f"{(gaps > 0).mean():.1%}", f"{gaps.max():.2g}", f"{labels:,}")
    return table


def _filling(limit: int) -> Table:
    table = Table(title=f"{_WINDOW:,} new texts a window, {write_size(limit)} allowed", title_justify="left")
    for name in ("of the limit filled", "windows", "look-up s", "writing s", "longest s"):
        table.add_column(name, justify="right")
    asker = Asker.of({"model": "made"}, 3)
    windows = max(4, int(1.5 * limit / (75 * _WINDOW)))
    chance = np.random.default_rng(0)
    spent: dict[str, list[tuple[float, float]]] = {"to a half": [], "to all": [], "beyond": []}
    with tempfile.TemporaryDirectory() as folder, AnswerStore.open(folder, max_bytes=limit) as store:
        for window in range(windows):
            made = [f"{window} {i}" for i in range(_WINDOW)]
            start = time.perf_counter()
            known = store.look_up(asker, made)
            asked = time.perf_counter()
            ones = np.ones(_WINDOW, dtype=np.int64)
            shares = np.zeros(_WINDOW, dtype=np.float32)
            store.keep(asker, known, Answers(chance.random((_WINDOW, 3)), ones, ones, ones > 1, shares))
            part = min(2, int(3 * window / windows))
            spent[list(spent)[part]].append((asked - start, time.perf_counter() - asked))
        size = cache_info(folder).size
    for name, pairs in spent.items():
        ask, keep = np.mean(pairs, axis=0)
        table.add_row(name, str(len(pairs)), f"{ask:.2f}", f"{keep:.2f}", f"{max(pair[1] for pair in pairs):.2f}")
    table.caption = f"the file at the end: {write_size(size)}"
    return table


if __name__ == "__main__":
    main()
