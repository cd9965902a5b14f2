"""What is said of a job by objects, and the same by keywords."""

import dataclasses
import inspect
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import tomli_w
import torch
from click.testing import CliRunner

from sentiscore import (
    CsvDialect,
    DailyConfig,
    DailyRequest,
    FlatOptions,
    InputError,
    Parallel,
    PhaseBegun,
    RowOptions,
    RowsDone,
    RunOptions,
    Scorer,
    ScorerOptions,
    WindowDone,
    daily_file,
    features,
    score_file,
    update_daily,
)
from sentiscore.cli.main import cli
from sentiscore.settings import Settings

DAYS: dict[str, Any] = {
    "time_col": "published_at",
    "entity_col": "ticker",
    "day_tz": "America/New_York",
    "config": DailyConfig(cutoff="close-30m", decay=(3.0,)),
}
ROWS: dict[str, Any] = {"columns": ["ticker", "published_at"], "prefix": "s_", "limit": 5, "bad_rows": "drop"}
DIALECT: dict[str, Any] = {"separator": ";", "skip_rows": 1, "comment": "#", "encoding": "cp1252"}
MODEL: dict[str, Any] = {"device": "cpu", "dtype": "fp32", "max_length": 16, "overflow": "windows"}


@pytest.fixture
def table(news: pl.DataFrame, tmp_path: Path) -> Path:
    path = tmp_path / "news.csv"
    path.write_bytes(b"a line above\n" + news.write_csv(separator=";").encode())
    return path


@pytest.fixture
def scored(news: pl.DataFrame, tiny_checkpoint: Path, tmp_path: Path) -> Path:
    news.write_parquet(tmp_path / "news.parquet")
    score_file(tmp_path / "news.parquet", text_col="headline", model=tiny_checkpoint, **MODEL)
    return tmp_path / "news.scored.parquet"


def written(folder: Path) -> dict[str, bytes]:
    """The files of a folder by their names; of sidecars what does not depend on the time."""
    found = {}
    for path in sorted(folder.iterdir()):
        found[path.name] = path.read_bytes()
        if path.name.endswith("provenance.json"):
            told = json.loads(path.read_text())
            assert told.pop("created_at")
            for each in told["scored"]:
                each.pop("created_at")
            found[path.name] = json.dumps(told).encode()
    return found


