"""Scripts find each other in their own folder, and so do their tests."""

import sys
from pathlib import Path

PIPELINES = Path(__file__).parents[3] / "pipelines"
sys.path += [str(PIPELINES / "forecast_demo"), str(PIPELINES / "leak_demo"), str(PIPELINES / "news_index")]
