"""Daily features and a target -> the input of a forecasting library, which is only imported when it is needed."""

from sentiscore.features.panel.ahead import check_future
from sentiscore.features.panel.autogluon import AutogluonPanel, to_autogluon
from sentiscore.features.panel.darts import DartsPanel, to_darts
from sentiscore.features.panel.frames import Panel
from sentiscore.features.panel.gluonts import GluontsPanel, to_gluonts
from sentiscore.features.panel.nixtla import NixtlaPanel, to_nixtla
from sentiscore.features.panel.sktime import SktimePanel, to_sktime

__all__ = [
    "AutogluonPanel",
    "DartsPanel",
    "GluontsPanel",
    "NixtlaPanel",
    "Panel",
    "SktimePanel",
    "check_future",
    "to_autogluon",
    "to_darts",
    "to_gluonts",
    "to_nixtla",
    "to_sktime",
]