def test_objects_keywords_and_the_command_line_give_equal_bytes(
    table: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    folders = [tmp_path / name for name in ("objects", "keywords", "command")]
    for folder in folders:
        folder.mkdir()
    objects, keywords, command = folders
    score_file(
        table,
        text_col="headline",
        output=objects / "out.parquet",
        model=ScorerOptions(model=tiny_checkpoint, **MODEL),
        rows=RowOptions(**ROWS, dialect=CsvDialect(**DIALECT)),
        daily=DailyRequest(**DAYS, output=objects / "days.parquet"),
        run=RunOptions(resume=False, cache=tmp_path / "answers of objects"),
    )
    score_file(
        table,
        text_col="headline",
        output=keywords / "out.parquet",
        model=tiny_checkpoint,
        daily=keywords / "days.parquet",
        resume=False,
        cache=tmp_path / "answers of keywords",
        **MODEL,
        **ROWS,
        **DIALECT,
        **DAYS,
    )
    config = tmp_path / "config.toml"
    config.write_text(tomli_w.dumps({"cutoff": "close-30m", "decay": [3.0]}))
    typed: dict[str, object] = {**MODEL, **ROWS, **DIALECT, **DAYS, "config": config, "text_col": "headline"}
    typed |= {"columns": ",".join(ROWS["columns"]), "model": tiny_checkpoint}
    typed |= {"output": command / "out.parquet", "daily": command / "days.parquet", "cache": tmp_path / "answers"}
    words = [word for name, value in typed.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    done = CliRunner().invoke(cli, ["score", str(table), "--no-resume", *words])
    assert done.exit_code == 0, done.output
    first = written(objects)
    assert {"out.parquet", "out.rejected.parquet", "days.parquet", "days.parquet.provenance.json"} <= first.keys()
    assert written(keywords) == first
    assert written(command) == first


def test_daily_files_of_objects_keywords_and_the_command_line_are_equal(scored: Path, tmp_path: Path) -> None:
    request = DailyRequest(**DAYS, text_col="headline")
    as_of = "2024-02-08T22:00:00Z"
    made: dict[str, list[Path]] = {"days": [], "update": []}
    for way in ("objects", "keywords", "command"):
        folder = tmp_path / way
        folder.mkdir()
        days, update = folder / "days.parquet", folder / "update.parquet"
        if way == "objects":
            daily_file(scored, dataclasses.replace(request, output=days))
            update_daily(scored, dataclasses.replace(request, output=update, as_of=as_of))
        elif way == "keywords":
            daily_file(scored, output=days, text_col="headline", **DAYS)
            update_daily(scored, daily=update, text_col="headline", as_of=as_of, **DAYS)
        else:
            config = folder / "config.toml"
            config.write_text(tomli_w.dumps({"cutoff": "close-30m", "decay": [3.0]}))
            words = ["features", scored, "--config", config, "--day-tz", "America/New_York", "--entity-col", "ticker"]
            words += ["--time-col", "published_at", "--text-col", "headline"]
            for more in (["-o", days], ["--update", update, "--as-of", as_of]):
                done = CliRunner().invoke(cli, [str(word) for word in (*words, *more)])
                assert done.exit_code == 0, done.output
        made["days"].append(days)
        made["update"].append(update)
    for paths in made.values():
        assert pl.read_parquet(paths[0]).height
        assert len({path.read_bytes() for path in paths}) == 1


OBJECTS: list[Settings] = [
    ScorerOptions(model="org/model", labels=("negative", "positive"), revision="0" * 40, **MODEL),
    RowOptions(**ROWS, csv_as_is=True, dialect=CsvDialect(**DIALECT)),
    RunOptions(resume=False, max_memory=2_000_000_000, cache="answers", cache_bytes=5_000_000),
    RunOptions(parallel=Parallel(engine="ray", address="auto", workers=3, cpus_per_worker=2, gpus_per_worker=0.5)),
    RunOptions(parallel=Parallel(devices=("cuda:0", "cuda:1"))),
    DailyRequest(**DAYS, entity_separator=";", calendar="XNYS", weight_col="w", id_col="id", time_unit="ms"),
    DailyRequest(time_col="at", tz="UTC", time_format="%Y", midnight="date", as_of="2024-02-05T21:05:00Z"),
    CsvDialect(**DIALECT),
]


@pytest.mark.parametrize("options", [*OBJECTS, ScorerOptions(), RowOptions(), RunOptions()], ids=lambda one: one.what)
def test_every_object_comes_back_from_toml(options: Settings, tmp_path: Path) -> None:
    def without_none(values: dict[str, Any]) -> dict[str, Any]:
        return {
            name: without_none(value) if isinstance(value, dict) else value
            for name, value in values.items()
            if value is not None
        }

    path = tmp_path / "options.toml"
    path.write_text(tomli_w.dumps(without_none(options.as_dict())))
    assert type(options).from_toml(path) == options
    assert type(options).from_dict(json.loads(json.dumps(options.as_dict()))) == options


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rows": RowOptions(), "limit": 3, "encoding": "cp1252"}, "rows is a RowOptions here, so limit and encoding"),
        ({"model": ScorerOptions(), "device": "cpu"}, "model is a ScorerOptions here, so device cannot"),
        ({"run": RunOptions(), "cache_bytes": 1}, "run is a RunOptions here, so cache_bytes"),
        ({"daily": DailyRequest(time_col="at"), "tz": "UTC"}, "daily is a DailyRequest here, so tz"),
        ({"daily": DailyRequest(time_col="at", as_of="2024-02-05T21:05:00Z")}, "so there is no as_of"),
        ({"daily": DailyRequest(time_col="at", text_col="body")}, "text_col and the prefix .* are those of the job"),
        ({"daily": DailyRequest(time_col="at", prefix="x_")}, "text_col and the prefix .* are those of the job"),
        ({"daily": "days.parquet"}, "need a time column"),
        ({"calendar": "XNYS"}, "need a time column"),
        ({"limit": -1}, "The limit is -1"),
        ({"bad_rows": "lose"}, "no bad_rows 'lose'"),
        ({"overflow": "cut"}, "no overflow 'cut'"),
        ({"resume": "no"}, "The run's resume is 'no'"),
        ({"labels": "negative,positive"}, "The scorer's labels is 'negative,positive'"),
        ({"columns": "ticker"}, "Put their names in a list"),
        ({"rows": {"limit": 3}}, "rows is of the type dict, not RowOptions"),
        ({"run": RowOptions()}, "run is of the type RowOptions, not RunOptions"),
        ({"model": RowOptions()}, "The scorer's model is RowOptions"),
        ({"daily": {"time_col": "at"}, "time_col": "at"}, "daily is of the type dict, not DailyRequest"),
    ],
)
def test_what_is_said_twice_or_cannot_be_is_refused_before_anything_is_read(
    given: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        score_file("there is no such file.csv", text_col="headline", **given)


@pytest.mark.parametrize(
    ("call", "wrong", "nearest"),
    [
        (score_file, "entity_cols", "entity_col"),
        (score_file, "sep", "separator"),
        (daily_file, "timezone", "time_col"),
        (update_daily, "calender", "calendar"),
    ],
)
def test_a_wrong_keyword_is_an_error_that_names_the_nearest(call: Any, wrong: str, nearest: str) -> None:
    given = {"text_col": "headline"} if call is score_file else {"time_col": "at"}
    with pytest.raises(TypeError, match=rf"^{call.__name__}\(\) got an unexpected keyword argument '{wrong}'. Did you"):
        call("news.csv", **given, **{wrong: 1})
    with pytest.raises(TypeError, match=nearest if wrong != "timezone" else "Did you mean"):
        call("news.csv", **given, **{wrong: 1})


def test_a_type_checker_sees_a_wrong_name() -> None:
    """Where mypy does not, it reports an unused ignore."""
    with pytest.raises(TypeError, match="Did you mean 'separator'"):
        score_file("news.csv", text_col="headline", seperator=";")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="Did you mean 'calendar'"):
        daily_file("news.parquet", time_col="at", calender="XNYS")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="limits"):
        RowOptions(limits=3)  # type: ignore[call-arg]


