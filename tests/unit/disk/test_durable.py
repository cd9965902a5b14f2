"""There is one way to write a file for good, and every writer takes it."""

import ast
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import polars as pl
import pytest

import sentiscore
from sentiscore.checkpoint import Manifest, write_manifest
from sentiscore.checkpoint.lock import LOCK, Pin, record
from sentiscore.disk import durable, parts
from sentiscore.disk.durable import make_folder, write_text
from sentiscore.disk.parts import hidden_part_path, sweep
from sentiscore.disk.replacing import take_after
from sentiscore.scoring.journal import Journal
from sentiscore.tables import open_sink, write_frame
from sentiscore.tables.fingerprint import DataFingerprint
from sentiscore.training.soft_labels import Teacher
from sentiscore.training.soft_labels import _write as write_soft_labels
from tests.disk_calls import Call, lasts, recorded, synced

PACKAGE: Final = Path(sentiscore.__file__).parent
ROWS: Final = pl.DataFrame({"text": ["up", "down"]})


def a_text(folder: Path) -> list[Path]:
    write_text(folder / "page.html", "<p>")
    return [folder / "page.html"]


def a_table(folder: Path, name: str = "out.parquet") -> list[Path]:
    with open_sink(folder / name) as sink:
        sink.write(ROWS)
        sink.finish()
        sink.sidecar = "{}"
    return [folder / name, folder / f"{name}.provenance.json"]


def a_csv(folder: Path) -> list[Path]:
    return a_table(folder, "out.csv")


def a_folder_of_parts(folder: Path) -> list[Path]:
    with open_sink(folder / "out", folder=True) as sink:
        sink.write(ROWS)
        sink.finish()
        sink.sidecar = "{}"
    return [folder / "out"]


def a_pin(folder: Path) -> list[Path]:
    record("a/b", Pin(None, "1" * 40), folder)
    return [folder / LOCK]


def a_window(folder: Path) -> list[Path]:
    with Journal(folder / "out.parquet") as journal:
        journal.begin({"model": "one"}, resume=True, stored=True)
        journal.keep(0, pl.DataFrame({"p_positive": [0.5]}))
    return [path for path in journal.folder.iterdir() if path.name != "lock"]


def soft_labels(folder: Path) -> list[Path]:
    answers = pl.DataFrame({"text_hash": [1], "p_positive": [0.5]}, schema_overrides={"text_hash": pl.UInt64})
    write_soft_labels(answers, [Teacher("one", "id")], folder / "soft.parquet")
    return [folder / "soft.parquet"]


def a_manifest(folder: Path) -> list[Path]:
    rows = (DataFingerprint("none", 0, ""),)
    write_manifest(
        folder,
        Manifest(
            base="b",
            base_revision=None,
            labels=("negative", "positive"),
            max_length=8,
            temperature=1.0,
            training_data=rows,
            selection_data=rows,
            recipe={},
            metrics={},
            versions={},
        ),
    )
    return [folder / "sentiscore.json"]


WRITERS: Final = [a_text, a_table, a_csv, a_folder_of_parts, a_pin, a_window, soft_labels, a_manifest]


@pytest.mark.parametrize("write", WRITERS)
def test_every_writer_syncs_a_file_before_it_has_its_name_and_its_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], list[Path]]
) -> None:
    calls = recorded(monkeypatch)
    written = write(tmp_path)
    assert written
    assert [path for path in written if not lasts(calls, path)] == []


def test_parts_of_a_folder_are_on_the_disk_before_it_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = recorded(monkeypatch)
    (folder,) = a_folder_of_parts(tmp_path)
    before = calls[: calls.index(Call("rename", folder))]
    assert [path.name for path in folder.iterdir() if synced(path) not in before] == []


def test_weights_are_on_the_disk_before_the_manifest_that_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("config.json", "model.safetensors", "log.jsonl"):
        (tmp_path / name).write_text("{}")
    calls = recorded(monkeypatch)
    (manifest,) = a_manifest(tmp_path)
    before = calls[: calls.index(Call("rename", manifest))]
    others = [path for path in tmp_path.iterdir() if path != manifest]
    assert [path.name for path in (*others, tmp_path) if synced(path) not in before] == []


def test_a_work_folder_and_folders_that_are_made_last_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = recorded(monkeypatch)
    make_folder(tmp_path / "a" / "b")
    assert calls == [synced(tmp_path / "a"), synced(tmp_path)]
    calls.clear()
    a_window(tmp_path)
    assert calls[0] == synced(tmp_path)


