"""Scripts find each other in their own folder, and so do their tests."""

import sys
from pathlib import Path

PIPELINES = Path(__file__).parents[3] / "pipelines"
sys.path += [str(PIPELINES / name) for name in ("default_model", "forecast_demo", "leak_demo", "news_index")]
