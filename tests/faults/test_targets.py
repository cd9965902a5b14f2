"""A job towards targets that is killed goes on by the same command, and gives what an uninterrupted one gives."""

import signal
from pathlib import Path

import polars as pl

from tests.faults.nursery import Nursery, Sabotage

WINDOW = 64
ROWS = 3 * WINDOW - 7


def test_a_killed_job_towards_targets_goes_on_by_the_same_command(
    nursery: Nursery, tiny_targets: Path, tmp_path: Path
) -> None:
    text = "profit rises on demand and shares fall"
    frame = pl.DataFrame(
        {
            "headline": [f"{text} {i % 50}" for i in range(ROWS)],
            "ticker": [("PFT", "shares", None, "bonds")[i % 4] for i in range(ROWS)],
        }
    )
    frame.write_csv(tmp_path / "news.csv")
    (tmp_path / "names.csv").write_text("entity,name\nPFT,profit\n")
    job: tuple[str, ...] = (
        "score",
        "news.csv",
        "--text-col",
        "headline",
        "--target-col",
        "ticker",
        "--targets",
        "names.csv",
    )
    job = (*job, "-m", str(tiny_targets), "--log-json")
    whole = nursery.run(tmp_path, *job, "-o", "whole.csv", window_rows=WINDOW)
    assert whole.code == 0, whole
    killed = Sabotage(signal_after_windows=1, signal_number=signal.SIGKILL)
    assert nursery.run(tmp_path, *job, "-o", "out.csv", window_rows=WINDOW, sabotage=killed).code == -signal.SIGKILL
    done = nursery.run(tmp_path, *job, "-o", "out.csv", window_rows=WINDOW)
    assert done.code == 0, done
    assert 0 not in done.positions_scored
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    status = pl.read_csv(tmp_path / "out.csv")["status"]
    assert status.to_list() == [("ok", "ok", "ok", "not_mentioned")[i % 4] for i in range(ROWS)]