def test_two_writers_of_one_file_do_not_take_each_others_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "page.html"

    def while_another_writes(part: Path, like: Path) -> None:
        monkeypatch.setattr(durable, "take_after", take_after)
        write_text(target, "of the other")
        assert target.read_text() == "of the other"
        take_after(part, like)

    monkeypatch.setattr(durable, "take_after", while_another_writes)
    write_text(target, "of the one")
    assert target.read_text() == "of the one"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.parametrize("name", ["out.parquet", "out.csv", "out"])
def test_two_sinks_of_one_output_write_whole_outputs(tmp_path: Path, name: str) -> None:
    sinks = [open_sink(tmp_path / name, folder="." not in name) for _ in range(2)]
    for sink in sinks:
        sink.__enter__()
    for number, sink in enumerate(sinks):
        sink.write(pl.DataFrame({"text": [f"{number} {i}" for i in range(3)]}))
    for number, sink in enumerate(sinks):
        sink.__exit__(None, None, None)
        found = tmp_path / name / "part-00000.parquet" if name == "out" else tmp_path / name
        read = pl.read_csv if name.endswith(".csv") else pl.read_parquet
        assert read(found)["text"].to_list() == [f"{number} {i}" for i in range(3)]
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_part_of_another_process_with_this_number_is_swept_and_our_own_stays(tmp_path: Path) -> None:
    target, own = tmp_path / "out.csv", hidden_part_path(tmp_path / "out.csv")
    here = f".out.csv.{os.getpid()}"
    gone = [tmp_path / name for name in (f"{here}.part", f"{here}.ffffff-1.part", ".out.csv.999999999.ffffff-a.part")]
    kept = [own, tmp_path / f".out.csv.{os.getppid()}.ffffff-1.part", tmp_path / f"{here}.notes.part"]
    young = tmp_path / f"{here}.ffffff-2.part"
    for path in (*gone, *kept, young):
        path.touch()
    for path in (*gone, *kept):
        os.utime(path, (0, 0))
    sweep(target)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in (*kept, young)}
    assert parts._RUN != "ffffff"


def test_an_old_link_in_the_place_of_a_part_is_swept_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    kept = tmp_path / "somewhere" / "kept"
    kept.parent.mkdir()
    kept.touch()
    for number, leads_to in enumerate((kept, kept.parent, tmp_path / "gone"), 999_999_990):
        link = tmp_path / f".out.csv.{number}.part"
        link.symlink_to(leads_to)
        os.utime(link, (0, 0), follow_symlinks=False)
    sweep(tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["somewhere"]
    assert kept.exists()


@pytest.mark.parametrize("write", [a_text, a_pin, soft_labels, a_manifest])
def test_what_a_crash_left_is_removed_by_whoever_writes_the_file_next(
    tmp_path: Path, write: Callable[[Path], list[Path]]
) -> None:
    (written,) = write(tmp_path)
    left = written.with_name(f".{written.name}.999999999.ffffff-1.part")
    left.touch()
    os.utime(left, (0, 0))
    write(tmp_path)
    assert not left.exists()


def test_what_a_crash_left_of_a_sidecar_is_removed_with_what_it_left_of_the_output(tmp_path: Path) -> None:
    left = [tmp_path / f".out.parquet{what}.999999999.ffffff-1.part" for what in ("", ".provenance.json")]
    for path in left:
        path.touch()
        os.utime(path, (0, 0))
    write_frame(ROWS, tmp_path / "out.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["out.parquet"]


MAKES_FILES: Final = {
    "checkpoint/tokenizer_files.py",  # for a trial, in a folder that is thrown away
    "cli/api_reference.py",  # of the documentation, as are the next two
    "cli/reference.py",
    "cli/schemas.py",
    "disk/durable.py",
    "engine/made_tokenizer.py",  # as tokenizer_files
    "tables/spool.py",  # as tokenizer_files: a copy of stdin
    "planning/excerpt_text.py",  # as tokenizer_files: the excerpts of a plan
    "training/trainer.py",  # the log, a line at a time
}


def test_no_file_is_made_in_another_way() -> None:
    """By `open` to be written to, `Path.write_text` and the like, or synced and renamed by hand."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            given = (*node.args, *(word.value for word in node.keywords))
            opens = called == "open" and any(_is_mode_of_writing(one) for one in given)
            by_hand = isinstance(node.func, ast.Attribute) and called in ("fsync", "write_bytes", "write_text")
            if opens or by_hand:
                found.add(path.relative_to(PACKAGE).as_posix())
    assert found == MAKES_FILES


def _is_mode_of_writing(node: ast.expr) -> bool:
    mode = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
    return set(mode) <= set("rwxabt+") and bool(set(mode) & set("wxa+"))
