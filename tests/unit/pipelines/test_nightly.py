"""The nightly job: its options, names and examples for schedulers. Its nights are in tests/faults."""

import ast
import configparser
import json
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, Final, cast

import polars as pl
import pytest

import nightly
from sentiscore import InputError, RowOptions, ScorerOptions
from tests.shipped import PIPELINES
from tests.unit.pipelines.scored import scored_rows, write_scored

FOLDER: Final = PIPELINES / "nightly"
SCHEDULERS: Final = FOLDER / "schedulers"
OPTIONS: Final = 'text_col = "headline"\n[daily]\ntime_col = "at"\noutput = "daily.parquet"\n'
COMMAND: Final = ("/srv/news/.venv/bin/python", "/srv/news/nightly.py", "/srv/news/nightly.toml")


def job_of(folder: Path, text: str) -> nightly.Job:
    path = folder / "nightly.toml"
    path.write_text(text)
    return nightly.Job.from_toml(path)


def test_the_example_of_options_is_read_and_every_option_reaches_the_daily_features() -> None:
    job = nightly.Job.from_toml(FOLDER / "nightly.toml")
    assert (job.text_col, job.daily.text_col, job.daily.calendar) == ("headline", "headline", "XNYS")
    assert job.daily.config.latency == "5m"
    assert job.reference == (Path("scored/2024-01-31T210500Z.parquet"),)
    assert job.thresholds == {"volume": 2.0}


def test_the_prefix_of_scored_columns_is_that_of_the_daily_features(tmp_path: Path) -> None:
    job = job_of(tmp_path, OPTIONS + '[rows]\nprefix = "s_"\n')
    assert job.daily.prefix == "s_"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour = 3\n" + OPTIONS, "has no option colour"),
        (OPTIONS + "[drift]\nreferences = []\n", "has no option references"),
        (OPTIONS.replace("time_col", "when"), "when"),
        (OPTIONS.replace('output = "daily.parquet"', ""), "is incomplete"),
        (OPTIONS.replace("text_col", "# text_col"), "is incomplete"),
        ("text_col = \n", "cannot be read"),
        (OPTIONS.replace('"headline"', "3"), "text_col is 3, and it has to be the name"),
        ('max_age_hours = "26"\n' + OPTIONS, "max_age_hours is '26', and it has to be a number"),
        ("max_age_hours = true\n" + OPTIONS, "max_age_hours is True, and it has to be a number"),
        ("max_age_hours = nan\n" + OPTIONS, "max_age_hours is nan"),
        ('late = "never"\n' + OPTIONS, "late is 'never'"),
        ("late = 3\n" + OPTIONS, "late is 3"),
        ("revise = 1\n" + OPTIONS, "revise is 1"),
        ("model = 3\n" + OPTIONS, "3 is no table"),
        ("exports = 3\n" + OPTIONS, "exports is 3, and it has to be a path"),
        ("drift = 3\n" + OPTIONS, "drift is 3, and it has to be a table"),
        (OPTIONS + '[drift]\nreference = "x"\n', "reference is 'x', and it has to be a list"),
        (OPTIONS + "[drift]\nreference = [3]\n", "reference is 3, and it has to be a list"),
        (OPTIONS + "[drift]\nthresholds = 3\n", "thresholds is 3, and it has to be a table"),
        (OPTIONS + '[drift]\nthresholds = { volume = "2" }\n', "volume is '2', and it has to be a number"),
    ],
)
def test_a_wrong_option_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        job_of(tmp_path, text)


def test_nights_are_taken_in_order_and_files_that_are_being_written_are_not(tmp_path: Path) -> None:
    job = job_of(tmp_path, OPTIONS)
    exports = tmp_path / "exports"
    exports.mkdir()
    for name in ("2024-02-06T210500Z.parquet", "2024-02-05T210500Z.csv.gz", ".2024-02-07T210500Z.parquet"):
        (exports / name).touch()
    found = nightly.exports_of(replace(job, exports=exports))
    assert list(found) == [datetime(2024, 2, day, 21, 5, tzinfo=UTC) for day in (5, 6)]
    (exports / "2024-02-06T210500Z.csv").touch()
    with pytest.raises(InputError, match="of the same night"):
        nightly.exports_of(replace(job, exports=exports))


def test_a_file_with_another_name_and_a_missing_folder_are_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not named after an instant"):
        nightly.instant_of(Path("exports/tonight.parquet"))
    with pytest.raises(InputError, match="There is no folder exports"):
        nightly.exports_of(job_of(tmp_path, OPTIONS))


