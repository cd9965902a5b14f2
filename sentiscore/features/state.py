"""What an update needs of the rows before it: the sums of a daily file, in a file beside it.

X.parquet has X.state.parquet beside it. Both are replaced in one rename each, the state first. The state knows the
sha256 of the daily file that it belongs to, and of the one before, so that a pair that does not fit is noticed, and an
update that was stopped between the two renames can be finished.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from sentiscore.errors import InputError
from sentiscore.features.daily import DailySums
from sentiscore.features.placing import SEED
from sentiscore.features.sums import KEYS, TOTALS
from sentiscore.tables import read_table, write_frame

FORMAT: Final = 1
"""Raised whenever sums or formulas change, so that old sums are never taken for new ones."""

_META, _SUMS, _TEXTS = 0, 1, 2
_WIDE: Final = pl.Decimal(38, 0)
"""Parquet has no whole numbers of 128 bits; the sums are below 10**37."""


@dataclass(frozen=True)
class State:
    """The sums of a daily file.

    Attributes:
        settings: What the file was made with.
        daily: The sha256 of the daily file that the sums belong to.
        before: That of the one that it took the place of; empty for the first.
        sources: The files whose rows are in the sums, oldest first, with when and by which model they were scored,
            where they say so.
        sums: The sums, with ds and cutoff of each session.
        texts: What is kept of single texts.
    """

    settings: dict[str, Any]
    daily: str
    before: str
    sources: list[dict[str, Any]]
    sums: pl.DataFrame
    texts: pl.DataFrame | None


def state_path(daily: Path) -> Path:
    """Where the sums of a daily file are: X.parquet -> X.state.parquet."""
    return daily.with_name(f"{daily.stem}.state.parquet")


def next_path(daily: Path) -> Path:
    """Where a daily file is before it takes its place: X.parquet -> .X.next.parquet."""
    return daily.with_name(f".{daily.stem}.next.parquet")


def revisions_path(daily: Path) -> Path:
    """Where old values of a daily file are kept: X.parquet -> X.revisions.parquet."""
    return daily.with_name(f"{daily.stem}.revisions.parquet")


def sha256(path: Path) -> str:
    """The sha256 of a file; empty if there is none."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def settings_of(sums: DailySums, schema: pl.Schema) -> dict[str, Any]:
    """Everything that the rows of a daily file depend on beside the scored rows."""
    entity = sums.columns.entity
    return {
        "format": FORMAT,
        "calendar": sums.sessions.name,
        "entities": "one series" if entity is None else str(schema[entity]),
        "text column": sums.columns.text is not None,
        "weight column": sums.columns.weight is not None,
        "hashes": int(pl.Series(["sentiscore"]).hash(SEED)[0]) if sums.columns.text is not None else 0,
        **{f"config {name}": value for name, value in sums.config.as_dict().items()},
    }


def write_state(path: Path, state: State) -> None:
    """Write the sums, whole or not at all."""
    meta = {name: getattr(state, name) for name in ("settings", "daily", "before", "sources")}
    parts = [
        pl.DataFrame({"part": [_META], "json": [json.dumps(meta)]}, schema_overrides={"part": pl.Int8}),
        state.sums.with_columns(pl.lit(_SUMS, dtype=pl.Int8).alias("part"), pl.col(TOTALS).cast(_WIDE)),
    ]
    if state.texts is not None:
        parts.append(state.texts.with_columns(pl.lit(_TEXTS, dtype=pl.Int8).alias("part")))
    write_frame(pl.concat(parts, how="diagonal"), path)


def read_state(daily: Path, anew: str) -> State:
    """The sums that belong to a daily file.

    Args:
        daily: The daily file.
        anew: The hint for one that has no usable sums.

    Raises:
        InputError: There are none, or they cannot be read.
    """
    path = state_path(daily)
    if not path.exists():
        raise InputError(f"{daily} has no sums beside it ({path.name}), so nothing can be added to it.", anew)
    whole = read_table(path)
    if not {"part", "json", *KEYS, *TOTALS} <= set(whole.columns):
        raise InputError(f"{path} does not hold the sums of daily features.", anew)
    meta = json.loads(whole.filter(pl.col("part") == _META)["json"][0])
    sums = whole.filter(pl.col("part") == _SUMS).select(*KEYS, "ds", "cutoff", "n_docs", *TOTALS)
    texts = None
    if meta["settings"].get("text column"):
        kept = [name for name in ("text", "at", "q", "label", "u", "w") if name in whole.columns]
        texts = whole.filter(pl.col("part") == _TEXTS).select(*KEYS, *kept)
    return State(
        settings=meta["settings"],
        daily=meta["daily"],
        before=meta["before"],
        sources=meta["sources"],
        sums=sums.with_columns(pl.col(TOTALS).cast(pl.Int128)),
        texts=texts,
    )


def provenance(path: Path) -> dict[str, str | None]:
    """When and by which model a file was scored, where a parquet file says so.

    Either the key "sentiscore" holds JSON with scored_at and model_hash, or the keys "sentiscore.scored_at" and
    "sentiscore.model_hash" hold text.
    """
    found: dict[str, str | None] = {"scored_at": None, "model_hash": None}
    if path.suffix.lower() not in (".parquet", ".pq"):
        return found
    from pyarrow import parquet

    raw: dict[bytes, bytes] = parquet.read_metadata(path).metadata or {}
    try:
        whole = json.loads(raw.get(b"sentiscore", b"{}"))
    except ValueError:
        whole = {}
    for name in found:
        plain = raw.get(f"sentiscore.{name}".encode())
        value = plain.decode() if plain is not None else whole.get(name) if isinstance(whole, dict) else None
        found[name] = None if value is None else str(value)
    return found
