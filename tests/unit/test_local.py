import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

import sentiscore
from sentiscore import features
from sentiscore.cli.main import cli
from sentiscore.errors import CheckpointError, InputError, OutputError, SentiscoreError
from sentiscore.evaluation.files import check_reports, write_reports
from sentiscore.local import local_path
from sentiscore.tables.provenance import read_provenance

ADDRESSES = [
    "s3://bucket/news.parquet",
    "gs://bucket/news.csv",
    "az://box/news.ndjson",
    "abfss://box@account.example/news.parquet",
    "https://example.com/news.csv",
    "hf://datasets/someone/news/train.parquet",
    "postgresql+psycopg2://host/news",
    "S3://bucket/news.csv.gz",
    "file:///data/news.parquet",
]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("kind", [str, Path])
def test_an_address_is_refused_by_its_name(address: str, kind: Callable[[str], Any]) -> None:
    scheme, rest = address.split("://")
    with pytest.raises(OutputError) as caught:
        local_path(kind(address), OutputError)
    assert caught.value.message.startswith(f"{scheme}://{rest.lstrip('/')} is not on this machine")
    assert caught.value.hint
    assert "mkdir" not in str(caught.value)


@pytest.mark.parametrize(
    "path",
    ["news.csv", "a:b.csv", "C:/news.csv", "data/s3://news.csv", "2024-01-05T10:00/news.csv", "./x", "a:", "s3:"],
)
def test_a_path_stays_a_path(path: str) -> None:
    assert local_path(path) == Path(path)


def test_the_message_for_a_file_address_shows_the_path() -> None:
    with pytest.raises(InputError, match=r"Give the path alone: /data/news.csv"):
        local_path("file:///data/news.csv")


@pytest.mark.parametrize("address", ["s3://bucket/news.parquet", "abfss://box@account.example/news.parquet"])
def test_the_message_for_a_store_names_what_takes_addresses(address: str) -> None:
    with pytest.raises(InputError, match="a local file or folder is needed here") as caught:
        local_path(address)
    assert caught.value.hint.startswith("Copy it to this machine")
    for words in ("score, features, inspect and monitor", "s3://, gs://, az:// and hf://"):
        assert words in caught.value.hint


INPUTS: dict[str, tuple[Callable[[str], object], type[SentiscoreError]]] = {
    "score_file, model": (sentiscore.Scorer.from_pretrained, CheckpointError),
    "daily, calendar": (lambda at: features.DailySums(time_col="at", calendar=at), InputError),
    "config": (features.DailyConfig.from_toml, InputError),
    "recipe": (sentiscore.Recipe.read, InputError),
    "labelled rows": (lambda at: sentiscore.read_labelled(at, text_col="t", label_col="l"), InputError),
    "inspect": (read_provenance, InputError),
    "base to build": (lambda at: sentiscore.build_base(at, ["a"]), OutputError),
    "update_daily": (lambda at: sentiscore.update_daily(at, daily="d.parquet", time_col="at"), InputError),
    "staging": (lambda at: sentiscore.StorageOptions(staging=at).folder, InputError),
}


