"""Sample news that comes with the package: invented companies, invented headlines."""

from pathlib import Path
from typing import Literal


def sample_news(kind: Literal["parquet", "csv"] = "parquet") -> Path:
    """The path of the sample news: about 400 headlines of four invented companies over 60 days.

    The columns are `published_at` (with a time zone), `ticker` and `headline`.

    Args:
        kind: Which of the two files, with equal rows.
    """
    return Path(__file__).parent / f"news.{kind}"
