"""Two profiles -> checks, each with its value, its limit and a sentence."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from sentiscore.errors import InputError
from sentiscore.labels import CLASSES, EMPTY, NEUTRAL, NOT_MENTIONED, NULL, UNDECODABLE, UNKNOWN
from sentiscore.monitoring import chance
from sentiscore.monitoring.languages import UNKNOWN as NO_LANGUAGE
from sentiscore.monitoring.languages import languages
from sentiscore.monitoring.measures import Counts, Floats, psi, quantile_bins, repeat_share, total_variation
from sentiscore.monitoring.profile import FINE, Profile
from sentiscore.monitoring.volume import compare_volume, usual_rows, without_stray
from sentiscore.monitoring.words import word_shift

LEAST: Final = 30
"""The minimum number of rows or texts for comparing shares and distributions."""

_BINS: Final = 10
_SHOWN: Final = 3

Measure = Callable[[Counts, Counts], Floats]


@dataclass(frozen=True)
class DriftCheck:
    """The result of one check.

    Attributes:
        name: The name in `THRESHOLDS`.
        value: The size of the change.
        threshold: The largest change without an alarm.
        chance: The value that chance alone exceeds in one of 2,000 nights, for files of these sizes.
        passed: Whether the value is at most the larger of `threshold` and `chance`.
        sentence: The result in words.
    """

    name: str
    value: float
    threshold: float
    chance: float
    passed: bool
    sentence: str


@dataclass(frozen=True)
class DriftReport:
    """What has changed between scored rows and a reference.

    Attributes:
        scored: The name of the scored rows; for a file, without its folder.
        reference: The names of the files of the reference.
        rows: The number of scored rows.
        reference_rows: The number of rows of the reference.
        checks: The checks that were made.
        skipped: The reasons why other checks were not made, by their names.
        stray_rows: The number of rows so far from all others that their days were not counted.
        reference_stray_rows: The same for the reference.
        same_model: Whether one model scored all rows; None if some models are not known.
        notes: Other useful information, in sentences; none of it is an alarm.
    """

    scored: str
    reference: tuple[str, ...]
    rows: int
    reference_rows: int
    checks: tuple[DriftCheck, ...]
    skipped: Mapping[str, str]
    stray_rows: int = 0
    reference_stray_rows: int = 0
    same_model: bool | None = None
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether no check exceeds its limit."""
        return all(check.passed for check in self.checks)

    @property
    def alarms(self) -> tuple[DriftCheck, ...]:
        """The checks that exceed their limits."""
        return tuple(check for check in self.checks if not check.passed)

    def to_dict(self) -> dict[str, Any]:
        """The whole report, for JSON."""
        return {
            "passed": self.passed,
            "scored": self.scored,
            "reference": list(self.reference),
            "rows": self.rows,
            "reference_rows": self.reference_rows,
            "checks": [asdict(check) for check in self.checks],
            "skipped": dict(self.skipped),
            "stray_rows": self.stray_rows,
            "reference_stray_rows": self.reference_stray_rows,
            "same_model": self.same_model,
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Comparison:
    """The comparison of two profiles.

    Attributes:
        checks: The checks that were made.
        skipped: The reasons why other checks were not made, by their names.
        stray_rows: The number of rows whose days were not counted.
        reference_stray_rows: The same for the reference.
    """

    checks: tuple[DriftCheck, ...]
    skipped: Mapping[str, str]
    stray_rows: int
    reference_stray_rows: int


class _Checks:
    def __init__(self, thresholds: Mapping[str, float]) -> None:
        self.done: list[DriftCheck] = []
        self.skipped: dict[str, str] = {}
        self._thresholds = thresholds

    def add(self, name: str, value: float, by_chance: float, sentence: str) -> None:
        threshold = self._thresholds[name]
        self.done.append(DriftCheck(name, value, threshold, by_chance, value <= max(threshold, by_chance), sentence))

    def skip(self, names: Sequence[str], reason: str) -> None:
        self.skipped.update(dict.fromkeys(names, reason))


def compare(now: Profile, then: Profile, thresholds: Mapping[str, float]) -> Comparison:
    """Compare a profile with that of the reference.

    Args:
        now: The profile of the scored rows.
        then: The profile of the reference, made with the same columns.
        thresholds: The thresholds of all checks, by name.

    Returns:
        The checks, the reasons why others could not be made, and how many rows are stray.

    Raises:
        InputError: The scores are from different models.
    """
    if now.neutral != then.neutral:
        which = "the reference" if then.neutral else "SCORED"
        raise InputError(
            f"The scores are of different models: only {which} has p_neutral.",
            "Score both with one model.",
        )
    checks = _Checks(thresholds)
    _scores(checks, now, then)
    _statuses(checks, now, then)
    _texts(checks, now, then)
    _repeats(checks, now, then)
    stray = _days(checks, now, then)
    return Comparison(tuple(checks.done), checks.skipped, *stray)


def _scores(checks: _Checks, now: Profile, then: Profile) -> None:
    if min(now.scored, then.scored) < LEAST:
        few = f"there are {now.scored:,} scored texts, and {then.scored:,} in the reference; it takes {LEAST}"
        checks.skip(("sentiment", "labels", "confidence", "length", "truncated"), few)
        return
    mean, mean_then = _mean(now.sentiment) - 1, _mean(then.sentiment) - 1
    _binned(checks, "sentiment", now.sentiment, then.sentiment, f"mean sentiment {mean:+.3f}, was {mean_then:+.3f}")
    names = [name for name in CLASSES if now.neutral or name != NEUTRAL]
    used = [CLASSES.index(name) for name in names]
    shares, shares_then = (_named_shares(dict(zip(names, p.labels[used], strict=True))) for p in (now, then))
    _counted(checks, "labels", psi, now.labels[used], then.labels[used], f"{shares}; was {shares_then}")
    sure, sure_then = _mean(now.confidence), _mean(then.confidence)
    rare = chance.of_mean(_variance(now.confidence), now.scored, _variance(then.confidence), then.scored)
    checks.add("confidence", abs(sure - sure_then), rare, f"mean largest probability {sure:.3f}, was {sure_then:.3f}")
    median, median_then = _median(now.lengths), _median(then.lengths)
    _binned(checks, "length", now.lengths, then.lengths, f"median tokens {median:,}, was {median_then:,}")
    of = "texts" if now.texts is not None else "scored rows"
    _share(checks, "truncated", (now.truncated, now.scored), (then.truncated, then.scored), f"of {of} were cut off")


def _statuses(checks: _Checks, now: Profile, then: Profile) -> None:
    names = (NOT_MENTIONED, EMPTY, NULL, UNDECODABLE, UNKNOWN)
    if min(now.rows, then.rows) < LEAST:
        checks.skip(names, f"there are {now.rows:,} rows, and {then.rows:,} in the reference; it takes {LEAST}")
        return
    for name in names:
        _share(checks, name, (now.statuses[name], now.rows), (then.statuses[name], then.rows), f"of rows are {name}")


def _texts(checks: _Checks, now: Profile, then: Profile) -> None:
    names = ("vocabulary", "unseen", "language")
    if now.texts is None or then.texts is None:
        checks.skip(names, "it needs the texts: name their column with --text-col (text_col)")
        return
    if min(now.texts.len(), then.texts.len()) < LEAST:
        few = f"there are {now.texts.len():,} texts, and {then.texts.len():,} in the reference; it takes {LEAST}"
        checks.skip(names, few)
        return
    shift = word_shift(now.texts, then.texts)
    if shift is None:
        checks.skip(names[:2], "there are texts without a word")
    else:
        new = f"new: {', '.join(shift.new)}" if shift.new else "no new words"
        checks.add("vocabulary", shift.divergence.value, shift.divergence.rare, new)
        share, usual = shift.unseen.value, shift.unseen.expected
        sentence = f"{share:.1%} of words are not in the reference; by chance {usual:.1%}"
        checks.add("unseen", share - usual, shift.unseen.rare - usual, sentence)
    _languages(checks, now.texts, then.texts)


def _languages(checks: _Checks, texts: pl.Series, reference: pl.Series) -> None:
    """Compare texts whose language can be guessed; the share of these texts depends more on style than on language."""
    here, there = (
        {name: n for name, n in languages(each).iter_rows() if name not in NO_LANGUAGE} for each in (texts, reference)
    )
    clear, clear_then = sum(here.values()), sum(there.values())
    if min(clear, clear_then) < LEAST:
        few = f"the language of {clear:,} texts is clear, and of {clear_then:,} in the reference; it takes {LEAST}"
        checks.skip(("language",), few)
        return
    every = sorted({*here, *there})
    counts, counts_then = (np.array([found.get(name, 0) for name in every]) for found in (here, there))
    sentence = f"of {clear / texts.len():.0%} that are clear {_named_shares(here)}; was {_named_shares(there)}"
    _counted(checks, "language", total_variation, counts, counts_then, sentence)


def _repeats(checks: _Checks, now: Profile, then: Profile) -> None:
    if now.repeats is None or then.repeats is None:
        checks.skip(
            ("repeats",),
            "it needs texts and times: name their columns with --text-col and --time-col (text_col, time_col)",
        )
    elif min(now.repeats.sum(), then.repeats.sum()) < LEAST:
        checks.skip(("repeats",), f"it takes {LEAST} texts with a time in both")
    else:
        sizes = np.flatnonzero(now.repeats + then.repeats)
        here, there = now.repeats[sizes], then.repeats[sizes]

        def gap(counts: Counts, reference: Counts) -> Floats:
            return np.abs(repeat_share(counts, sizes) - repeat_share(reference, sizes))

        shares = [float(repeat_share(counts, sizes)) for counts in (here, there)]
        sentence = f"{shares[0]:.1%} of rows repeat a text of the same day, was {shares[1]:.1%}"
        _counted(checks, "repeats", gap, here, there, sentence)


def _days(checks: _Checks, now: Profile, then: Profile) -> tuple[int, int]:
    """Compare rows per day, and return how many rows were left out as stray, here and in the reference."""
    if now.hours is None or then.hours is None:
        checks.skip(
            ("volume", "missing_days"), "it needs the time of each row: name its column with --time-col (time_col)"
        )
        return 0, 0
    usual = usual_rows(then.hours)
    hours, stray = without_stray(now.hours, usual)
    hours_then, stray_then = without_stray(then.hours, usual)
    volume = compare_volume(hours, hours_then) if hours[0].size and hours_then[0].size else None
    if volume is None:
        checks.skip(
            ("volume", "missing_days"),
            "the reference has too few days; it takes two or three weeks and some rows on each",
        )
        return stray, stray_then
    sentence = f"{volume.rows:,.0f} rows a day, {volume.expected:,.0f} are usual on such days"
    checks.add("volume", volume.ratio, volume.rare, sentence)
    days = "day" if volume.days == 1 else "days"
    checks.add("missing_days", volume.missing, 0.0, f"{volume.missing:,} of {volume.days:,} {days} without a row")
    return stray, stray_then


def _binned(checks: _Checks, name: str, fine: Counts, fine_then: Counts, sentence: str) -> None:
    """Check the PSI over bins of about a tenth of the reference each."""
    cuts = quantile_bins(fine_then, _BINS)
    _counted(checks, name, psi, np.add.reduceat(fine, cuts), np.add.reduceat(fine_then, cuts), sentence)


def _counted(checks: _Checks, name: str, measure: Measure, counts: Counts, then: Counts, sentence: str) -> None:
    checks.add(name, float(measure(counts, then)), chance.of_counts(measure, counts, then), sentence)


def _share(checks: _Checks, name: str, now: tuple[int, int], then: tuple[int, int], of: str) -> None:
    share, share_then = now[0] / now[1], then[0] / then[1]
    rare = chance.of_share(*now, *then)
    checks.add(name, abs(share - share_then), rare, f"{share:.2%} {of}, was {share_then:.2%}")


def _named_shares(counts: Mapping[str, int]) -> str:
    """The largest shares as text."""
    total = sum(counts.values())
    largest = sorted(counts.items(), key=lambda item: -item[1])[:_SHOWN]
    return ", ".join(f"{name} {n / total:.1%}" for name, n in largest)


def _mean(fine: Counts) -> float:
    """The mean of values that were counted in steps of 1 / FINE from 0."""
    return float((fine * np.arange(fine.size)).sum() / fine.sum() / FINE)


def _variance(fine: Counts) -> float:
    steps = np.arange(fine.size) / FINE
    return float((fine * (steps - _mean(fine)) ** 2).sum() / fine.sum())


def _median(fine: Counts) -> int:
    return int(np.searchsorted(np.cumsum(fine), math.ceil(fine.sum() / 2)))
