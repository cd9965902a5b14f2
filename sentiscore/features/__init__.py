"""Scored rows -> daily features that could have been known at the time. Polars only, no torch."""

from sentiscore.features.config import DailyConfig
from sentiscore.features.daily import daily
from sentiscore.features.daily_sums import DailySums
from sentiscore.features.explain import explain
from sentiscore.features.groups import add_group_features
from sentiscore.features.panel import (
    AutogluonPanel,
    DartsPanel,
    GluontsPanel,
    NixtlaPanel,
    Panel,
    SktimePanel,
    check_future,
    to_autogluon,
    to_darts,
    to_gluonts,
    to_nixtla,
    to_sktime,
)
from sentiscore.features.plot import plot
from sentiscore.features.published import as_published
from sentiscore.features.request import DailyKeywords, DailyRequest
from sentiscore.features.session_list import sessions
from sentiscore.features.target import join_target
from sentiscore.features.windows import add_ewm, add_lags, add_rolling

__all__ = [
    "AutogluonPanel",
    "DailyConfig",
    "DailyKeywords",
    "DailyRequest",
    "DailySums",
    "DartsPanel",
    "GluontsPanel",
    "NixtlaPanel",
    "Panel",
    "SktimePanel",
    "add_ewm",
    "add_group_features",
    "add_lags",
    "add_rolling",
    "as_published",
    "check_future",
    "daily",
    "explain",
    "join_target",
    "plot",
    "sessions",
    "to_autogluon",
    "to_darts",
    "to_gluonts",
    "to_nixtla",
    "to_sktime",
]