@pytest.mark.parametrize("what", INPUTS)
@pytest.mark.parametrize("address", ["s3://bucket/news.parquet", "https://example.com/news.csv"])
def test_everything_that_takes_a_path_refuses_an_address(
    what: str, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call, kind = INPUTS[what]
    with pytest.raises(kind, match="is not on this machine"):
        call(address)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def tiny_scored(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scored file with times."""
    source = tmp_path_factory.mktemp("news") / "news.csv"
    pl.DataFrame({"headline": ["a"], "at": ["2024-01-05T10:00:00Z"]}).write_csv(source)
    sentiscore.score_file(source, text_col="headline", model=tiny_checkpoint)
    return source.with_name("news.scored.parquet")


OF_STORES = [
    "score {at} --text-col headline",
    "score news.csv --text-col headline -o {at}",
    "score news.csv --text-col headline -o {at}/",
    "score news.csv --text-col headline --time-col at --daily {at}",
    "features {at} --time-col at",
    "features scored.parquet --time-col at -o {at}",
    "monitor {at} --reference scored.parquet --text-col headline",
    "monitor scored.parquet --reference {at} --text-col headline",
    "inspect {at}",
]
"""Commands that read and write object stores too."""
COMMANDS = [
    "score news.csv --text-col headline -m {at}",
    "score news.csv --text-col headline --cache {at}",
    "score news.csv --text-col headline --time-col at --config {at}",
    "score news.csv --text-col headline --staging {at} -o s3://bucket/out.parquet",
    "features scored.parquet --time-col at --update {at}",
    "plot {at}",
    "verify {at}",
    "cache info {at}",
    "cache prune {at} --all",
    "evaluate default --eval-file {at}",
    "evaluate {at} --eval-file labelled.csv",
    "evaluate default --eval-file labelled.csv --html {at}",
    "train --base {at} --train-file labelled.csv --eval-file labelled.csv -o run",
    "train --base default --train-file {at} --eval-file labelled.csv -o run",
    "train --base default --train-file labelled.csv --eval-file labelled.csv -o {at}",
    "tune --base default --train-file labelled.csv --eval-file labelled.csv -o {at}",
    "demo -o {at}",
]


@pytest.mark.parametrize(
    ("command", "address"),
    [
        *((command, "https://bucket/x.parquet") for command in OF_STORES),
        *((each, "s3://bucket/x") for each in COMMANDS),
    ],
)
def test_every_command_refuses_an_address_and_makes_no_folder_of_its_name(
    command: str, address: str, tiny_scored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pl.DataFrame({"headline": ["a"], "at": ["2024-01-05T10:00:00Z"]}).write_csv("news.csv")
    pl.DataFrame({"sentence": ["a", "b"], "label": ["positive", "negative"]}).write_csv("labelled.csv")
    shutil.copy(tiny_scored, "scored.parquet")
    folder = f"{address.partition('/')[0]}"
    (tmp_path / folder / "bucket").mkdir(parents=True)  # as an earlier version advised
    done = CliRunner().invoke(cli, command.format(at=address).split())
    assert done.exit_code == 1, done.output
    assert address in done.output
    assert "is not on this machine" in done.output
    assert [path.name for path in (tmp_path / folder / "bucket").iterdir()] == []
    assert {path.name for path in tmp_path.iterdir()} == {"news.csv", "labelled.csv", "scored.parquet", folder}


@pytest.mark.parametrize("source", [None, 7, b"news.csv", [None], ["news.csv", 7], {"a": 1}, pl.DataFrame({"a": [1]})])
def test_a_source_that_is_not_a_path_is_a_clear_error(source: Any) -> None:
    with pytest.raises(InputError, match="A path is expected, not "):
        sentiscore.score_file(source, text_col="t")


def test_an_output_that_is_not_a_path_is_a_clear_error(tmp_path: Path) -> None:
    source = tmp_path / "news.csv"
    source.write_text("t\na\n")
    with pytest.raises(OutputError, match="A path is expected, not 7"):
        sentiscore.score_file(source, text_col="t", output=7)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "said", [{"encoding": None}, {"skip_rows": "1"}, {"separator": 7}, {"comment": b"#"}], ids=repr
)
def test_a_csv_option_of_the_wrong_type_is_a_clear_error(said: Any, tmp_path: Path) -> None:
    source = tmp_path / "news.csv"
    source.write_text("t\na\n")
    (name,) = said
    with pytest.raises(InputError, match=f"{name} is .*, of the type"):
        sentiscore.score_file(source, text_col="t", **said)


@pytest.mark.parametrize(
    "address",
    [
        "https://huggingface.co/a/b-1.0",
        "http://www.huggingface.co/a/b-1.0/",
        "https://hf.co/a/b-1.0/tree/main?x=1",
        "hf://a/b-1.0",
        "hf://a/b-1.0@main",
    ],
)
@pytest.mark.parametrize("command", ["score news.csv --text-col t -m {}", "verify {}"])
def test_the_address_of_a_model_on_the_hub_is_refused_with_its_id(
    command: str, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("news.csv").write_text("t\na\n")
    done = CliRunner().invoke(cli, command.format(address).split())
    assert done.exit_code == 1, done.output
    assert "is not on this machine" in done.output
    assert "-m a/b-1.0\n" in done.output


def test_an_address_that_looks_like_a_pattern_is_refused_by_its_name() -> None:
    done = CliRunner().invoke(cli, ["score", "https://b/*.csv", "--text-col", "t"])
    assert done.exit_code == 1
    assert "https://b/*.csv is not on this machine" in done.output


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder, which is not the working folder."""
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "home"


def test_a_tilde_that_no_shell_replaced_is_the_home_folder(home: Path, tiny_checkpoint: Path) -> None:
    shutil.copytree(tiny_checkpoint, home / "model")
    (home / "news.csv").write_text("t\na\n")
    for words in (
        "score ~/news.csv --text-col t -m ~/model -o ~/out.csv",
        "score ~/n*.csv --text-col t -m ~/model --cache ~/cache",
        "score ~/news.csv --text-col t -m ~/model -o ~/parts/",
        "inspect ~/out.csv",
    ):
        done = CliRunner().invoke(cli, words.split())
        assert done.exit_code == 0, done.output
    assert {path.name for path in home.iterdir()} >= {"out.csv", "news.scored.parquet", "cache", "parts"}
    assert list(Path.cwd().iterdir()) == []


def test_a_report_goes_to_the_home_folder_too(home: Path) -> None:
    check_reports(Path("~/report.json"), None, [])
    write_reports([], Path("~/report.json"), None)
    assert (home / "report.json").exists()


def test_a_report_goes_to_a_place_that_is_text_as_all_files_do(home: Path) -> None:
    assert write_reports([], "~/report.json", None) == [home / "report.json"]
    assert (home / "report.json").exists()


def test_a_folder_that_is_called_like_the_home_is_taken_at_its_name(home: Path) -> None:
    Path("~").mkdir()
    assert local_path("~/a.csv") == Path("~/a.csv")
    assert local_path("~~a.csv") == Path("~~a.csv")
    assert local_path("a/~/b") == Path("a/~/b")
