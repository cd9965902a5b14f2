import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sentiscore.disk import parts
from sentiscore.disk.durable import write_text
from sentiscore.errors import OutputError
from sentiscore.tables import Sink, check_target, open_sink, read_table, write_frame
from tests.effort import combined

ENDINGS = [".parquet", ".csv", ".ndjson"]
AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
ROWS = pl.DataFrame({"text": ["up", None, ""], "n": ["1", "2", "3"]})


def at_a_known_name(monkeypatch: pytest.MonkeyPatch, target: Path) -> Path:
    """The hidden file in which the target will be written, had somebody guessed its name."""
    monkeypatch.setattr(parts, "_NUMBERS", itertools.repeat(7))
    return parts.hidden_part_path(target)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- what is written ---


@pytest.mark.parametrize("ending", [*ENDINGS, ".CSV", ".Parquet"])
def test_windows_are_appended_in_order(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"out{ending}"
    with open_sink(path) as sink:
        for start in range(3):
            sink.write(ROWS.slice(start, 1))
        sink.write(ROWS.head(0))
        assert sink.rows == 3
    assert read_table(path).equals(ROWS)
    assert names_in(tmp_path) == [path.name]


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_an_empty_first_frame_sets_the_columns(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"out{ending}"
    with open_sink(path) as sink:
        sink.write(ROWS.head(0))
    assert read_table(path).equals(ROWS.head(0))


def test_a_null_and_an_empty_text_are_written_apart_in_a_csv(tmp_path: Path) -> None:
    path = write_frame(ROWS.select("text"), tmp_path / "out.csv")
    assert path.read_bytes() == b'text\nup\n\n""\n'


def test_a_new_file_takes_the_old_one_s_place(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old\n" * 1000)
    assert write_frame(ROWS, str(path)) == path
    assert read_table(path).equals(ROWS)


def test_the_old_file_is_there_until_the_sink_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old\n")
    with open_sink(path) as sink:
        sink.write(ROWS)
        assert path.read_text() == "old\n"
    assert path.read_text() != "old\n"


def test_categories_that_appear_in_a_later_window_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    with open_sink(path) as sink:
        for name in "ab", "bc":
            sink.write(pl.DataFrame({"ticker": pl.Series(list(name), dtype=pl.Categorical)}))
    assert read_table(path)["ticker"].to_list() == ["a", "b", "b", "c"]


# --- what goes wrong on the way ---


@pytest.mark.parametrize(("error", "ending"), combined([KeyboardInterrupt, SystemExit, ValueError], list(ENDINGS)))
def test_an_interrupted_run_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, ending: str, error: type[BaseException]
) -> None:
    path = tmp_path / f"out{ending}"
    path.write_text("old")

    def run() -> None:
        with open_sink(path) as sink:
            sink.write(ROWS)
            raise error

    with pytest.raises(error):
        run()
    assert path.read_text() == "old"
    assert names_in(tmp_path) == [path.name]


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_interrupted_first_run_leaves_nothing(tmp_path: Path, ending: str) -> None:
    with pytest.raises(KeyboardInterrupt), open_sink(tmp_path / f"out{ending}"):
        raise KeyboardInterrupt
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_interrupt_while_the_file_is_closed_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    path = tmp_path / f"out{ending}"
    path.write_text("old")

    def interrupt(handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_frame(ROWS, path)
    assert path.read_text() == "old"
    assert names_in(tmp_path) == [path.name]


def test_a_place_that_cannot_be_taken_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")

    def fail(*args: Any) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OutputError, match=r"could not be written.*Input/output"):
        write_frame(ROWS, path)
    assert path.read_text() == "old"
    assert names_in(tmp_path) == ["out.csv"]


FULL_DISK = """
import resource, signal, sys
import polars as pl
from sentiscore.errors import OutputError
from sentiscore.tables import open_sink

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
frame = pl.DataFrame({"n": [f"{i * 7919 % 1000003}" for i in range(50_000)]})
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
for path in sys.argv[1:]:
    try:
        with open_sink(path) as sink:
            for _ in range(4):
                sink.write(frame)
    except OutputError as error:
        print(error.message)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit on the size of a file there")
def test_a_full_disk_leaves_the_old_files_and_nothing_else(tmp_path: Path) -> None:
    paths = [tmp_path / f"out{ending}" for ending in ENDINGS]
    for path in paths:
        path.write_text("old")
    command = [sys.executable, "-W", "error", "-c", FULL_DISK, *map(str, paths)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert run.stderr == ""
    assert run.returncode == 0
    assert [line.split(" could not be written")[0] for line in run.stdout.splitlines()] == [str(p) for p in paths]
    assert [path.read_text() for path in paths] == ["old"] * 3
    assert names_in(tmp_path) == sorted(path.name for path in paths)


def test_a_sink_that_is_not_open_does_not_write(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="not open"):
        open_sink(tmp_path / "out.csv").write(ROWS)


# --- where nothing can be written ---


@pytest.mark.parametrize("name", ["out.xlsx", "out", "out.csv.gz", "out.jsonl.bak"])
def test_an_ending_that_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    for refused in check_target, open_sink_with:
        with pytest.raises(OutputError, match=r"cannot be written.\nUse one of: \.parquet, \.csv, \.ndjson"):
            refused(tmp_path / name, ROWS.schema)


def open_sink_with(path: Path, schema: pl.Schema) -> Sink:
    return open_sink(path)


def test_a_missing_folder_is_refused_with_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"no folder .*gone.\n.*mkdir -p"):
        check_target(tmp_path / "gone" / "out.csv", ROWS.schema)


def test_opening_a_sink_in_a_missing_folder_is_an_output_error_too(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="could not be written"), open_sink(tmp_path / "gone" / "out.csv"):
        pass


def test_a_target_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out.csv").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        write_frame(ROWS, tmp_path / "out.csv")


def test_a_folder_that_may_not_be_written_to_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # as the system answers; root may write everywhere
    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(OutputError, match="may not be written to by this user"):
        check_target(tmp_path / "out.csv", ROWS.schema)
    with pytest.raises(OutputError, match="may not be written to by this user"), open_sink(tmp_path / "out.csv"):
        pass


@pytest.mark.skipif(AS_ROOT, reason="root may write everywhere")
def test_a_folder_without_write_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="may not be written to by this user"):
            check_target(tmp_path / "out.csv", ROWS.schema)
    finally:
        tmp_path.chmod(0o700)


def test_a_name_too_long_for_the_file_system_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="could not be written"):
        check_target(tmp_path / f"{'n' * 250}.csv", ROWS.schema)


def test_asking_whether_a_target_will_do_leaves_no_trace(tmp_path: Path) -> None:
    assert check_target(str(tmp_path / "out.parquet"), ROWS.schema) == tmp_path / "out.parquet"
    assert names_in(tmp_path) == []


# --- what a format cannot hold ---


@pytest.mark.parametrize(
    "dtype", [pl.List(pl.Int8()), pl.Array(pl.Int8(), 2), pl.Struct({"a": pl.Int8()}), pl.Binary()]
)
def test_nested_and_binary_columns_are_refused_for_csv_before_anything_is_written(
    tmp_path: Path, dtype: pl.DataType
) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")
    with pytest.raises(OutputError, match=r"\.csv cannot hold the column bad \(.*\nWrite \.parquet"):
        write_frame(pl.DataFrame(schema={"text": pl.String, "bad": dtype}), path)
    assert path.read_text() == "old"


def test_all_columns_that_do_not_fit_are_named(tmp_path: Path) -> None:
    schema = pl.Schema({"a": pl.Binary(), "b": pl.Int8(), "c": pl.Binary()})
    with pytest.raises(OutputError, match=r"cannot hold the columns a \(Binary\), c \(Binary\)"):
        check_target(tmp_path / "out.ndjson", schema)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("out.csv", pl.Duration("us")),
        ("out.csv", pl.Object()),
        ("out.ndjson", pl.Object()),
        ("out.parquet", pl.Object()),
        ("out.parquet", pl.Int128()),
        ("out.parquet", pl.UInt128()),
        ("out.parquet", pl.List(pl.Int128())),
        ("out.parquet", pl.Struct({})),
        ("out.parquet", pl.Array(pl.Int8(), 0)),
        ("out.parquet", pl.List(pl.Array(pl.Int8(), 0))),
    ],
)
def test_what_the_format_cannot_hold_is_found_before_any_work_is_done(
    tmp_path: Path, name: str, dtype: pl.DataType
) -> None:
    with pytest.raises(OutputError, match="cannot hold the column bad"):
        check_target(tmp_path / name, pl.Schema({"bad": dtype}))


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".ndjson"])
def test_a_link_planted_where_a_file_is_begun_is_not_followed(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    target = tmp_path / f"out{suffix}"
    at_a_known_name(monkeypatch, target).symlink_to(victim)
    write_frame(pl.DataFrame({"a": ["x"]}), target)
    assert victim.read_text() == "mine"
    assert not target.is_symlink()
    assert read_table(target).rows() == [("x",)]


def test_nor_is_one_where_a_text_file_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    at_a_known_name(monkeypatch, tmp_path / "page.html").symlink_to(victim)
    write_text(tmp_path / "page.html", "<p>")
    assert victim.read_text() == "mine"
    assert (tmp_path / "page.html").read_text() == "<p>"
    assert not (tmp_path / "page.html").is_symlink()
