"""Scripts find each other in their own folder, and so do their tests."""

import sys
from pathlib import Path

PIPELINES = Path(__file__).parents[3] / "pipelines"
FOLDERS = ("backfill", "default_model", "fine_tune", "forecast_demo", "leak_demo", "news_index", "nightly")
sys.path += [str(PIPELINES / name) for name in FOLDERS]
