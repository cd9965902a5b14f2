"""A folder of parts takes its place as a whole, and nothing that is not ours is replaced."""

import hashlib
import os
import sys
from pathlib import Path

import polars as pl
import pytest

from sentiscore.errors import OutputError
from sentiscore.tables import check_target, hash_output, is_folder_target, open_sink, part_folders, sink

ROWS = pl.DataFrame({"text": [f"row {i}" for i in range(10)], "n": range(10)})


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink, "PART_ROWS", 4)


def write_folder(folder: Path, rows: pl.DataFrame = ROWS, *, step: int = 2, sidecar: str | None = None) -> str:
    with open_sink(folder, folder=True) as out:
        for start in range(0, max(rows.height, 1), step):
            out.write(rows.slice(start, step))
        out.finish()
        out.sidecar = sidecar
    return out.sha256


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def rows_in(folder: Path) -> pl.DataFrame:
    return pl.concat(pl.read_parquet(part) for part in part_folders.parts_of(folder))


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize(("step", "heights"), [(1, [4, 4, 2]), (2, [4, 4, 2]), (3, [3, 3, 4]), (7, [7, 3]), (10, [10])])
def test_parts_hold_whole_windows_in_order(tmp_path: Path, step: int, heights: list[int]) -> None:
    folder = tmp_path / "out"
    write_folder(folder, step=step)
    assert [pl.read_parquet(part).height for part in part_folders.parts_of(folder)] == heights
    assert rows_in(folder).equals(ROWS)
    assert names_in(folder) == [f"part-{i:05}.parquet" for i in range(len(heights))]
    assert names_in(tmp_path) == ["out"]


def test_a_table_without_rows_is_one_part_with_its_columns(tmp_path: Path) -> None:
    write_folder(tmp_path / "out", ROWS.clear())
    assert rows_in(tmp_path / "out").equals(ROWS.clear())


def test_parts_are_in_the_order_of_their_numbers_beyond_five_digits(tmp_path: Path) -> None:
    for number in (100_000, 99_999, 0):
        (tmp_path / part_folders.part_name(number)).touch()
    assert [part.name for part in part_folders.parts_of(tmp_path)] == [
        part_folders.part_name(n) for n in (0, 99_999, 100_000)
    ]


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("swaps", [True, False])
def test_a_new_folder_takes_the_place_of_the_old_one_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, swaps: bool
) -> None:
    folder = tmp_path / "out"
    write_folder(folder, sidecar="{}")
    assert "provenance.json" in names_in(folder)
    if not swaps:
        monkeypatch.setattr(part_folders, "exchange", lambda *_: False)
    write_folder(folder, ROWS.head(3))
    assert rows_in(folder).equals(ROWS.head(3))
    assert names_in(folder) == ["part-00000.parquet"]
    assert names_in(tmp_path) == ["out"]


