"""Updates of a daily file that are killed before a change to a file: the next one ends as if nothing had been."""

import shutil
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from sentiscore.features.record import AS_OF, REVISED_AT
from sentiscore.features.times import write_instant
from sentiscore.tables.provenance import read_provenance
from tests.effort import THOROUGH, larger, spread
from tests.faults.nursery import Nursery, Run, Sabotage
from tests.scored_rows import scored_rows

ROWS = scored_rows(150, seed=1, days=12, empty=0.1, null=0.1).sort("published_at")
FIRST, SECOND, LAST = (ROWS["published_at"][i] + timedelta(hours=1) for i in (70, 110, 149))
LATE = 3
"""Rows that the first night leaves out."""
NIGHTS: dict[str, list[Any]] = {
    "more": ["second.parquet"],
    "revised": ["second-and-late.parquet", "--revise"],
    "anew": ["all.parquet", "--anew", "--revise"],
}


@pytest.fixture(scope="module")
def start(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder after the first night."""
    folder = tmp_path_factory.mktemp("updates") / "start"
    folder.mkdir()
    times = pl.col("published_at")
    tables = {
        "first": ROWS.filter(times < FIRST).slice(LATE),
        "second": ROWS.filter(times.is_between(FIRST, SECOND, closed="left")),
        "third": ROWS.filter(times >= SECOND),
        "all": ROWS.filter(times < SECOND),
    }
    tables["second-and-late"] = pl.concat([tables["second"], ROWS.head(LATE)])
    for name, rows in tables.items():
        rows.write_parquet(folder / f"{name}.parquet")
    assert update(nursery, folder, ["first.parquet"], FIRST).code == 0
    return folder


def update(nursery: Nursery, folder: Path, night: list[Any], as_of: Any, kill: int | None = None) -> Run:
    words = ["--update", "days.parquet", "--time-col", "published_at", "--midnight", "instant"]
    sabotage = Sabotage(kill_before_change=kill)
    return nursery.run(folder, "features", *night, *words, "--as-of", write_instant(as_of), sabotage=sabotage)


def desk(start: Path) -> Path:
    folder = start.with_name("desk")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(start, folder)
    return folder


def record(folder: Path) -> tuple[pl.DataFrame, bool]:
    """The old values that are kept, and whether all that was published is known."""
    path = folder / "days.revisions.parquet"
    rows = pl.read_parquet(path) if path.exists() else pl.DataFrame(schema={"unique_id": pl.String, AS_OF: pl.Date})
    values = rows.filter(pl.col("unique_id").is_not_null()).drop(REVISED_AT, strict=False)
    return values, rows[AS_OF].null_count() == 0


@larger
@pytest.mark.parametrize("kind", spread(list(NIGHTS), 1, always=["revised"]))
def test_an_update_that_is_killed_before_any_change_ends_as_if_nothing_had_been(
    nursery: Nursery, start: Path, kind: str
) -> None:
    whole = desk(start)
    done = update(nursery, whole, NIGHTS[kind], SECOND)
    assert done.code == 0, done
    assert update(nursery, whole, ["third.parquet"], LAST).code == 0
    days, (values, known) = pl.read_parquet(whole / "days.parquet"), record(whole)
    assert known
    renames = [i for i, change in enumerate(done.changes, 1) if change.startswith("os.rename")]
    few = [*renames, renames[-1] + 1]  # between two renames, what a reader finds does not change
    for kill in few if not THOROUGH else range(1, len(done.changes) + 1):
        folder, step = desk(start), f"killed before {done.changes[kill - 1]}"
        assert update(nursery, folder, NIGHTS[kind], SECOND, kill).code == -signal.SIGKILL
        again = update(nursery, folder, NIGHTS[kind], SECOND)
        assert again.code == 0 or "finished now" in again.stderr or "already" in again.stderr, (step, again)
        found = read_provenance(folder / "days.parquet")
        assert found is not None, step
        assert found.intact, step
        assert update(nursery, folder, ["third.parquet"], LAST).code == 0, step
        assert_frame_equal(pl.read_parquet(folder / "days.parquet"), days, check_exact=True)
        assert record(folder)[1], step
        assert_frame_equal(record(folder)[0], values, check_exact=True)
