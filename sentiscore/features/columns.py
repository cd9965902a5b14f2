"""Exact sums for each entity and session -> the daily columns.

Every column of a session is computed from the sums of that session and of earlier ones of the same entity. Means,
deviations and baselines use integers where possible, so that they do not depend on where a window began.
"""

from typing import Final

import polars as pl

from sentiscore.features.config import DailyConfig
from sentiscore.features.grid import CALENDAR, CLOSE
from sentiscore.features.scores import SCALE, TONE_SCALE, WEIGHT_SCALE
from sentiscore.features.sums import KEYS, TOTALS

_FINE: Final = 2**40
"""Means of sessions are compared in steps of 1 / 2**40."""

FLOOR: Final = 0.02
"""The smallest deviation that sent_z_{w} divides by.

bf16 moves a probability by up to 0.01 (docs/explanation/performance.md), and so a sentiment by 0.02: smaller
differences may be rounding. Single headlines deviate by about 0.5, so chance alone lets means deviate by less only from
some 600 texts a session on."""

_LEVEL: Final = ("sent_mean", "sent_shrunk", "sent_std")
_SHARES: Final = ("pos_share", "neg_share", "neu_share")
_OPINION: Final = ("bullishness", "disagreement", "uncertainty")
_TONE: Final = ("tone_mean", "tone_std")
_DECAYED: Final = ("sent_decay_", "tone_decay_", "sent_momentum")

Row = pl.Expr


def column_names(config: DailyConfig) -> list[str]:
    """The features that a config makes, in order."""
    names: list[str] = []
    names += _LEVEL * ("level" in config.sets)
    names += _SHARES * ("shares" in config.sets)
    names += _OPINION * ("opinion" in config.sets)
    if "decay" in config.sets:
        names += [f"sent_decay_{half_life:g}" for half_life in config.decay] + ["sent_momentum"]
    if "surprise" in config.sets:
        names += [f"sent_z_{window}" for window in config.z] + [f"abnormal_volume_{window}" for window in config.volume]
    if "tone" in config.sets:
        names += [*_TONE, *(f"tone_decay_{half_life:g}" for half_life in config.decay)]
    return names


def daily_columns(grid: pl.DataFrame, totals: pl.DataFrame, config: DailyConfig) -> pl.DataFrame:
    """The daily frame; `features.daily` says what each column is.

    Args:
        grid: unique_id, session_idx, ds, available_at, n_calendar_days, session_close and calendar of every row,
            sorted, without gaps.
        totals: The sums; see `Sums.totals`.
        config: Which columns, and how.
    """
    joined = grid.join(totals, on=KEYS, how="left", maintain_order="left").with_columns(
        pl.col("n_docs", "effective", *TOTALS).fill_null(0),
        n_unique=pl.col("n_unique").fill_null(0) if totals["n_unique"].null_count() == 0 else pl.col("n_unique"),
    )
    frame = _with_positions(joined).with_columns(n=pl.col("effective").cast(pl.Float64) / WEIGHT_SCALE)
    frame = frame.with_columns(
        news_flag=(pl.col("n_docs") > 0).cast(pl.Int8),
        sessions_since_news=(pl.col("row") - pl.col("last_news")).cast(pl.Int32),
    )
    frame = frame.with_columns(_level(), _std(), *_shares()).with_columns(*_opinion())
    frame = _shrunk(frame, config)
    if "decay" in config.sets:
        frame = _decays(frame, config)
    if "surprise" in config.sets:
        frame = _surprises(frame, config)
    if "tone" in config.sets:
        frame = _tones(frame, config)
    features = column_names(config)
    frame = _filled(frame, features, config)
    return frame.select(
        "unique_id",
        "ds",
        "session_idx",
        "available_at",
        pl.max_horizontal(_rounded_up(), "n_unique").alias("n_docs"),
        "n_unique",
        "news_flag",
        "sessions_since_news",
        "n_calendar_days",
        CLOSE,
        CALENDAR,
        *features,
    )


def _with_positions(frame: pl.DataFrame) -> pl.DataFrame:
    """Add row, start (the row at which its entity begins) and last_news (the entity's latest row with texts)."""
    row = pl.int_range(pl.len(), dtype=pl.Int64)
    new = (pl.col("unique_id") != pl.col("unique_id").shift()).fill_null(value=True)
    frame = frame.with_columns(row=row).with_columns(start=pl.when(new).then("row").forward_fill())
    return frame.with_columns(last_news=_latest(pl.col("n_docs") > 0))


