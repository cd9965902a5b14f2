"""What may be replaced, and what the new file takes over: kinds of files, links, other disks, owners and modes."""

import json
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner, Result

from sentiscore import features, score_file
from sentiscore.cli.main import cli
from sentiscore.disk.durable import write_text
from sentiscore.disk.permission import check_file_target
from sentiscore.errors import OutputError
from sentiscore.nightly.update_daily import update_daily
from sentiscore.scoring.journal import Journal
from sentiscore.tables import check_target, open_sink, sidecar_path
from sentiscore.tables.provenance import read_provenance
from tests.scored_rows import scored_rows

pytestmark = pytest.mark.skipif(os.name == "nt", reason="modes, owners and pipes are those of Unix")
ROWS = pl.DataFrame({"text": ["a", "b"]})


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words])


def write(path: Path, rows: pl.DataFrame = ROWS) -> None:
    with open_sink(path, folder=not path.suffix) as sink:
        sink.write(rows)
        sink.finish()
        sink.sidecar = "{}"


@pytest.fixture(autouse=True)
def usual_mask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def news(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("news.csv").write_text("t,at\ngood,2024-02-05T16:05:30Z\n,2024-02-06T16:05:30Z\n")
    return tmp_path


@pytest.fixture
def another_disk() -> Iterator[Path]:
    disk = Path("/dev/shm")  # noqa: S108
    if not disk.is_dir() or disk.stat().st_dev == Path().stat().st_dev:
        pytest.skip("there is no other file system")
    folder = disk / f"sentiscore-test-{os.getpid()}"
    folder.mkdir()
    yield folder
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


# --- what is no file ---


@pytest.fixture(params=["pipe", "device", "socket", "stdout", "descriptor", "dash", "link to a pipe"])
def no_file(request: pytest.FixtureRequest, news: Path) -> Iterator[Path]:
    place = news / "place.csv"
    if request.param == "pipe":
        os.mkfifo(place)
    elif request.param == "device":
        place = Path("/dev/null")
    elif request.param == "socket":
        with socket.socket(socket.AF_UNIX) as door:
            door.bind("place.csv")
    elif request.param == "stdout":
        place = Path("/dev/stdout")
    elif request.param == "descriptor":
        place = Path("/dev/fd/1")
    elif request.param == "dash":
        place = Path("-")
    else:
        os.mkfifo(news / "pipe")
        place.symlink_to("pipe")
    before = sorted(news.iterdir())
    yield place
    assert sorted(news.iterdir()) == before


def test_what_is_no_file_is_refused_and_stays(no_file: Path) -> None:
    with pytest.raises(OutputError, match=r"is (a pipe|a device|a socket)|would be a stream"):
        check_file_target(no_file)
    if not no_file.is_relative_to("/dev"):  # where it would do harm if it were not refused
        with pytest.raises(OutputError):
            write_text(no_file, "text")


@pytest.mark.parametrize(
    "command",
    [
        "score news.csv --text-col t -o {}",
        "score news.csv --text-col t --time-col at -o o.csv --daily {}",
        "features news.csv --time-col at -o {}",
        "features news.csv --time-col at --update {}",
        "plot news.csv -o {}",
        "monitor news.csv --reference news.csv --json {}",
        "evaluate --eval-file news.csv --text-col t --html {}",
        "evaluate --eval-file news.csv --text-col t --json {}",
        "train --train-file news.csv --eval-file news.csv --text-col t --label-col at -o {}",
        "tune --train-file news.csv --eval-file news.csv --text-col t --label-col at -o {}",
        "score news.csv --text-col t --cache {}",
        "demo -o {}",
    ],
)
def test_no_command_replaces_a_pipe(command: str, news: Path) -> None:
    os.mkfifo("place.parquet")
    done = run(*command.format("place.parquet").split())
    assert done.exit_code in (1, 2), done.output
    assert stat.S_ISFIFO(Path("place.parquet").stat().st_mode)
    assert sorted(path.name for path in news.iterdir()) == ["news.csv", "place.parquet"]


# --- links and other disks ---


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_an_output_through_a_link_to_another_disk_is_whole_with_all_that_belongs_to_it(
    name: str, news: Path, another_disk: Path, tiny_checkpoint: Path
) -> None:
    real = another_disk / f"real-{name}"
    Path(name).symlink_to(real)
    for _ in range(2):
        score_file("news.csv", text_col="t", output=name, model=tiny_checkpoint, bad_rows="drop", time_col="at")
        assert Path(name).is_symlink()
        assert real.is_file()
        assert sidecar_path(Path(name)) == another_disk / f"real-{name}.provenance.json"
        found = read_provenance(name)
        assert found is not None
        assert found.intact is True
    assert sorted(path.name for path in another_disk.iterdir()) == [real.name, f"{real.name}.provenance.json"]


def test_an_update_through_a_link_to_another_disk_keeps_its_sums_there(news: Path, another_disk: Path) -> None:
    Path("d.parquet").symlink_to(another_disk / "real.parquet")
    for seed in (1, 2):
        scored_rows(60, seed=seed).write_parquet("s.parquet")
        update_daily("s.parquet", daily="d.parquet", time_col="published_at", revise=True)
    assert Path("d.parquet").is_symlink()
    assert {"real.parquet", "real.state.parquet", "real.revisions.parquet"} <= {
        path.name for path in another_disk.iterdir()
    }


def test_a_sidecar_that_is_a_link_to_another_disk_stays_one(tmp_path: Path, another_disk: Path) -> None:
    (tmp_path / "o.csv.provenance.json").symlink_to(another_disk / "told.json")
    for _ in range(2):
        write(tmp_path / "o.csv")
    assert (another_disk / "told.json").read_text() == "{}"
    assert (tmp_path / "o.csv.provenance.json").is_symlink()


@pytest.mark.parametrize("content", ["my thesis", '{"mine": 1}', "[]", "[" * 100_000])
def test_a_sidecar_that_is_a_link_to_a_file_of_somebody_else_is_refused_and_the_file_stays(
    tmp_path: Path, content: str
) -> None:
    victim = tmp_path / "victim.json"
    victim.write_text(content)
    (tmp_path / "o.csv.provenance.json").symlink_to(victim)
    with pytest.raises(
        OutputError, match=r"o\.csv\.provenance\.json is a link to a file that sentiscore did not write"
    ):
        check_target(tmp_path / "o.csv", ROWS.schema)
    assert victim.read_text() == content


def test_a_sidecar_that_is_a_link_to_one_of_ours_is_written_again(
    news: Path, another_disk: Path, tiny_checkpoint: Path
) -> None:
    Path("o.csv.provenance.json").symlink_to(another_disk / "told.json")
    for _ in range(2):
        score_file("news.csv", text_col="t", output="o.csv", model=tiny_checkpoint)
    found = read_provenance("o.csv")
    assert found is not None
    assert found.intact is True


# --- other users ---


def test_what_another_user_owns_in_a_common_folder_is_refused_before_the_work(
    news: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    common = news / "common"
    common.mkdir()
    common.chmod(0o1777)
    (common / "o.csv.provenance.json").write_text("{}")
    (common / "d.state.parquet").write_bytes(b"")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 12_345)
    with pytest.raises(OutputError, match=r"o\.csv\.provenance\.json belongs to another user") as caught:
        check_target(common / "o.csv", ROWS.schema)
    assert "Choose another place" in caught.value.hint
    scored_rows(60).write_parquet("s.parquet")
    with pytest.raises(OutputError, match=r"d\.state\.parquet belongs to another user"):
        update_daily("s.parquet", daily=common / "d.parquet", time_col="published_at")
    check_target(common / "free.csv", ROWS.schema)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    check_target(common / "o.csv", ROWS.schema)


def test_what_fails_after_all_does_not_say_that_nothing_was_changed(tmp_path: Path) -> None:
    path = tmp_path / "o.csv"

    def late() -> None:
        with open_sink(path) as sink:
            sink.write(ROWS)
            sink.finish()
            sink.sidecar = "{}"
            os.mkfifo(sidecar_path(path))

    with pytest.raises(OutputError, match=r"o\.csv is in its place, but what it says of itself is not") as caught:
        late()
    assert "Nothing was changed" not in str(caught.value)
    assert path.is_file()


# --- modes ---


@pytest.mark.parametrize("name", ["o.csv", "o.parquet", "o.ndjson", "folder"])
@pytest.mark.parametrize("kept", [0o600, 0o640, 0o664])
def test_a_replaced_output_keeps_its_mode_and_so_has_what_belongs_to_it(tmp_path: Path, name: str, kept: int) -> None:
    path = tmp_path / name
    write(path)
    files = [path, sidecar_path(path)] if path.is_file() else [path / "part-00000.parquet"]
    assert {mode(file) for file in files} == {0o644}
    for file in files:
        file.chmod(kept)
    if path.is_dir():
        path.chmod(0o750)
    write(path, pl.concat([ROWS, ROWS]))
    assert {mode(file) for file in [*files, sidecar_path(path)]} == {kept}
    assert path.is_file() or mode(path) == 0o750


def test_a_replaced_folder_keeps_the_bit_by_which_new_files_have_its_group(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    path.chmod(0o2770)
    for _ in range(2):
        write(path)
        assert mode(path) == 0o2770
        assert mode(path / "part-00000.parquet") & 0o7000 == 0


def test_a_file_that_will_be_private_is_private_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "o.csv"
    write(path)
    path.chmod(0o600)
    with open_sink(path) as sink:
        sink.write(ROWS)
        assert [mode(part) for part in tmp_path.glob(".*.part")] == [0o600]


def test_all_that_a_job_writes_keeps_its_mode(news: Path, tiny_checkpoint: Path) -> None:
    def job() -> list[Path]:
        summary = score_file(
            "news.csv", text_col="t", output="o.csv", model=tiny_checkpoint, bad_rows="drop", time_col="at"
        )
        return [Path(path) for path in (*summary.outputs, *summary.rejects, *summary.daily)]

    outputs = job()
    assert {mode(path) for path in outputs} == {0o644}
    for path in outputs:
        path.chmod(0o600)
    outputs = job()
    assert {mode(path) for output in outputs for path in (output, sidecar_path(output))} == {0o600}


def test_all_that_an_update_writes_is_as_private_as_its_daily_file(news: Path) -> None:
    for seed in (1, 2):
        scored_rows(60, seed=seed).write_parquet("s.parquet")
        update_daily("s.parquet", daily="d.parquet", time_col="published_at", revise=True)
        Path("d.parquet").chmod(0o600)
    made = {path.name: mode(path) for path in news.iterdir() if path.name.startswith("d.")}
    assert len(made) == 4
    assert set(made.values()) == {0o600}


@pytest.mark.parametrize("what", ["plot", "report"])
def test_pages_and_reports_keep_their_mode(what: str, news: Path) -> None:
    page = Path("page.html")
    page.write_text("")
    page.chmod(0o600)
    scored_rows(300).write_parquet("s.parquet")
    if what == "report":
        done = run("monitor", "s.parquet", "--reference", "s.parquet", "--json", page)
    else:
        features.daily(scored_rows(60), time_col="published_at").write_parquet("d.parquet")
        done = run("plot", "d.parquet", "-o", page)
    assert done.exit_code == 0, done.output
    assert page.stat().st_size > 0
    assert mode(page) == 0o600


def test_unfinished_work_is_private(tmp_path: Path) -> None:
    with Journal(tmp_path / "o.csv") as journal:
        assert mode(journal.folder) == 0o700


def test_a_group_that_cannot_be_kept_gets_no_rights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sentiscore.disk import replacing

    (tmp_path / "old").touch()
    (tmp_path / "old").chmod(0o660)
    (tmp_path / "new").touch()
    stat_of = Path.stat

    def of_another_group(self: Path, **how: Any) -> Any:
        found = stat_of(self, **how)
        if self.name != "old":
            return found
        return os.stat_result((*found[:5], found.st_gid + 1, *found[6:]))

    monkeypatch.setattr(Path, "stat", of_another_group)
    monkeypatch.setattr(replacing, "_give", lambda *_: False)
    replacing.take_after(tmp_path / "new", tmp_path / "old")
    assert mode(tmp_path / "new") == 0o600


def test_a_provenance_is_json_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to("real.csv")
    write(tmp_path / "link.csv")
    assert json.loads((tmp_path / "real.csv.provenance.json").read_text()) == {}
