"""The back-fill of pipelines/backfill: years in a row, killed and continued, here and on Ray."""

import runpy
import shutil
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from sentiscore import inspect
from tests.effort import larger
from tests.faults.nursery import Nursery, Run, Sabotage
from tests.shipped import PIPELINES

SCRIPT: Final = PIPELINES / "backfill" / "backfill.py"
CODE: Final = (
    f"import runpy, sys; sys.argv[:] = ['x', 'jobs.toml']; runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
)
ROWS: Final = 300
YEARS: Final = (2021, 2022, 2023)
CONFIG: Final = """
text_col = "headline"
[model]
model = "MODEL"
dtype = "fp32"
device = "cpu"
[daily]
output = "daily.parquet"
time_col = "published_at"
entity_col = "ticker"
[daily.config]
latency = "5m"
[backfill]
as_of = "2024-01-01T00:00:00Z"
"""
RAY: Final = '[backfill.parallel]\nengine = "ray"\nworkers = 2\n'


def year(number: int) -> pl.DataFrame:
    """The news of a year."""
    start = datetime(number, 1, 1, tzinfo=UTC)
    return pl.DataFrame(
        {
            "published_at": [start + timedelta(hours=28 * i) for i in range(ROWS)],
            "ticker": ["AB"[i % 2] for i in range(ROWS)],
            "headline": [f"profit of {number} rises by {i} per cent" for i in range(ROWS)],
        }
    )


@pytest.fixture
def desk(tmp_path: Path, tiny_checkpoint: Path) -> Path:
    """A folder with three years, of which one is a folder of two files."""
    folder = tmp_path / "desk"
    (folder / "years" / "2022").mkdir(parents=True)
    year(2021).write_parquet(folder / "years" / "2021.parquet")
    year(2022).head(100).write_parquet(folder / "years" / "2022" / "a.parquet")
    year(2022).tail(ROWS - 100).write_parquet(folder / "years" / "2022" / "b.parquet")
    year(2023).write_parquet(folder / "years" / "2023.parquet")
    (folder / "jobs.toml").write_text(CONFIG.replace("MODEL", str(tiny_checkpoint)))
    return folder


def run(nursery: Nursery, desk: Path, **sabotage: Any) -> Run:
    """Run the script, in a process of its own."""
    return nursery.run(desk, sabotage=Sabotage(code=CODE, **sabotage))


def check(desk: Path) -> pl.DataFrame:
    """Every row of every year has a score, and the daily features are those of all of them; they are returned."""
    for number in YEARS:
        scored = pl.read_parquet(desk / "history" / f"{number}.parquet")
        assert_frame_equal(scored.select(year(number).columns), year(number))
        assert scored["sentiment"].null_count() == 0
    daily = pl.read_parquet(desk / "daily.parquet")
    assert daily["n_docs"].sum() == ROWS * len(YEARS)
    assert inspect(desk / "daily.parquet").provenance.options["as_of"] == "2024-01-01T00:00:00+00:00"
    return daily


@larger
@pytest.mark.thorough
def test_a_back_fill_that_is_killed_continues_with_the_finished_years(nursery: Nursery, desk: Path) -> None:
    whole = Path(shutil.copytree(desk, desk.with_name("whole")))
    done = run(nursery, whole)
    assert done.code == 0, done
    for share in (0.55, 0.1):  # of all changes of files: in the second year, and soon after it went on
        ended = run(nursery, desk, kill_before_change=int(share * len(done.changes)))
        assert ended.code == -signal.SIGKILL, ended
    again = run(nursery, desk)
    assert again.code == 0, again
    assert "2021: scored already" in again.stderr
    assert_frame_equal(check(desk), check(whole), check_exact=True)
    more = run(nursery, desk)
    assert more.code == 0
    assert "extends to 2024-01-01" in more.stderr


def test_a_year_whose_file_has_changed_is_scored_again(nursery: Nursery, desk: Path) -> None:
    (desk / "years" / "2022").rename(desk / "2022")
    (desk / "years" / "2023.parquet").unlink()
    assert run(nursery, desk).code == 0
    year(2021).head(10).write_parquet(desk / "years" / "2021.parquet")
    again = run(nursery, desk)
    assert again.code == 0
    assert "2021: 10 rows" in again.stderr


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('as_of = "2024-01-01T00:00:00Z"', 'as_of = "soon"', "not an instant"),
        ('as_of = "2024-01-01T00:00:00Z"', "", "are incomplete"),
        ('text_col = "headline"', "", "are incomplete"),
        ("[backfill]", '[rows]\nbad_rows = "drop"\n[backfill]', "would be read with the years"),
        ("[backfill]", '[backfill]\nyears = "nowhere"', "no files in nowhere"),
    ],
)
def test_a_wrong_option_is_an_error(nursery: Nursery, desk: Path, old: str, new: str, message: str) -> None:
    config = desk / "jobs.toml"
    config.write_text(config.read_text().replace(old, new))
    ended = run(nursery, desk)
    assert ended.code == 1
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr


@larger
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::sentiscore.SentiscoreWarning")
def test_a_back_fill_on_ray_gives_what_one_machine_gives(
    nursery: Nursery, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    here = Path(shutil.copytree(desk, desk.with_name("here")))
    assert nursery.run(here, window_rows=32_768, sabotage=Sabotage(code=CODE)).code == 0
    config = desk / "jobs.toml"
    config.write_text(config.read_text() + RAY)
    monkeypatch.chdir(desk)
    monkeypatch.setattr(sys, "argv", ["backfill.py", "jobs.toml"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    assert ended.value.code == 0
    assert_frame_equal(check(desk), check(here), abs_tol=1e-6)  # windows that were halved may round otherwise


def test_the_example_of_options_is_read() -> None:
    job = runpy.run_path(str(SCRIPT))["Job"].from_toml(SCRIPT.with_name("backfill.toml"))
    assert (job.parallel.engine, job.parallel.cpus_per_worker) == ("ray", 2)
    assert job.as_of == datetime(2024, 1, 31, 21, 5, tzinfo=UTC)
    assert job.daily.text_col == "headline"