def _latest(rows: pl.Expr) -> pl.Expr:
    """The entity's latest row of some rows, up to each row."""
    last = pl.when(rows).then("row").forward_fill()
    return pl.when(last >= pl.col("start")).then(last)


def _rounded_up() -> pl.Expr:
    """The number n as an integer, rounded up."""
    return (pl.col("effective") + (WEIGHT_SCALE - 1)) // WEIGHT_SCALE


def _news(value: pl.Expr) -> pl.Expr:
    return pl.when(pl.col("n_docs") > 0).then(value)


def _level() -> pl.Expr:
    """sent_mean: sum of w s / sum of w, over the texts of the session."""
    return _news(_mean("total", "weight", SCALE)).alias("sent_mean")


def _mean(total: str, weight: str, scale: int) -> pl.Expr:
    return pl.col(total).cast(pl.Float64) / pl.col(weight).cast(pl.Float64) / scale


def _std() -> pl.Expr:
    """sent_std: the sample deviation of sentiment; see `_deviation`."""
    return pl.when(pl.col("n_docs") > 1).then(_deviation("total", "squares", SCALE)).alias("sent_std")


def _deviation(total_of: str, squares_of: str, scale: int) -> pl.Expr:
    """The sample deviation, sqrt(sum of w (s - mean)**2 / sum of w * n / (n - 1)).

    With weights it is that of the NIST/SEMATECH handbook of statistical methods, where n is the number of weights above
    0, including discounted repeats. The squares are taken around the integer next to the mean, so equal
    values have a deviation of exactly 0.
    """
    n, weight, total, squares = (pl.col(name) for name in ("n_docs", "weight", total_of, squares_of))
    middle = (total * 2 + weight) // (weight * 2)
    rest = (total - middle * weight).cast(pl.Float64)
    around = (squares - middle * total * 2 + middle * middle * weight).cast(pl.Float64)
    wide = weight.cast(pl.Float64)
    deviations = (around - rest * rest / wide).clip(lower_bound=0)
    return (deviations / wide * (n / (n - 1))).sqrt() / scale


def _shares() -> list[pl.Expr]:
    """pos_share, neg_share, neu_share: sum of w over the texts of a label / sum of w."""
    return [
        _news(pl.col(f"w_{name}").cast(pl.Float64) / pl.col("weight").cast(pl.Float64)).alias(f"{name[:3]}_share")
        for name in ("positive", "negative", "neutral")
    ]


def _opinion() -> list[pl.Expr]:
    """bullishness, disagreement and uncertainty.

    With P and N the numbers of positive and negative texts, and D = (P - N) / (P + N), Antweiler and Frank, Is All That
    Talk Just Noise?, Journal of Finance 59 (2004), have bullishness ln((1 + P) / (1 + N)) and agreement
    1 - sqrt(1 - D**2). disagreement is 1 minus that, sqrt(1 - D**2), and null if no text is positive or negative. With
    weights P and N are shares of n. uncertainty is the mean Gini-Simpson index of the texts' probabilities.
    """
    n, positive, negative = pl.col("n"), pl.col("pos_share"), pl.col("neg_share")
    wide = {name: pl.col(f"w_{name}").cast(pl.Float64) for name in ("positive", "negative")}
    both = wide["positive"] + wide["negative"]
    balance = (wide["positive"] - wide["negative"]) / both
    sure = pl.col("w_unsure").cast(pl.Float64)
    return [
        ((1 + n * positive) / (1 + n * negative)).log().alias("bullishness"),
        pl.when(both > 0).then((1 - balance * balance).clip(0, 1).sqrt()).alias("disagreement"),
        pl.when(sure > 0).then((pl.col("unsure").cast(pl.Float64) / sure / SCALE).clip(0, 1)).alias("uncertainty"),
    ]


def _tones(frame: pl.DataFrame, config: DailyConfig) -> pl.DataFrame:
    """tone_mean, tone_std and tone_decay_{h}: what sent_mean, sent_std and sent_decay_{h} are, of tone.

    Texts whose tone is not known do not count, and without the tone of all texts there is no deviation. Between texts
    of known tone the decayed mean does not change.
    """
    known = pl.col("w_tone") > 0
    all_known = (pl.col("n_docs") > 1) & (pl.col("w_tone") == pl.col("weight"))
    latest = frame.select(_latest(known)).to_series()
    decays = {f"tone_decay_{half_life:g}": half_life for half_life in config.decay}
    frame = frame.with_columns(
        pl.when(known).then(_mean("tone", "w_tone", TONE_SCALE)).alias("tone_mean"),
        pl.when(all_known).then(_deviation("tone", "tone_squares", TONE_SCALE)).alias("tone_std"),
        *(_decayed(half_life, "tone", "w_tone", TONE_SCALE).alias(name) for name, half_life in decays.items()),
    )
    return frame.with_columns(frame[name].gather(latest).alias(name) for name in decays)


