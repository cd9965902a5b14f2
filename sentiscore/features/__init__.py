"""Scored rows -> daily features that could have been known at the time. Polars only, no torch."""

from sentiscore.features.config import DailyConfig
from sentiscore.features.daily import DailySums, daily

__all__ = ["DailyConfig", "DailySums", "daily"]
