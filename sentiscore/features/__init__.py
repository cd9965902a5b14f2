"""Scored rows -> daily features that could have been known at the time. Polars only, no torch."""

from sentiscore.features.daily import DailySums, daily
from sentiscore.features.plot import plot

__all__ = ["DailySums", "daily", "plot"]