NIGHTS: Final = tuple(datetime(2024, 2, day, 21, 5, tzinfo=UTC) for day in (5, 6, 7))
LASTING: Final = "max_age_hours = 1_000_000\n"
NO_STOP: Final = cast("nightly.Stop", type("Never", (), {"__call__": lambda _: False, "check": lambda _: None})())


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a job whose model copies the rows of an export."""
    monkeypatch.chdir(tmp_path)

    def score_file(export: Path, *, output: Path, **_: Any) -> None:
        write_scored(pl.read_parquet(export), output, [export])

    monkeypatch.setattr(nightly, "score_file", score_file)
    (tmp_path / "exports").mkdir()
    return tmp_path


def deliver(night: datetime, n: int = 10) -> None:
    """Write an export of rows before a night."""
    rows = scored_rows(night - timedelta(hours=1), n).rename({"text": "headline"})
    rows.write_parquet(f"exports/{night.strftime(nightly.NIGHT)}.parquet")


def report_of(night: datetime) -> dict[str, Any]:
    """The report of a night."""
    path = Path("reports", f"{night.strftime(nightly.NIGHT)}.json")
    return dict(json.loads(path.read_text()))


def test_an_export_that_is_replaced_before_its_report_is_an_error_until_it_is_put_back(desk: Path) -> None:
    job = job_of(desk, LASTING + OPTIONS)
    deliver(NIGHTS[0])
    assert nightly.run(job, NO_STOP) == 0
    report = Path("reports", f"{NIGHTS[0].strftime(nightly.NIGHT)}.json")
    report.unlink()
    deliver(NIGHTS[0], 12)
    with pytest.raises(InputError, match="the export was replaced after they were added"):
        nightly.run(job, NO_STOP)
    assert not report.exists()
    deliver(NIGHTS[0])
    assert nightly.run(job, NO_STOP) == 0
    assert report.exists()


def test_a_night_whose_report_was_deleted_is_compared_again_after_later_nights(desk: Path) -> None:
    job = job_of(desk, LASTING + OPTIONS)
    for night in NIGHTS:
        deliver(night)
    assert nightly.run(job, NO_STOP) == 0
    before = Path("daily.parquet").read_bytes()
    Path("reports", f"{NIGHTS[0].strftime(nightly.NIGHT)}.json").unlink()
    assert nightly.run(job, NO_STOP) == 0
    assert report_of(NIGHTS[0])["rows"] == 10
    assert Path("daily.parquet").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text_col": "title"}, "text_col was 'headline' and is 'title'"),
        ({"model": ScorerOptions(max_length=8)}, r"max_length of \[model\] was None and is 8"),
        ({"rows": RowOptions(bad_rows="drop")}, r"bad_rows of \[rows\] was 'keep' and is 'drop'"),
    ],
)
def test_other_options_of_scores_than_on_earlier_nights_are_an_error(
    desk: Path, change: dict[str, Any], message: str
) -> None:
    job = job_of(desk, LASTING + OPTIONS)
    deliver(NIGHTS[0])
    assert nightly.run(job, NO_STOP) == 0
    deliver(NIGHTS[1])
    with pytest.raises(InputError, match=message):
        nightly.run(replace(job, **change), NO_STOP)
    device = replace(job, model=ScorerOptions(device="cpu"))  # changes no scale
    assert nightly.run(device, NO_STOP) == 0


def test_late_rows_are_set_aside_if_the_options_say_so(desk: Path) -> None:
    job = job_of(desk, LASTING + 'late = "drop"\n' + OPTIONS)
    for night in NIGHTS[:2]:
        deliver(night)
    late = scored_rows(NIGHTS[0] - timedelta(days=1), 2).rename({"text": "headline"})
    export = Path("exports", f"{NIGHTS[1].strftime(nightly.NIGHT)}.parquet")
    pl.concat([late, pl.read_parquet(export)]).write_parquet(export)
    assert nightly.run(job, NO_STOP) == 0
    aside = pl.read_parquet(Path("scored", f"{NIGHTS[1].strftime(nightly.NIGHT)}.late.parquet"))
    assert aside["rejected_row"].to_list() == [1, 2]
    assert aside["rejected_reason"].unique().to_list() == ["late"]


def test_an_empty_ndjson_is_a_night_without_stories_once_there_was_one_with_some(desk: Path) -> None:
    job = job_of(desk, LASTING + OPTIONS)
    for night in NIGHTS[:2]:
        Path("exports", f"{night.strftime(nightly.NIGHT)}.ndjson").touch()
    with pytest.raises(InputError, match="no night before it has columns"):
        nightly.run(job, NO_STOP)
    Path("exports", f"{NIGHTS[0].strftime(nightly.NIGHT)}.ndjson").unlink()
    deliver(NIGHTS[0])
    assert nightly.run(job, NO_STOP) == 0
    assert [report_of(night)["rows"] for night in NIGHTS[:2]] == [10, 0]


def test_an_alarm_is_returned_by_the_next_run_that_finishes_and_by_no_later_one(desk: Path) -> None:
    reference = Path("scored", f"{NIGHTS[0].strftime(nightly.NIGHT)}.parquet")
    job = replace(job_of(desk, LASTING + OPTIONS), reference=(reference,))
    deliver(NIGHTS[0])
    assert nightly.run(job, NO_STOP) == 0
    rows = scored_rows(NIGHTS[1] - timedelta(hours=1)).rename({"text": "headline"})
    scores = pl.col("p_negative", "p_positive", "sentiment", "label")
    blank = rows.with_columns(pl.when(pl.lit(value=False)).then(scores), status=pl.lit("null"))
    blank.write_parquet(f"exports/{NIGHTS[1].strftime(nightly.NIGHT)}.parquet")
    broken = Path("exports", f"{NIGHTS[2].strftime(nightly.NIGHT)}.parquet")
    scored_rows(NIGHTS[0]).drop("text").write_parquet(broken)
    with pytest.raises(InputError):
        nightly.run(job, NO_STOP)
    assert report_of(NIGHTS[1])["returned"] is False
    deliver(NIGHTS[2], 0)
    assert nightly.run(job, NO_STOP) == 3
    assert report_of(NIGHTS[1])["returned"] is True
    assert nightly.run(job, NO_STOP) == 0


def test_a_night_of_too_few_texts_to_compare_has_a_report_with_the_reason(desk: Path) -> None:
    reference = Path("scored", f"{NIGHTS[0].strftime(nightly.NIGHT)}.parquet")
    job = replace(job_of(desk, LASTING + OPTIONS), reference=(reference,))
    deliver(NIGHTS[0])
    deliver(NIGHTS[1], 1)
    assert nightly.run(job, NO_STOP) == 0
    report = report_of(NIGHTS[1])
    assert (report["rows"], report["passed"], report["drift"]) == (1, True, None)
    assert report["reason"].startswith("Nothing could be compared: ")


@pytest.mark.parametrize(
    ("drift", "message"),
    [
        ("thresholds = { colour = 2 }", "no check called 'colour'"),
        ("thresholds = { volume = -1 }", "The threshold of volume is -1"),
        ('reference = ["scored/nothing.parquet"]', r"nothing\.parquet, which \[drift\] names"),
        ('reference = ["scored/2024-02-06T210500Z.parquet"]', "does not exist"),
    ],
)
def test_what_a_night_cannot_be_compared_with_is_an_error_before_anything_is_scored(
    desk: Path, drift: str, message: str
) -> None:
    deliver(NIGHTS[0])
    deliver(NIGHTS[1])
    with pytest.raises(InputError, match=message):
        nightly.run(job_of(desk, f"{LASTING}{OPTIONS}[drift]\n{drift}\n"), NO_STOP)
    assert not any(Path("scored").iterdir())


@pytest.mark.parametrize("text", ["", "[]", "{}", "\xff", '{"passed": 1}', '{"passed": true, "returned": 0}'])
def test_a_damaged_report_is_an_error_before_anything_is_scored(desk: Path, text: str) -> None:
    report = Path("reports", f"{NIGHTS[0].strftime(nightly.NIGHT)}.json")
    report.parent.mkdir()
    report.write_text(text, encoding="latin-1")
    deliver(NIGHTS[1])
    with pytest.raises(InputError, match="is damaged"):
        nightly.run(job_of(desk, LASTING + OPTIONS), NO_STOP)
    assert not any(Path("scored").iterdir())


def test_the_codes_of_the_page_are_those_of_the_script() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    codes = {
        int(code) for row in re.findall(r"^\| ([-\d, or]+) \|", page, re.MULTILINE) for code in re.findall(r"\d+", row)
    }
    assert {0, nightly.FAILED, nightly.DRIFTED, nightly.STOPPED + 15, nightly.STOPPED + 2} <= codes


@pytest.mark.parametrize("name", ["airflow_dag.py", "dagster_job.py"])
def test_an_example_compiles_and_leaves_errors_and_alarms_to_a_person(name: str) -> None:
    code = (SCHEDULERS / name).read_text(encoding="utf-8")
    compile(code, name, "exec")
    values = {
        node.target.id: ast.literal_eval(node.value)
        for node in ast.parse(code).body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None
    }
    assert values["COMMAND"] == COMMAND
    assert values["FOR_A_PERSON"].keys() == {nightly.FAILED, 2, nightly.DRIFTED}


@pytest.mark.parametrize(("name", "library"), [("airflow_dag.py", "airflow.sdk"), ("dagster_job.py", "dagster")])
@pytest.mark.filterwarnings("ignore")
def test_an_example_loads_where_its_library_is_installed(name: str, library: str) -> None:
    pytest.importorskip(library, reason=f"{library} is not installed")
    exec(compile((SCHEDULERS / name).read_text(encoding="utf-8"), name, "exec"), {"__name__": "example"})  # noqa: S102


class ForAPersonError(Exception):
    """What an example raises where another try would not help."""

    def __init__(self, message: str, *, allow_retries: bool = False) -> None:
        super().__init__(message)
        assert not allow_retries


class Later:
    """A task of a DAG."""

    def __rshift__(self, other: object) -> object:
        return other


def schedulers(steps: dict[str, Callable[[], None]]) -> dict[str, ModuleType]:
    """What the examples import, in place of Airflow and Dagster; functions that become steps go into `steps`."""

    def step(function: Callable[[], None] | None = None, **_: object) -> Any:
        def taken(function: Callable[[], None]) -> type[Later]:
            steps[function.__name__] = function
            return Later

        return taken if function is None else taken(function)

    modules = {name: ModuleType(name) for name in ("airflow", "airflow.sdk", "airflow.sdk.exceptions", "dagster")}
    vars(modules["airflow.sdk"]).update(task=step, dag=lambda **_: lambda function: function)
    vars(modules["airflow.sdk.exceptions"]).update(AirflowFailException=ForAPersonError)
    vars(modules["dagster"]).update(
        asset=step, Failure=ForAPersonError, RetryPolicy=dict, Definitions=dict, ScheduleDefinition=dict
    )
    return modules


@pytest.mark.parametrize("name", ["airflow_dag.py", "dagster_job.py"])
def test_an_example_tries_again_only_after_a_kill_or_a_stop(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: dict[str, Callable[[], None]] = {}
    for module, stub in schedulers(steps).items():
        monkeypatch.setitem(sys.modules, module, stub)
    runpy.run_path(str(SCHEDULERS / name))
    first, last = steps.values()
    assert last.__name__ == "forecast"
    for code, kind in ((0, None), (1, ForAPersonError), (3, ForAPersonError), (-9, RuntimeError), (143, RuntimeError)):
        monkeypatch.setattr(subprocess, "run", lambda *_, code=code, **__: subprocess.CompletedProcess([], code))
        with nullcontext() if kind is None else pytest.raises(kind):
            first()


class Unit(configparser.ConfigParser):
    """A unit of systemd, whose names have capitals."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def unit(name: str) -> Unit:
    found = Unit(interpolation=None)
    found.read_string((SCHEDULERS / name).read_text(encoding="utf-8"))
    return found


