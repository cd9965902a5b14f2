"""Daily features of many scored rows, beside the same with pandas groupby: time, memory, and whether they agree.

python -m tests.benches.daily [--rows 10000000] [--entities 500] [--json FILE]

The rows are made up: an entity, an instant of three years, probabilities of a two-class model, and a headline, a fifth
of which repeat. Each contestant reads the same parquet file in a process of its own, and makes the same columns: it is
timed from the file to the daily frame. pandas does what its users would do without loops over groups: categories as
keys, built-in aggregations, and rolling and exponential windows by group.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import polars as pl

from tests.benches.machine import hardware, load, versions

SEED: Final = 0
FIRST: Final = 1_641_000_000  # in January 2022, in seconds
LAST: Final = 1_735_600_000  # in December 2024
WITH_TEXTS: Final = "with distinct texts"
WITHOUT: Final = "without"


def make_rows(path: Path, rows: int, entities: int) -> None:
    """Write scored rows of made-up headlines, in parts, so that making them takes little memory."""
    import numpy as np
    import pyarrow.parquet as pq

    random = np.random.default_rng(SEED)
    writer = None
    for start in range(0, rows, 1_000_000):
        n = min(1_000_000, rows - start)
        seconds = random.integers(FIRST, LAST, n)
        entity = random.integers(0, entities, n)
        positive = random.random(n).astype(np.float32)
        story = np.where(random.random(n) < 0.2, random.integers(0, 1000, n), start + np.arange(n))
        frame = (
            pl.DataFrame({"at": seconds * 1_000_000, "entity": entity, "p_positive": positive, "story": story})
            .with_columns(p_negative=(1 - pl.col("p_positive")).cast(pl.Float32))
            .select(
                published_at=pl.col("at").cast(pl.Datetime("us", "UTC")),
                ticker=pl.format("T{}", "entity"),
                headline=pl.format("Company {} reports what story {} says of its results", "entity", "story"),
                p_negative="p_negative",
                p_positive="p_positive",
                sentiment=pl.col("p_positive") - pl.col("p_negative"),
                label=pl.when(pl.col("p_positive") >= 0.5).then(pl.lit("positive")).otherwise(pl.lit("negative")),
                n_tokens=pl.lit(12, dtype=pl.Int32),
                status=pl.lit("ok"),
            )
        )
        table = frame.to_arrow()
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
    if writer is not None:
        writer.close()


# --- the contestants ---


def sentiscore_windows(path: Path, texts: bool) -> pl.DataFrame:
    """What the command line does: windows of the file."""
    from sentiscore.features.daily_sums import DailySums
    from sentiscore.nightly.daily_file import add_file
    from sentiscore.tables import open_source

    sums = DailySums(
        time_col="published_at", entity_col="ticker", calendar="XNYS", text_col="headline" if texts else None
    )
    add_file(sums, open_source(path))
    return sums.finish()


def sentiscore_frame(path: Path, texts: bool) -> pl.DataFrame:
    """One frame of all rows."""
    from sentiscore import features

    columns = ["published_at", "ticker", "p_negative", "p_positive", "sentiment", "label", "status"]
    frame = pl.read_parquet(path, columns=[*columns, *(["headline"] if texts else [])])
    return features.daily(
        frame, time_col="published_at", entity_col="ticker", calendar="XNYS", text_col="headline" if texts else None
    )


def pandas_groupby(path: Path, texts: bool) -> pl.DataFrame:  # noqa: PLR0915 - as long as users would write it
    """The same columns with pandas."""
    import exchange_calendars as xc
    import numpy as np
    import pandas as pd

    columns = ["published_at", "ticker", "p_negative", "p_positive", "sentiment", "label", "status"]
    rows = pd.read_parquet(path, columns=[*columns, *(["headline"] if texts else [])])
    calendar = xc.get_calendar("XNYS", start="2021-12-01", end="2025-02-01")
    closes = calendar.closes.dt.tz_convert(None).to_numpy().astype("datetime64[us]")
    at = rows["published_at"].dt.tz_convert(None).to_numpy().astype("datetime64[us]")
    rows["session"] = np.searchsorted(closes, at, side="right")
    rows = rows[rows["status"].isin(["ok", "truncated"])]
    rows["ticker"] = rows["ticker"].astype("category")
    rows["pos"] = rows["label"] == "positive"
    rows["neg"] = rows["label"] == "negative"
    rows["sentiment"] = rows["sentiment"].astype("float64")
    positive, negative = rows["p_positive"].astype("float64"), rows["p_negative"].astype("float64")
    rows["unsure"] = 2 * (1 - positive**2 - negative**2)
    rows["tone"] = np.log(positive + 1e-3) - np.log(negative + 1e-3)
    grouped = rows.groupby(["ticker", "session"], observed=True)
    named = {
        "n_docs": ("sentiment", "size"),
        "total": ("sentiment", "sum"),
        "sent_mean": ("sentiment", "mean"),
        "sent_std": ("sentiment", "std"),
        "pos_share": ("pos", "mean"),
        "neg_share": ("neg", "mean"),
        "uncertainty": ("unsure", "mean"),
        "total_tone": ("tone", "sum"),
        "tone_mean": ("tone", "mean"),
        "tone_std": ("tone", "std"),
    }
    if texts:
        named["n_unique"] = ("headline", "nunique")
    daily = grouped.agg(**named)
    spans = daily.reset_index().groupby("ticker", observed=True)["session"].agg(["min", "max"])
    index = pd.MultiIndex.from_tuples(
        [(name, i) for name, low, high in spans.itertuples() for i in range(low, high + 1)], names=["ticker", "session"]
    )
    daily = daily.reindex(index)
    for name in ("n_docs", "total", "total_tone", *(["n_unique"] if texts else [])):
        daily[name] = daily[name].fillna(0)
    daily["neu_share"] = 1 - daily["pos_share"] - daily["neg_share"]
    daily["news_flag"] = (daily["n_docs"] > 0).astype("int8")
    by = daily.groupby(level="ticker")
    order = by.cumcount()
    last = order.where(daily["news_flag"] == 1).groupby(level="ticker").ffill()
    daily["sessions_since_news"] = order - last
    p, q = daily["n_docs"] * daily["pos_share"], daily["n_docs"] * daily["neg_share"]
    daily["bullishness"] = np.log((1 + p) / (1 + q))
    daily["disagreement"] = np.sqrt((1 - ((p - q) / (p + q)) ** 2).clip(0, 1))
    past_docs = by["n_docs"].cumsum() - daily["n_docs"]
    past_total = by["total"].cumsum() - daily["total"]
    prior = (past_total / (past_docs + 5)).fillna(0)
    shrunk = (daily["total"] + 5 * prior) / (daily["n_docs"] + 5)
    daily["sent_shrunk"] = shrunk.where(daily["news_flag"] == 1)
    for half_life in (5, 20):
        faded = by[["total", "total_tone", "n_docs"]].ewm(halflife=half_life).mean().droplevel(0)
        daily[f"sent_decay_{half_life}"] = faded["total"] / faded["n_docs"]
        daily[f"tone_decay_{half_life}"] = faded["total_tone"] / faded["n_docs"]
    daily["sent_momentum"] = daily["sent_decay_5"] - daily["sent_decay_20"]
    days = pd.DatetimeIndex(calendar.sessions)
    covered = np.diff(days.to_numpy().astype("datetime64[D]").astype("int64"), prepend=0)
    daily["n_calendar_days"] = covered[daily.index.get_level_values("session")]
    before = by["sent_mean"].shift(1).groupby(level="ticker").rolling(20, min_periods=5)
    means, deviations = before.mean().droplevel(0), before.std().droplevel(0)
    daily["sent_z_20"] = (daily["sent_mean"] - means) / deviations.clip(lower=0.02)
    unknown = (order == 0) & (daily["n_calendar_days"] > 1)
    line = pd.DataFrame({"c": daily["n_calendar_days"], "n": daily["n_docs"]}, dtype="float64")
    line = line.assign(cc=line["c"] ** 2, cn=line["c"] * line["n"]).mask(unknown, axis=0)
    line = line.groupby(level="ticker").shift(1).groupby(level="ticker").rolling(20, min_periods=5).mean().droplevel(0)
    across = line["cc"] - line["c"] ** 2
    slope = ((line["cn"] - line["c"] * line["n"]).clip(lower=0) / across).where(across > 1e-9, line["n"] / line["c"])
    usual = (line["n"] + slope * (daily["n_calendar_days"] - line["c"])).clip(lower=0)
    daily["abnormal_volume_20"] = np.log((1 + daily["n_docs"]) / (1 + usual))
    daily = daily.reset_index()
    daily["ds"] = days[daily["session"]]
    daily["unique_id"] = daily["ticker"].astype("str")
    return pl.from_pandas(daily.drop(columns=["ticker", "session", "total", "total_tone"])).with_columns(
        pl.col("ds").cast(pl.Date)
    )


CONTESTANTS: Final[dict[str, Callable[[Path, bool], pl.DataFrame]]] = {
    "sentiscore, windows of the file": sentiscore_windows,
    "sentiscore, one frame": sentiscore_frame,
    "pandas groupby": pandas_groupby,
}
REFERENCE: Final = "pandas groupby"


# --- running them ---


def run(name: str, path: Path, texts: bool, output: Path) -> dict[str, Any]:
    """One contestant in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.benches.daily", "--worker", name, "--file", str(path)]
    done = subprocess.run(
        [*command, "--output", str(output), *(["--texts"] if texts else [])], capture_output=True, text=True, check=True
    )
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def work(name: str, path: Path, texts: bool, output: Path) -> dict[str, Any]:
    """Make the daily frame here, and say what it took."""
    import exchange_calendars  # noqa: F401 - importing is not what is measured
    import pandas as pd  # noqa: F401

    from sentiscore import features  # noqa: F401

    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start = time.perf_counter()
    daily = CONTESTANTS[name](path, texts)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    daily.write_parquet(output)
    return {"seconds": seconds, "peak_mib": peak, "before_mib": base, "rows": daily.height}