@pytest.mark.usefixtures("small_parts")
def test_the_sha256_of_a_folder_is_that_of_what_sha256sum_prints(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    told = write_folder(folder, sidecar="what is said of it does not count")
    listing = "".join(
        f"{hashlib.sha256(part.read_bytes()).hexdigest()}  {part.name}\n" for part in sorted(folder.glob("part-*"))
    )
    assert told == hash_output(folder) == hashlib.sha256(listing.encode()).hexdigest()


@pytest.mark.parametrize("name", ["notes.txt", "part-1.parquet", "part-00000.parquet.bak", ".hidden", "_SUCCESS"])
def test_a_folder_with_anything_else_in_it_is_refused_before_any_work(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "out"
    write_folder(folder)
    (folder / name).touch()
    before = names_in(folder)
    with pytest.raises(OutputError, match=f"holds files that sentiscore did not write, such as {name}"):
        check_target(folder, ROWS.schema)
    with pytest.raises(OutputError, match="did not write"):
        write_folder(folder)
    assert names_in(folder) == before
    assert names_in(tmp_path) == ["out"]


def test_folders_and_links_that_are_named_like_parts_are_not_ours(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    (tmp_path / "a" / "part-00000.parquet").mkdir()
    (tmp_path / "b" / "part-00000.parquet").symlink_to(tmp_path / "a")
    for name in "ab":
        with pytest.raises(OutputError, match="did not write"):
            check_target(tmp_path / name, ROWS.schema)


def test_a_file_that_is_put_into_the_folder_meanwhile_is_not_lost(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_folder(folder)

    def run() -> None:
        with open_sink(folder) as out:
            out.write(ROWS.head(1))
            (folder / "mine.txt").write_text("mine")

    with pytest.raises(OutputError, match="did not write"):
        run()
    assert (folder / "mine.txt").read_text() == "mine"
    assert rows_in(folder).equals(ROWS)
    assert names_in(tmp_path) == ["out"]


def test_an_empty_folder_may_be_written_to_and_a_file_may_not(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert check_target(f"{tmp_path}/empty/", ROWS.schema) == tmp_path / "empty"
    write_folder(tmp_path / "empty")
    assert rows_in(tmp_path / "empty").equals(ROWS)
    (tmp_path / "file").write_text("old")
    with pytest.raises(OutputError, match="is a file, not a folder"):
        check_target(f"{tmp_path}/file/", ROWS.schema)
    with pytest.raises(OutputError, match="mkdir -p"):
        check_target(f"{tmp_path}/gone/out/", ROWS.schema)
    with pytest.raises(OutputError, match=r"\.parquet cannot hold"):
        check_target(f"{tmp_path}/new/", pl.Schema({"a": pl.Int128()}))
    assert names_in(tmp_path) == ["empty", "file"]


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    write_folder(tmp_path / "elsewhere" / "real")
    link = tmp_path / "out"
    link.symlink_to(tmp_path / "elsewhere" / "real")
    write_folder(link, ROWS.head(2))
    assert link.is_symlink()
    assert rows_in(tmp_path / "elsewhere" / "real").equals(ROWS.head(2))
    assert names_in(tmp_path / "elsewhere") == ["real"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_run_that_is_stopped_leaves_the_old_folder_and_nothing_else(
    tmp_path: Path, error: type[BaseException]
) -> None:
    folder = tmp_path / "out"
    write_folder(folder)

    def run() -> None:
        with open_sink(folder) as out:
            out.write(ROWS.head(1))
            raise error

    with pytest.raises(error):
        run()
    assert rows_in(folder).equals(ROWS)
    assert names_in(tmp_path) == ["out"]


def test_a_place_that_cannot_be_taken_leaves_the_old_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "out"
    write_folder(folder)
    real_rename = Path.rename

    def fail(path: Path, target: Path) -> Path:
        if path.name.endswith(".part"):
            raise OSError(5, "Input/output error")
        return real_rename(path, target)

    monkeypatch.setattr(part_folders, "exchange", lambda *_: False)
    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OutputError, match=r"could not be written.*Input/output"):
        write_folder(folder, ROWS.head(2))
    assert rows_in(folder).equals(ROWS)
    assert names_in(tmp_path) == ["out"]


def test_an_old_folder_that_a_killed_run_set_aside_comes_back(tmp_path: Path) -> None:
    folder, aside = tmp_path / "out", tmp_path / ".out.999999999.old"
    write_folder(folder)
    folder.rename(aside)
    (tmp_path / f".out.{os.getppid()}.old").mkdir()  # of a process that lives
    check_target(folder, ROWS.schema, folder=True)
    assert rows_in(folder).equals(ROWS)
    folder.rename(aside)
    write_folder(folder, ROWS.head(1))
    assert rows_in(folder).equals(ROWS.head(1))
    aside.mkdir()  # beside a folder that is there, it is of no use
    check_target(folder, ROWS.schema)
    assert names_in(tmp_path) == [f".out.{os.getppid()}.old", "out"]


@pytest.mark.parametrize(
    ("text", "means_one"),
    [("out/", True), ("out", False), ("out.parquet", False), ("there", True), ("there.csv", True)],
)
def test_an_output_is_a_folder_if_it_ends_in_a_slash_or_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, means_one: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there").mkdir()
    Path("there.csv").mkdir()
    assert is_folder_target(text) is means_one


def test_metadata_that_is_known_at_the_end_of_a_part_is_in_it(tmp_path: Path) -> None:
    from pyarrow import parquet

    with open_sink(tmp_path / "out", folder=True, metadata={"sentiscore": "early"}) as out:
        out.write(ROWS)
        out.metadata = {"sentiscore": "late"}
    found = parquet.read_metadata(tmp_path / "out" / "part-00000.parquet").metadata
    assert found[b"sentiscore"] == b"late"


def test_what_killed_runs_left_is_swept_once_nobody_can_want_it(tmp_path: Path) -> None:
    gone = tmp_path / ".out.999999999.part"
    young = tmp_path / ".out.999999998.part"
    for left in (gone, young):
        left.mkdir()
        (left / "part-00000.parquet").touch()
        os.utime(left, (0, 0))
    os.utime(gone / "part-00000.parquet", (0, 0))
    write_folder(tmp_path / "out")
    assert names_in(tmp_path) == [young.name, "out"]


def test_an_old_folder_comes_back_also_if_another_process_has_that_number_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    write_folder(folder)
    folder.rename(tmp_path / f".out.{os.getppid()}.old")
    check_target(folder, ROWS.schema, folder=True)
    assert not folder.exists()  # it may be about to take its place
    monkeypatch.setattr(part_folders, "_SWAP", -1)
    check_target(folder, ROWS.schema, folder=True)
    assert rows_in(folder).equals(ROWS)


def test_a_work_folder_on_another_disk_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Path("/dev/shm")  # noqa: S108 - only asked for its number
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system here")
    for name in ("out.csv", "out/"):
        with pytest.raises(OutputError, match="another file system"), open_sink(f"{tmp_path}/{name}", part=other / "x"):
            pass
    assert names_in(tmp_path) == []


def test_the_place_of_the_provenance_is_checked_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "out.csv.provenance.json").mkdir()
    with pytest.raises(OutputError, match=r"provenance\.json is a folder"):
        check_target(tmp_path / "out.csv", ROWS.schema)
    with pytest.raises(OutputError, match="could not be written"):
        check_target(tmp_path / f"{'n' * 230}.csv", ROWS.schema)


def test_a_strangers_folder_of_parts_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    ROWS.write_parquet(tmp_path / "out" / "part-00000.parquet")
    with pytest.raises(OutputError, match="that sentiscore did not write"):
        check_target(tmp_path / "out", ROWS.schema)
    (tmp_path / "out" / "part-00000.parquet").write_bytes(b"no parquet")
    with pytest.raises(OutputError, match="that sentiscore did not write"):
        check_target(tmp_path / "out", ROWS.schema)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux swaps")
def test_swapping_says_no_where_the_system_cannot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import ctypes
    import errno

    from sentiscore.disk.exchange import exchange

    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    with pytest.raises(FileNotFoundError):
        exchange(one, other)
    for code in (errno.ENOSYS, errno.EINVAL):
        monkeypatch.setattr(ctypes, "get_errno", lambda code=code: code)
        assert exchange(one, other) is False
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
    assert exchange(one, other) is False
