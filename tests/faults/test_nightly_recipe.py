"""The nightly job of pipelines/nightly: nights in a row, with one that is empty, one that drifts, and real kills."""

import json
import random
import shutil
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from sentiscore.tables.provenance import read_provenance
from tests.effort import larger, share
from tests.faults.nursery import Nursery, Run, Sabotage
from tests.shipped import PIPELINES

SCRIPT: Final = PIPELINES / "nightly" / "nightly.py"
CODE: Final = (
    f"import runpy, sys; sys.argv[:] = ['x', 'nightly.toml']; runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
)
FIRST: Final = datetime(2024, 1, 26, 21, 5, tzinfo=UTC)
"""A Friday; the first export has the four weeks before it."""
NIGHTS: Final = share(5, 30)
EMPTY, DRIFTING, KILLED = 2, 3, (1, 4, 11, 12, 19, 28)
STORIES: Final = 60
CONFIG: Final = """
max_age_hours = 500_000
text_col = "headline"
[model]
model = "MODEL"
dtype = "fp32"
device = "cpu"
[run]
cache = "answers"
[daily]
output = "daily.parquet"
time_col = "published_at"
entity_col = "ticker"
calendar = "sessions.csv"
[daily.config]
latency = "5m"
[drift]
reference = ["scored/2024-01-26T210500Z.parquet"]
thresholds = { volume = 4 }
"""


def instant(number: int) -> datetime:
    """The instant of a night's export."""
    return FIRST + timedelta(days=number)


def name(number: int) -> str:
    """What the files of a night are called."""
    return f"{instant(number):%Y-%m-%dT%H%M%SZ}"


def stories(number: int) -> pl.DataFrame:
    """The export of a night: what was published since the one before; the first has four weeks."""
    rng = random.Random(number)  # noqa: S311
    days = 28 if number == 0 else 1
    n = 0 if number == EMPTY else STORIES * days
    minutes = sorted(rng.randrange(days * 24 * 60) for _ in range(n))
    verbs, words = ("rises", "falls", "holds"), ("profit", "demand", "margin", "debt", "output", "guidance")
    texts = [f"{rng.choice(words)} {rng.choice(verbs)} at company {rng.randrange(400)}" for _ in range(n)]
    if number == DRIFTING:
        texts = ["" if i % 3 else text for i, text in enumerate(texts)]
    return pl.DataFrame(
        {
            "published_at": [instant(number) - timedelta(days=days) + timedelta(minutes=m) for m in minutes],
            "ticker": [rng.choice("ABC") for _ in range(n)],
            "headline": texts,
        },
        schema={"published_at": pl.Datetime("us", "UTC"), "ticker": pl.String, "headline": pl.String},
    )


def deliver(desk: Path, number: int) -> None:
    """Write the export of a night."""
    stories(number).write_parquet(desk / "exports" / f"{name(number)}.parquet")


def run(nursery: Nursery, desk: Path, **sabotage: Any) -> Run:
    """Run the script, in a process of its own."""
    return nursery.run(desk, sabotage=Sabotage(code=CODE, **sabotage))


def made(desk: Path) -> dict[str, Any]:
    """What is in place, except the store and the exports, and the files that say when they were made."""
    found: dict[str, Any] = {}
    for path in sorted(path for path in desk.rglob("*") if path.is_file()):
        where = str(path.relative_to(desk))
        if where.startswith(("exports/", "answers/")) or path.name.endswith(("provenance.json", ".state.parquet")):
            continue
        found[where] = path.read_bytes()
    return found