def largest_gap(one: Path, other: Path) -> dict[str, float]:
    """The largest difference of each column of numbers; an error where keys or nulls differ."""
    first, second = (pl.read_parquet(path).sort("unique_id", "ds") for path in (one, other))
    if not first.select("unique_id", "ds").equals(second.select("unique_id", "ds")):
        raise SystemExit("the contestants have different rows")
    gaps = {}
    for name, dtype in first.schema.items():
        if name in second.columns and dtype.is_numeric() and name != "session_idx":
            pair = pl.DataFrame({"a": first[name].cast(pl.Float64), "b": second[name].cast(pl.Float64).fill_nan(None)})
            if pair.select((pl.col("a").is_null() != pl.col("b").is_null()).any()).item():
                raise SystemExit(f"the contestants have nulls in different places of {name}")
            gaps[name] = float(pair.select((pl.col("a") - pl.col("b")).abs().max()).item() or 0)
    return gaps


def main() -> None:
    """Run every contestant and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--entities", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3, help="The least time of so many is reported.")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--worker", choices=list(CONTESTANTS), help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--texts", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        _say(json.dumps(work(args.worker, args.file, args.texts, args.output)))
        return
    report: dict[str, Any] = {"hardware": hardware(), "versions": versions(), "load": load(), "rows": args.rows}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        make_rows(path, args.rows, args.entities)
        _say(f"{args.rows:,} rows of {args.entities} entities, {path.stat().st_size / 2**20:,.0f} MiB; load {load()}")
        for texts in (True, False):
            title = WITH_TEXTS if texts else WITHOUT
            found: dict[str, dict[str, Any]] = {}
            for number in range(args.rounds):  # in turn, so that other work on the machine meets all alike
                for name in CONTESTANTS:
                    result = run(name, path, texts, Path(folder) / f"{name}.parquet")
                    _say(f"  round {number + 1}: {name}, {title}: {result['seconds']:.2f} s")
                    best = found.get(name, result)
                    found[name] = result if result["seconds"] <= best["seconds"] else best
            reference = found[REFERENCE]["seconds"]
            for name, result in found.items():
                result["times_as_fast"] = reference / result["seconds"]
                gaps = largest_gap(Path(folder) / f"{name}.parquet", Path(folder) / f"{REFERENCE}.parquet")
                result["largest_gap"] = max(gaps.values())
                _say(
                    f"{name:32} {title:20} {result['seconds']:7.2f} s  {result['times_as_fast']:5.1f}x  peak "
                    f"{result['peak_mib']:6,.0f} MiB  {result['rows']:,} rows  differs by {result['largest_gap']:.1e}"
                )
            report[title] = found
    report["load_after"] = load()
    if args.json:
        args.json.write_text(json.dumps(report, indent=1), encoding="utf-8")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
