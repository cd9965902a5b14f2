"""Places that a user has no rights on."""

import builtins
import io
import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

from sentiscore.checkpoint.load import find_folder
from sentiscore.cli.main import cli
from sentiscore.disk.permission import check_file_target
from sentiscore.errors import CheckpointError, InputError, OutputError
from sentiscore.tables import check_target, is_folder_target, open_source
from sentiscore.tables.provenance import read_provenance


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of mode 000, also for a user with all rights."""
    folder = tmp_path / "closed"
    folder.mkdir()
    stat, lstat, mkdir, access = os.stat, os.lstat, os.mkdir, os.access

    def is_inside(path: Any) -> bool:
        return isinstance(path, str | os.PathLike) and folder in Path(path).parents

    def refusing(ask: Any) -> Any:
        def asked(path: Any, *args: Any, **kwargs: Any) -> Any:
            if is_inside(path):
                raise PermissionError(13, "Permission denied", str(path))
            return ask(path, *args, **kwargs)

        return asked

    monkeypatch.setattr(os, "stat", refusing(stat))
    monkeypatch.setattr(os, "lstat", refusing(lstat))
    monkeypatch.setattr(os, "mkdir", refusing(mkdir))
    monkeypatch.setattr(os, "access", lambda path, *how, **more: path != folder and access(path, *how, **more))
    return folder


def test_an_output_in_a_closed_folder_is_a_clear_error(closed: Path) -> None:
    assert not is_folder_target(closed / "out.csv")
    with pytest.raises(OutputError, match="closed may not be written to by this user") as caught:
        check_file_target(closed / "out.csv")
    assert "--" not in str(caught.value)  # which of the options names this place is not known here


def test_an_output_through_a_link_names_the_closed_folder_that_it_leads_to(closed: Path, tmp_path: Path) -> None:
    (tmp_path / "out.csv").symlink_to(closed / "out.csv")
    with pytest.raises(OutputError, match="closed may not be written to by this user"):
        check_file_target(tmp_path / "out.csv")


@pytest.mark.parametrize("name", ["out.csv", "parts/"])
def test_a_folder_that_takes_files_but_cannot_be_read_is_refused_before_the_work(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = tmp_path / "box"
    box.mkdir()
    opened = os.open

    def refusing(path: Any, flags: int, *more: Any, **named: Any) -> int:
        if flags == os.O_RDONLY and os.fspath(path) == os.fspath(box):
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, flags, *more, **named)

    monkeypatch.setattr(os, "open", refusing)
    with pytest.raises(OutputError, match="box may be written to by this user but not read") as caught:
        check_target(f"{box}/{name}", pl.Schema({"text": pl.String()}))
    assert "right to read" in caught.value.hint
    assert not list(box.iterdir())


@pytest.mark.parametrize("name", ["", "model"])
def test_a_model_in_a_closed_folder_is_a_clear_error(closed: Path, name: str) -> None:
    with pytest.raises(CheckpointError, match="may not be read by this user"):
        find_folder(closed / name)


def test_tables_in_a_closed_folder_are_a_clear_error(closed: Path) -> None:
    with pytest.raises(InputError, match="may not be read by this user"):
        open_source(closed / "a.csv")
    with pytest.raises(InputError, match=r"cannot be read: .*Permission denied"):
        read_provenance(closed / "a.csv")


@pytest.mark.parametrize(
    "command",
    [
        "score {at}/a.csv --text-col t",
        "score {at}/*.csv --text-col t",
        "score a.csv --text-col t -o {at}/out.csv",
        "score a.csv --text-col t -m {at}/model",
        "verify {at}",
        "verify {at}/model",
        "inspect {at}/a.csv",
        "features a.csv --time-col t -o {at}/out.csv",
        "features a.csv --time-col t --update {at}/out.parquet",
        "features {at}/a.csv --time-col t",
        "plot a.csv -o {at}/page.html",
        "plot {at}/a.csv",
        "monitor a.csv --reference a.csv --json {at}/report.json",
        "monitor {at}/a.csv --reference a.csv",
        "evaluate --eval-file a.csv --text-col t --label-col l --json {at}/report.json",
        "evaluate --eval-file a.csv --text-col t --label-col l --html {at}/report.html",
        "evaluate --eval-file {at}/a.csv --text-col t --label-col l",
        "train --train-file a.csv --eval-file a.csv --text-col t --label-col l --base {base} -o {at}/run",
        "tune --train-file a.csv --eval-file a.csv --text-col t --label-col l --base {base} -o {at}/run",
        "train --base {base} --recipe {at}/recipe.toml",
        "score a.csv --text-col t --cache {at}/answers",
        "score a.csv --text-col t --cache {at}",
        "cache info {at}",
        "cache prune {at} --all",
        "cache info {at}/answers",
        "cache prune {at}/answers --all",
        "demo -o {at}/demo",
    ],
)
def test_no_command_shows_a_traceback_for_a_closed_folder(
    command: str, closed: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(closed.parent)
    Path("a.csv").write_text("t,l\ngood,positive\nbad,negative\n")
    done = CliRunner().invoke(cli, command.format(at=closed, base=tiny_base).split())
    assert done.exit_code == 1, done.output
    assert done.output.startswith("error: ")
    assert closed.name in done.output, done.output


@pytest.mark.parametrize(
    "command",
    [
        "features shut.csv --time-col t",
        "plot shut.csv",
        "inspect shut.parquet",
        "monitor shut.csv --reference a.csv",
        "evaluate --eval-file shut.csv --text-col t --label-col l",
        "train --train-file shut.csv --eval-file a.csv --text-col t --label-col l --base {base} -o run",
        "train --recipe shut.toml",
        "score a.csv --text-col t --time-col t --config shut.toml",
        "distill --student shut.toml -o small",
    ],
)
def test_a_file_that_may_not_be_read_is_no_mistyped_option(
    command: str, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "shut.csv", "shut.parquet", "shut.toml"):
        Path(name).write_text("t,l\ngood,positive\nbad,negative\n")
    access, opened = os.access, io.open

    def refusing(file: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(file, str | os.PathLike) and Path(file).stem == "shut":
            raise PermissionError(13, "Permission denied", str(file))
        return opened(file, *args, **kwargs)

    monkeypatch.setattr(
        os, "access", lambda path, *how, **more: Path(path).stem != "shut" and access(path, *how, **more)
    )
    monkeypatch.setattr(io, "open", refusing)
    monkeypatch.setattr(builtins, "open", refusing)
    done = CliRunner().invoke(cli, command.format(base=tiny_base).split())
    assert done.exit_code == 1, done.output
    assert done.output.startswith("error: ")
    assert "shut" in done.output, done.output