def _before(frame: pl.DataFrame, column: str, since: pl.Series) -> pl.Series:
    """The exact sum of integers over the sessions before each row, starting at the rows `since`."""
    running = pl.concat([pl.Series([0], dtype=frame.schema[column]), frame[column].cum_sum()])
    return running.gather(frame["row"]) - running.gather(since)


def _window_start(frame: pl.DataFrame, window: int) -> pl.Series:
    return frame.select(pl.max_horizontal("start", pl.col("row") - window)).to_series()


def _shrunk(frame: pl.DataFrame, config: DailyConfig) -> pl.DataFrame:
    """sent_shrunk: (n mean + k prior) / (n + k), the mean pulled towards the entity's past.

    It is the posterior mean of a normal mean whose prior weighs as much as k texts (Efron and Morris, Stein's Paradox
    in Statistics, Scientific American 1977). The prior is the mean of all earlier texts of the entity, pulled towards
    0 in the same way: m N / (N + k) for N earlier texts with the mean m; or it is always 0. n and N count discounted
    repeats by their shares.
    """
    prior: pl.Expr = pl.lit(0.0)
    if config.shrink_to == "past":
        weight = _before(frame, "weight", frame["start"]).cast(pl.Float64)
        mean = _before(frame, "total", frame["start"]).cast(pl.Float64) / weight / SCALE
        past_n = _before(frame, "effective", frame["start"]).cast(pl.Float64) / WEIGHT_SCALE
        frame = frame.with_columns(past_mean=mean.set(weight == 0, 0.0), past_n=past_n)
        past = pl.col("past_n")
        prior = pl.when(past > 0).then(pl.col("past_mean") * past / (past + config.shrinkage)).otherwise(0.0)
    n, k = pl.col("n"), config.shrinkage
    shrunk = (n * pl.col("sent_mean") + k * prior) / (n + k)
    return frame.with_columns(sent_shrunk=_news(shrunk.clip(-1, 1)))


def _decayed(half_life: float, total: str, weight: str, scale: int) -> pl.Expr:
    """The sum of 2**(-age / h) w s / the sum of 2**(-age / h) w, over all texts so far; age in sessions, s a score.

    Both sums fade, so a session with many texts counts more than one with few, and a session without texts changes
    nothing: it has the value of the previous session.
    """

    def faded(column: str) -> pl.Expr:
        values = pl.col(column).cast(pl.Float64)
        return values.ewm_mean(half_life=half_life, adjust=True, ignore_nulls=False).over("start")

    return faded(total) / faded(weight) / scale


def _decays(frame: pl.DataFrame, config: DailyConfig) -> pl.DataFrame:
    """sent_decay_{h}, and sent_momentum: the decayed mean of a short half-life minus that of a long one.

    The difference of a fast and a slow exponential mean is Appel's MACD (Technical Analysis: Power Tools for Active
    Investors, 2005), here over texts, not over sessions.
    """
    half_lives = sorted({*config.decay, *config.momentum})
    names = {half_life: f"faded_{half_life!r}" for half_life in half_lives}
    frame = frame.with_columns(
        _decayed(half_life, "total", "weight", SCALE).clip(-1, 1).alias(name) for half_life, name in names.items()
    )
    latest = frame["last_news"]  # between news nothing changes, and long after it both sums are too small to divide
    frame = frame.with_columns(frame[name].gather(latest).alias(name) for name in names.values())
    fast, slow = (pl.col(names[half_life]) for half_life in config.momentum)
    return frame.with_columns(
        *(pl.col(names[half_life]).alias(f"sent_decay_{half_life:g}") for half_life in config.decay),
        sent_momentum=fast - slow,
    )


def _surprises(frame: pl.DataFrame, config: DailyConfig) -> pl.DataFrame:
    """sent_z_{w} and abnormal_volume_{w}: how far the session is from the w sessions before it."""
    fine = (pl.col("sent_mean").fill_null(0) * _FINE).round().cast(pl.Int128)
    days, docs = pl.col("n_calendar_days").cast(pl.Int64), pl.col("effective").cast(pl.Int128)
    frame = frame.with_columns(
        fine=fine,
        fine_squares=fine * fine,
        news=pl.col("news_flag").cast(pl.Int64),
        days=days,
        days_squares=days * days,
        docs=docs,
        days_docs=days * docs,
    )
    made = {f"sent_z_{window}": _z(frame, window, config.min_baseline) for window in config.z}
    made |= {f"abnormal_volume_{window}": _volume(frame, window, config.min_baseline) for window in config.volume}
    return frame.with_columns(**made)


