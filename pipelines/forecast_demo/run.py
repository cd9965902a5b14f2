"""Do daily sentiment features help a forecast? SPECIFICATION.md, which was written first, defines the experiment.

python pipelines/forecast_demo/run.py --data FOLDER [--json]
"""

import argparse
import json
import sys
import time
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

import news
import sentiscore
import stocks
from compare import Comparison, compare, judge
from walk import walk_forward
from word_list import word_list_tone

LEXICON = "news_index/LM_lexicon.csv"


def scored_rows(file: Path, text_col: str, model: str) -> pl.DataFrame:
    """The rows of a file with their scores."""
    with TemporaryDirectory() as folder:
        output = Path(folder) / "scored.parquet"
        sentiscore.score_file(file, text_col=text_col, output=output, model=model)
        return pl.read_parquet(output, memory_map=False)


def first_period(rows: pl.DataFrame, day: date) -> int:
    """The number of the first period at or after a day."""
    return int(rows.filter(pl.col("ds") >= day).select(pl.col("period").min()).item())


def about_stocks(data: Path, model: str) -> tuple[list[Comparison], dict[str, Any]]:
    """The six comparisons of data set A, and descriptive figures."""
    scored = scored_rows(data / "stocknet/tweets.parquet", "text", model)
    prices = stocks.read_prices(data / "stocknet/prices.parquet")
    targets = stocks.targets(prices)
    daily = stocks.daily_features(scored)
    known = stocks.known_before(daily, targets)
    stocks.check_known(known, stocks.closes(targets))
    comparisons = []
    for target in stocks.TARGETS:
        rows, past = stocks.rows_of(target, known)
        forecasts = walk_forward(
            rows,
            models={
                "past": past,
                "past + attention": [*past, *stocks.ATTENTION],
                "past + attention + tone": [*past, *stocks.ATTENTION, *stocks.TONE],
            },
            first=first_period(rows, stocks.EVALUATE_FROM),
            refit_every=stocks.REFIT_EVERY,
            embargo=stocks.EMBARGO,
        )
        comparisons += [
            compare(f"stocks: {target}", forecasts, full="past + attention + tone", base=base)
            for base in ("past", "past + attention")
        ]
    by_words = word_list_tone(scored.select("created_at", "ticker", "text"), "text", data / LEXICON)
    same_session = {
        name: stocks.same_session(frame, targets)
        for name, frame in (("model", daily), ("word list", stocks.daily_features(by_words)))
    }
    return comparisons, {
        "tweets": scored.height,
        "tickers": targets["unique_id"].n_unique(),
        "correlation of tone with the same session's return": same_session,
    }


def about_news(data: Path, model: str) -> tuple[list[Comparison], dict[str, Any]]:
    """The two comparisons of data set B, and descriptive figures."""
    file = data / "news_index/us_news.parquet"
    scored = scored_rows(file, "texts", model)
    tone = news.monthly_tone(news.daily_features(scored))
    by_words = word_list_tone(scored.select("date", "texts"), "texts", data / LEXICON)
    words = news.monthly_tone(news.daily_features(by_words))
    indices = {
        "epu": news.epu(data / "news_index/epu_monthly.csv"),
        "dnsi": news.dnsi(data / "news_index/sf_fed_daily_news_sentiment.csv"),
    }
    comparisons = []
    beside: dict[str, Any] = {"articles": scored.height}
    for target, index in indices.items():
        rows, past = news.rows_of(index, tone)
        forecasts = walk_forward(
            rows,
            models={"past": past, "past + tone": [*past, *news.TONE]},
            first=first_period(rows, news.EVALUATE_FROM),
            refit_every=news.REFIT_EVERY,
            embargo=news.EMBARGO,
        )
        comparisons.append(compare(f"news: {target}", forecasts, full="past + tone", base="past"))
        beside[f"correlation of tone with the same month's {target}"] = {
            name: news.same_month(frame, index) for name, frame in (("model", tone), ("word list", words))
        }
    return comparisons, beside


def as_text(result: dict[str, Any]) -> str:
    """The result as readable lines."""
    lines = []
    for one in result["comparisons"]:
        low, high = one["interval"]["low"], one["interval"]["high"]
        lines += [
            f"{one['target']}: {one['full']}, against {one['base']}",
            f"  {one['periods']:,} periods, {one['forecasts']:,} forecasts",
            f"  out-of-sample R²     {one['r2']:+.4%}   95 % interval [{low:+.4%}, {high:+.4%}], "
            f"blocks of {one['interval']['block']:.1f}",
            f"  R² against the mean  {one['r2_full']:+.4%} with, {one['r2_base']:+.4%} without",
            f"  Clark-West           {one['clark_west']['value']:+.2f}   p {one['clark_west']['p']:.4f}, "
            f"Holm {one['holm_p']:.4f}",
            f"  Diebold-Mariano      {one['diebold_mariano']['value']:+.2f}   p {one['diebold_mariano']['p']:.4f}",
            f"  {'a gain' if one['gain'] else 'no evidence of a gain'}",
            "",
        ]
    for name, beside in result["beside"].items():
        lines.append(f"beside the tests, {name}:")
        lines += [f"  {what}: {_plain(value)}" for what, value in beside.items()]
    lines.append(f"{result['seconds']:.0f} s")
    return "\n".join(lines)


def _plain(value: int | dict[str, float]) -> str:
    """A number of rows, or correlations with their names."""
    if isinstance(value, int):
        return f"{value:,}"
    return ", ".join(f"{name} {number:+.3f}" for name, number in value.items())


def main() -> None:
    """Parse, forecast, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder with stocknet and news_index")
    parser.add_argument("--model", default="default", help="a checkpoint; by default the one in the package")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    arguments = parser.parse_args()
    start = time.perf_counter()
    of_stocks, beside_stocks = about_stocks(arguments.data, arguments.model)
    of_news, beside_news = about_news(arguments.data, arguments.model)
    result = {
        "comparisons": judge([*of_stocks, *of_news]),
        "beside": {"stocks": beside_stocks, "news": beside_news},
        "model": arguments.model,
        "seconds": time.perf_counter() - start,
    }
    sys.stdout.write((json.dumps(result, indent=2) if arguments.json else as_text(result)) + "\n")


if __name__ == "__main__":
    main()
