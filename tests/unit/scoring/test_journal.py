"""Finished windows are found again, and nothing else is."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from sentiscore.errors import OutputError
from sentiscore.scoring.journal import Journal
from sentiscore.scoring.work_folder import work_folder
from tests.effort import combined

KEY = {"input": "a" * 64, "text column": "headline", "dtype": "fp32"}


def scores(start: int, rows: int) -> pl.DataFrame:
    return pl.DataFrame({"sentiment": pl.Series(range(start, start + rows), dtype=pl.Float32)})


def parts(target: Path) -> list[Path]:
    return sorted(work_folder(target).glob("*-*-*.parquet"))


def key_digits(key: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out.parquet"


def fill(target: Path, windows: Sequence[tuple[int, int]] = ((0, 4), (4, 4), (8, 2))) -> None:
    with Journal(target) as journal:
        journal.begin(KEY, resume=True)
        for start, rows in windows:
            journal.keep(start, scores(start, rows))


def test_finished_windows_are_there_in_the_next_run(target: Path) -> None:
    fill(target)
    with Journal(target) as journal:
        assert journal.begin(KEY, resume=True) == 10
        for start, rows in ((0, 4), (4, 4), (8, 2), (5, 2)):
            found = journal.find(start, rows)
            assert found is not None
            assert_frame_equal(found, scores(start, rows))
        assert journal.find(10, 1) is None


def test_a_job_without_a_finished_window_leaves_no_folder(target: Path) -> None:
    fill(target, ())
    assert list(target.parent.iterdir()) == []


def test_a_job_that_is_done_leaves_no_folder(target: Path) -> None:
    fill(target)
    with Journal(target) as journal:
        journal.begin(KEY, resume=True)
        journal.clear()
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("field", KEY)
def test_each_field_of_the_key_refuses_by_its_name(target: Path, field: str) -> None:
    fill(target)
    with Journal(target) as journal, pytest.raises(OutputError, match=f"{field} was .* and is other"):
        journal.begin({**KEY, field: "other"}, resume=True)
    assert len(parts(target)) == 3, "what the other job has done is still there"


def test_a_field_that_is_new_or_gone_refuses_too(target: Path) -> None:
    fill(target)
    for key in ({**KEY, "new": "x"}, {name: value for name, value in KEY.items() if name != "dtype"}):
        with Journal(target) as journal, pytest.raises(OutputError, match="not there"):
            journal.begin(key, resume=True)


def test_windows_of_another_job_are_thrown_away_when_asked(target: Path) -> None:
    fill(target)
    with Journal(target) as journal:
        assert journal.begin({**KEY, "dtype": "bf16"}, resume=False) == 0
        assert journal.find(0, 4) is None
    fill(target)


def test_a_flipped_byte_anywhere_in_a_window_is_found(target: Path) -> None:
    fill(target, [(0, 4), (4, 4)])
    second = parts(target)[1]
    good = second.read_bytes()
    for place in range(len(good)):
        second.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        with Journal(target) as journal:
            assert journal.begin(KEY, resume=True) == 4
            assert journal.find(4, 4) is None
            assert journal.find(0, 4) is not None
        assert not second.exists(), "a damaged window is removed, so that it is made again"


@pytest.mark.parametrize("damage", ["cut", "empty", "longer", "swapped"])
def test_a_damaged_window_is_as_good_as_none(target: Path, damage: str) -> None:
    fill(target)
    first, second, _ = parts(target)
    content = first.read_bytes()
    if damage == "swapped":
        first.write_bytes(second.read_bytes())
    else:
        first.write_bytes({"cut": content[:-1], "empty": b"", "longer": content + b"\0"}[damage])
    with Journal(target) as journal:
        assert journal.begin(KEY, resume=True) == 6
        assert journal.find(0, 4) is None


def test_a_key_that_cannot_be_read_costs_nothing(target: Path) -> None:
    fill(target)
    (work_folder(target) / "key.json").write_text("{")
    with Journal(target) as journal:
        assert journal.begin(KEY, resume=True) == 10, "each window is known by its own hash"
    with Journal(target) as journal:
        journal.begin(KEY, resume=True)
    assert json.loads((work_folder(target) / "key.json").read_text()) == KEY


def test_another_job_does_not_throw_windows_away_whose_key_cannot_be_read(target: Path) -> None:
    fill(target)
    (work_folder(target) / "key.json").write_text("{")
    with Journal(target) as journal, pytest.raises(OutputError, match="what it was of cannot be read any more"):
        journal.begin({**KEY, "dtype": "bf16"}, resume=True)
    assert len(parts(target)) == 3


def test_windows_under_a_forged_key_are_not_taken(target: Path) -> None:
    fill(target)
    (work_folder(target) / "key.json").write_text(json.dumps({**KEY, "dtype": "bf16"}))
    for path in parts(target):  # and under forged names
        path.rename(path.with_name(path.name.replace(path.stem.split("-")[3], key_digits({**KEY, "dtype": "bf16"}))))
    with Journal(target) as journal:
        assert journal.begin({**KEY, "dtype": "bf16"}, resume=True) == 0


def test_what_a_kill_left_half_written_is_removed(target: Path) -> None:
    fill(target)
    folder = work_folder(target)
    (folder / f"{parts(target)[0].name}.tmp").write_bytes(b"half")
    (folder / "part-out.parquet").write_bytes(b"half")
    (folder / "part-folder").mkdir()
    (folder / "part-folder" / "part-00000.parquet").write_bytes(b"half")
    with Journal(target) as journal:
        assert journal.begin(KEY, resume=True) == 10
    assert {path.name for path in folder.iterdir()} == {"key.json", "lock", *(path.name for path in parts(target))}


def test_a_window_that_changes_during_the_run_is_an_error(target: Path) -> None:
    fill(target)
    with Journal(target) as journal:
        journal.begin(KEY, resume=True)
        parts(target)[0].write_bytes(b"other")
        with pytest.raises(OutputError, match="was changed while the job ran"):
            journal.find(0, 4)


def test_a_second_run_on_one_output_is_refused(target: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.parquet"
    link.symlink_to(target.name)
    with Journal(target) as journal:
        journal.begin(KEY, resume=True)
        for path in (target, link):
            with pytest.raises(OutputError, match="Another run is writing"), Journal(path):
                pass
        with Journal(tmp_path / "other.parquet"):
            pass
    with Journal(target):
        pass


def test_a_run_that_is_done_leaves_the_folder_of_the_next_run_alone(target: Path) -> None:
    with Journal(target) as first:
        first.begin(KEY, resume=True)
        first.clear()
        with Journal(target) as second:
            second.begin(KEY, resume=True)
            first.__exit__(None, None, None)
            second.keep(0, scores(0, 4))
            with pytest.raises(OutputError, match="Another run is writing"), Journal(target):
                pass
    assert len(parts(target)) == 1


def test_a_file_where_the_work_belongs_is_one_clear_error(target: Path) -> None:
    work_folder(target).write_text("mine")
    with pytest.raises(OutputError, match="is not a folder, and unfinished work belongs there"), Journal(target):
        pass
    assert work_folder(target).read_text() == "mine"


def test_a_lock_is_gone_with_the_process_that_held_it(target: Path) -> None:
    holder = (
        "import os, signal, sys; from pathlib import Path; from sentiscore.scoring.journal import Journal\n"
        "with Journal(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", holder, str(target)], check=False)
    assert done.returncode < 0
    assert (work_folder(target) / "lock").exists()
    with Journal(target) as journal:
        journal.begin(KEY, resume=True)
    assert list(target.parent.iterdir()) == []


def test_a_work_folder_that_vanishes_is_one_clear_error(target: Path) -> None:
    with Journal(target) as journal:
        journal.begin(KEY, resume=True)
        shutil.rmtree(journal.folder)
        with pytest.raises(OutputError, match="is gone"):
            journal.keep(0, scores(0, 4))


def test_files_are_written_in_the_folder_only_where_a_rename_can_put_them_in_place(
    target: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    with Journal(target) as journal:
        assert journal.part_of(target) == journal.folder / "part-out.parquet"
        assert journal.part_of(tmp_path / "x.csv") == journal.folder / "part-x.csv"
        assert journal.part_of(tmp_path / "elsewhere" / "x.csv") is None


@given(
    finished=st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), max_size=8),
    damaged=st.sets(st.integers(0, 7)),
    most=st.integers(1, 30),
    total=st.integers(1, 90),
)
def test_every_row_is_in_one_window_whatever_is_finished(
    finished: list[tuple[int, int]],
    damaged: set[int],
    most: int,
    total: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    target = tmp_path_factory.mktemp("job") / "out.csv"
    borders, position = [], 0
    for gap, rows in finished:
        borders.append((position + gap, rows))
        position += gap + rows
    fill(target, borders)
    for number, path in enumerate(parts(target)):
        if number in damaged:
            path.write_bytes(b"damaged")
    whole = [border for number, border in enumerate(borders) if number not in damaged]
    with Journal(target) as journal:
        assert journal.begin(KEY, resume=True) == sum(rows for _, rows in whole)
        at, taken = 0, 0
        while at < total:
            rows = min(journal.room(at, most), total - at)
            assert rows >= 1
            found = journal.find(at, rows)
            if found is None:
                assert rows <= most
                assert not any(at < start + n and start < at + rows for start, n in whole), (
                    "a finished row is scored again"
                )
            else:
                assert_frame_equal(found, scores(at, rows))
                taken += rows
            at += rows
        assert taken == sum(max(0, min(start + rows, total) - start) for start, rows in whole)


def test_the_hash_of_a_window_depends_on_the_key(target: Path) -> None:
    fill(target)
    digest = parts(target)[0].stem.split("-")[4]
    assert digest != hashlib.sha256(parts(target)[0].read_bytes()).hexdigest()


def folder_of_somebody(tmp_path: Path) -> Path:
    victim = tmp_path / "victim"
    (victim / "deep").mkdir(parents=True)
    (victim / "deep" / "thesis.txt").write_text("mine")
    (victim / "key.json").write_text("{}")
    (victim / "part-00000.parquet").write_bytes(b"mine")
    return victim


def everything_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_link_where_the_work_belongs_is_refused_and_what_it_leads_to_stays(target: Path, tmp_path: Path) -> None:
    victim = folder_of_somebody(tmp_path)
    before = everything_in(victim)
    work_folder(target).symlink_to(victim)
    with pytest.raises(OutputError, match="is a link, and unfinished work belongs there"), Journal(target):
        pass
    assert everything_in(victim) == before


@pytest.mark.parametrize("also", ["thesis.txt", "lock", "part-x"])
def test_a_folder_of_somebody_else_where_the_work_belongs_is_refused_and_stays(
    target: Path, tmp_path: Path, also: str
) -> None:
    folder = folder_of_somebody(tmp_path).rename(work_folder(target))
    (folder / also).write_text("mine too")
    before = everything_in(folder)
    with pytest.raises(OutputError, match="holds files that sentiscore did not put there"), Journal(target):
        pass
    assert everything_in(folder) == before


def test_a_folder_without_a_lock_was_made_by_somebody_else(target: Path) -> None:
    work_folder(target).mkdir()
    (work_folder(target) / "part-00000.parquet").write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"such as part-00000\.parquet"), Journal(target):
        pass
    assert (work_folder(target) / "part-00000.parquet").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("name", "kind"),
    combined(["lock", "key.json", "stored", "part-out.parquet", "key.json.tmp"], ["pipe", "link", "folder"]),
)
def test_what_is_no_plain_file_in_the_work_folder_is_refused_at_once_and_stays(
    target: Path, tmp_path: Path, name: str, kind: str
) -> None:
    folder = work_folder(target)
    folder.mkdir()
    (folder / "lock").touch()
    (folder / name).unlink(missing_ok=True)
    victim = folder_of_somebody(tmp_path)
    if kind == "pipe":  # which whoever reads it would wait for
        os.mkfifo(folder / name)
    elif kind == "link":
        (folder / name).symlink_to(victim / "key.json")
    else:
        victim = victim.rename(folder / name)
    before = everything_in(victim)
    with pytest.raises(OutputError, match=f"did not put there, such as {re.escape(name)}"), Journal(target):
        pass
    assert os.path.lexists(folder / name)
    assert everything_in(victim) == before


def test_a_window_that_is_no_plain_file_is_refused_and_stays(target: Path) -> None:
    fill(target)
    window = parts(target)[0]
    window.unlink()
    window.mkdir()
    with pytest.raises(OutputError, match="did not put there"), Journal(target):
        pass
    assert window.is_dir()


def test_parts_of_a_folder_that_a_kill_left_are_removed(target: Path) -> None:
    fill(target)
    begun = work_folder(target) / "part-out"
    begun.mkdir()
    for name in ("part-00000.parquet", ".part-00001.parquet.77.part", "provenance.json", ".provenance.json.77.part"):
        (begun / name).touch()
    with Journal(target) as journal:
        journal.begin(KEY, resume=True)
        assert not begun.exists()


def test_a_file_that_appears_in_the_work_folder_is_not_removed_with_it(target: Path) -> None:
    with Journal(target) as journal:
        journal.begin(KEY, resume=True)
        (journal.folder / "notes.txt").write_text("mine")
        journal.begin(KEY, resume=False)
        journal.clear()
    assert (work_folder(target) / "notes.txt").read_text() == "mine"


def test_what_a_kill_left_of_a_finished_job_is_in_nobodys_way(target: Path) -> None:
    fill(target)
    (work_folder(target) / "key.json").unlink()  # which goes first when a job is done
    with Journal(target) as journal:
        assert journal.begin({**KEY, "input": "b" * 64}, resume=True) == 0
        assert parts(target) == []


def test_a_window_that_was_renamed_to_other_rows_is_not_taken(target: Path) -> None:
    fill(target, [(0, 4), (4, 4)])
    first, second = parts(target)
    second.unlink()
    first.rename(first.with_name(first.name.replace(f"{0:015}", f"{4:015}", 1)))
    with Journal(target) as journal:
        assert journal.begin(KEY, resume=True) == 0


@pytest.mark.parametrize("key", ['{"dtype": 5}', '{"dtype": ["fp32"]}', "[]", "5", "null"])
def test_a_key_of_another_kind_is_a_message(target: Path, key: str) -> None:
    fill(target)
    (work_folder(target) / "key.json").write_text(key)
    with Journal(target) as journal, pytest.raises(OutputError, match="cannot be read any more"):
        journal.begin({**KEY, "dtype": "bf16"}, resume=True)


def test_windows_whose_answers_are_in_a_store_are_in_nobody_s_way(tmp_path: Path) -> None:
    target = tmp_path / "out.parquet"
    for night in range(3):
        with Journal(target) as journal:
            assert journal.begin({**KEY, "input": str(night)}, resume=True, stored=True) == 0
            journal.keep(0, scores(0, 4))
    with Journal(target) as journal:
        assert journal.begin({**KEY, "input": "2"}, resume=True, stored=False) == 4, "which it takes itself"
        journal.keep(4, scores(4, 4))
    with Journal(target) as journal, pytest.raises(OutputError, match="has a job that was stopped"):
        journal.begin({**KEY, "input": "3"}, resume=True, stored=True)  # some of them are in no store


def test_windows_that_are_in_no_store_are_not_thrown_away_by_a_job_with_one(tmp_path: Path) -> None:
    target = tmp_path / "out.parquet"
    with Journal(target) as journal:
        journal.begin(KEY, resume=True)
        journal.keep(0, scores(0, 4))
    with Journal(target) as journal:
        assert journal.begin(KEY, resume=True, stored=True) == 4
    with Journal(target) as journal, pytest.raises(OutputError, match="has a job that was stopped"):
        journal.begin({**KEY, "input": "other"}, resume=True, stored=True)