@pytest.fixture(scope="module")
def start(nursery: Nursery, tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder after the first night, which was asked to stop in the middle and went on by the same command."""
    desk = tmp_path_factory.mktemp("nightly") / "start"
    (desk / "exports").mkdir(parents=True)
    (desk / "nightly.toml").write_text(CONFIG.replace("MODEL", str(tiny_checkpoint)))
    days = [FIRST.date() + timedelta(days=i) for i in range(-40, NIGHTS + 10)]
    sessions = [f"{d},{d}T14:30:00Z,{d}T21:00:00Z" for d in days if d.weekday() < 5]
    (desk / "sessions.csv").write_text("\n".join(["ds,open,close", *sessions]) + "\n")
    deliver(desk, 0)
    stopped = run(nursery, desk, signal_after_windows=3)
    assert stopped.code == 128 + signal.SIGTERM, stopped
    assert "The same command" in stopped.stderr or "same command again" in stopped.stderr
    assert not (desk / "daily.parquet").exists()
    assert list((desk / "scored").glob(".*.job"))
    done = run(nursery, desk)
    assert done.code == 0, done
    return desk


def copied(start: Path, folder: Path) -> Path:
    """The folder after the first night, to go on in."""
    return Path(shutil.copytree(start, folder / "desk"))


@larger
@pytest.mark.thorough  # tests/unit/pipelines/test_thirty_nights.py says more of it
def test_nights_in_a_row_end_as_one_run_over_everything_whatever_happens_to_them(
    nursery: Nursery, start: Path, tmp_path: Path, tiny_checkpoint: Path
) -> None:
    desk, rng = copied(start, tmp_path), random.Random(5)  # noqa: S311
    changes, killed = 60, 0
    for number in range(1, NIGHTS):
        deliver(desk, number)
        if number in KILLED:
            for _ in range(rng.randint(1, 3)):
                ended = run(nursery, desk, kill_before_change=rng.randint(1, changes))
                killed += ended.code == -signal.SIGKILL
                assert ended.code in (0, -signal.SIGKILL), ended
        done = run(nursery, desk)
        assert done.code == (3 if number == DRIFTING else 0), (number, done)
        if number not in KILLED:
            changes = max(len(done.changes), 10)
        report = json.loads((desk / "reports" / f"{name(number)}.json").read_text())
        assert report["rows"] == stories(number).height
        assert report["passed"] is (number != DRIFTING)
        assert (report["drift"] is None) is (number == EMPTY)
    assert killed > 0
    pl.concat([stories(number) for number in range(NIGHTS)]).write_parquet(desk / "all.parquet")
    score = ["score", "all.parquet", "--text-col", "headline", "-m", tiny_checkpoint, "--dtype", "fp32"]
    assert nursery.run(desk, *score, "--device", "cpu", "--cache", "answers").code == 0
    days = ["features", "all.scored.parquet", "--time-col", "published_at", "--entity-col", "ticker"]
    days += ["--text-col", "headline", "--calendar", "sessions.csv", "--latency", "5m", "-o", "whole.parquet"]
    whole = nursery.run(desk, *days, "--as-of", f"{instant(NIGHTS - 1):%Y-%m-%dT%H:%M:%SZ}")
    assert whole.code == 0, whole
    assert_frame_equal(
        pl.read_parquet(desk / "daily.parquet"), pl.read_parquet(desk / "whole.parquet"), check_exact=True
    )
    provenance = read_provenance(desk / "daily.parquet")
    assert provenance is not None
    assert provenance.intact is True
    assert provenance.provenance.n_sources == NIGHTS


@larger
def test_a_night_that_is_killed_before_any_change_of_a_file_ends_as_one_that_was_not(
    nursery: Nursery, start: Path, tmp_path: Path
) -> None:
    before = copied(start, tmp_path / "before")
    deliver(before, 1)
    whole = copied(before, tmp_path / "whole")
    done = run(nursery, whole)
    assert done.code == 0, done
    right, last = made(whole), len(done.changes)
    assert last > 20
    for kill in sorted({1 + i * (last - 1) // share(5, last) for i in range(share(5, last))} | {last}):
        desk = copied(before, tmp_path / str(kill))
        assert run(nursery, desk, kill_before_change=kill).code == -signal.SIGKILL, kill
        again = run(nursery, desk)
        assert again.code == 0, (kill, done.changes[kill - 1], again)
        assert made(desk) == right, (kill, done.changes[kill - 1])
        shutil.rmtree(desk)


def test_a_night_that_drifted_ends_with_the_same_code_again(nursery: Nursery, start: Path, tmp_path: Path) -> None:
    desk = copied(start, tmp_path)
    deliver(desk, DRIFTING)
    assert run(nursery, desk).code == 3
    before = made(desk)
    assert run(nursery, desk).code == 3
    assert made(desk) == before


def test_a_feed_that_has_stopped_is_an_error_and_changes_nothing(nursery: Nursery, start: Path, tmp_path: Path) -> None:
    desk = copied(start, tmp_path)
    config = desk / "nightly.toml"
    config.write_text(config.read_text().replace("500_000", "26"))
    before = made(desk)
    ended = run(nursery, desk)
    assert ended.code == 1
    assert "The newest night is 2024-01-26" in ended.stderr
    assert made(desk) == before


def test_a_late_row_is_an_error_until_the_export_is_mended(nursery: Nursery, start: Path, tmp_path: Path) -> None:
    desk = copied(start, tmp_path)
    export = desk / "exports" / f"{name(1)}.parquet"
    late = stories(0).head(1).with_columns(headline=pl.lit("nobody had this"))
    pl.concat([late, stories(1)]).write_parquet(export)
    published = (desk / "daily.parquet").read_bytes()
    ended = run(nursery, desk)
    assert ended.code == 1
    assert "count for sessions up to" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert (desk / "daily.parquet").read_bytes() == published
    stories(1).write_parquet(export)
    assert run(nursery, desk).code == 0


def test_a_night_of_which_no_row_has_a_score_is_an_alarm(nursery: Nursery, start: Path, tmp_path: Path) -> None:
    desk = copied(start, tmp_path)
    blank = stories(1).with_columns(headline=pl.lit(" "))
    blank.write_parquet(desk / "exports" / f"{name(1)}.parquet")
    assert run(nursery, desk).code == 3
    assert json.loads((desk / "reports" / f"{name(1)}.json").read_text())["rows_with_score"] == 0


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_an_empty_night_may_have_columns_without_types(
    nursery: Nursery, start: Path, tmp_path: Path, suffix: str
) -> None:
    desk = copied(start, tmp_path)
    nothing = pl.DataFrame(schema=dict.fromkeys(stories(1).columns, pl.Null))
    path = desk / "exports" / f"{name(1)}.{suffix}"
    if suffix == "parquet":
        nothing.write_parquet(path)
    else:
        nothing.write_csv(path)
    ended = run(nursery, desk)
    assert ended.code == 0, ended