def test_the_units_of_systemd_run_the_command_and_start_it_again_after_a_kill() -> None:
    service, timer = unit("nightly.service"), unit("nightly.timer")
    assert tuple(service["Service"]["ExecStart"].split()) == COMMAND
    assert (service["Service"]["Type"], service["Service"]["Restart"]) == ("oneshot", "on-abnormal")
    assert timer["Timer"]["Persistent"] == "true"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_knows_every_line_of_the_timer() -> None:
    calendar = unit("nightly.timer")["Timer"]["OnCalendar"]
    subprocess.run(["systemd-analyze", "calendar", calendar], check=True, capture_output=True)


def test_the_crontab_runs_the_command_once_a_night_and_never_twice_at_a_time() -> None:
    lines = [line for line in (SCHEDULERS / "crontab").read_text(encoding="utf-8").splitlines() if line[0] != "#"]
    assert lines[0].startswith("MAILTO=")
    (line,) = lines[1:]
    minute, hour, *rest = line.split(maxsplit=5)
    assert (int(minute) < 60, int(hour) < 24, rest[:3]) == (True, True, ["*", "*", "*"])
    assert rest[3].startswith("flock -n ")
    assert " ".join(COMMAND) in rest[3]
    assert "%" not in line, "cron takes it for the end of the line"
    subprocess.run(["sh", "-n", "-c", rest[3]], check=True)