def _z(frame: pl.DataFrame, window: int, min_baseline: int) -> pl.Series:
    """sent_z: (sent_mean - m) / max(d, FLOOR), with m and d the mean and the sample deviation of earlier means.

    Those are sent_mean of the sessions with news among the `window` before; null if they are too few.
    """
    since = _window_start(frame, window)
    sums = {name: _before(frame, name, since) for name in ("news", "fine", "fine_squares")}
    k, total, squares = (pl.col(name) for name in sums)
    spread = (k.cast(pl.Int128) * squares - total * total).cast(pl.Float64)
    deviation = (spread / k / (k - 1)).sqrt() / _FINE
    gap = (pl.col("own") * k.cast(pl.Int128) - total).cast(pl.Float64) / k / _FINE
    enough = (pl.col("there") > 0) & (k >= min(window, min_baseline))
    base = pl.DataFrame(sums | {"own": frame["fine"], "there": frame["news"]})
    return base.select(pl.when(enough).then(gap / deviation.clip(lower_bound=FLOOR))).to_series()


def _volume(frame: pl.DataFrame, window: int, min_baseline: int) -> pl.Series:
    """abnormal_volume: ln((1 + n) / (1 + e)), with e the texts that as many calendar days usually have.

    e is read from a line through the `window` sessions before, which is fitted by least squares to their n over c, the
    calendar days that they cover: N + b (c - C), at least 0, with N and C the means of n and c. The slope b is at least
    0, and N / C if all of them cover the same number of days. So a Monday is compared with Mondays, and a session of
    a length that did not occur with what the others imply, whether weekends have as many texts a day as other days,
    fewer or none. French, Stock Returns and the Weekend Effect, Journal of Financial Economics 8 (1980), calls the
    first of these calendar time and the last trading time.

    The logarithm is the abnormal attention of Da, Engelberg and Gao, In Search of Attention, Journal of Finance 66
    (2011). They compare whole weeks, with a median, which is 0 for most entities here.

    An entity's first session is not in any baseline if it covers more than a day: it begins with the entity's first
    text, so nobody knows how many of its days were counted.
    """
    partial = (pl.col("n_calendar_days") > 1).gather(pl.col("start")).cast(pl.Int64)
    first = pl.min_horizontal(pl.col("start") + partial, "row")
    since = frame.select(pl.max_horizontal(first, pl.col("row") - window)).to_series()
    sums = {name: _before(frame, name, since) for name in ("days", "days_squares", "docs", "days_docs")}
    base = pl.DataFrame(sums | {"k": frame["row"] - since, "n": frame["n"], "c": frame["days"]})
    k, days, docs = (pl.col(name) for name in ("k", "days", "docs"))
    across = k * pl.col("days_squares") - days * days
    rising = (k.cast(pl.Int128) * pl.col("days_docs") - days.cast(pl.Int128) * docs).cast(pl.Float64)
    wide = docs.cast(pl.Float64)
    slope = pl.when(across > 0).then(rising.clip(lower_bound=0) / across).otherwise(wide / days)
    usual = (wide + slope * (pl.col("c") * k - days)) / k / WEIGHT_SCALE
    volume = ((1 + pl.col("n")) / (1 + usual.clip(lower_bound=0))).log()
    return base.select(pl.when(k >= min(window, min_baseline)).then(volume)).to_series()


def _filled(frame: pl.DataFrame, features: list[str], config: DailyConfig) -> pl.DataFrame:
    """Fill sessions without news; abnormal_volume is already defined there and is not changed."""
    names = [name for name in features if not name.startswith("abnormal_volume_")]
    without = pl.col("n_docs") == 0
    if config.fill == "none":
        return frame
    if config.fill == "zero":
        return frame.with_columns(
            pl.when(without & pl.col(name).is_null()).then(0.0).otherwise(name).alias(name) for name in names
        )
    latest = {name: frame[name].gather(frame["last_news"]) for name in names if not name.startswith(_DECAYED)}
    age = frame["sessions_since_news"].cast(pl.Float64)
    if config.fill == "decay":
        left = age.to_frame("age").select(pl.lit(2.0).pow(-pl.col("age") / config.fill_half_life)).to_series()
        latest = {name: values * left for name, values in latest.items()}
    fills = pl.DataFrame(latest)
    return frame.with_columns(
        fills[name].zip_with(frame["n_docs"] == 0, frame[name]).alias(name) for name in fills.columns
    )
