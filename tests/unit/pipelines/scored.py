"""Scored rows for the jobs, without a model."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl

from sentiscore.tables import hash_output, write_frame
from sentiscore.tables.provenance import SCORED_ROWS, Provenance, SourceFacts, write_sidecar

TYPES: Final[dict[str, Any]] = {
    "at": pl.Datetime("us", "UTC"),
    "text": pl.String(),
    "p_negative": pl.Float32(),
    "p_positive": pl.Float32(),
    "sentiment": pl.Float32(),
    "label": pl.String(),
    "status": pl.String(),
    "n_tokens": pl.Int32(),
    "truncated": pl.Boolean(),
}


def scored_rows(start: datetime, n: int = 10) -> pl.DataFrame:
    """Scored rows, one a minute."""
    return pl.DataFrame(
        {
            "at": [start + timedelta(minutes=i) for i in range(n)],
            "text": [f"profit of {start:%Y-%m-%d} rises by {i}" for i in range(n)],
            "p_negative": [0.25] * n,
            "p_positive": [0.75] * n,
            "sentiment": [0.5] * n,
            "label": ["positive"] * n,
            "status": ["ok"] * n,
            "n_tokens": [8] * n,
            "truncated": [False] * n,
        },
        schema=TYPES,
    )


def write_scored(rows: pl.DataFrame, output: Path, files: Sequence[Path]) -> None:
    """Write rows as scoring of files would, with their provenance."""
    sources = tuple(SourceFacts(file=path.name, sha256=hash_output(path), rows=rows.height) for path in files)
    made = Provenance(
        kind=SCORED_ROWS, rows=rows.height, sources=sources, n_sources=len(sources), options={}, job_key=""
    )
    write_frame(rows, output, metadata=made.to_metadata())
    write_sidecar(output, made, hash_output(output))