@pytest.mark.parametrize("call", [daily_file, update_daily])
def test_a_request_stands_alone_and_has_a_time_column(call: Any) -> None:
    with pytest.raises(InputError, match="request is a DailyRequest here, so tz cannot be given beside it"):
        call("news.parquet", DailyRequest(time_col="at"), tz="UTC")
    with pytest.raises(InputError, match="request is of the type dict, not DailyRequest"):
        call("news.parquet", {"time_col": "at"})
    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'time_col'"):
        call("news.parquet", entity_col="ticker")


def test_an_output_is_named_once(scored: Path, tmp_path: Path) -> None:
    request = DailyRequest(**DAYS, output=tmp_path / "a.parquet")
    with pytest.raises(InputError, match="Name one output"):
        daily_file(scored, request, output=tmp_path / "b.parquet")
    with pytest.raises(InputError, match="no daily file to update"):
        update_daily(scored, time_col="published_at")


def test_a_loaded_scorer_and_its_options_are_alternatives(tiny_checkpoint: Path, scored: Path) -> None:
    scorer = Scorer.from_pretrained(ScorerOptions(model=tiny_checkpoint, **MODEL))
    assert (scorer.max_length, scorer.overflow, scorer.dtype) == (16, "windows", "fp32")
    with pytest.raises(InputError, match="model is a ScorerOptions here, so dtype cannot be given beside it"):
        Scorer.from_pretrained(ScorerOptions(model=tiny_checkpoint), dtype="fp32")
    given: FlatOptions = {"overflow": "truncate", "max_length": 9, "prefix": "x_"}
    with pytest.raises(InputError, match="loaded already, so max_length cannot"):
        score_file(scored, text_col="headline", model=scorer, **given)


def test_every_keyword_is_a_field_of_one_object() -> None:
    kinds = (ScorerOptions, RowOptions, CsvDialect, RunOptions, Parallel, DailyRequest)
    homes = [field.name for kind in kinds for field in dataclasses.fields(kind)]
    own = {"model", "dialect", "parallel", "text_col", "output", "as_of"}  # parameters of score_file, or not for it
    callbacks = {"on_progress", "on_window", "on_phase"}
    assert set(homes) - own == set(FlatOptions.__annotations__) - callbacks
    assert {name for name in homes if homes.count(name) > 1} == {"prefix"}  # of the rows, which the days take over
    days = {field.name for field in dataclasses.fields(DailyRequest)}
    assert days - {"output"} == set(features.DailyKeywords.__annotations__)
    assert list(inspect.signature(features.daily).parameters)[1:] == list(features.DailyKeywords.__annotations__)


def test_events_and_the_three_callbacks_say_the_same(table: Path, tiny_checkpoint: Path) -> None:
    events: list[Any] = []
    called: list[Any] = []
    score_file(
        table,
        text_col="headline",
        model=tiny_checkpoint,
        on_event=events.append,
        on_progress=lambda done, total: called.append(RowsDone(done, total or 0)),
        on_window=called.append,
        on_phase=lambda output, phase: called.append(PhaseBegun(output, phase)),
        **DIALECT,
    )
    assert {type(event) for event in events} == {RowsDone, WindowDone, PhaseBegun}

    def by_kind(heard: list[Any]) -> dict[str, list[Any]]:  # the thread that writes is another one
        return {kind.__name__: [one for one in heard if type(one) is kind] for kind in map(type, heard)}

    assert by_kind(called) == by_kind(events)
    assert by_kind(events)["RowsDone"][-1] == RowsDone(6, 6)


def test_a_device_of_torch_is_its_name(tiny_checkpoint: Path) -> None:
    assert ScorerOptions(device=torch.device("cuda:1")).device == "cuda:1"  # type: ignore[arg-type]
    scorer = Scorer.from_pretrained(tiny_checkpoint, device=torch.device("cpu"))  # type: ignore[arg-type]
    assert scorer.device == "cpu"


@pytest.mark.parametrize("given", [{"limit": 5}, CsvDialect(), 5], ids=["dict", "other", "number"])
@pytest.mark.parametrize("what", ["rows", "run", "daily"])
def test_what_is_not_the_object_of_an_argument_is_refused_by_its_type(what: str, given: Any, table: Path) -> None:
    arguments: dict[str, Any] = {what: given}
    with pytest.raises(InputError, match=f"{what} is of the type {type(given).__name__}, not"):
        score_file(table, text_col="headline", **arguments)
    with pytest.raises(InputError, match=f"request is of the type {type(given).__name__}, not DailyRequest"):
        daily_file(table, given)
