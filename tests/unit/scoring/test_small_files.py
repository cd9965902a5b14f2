"""Many small files into one output: a window has rows of several, and each row still knows its file."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from sentiscore import InputError, Scorer, score_file
from sentiscore.errors import StoppedError
from sentiscore.scoring import job
from sentiscore.scoring.job_windows import Bounds, Window, windows_of
from sentiscore.scoring.journal import Journal
from sentiscore.scoring.options import RowOptions
from sentiscore.scoring.plan import make_plan
from sentiscore.scoring.planned import JobRequest
from sentiscore.scoring.work_folder import work_folder
from tests.effort import spread

if TYPE_CHECKING:
    from sentiscore.scoring.events import WindowDone

SIZES = (3, 0, 1, 5, 2, 4, 0, 6)
ROWS = sum(SIZES)


@pytest.fixture(scope="module")
def scorer(tiny_checkpoint: Path) -> Scorer:
    return Scorer.from_pretrained(tiny_checkpoint, device="cpu", dtype="fp32")


def frames(sizes: Sequence[int]) -> list[pl.DataFrame]:
    """Rows that differ, but for a text that each second of them has."""
    numbers = iter(range(sum(sizes)))
    rows = [[next(numbers) for _ in range(size)] for size in sizes]
    return [
        pl.DataFrame(
            {"n": part, "text": ["profit rises" if n % 2 else f"loss of {n}" for n in part]},
            schema={"n": pl.Int64, "text": pl.String},
        )
        for part in rows
    ]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{number}.parquet" for number in range(len(SIZES))]
    for path, frame in zip(paths, frames(SIZES), strict=True):
        frame.write_parquet(path)
    return paths


def test_small_files_are_one_window_whose_parts_are_listed_by_file(
    scorer: Scorer, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[int] = []
    keep = Journal.keep

    def counted(journal: Journal, position: int, scores: pl.DataFrame) -> None:
        kept.append(scores.height)
        keep(journal, position, scores)

    monkeypatch.setattr(Journal, "keep", counted)
    done: list[WindowDone] = []
    output = files[0].with_name("out.parquet")
    summary = score_file(files, text_col="text", output=output, model=scorer, on_window=done.append)
    assert kept == [ROWS]
    listed = [(Path(one.source).name, one.position, one.rows) for one in done]
    assert listed == [(path.name, 0, size) for path, size in zip(files, SIZES, strict=True) if size]
    assert [one.texts_scored for one in done] == [3, 0, 3, 1, 2, 3], "a text counts in the first file that has it"
    assert summary.texts_scored == 12
    assert summary.rows == ROWS
    sources = json.loads(output.with_name(f"{output.name}.provenance.json").read_text())["sources"]
    assert [source["rows"] for source in sources] == list(SIZES)


@pytest.mark.parametrize("window", spread([1, 2, 4, 7, 100], 1, always=[4]))
def test_many_files_give_what_one_file_of_their_rows_gives(
    scorer: Scorer, files: list[Path], window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "WINDOW_ROWS", window)
    one = files[0].with_name("one.parquet")
    pl.concat(frames(SIZES)).write_parquet(one)
    sources: list[list[Path] | Path] = [files, one]
    for limit in (None, 0, 4, 9, ROWS, ROWS + 1):
        outputs = [
            score_file(source, text_col="text", output=one.with_name(f"out{i}.parquet"), model=scorer, limit=limit)
            for i, source in enumerate(sources)
        ]
        several, single = (pl.read_parquet(summary.outputs[0]) for summary in outputs)
        assert_frame_equal(several, single, check_exact=True)
        assert several.height == min(ROWS, ROWS if limit is None else limit)


@pytest.mark.parametrize("window", [2, 100])
def test_bad_rows_are_numbered_in_their_own_file(
    scorer: Scorer, tmp_path: Path, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "WINDOW_ROWS", window)
    paths = [tmp_path / f"{name}.csv" for name in "abc"]
    for path, texts in zip(paths, (["good", '""', "bad"], ["good"], ["bad", '" "', "", "good"]), strict=True):
        path.write_text("id,text\n" + "".join(f"{i},{text}\n" for i, text in enumerate(texts)))
    settings: dict[str, Any] = {"text_col": "text", "output": tmp_path / "out.csv", "model": scorer}
    summary = score_file(paths, **settings, bad_rows="drop")
    rejected = pl.read_csv(summary.rejects[0])
    assert rejected.select("rejected_from", "rejected_row", "rejected_reason").rows() == [
        ("a.csv", 2, "empty"),
        ("c.csv", 2, "empty"),
        ("c.csv", 3, "null"),
    ]
    paths[0].write_text("id,text\n1,good\n")
    with pytest.raises(InputError, match=r"the first is row 2 of c\.csv \(empty\)"):
        score_file(paths, **settings, bad_rows="fail")


@pytest.mark.parametrize("windows", [1, 2, 3])
def test_a_job_that_stops_between_files_goes_on_with_windows_of_another_size(
    scorer: Scorer, files: list[Path], windows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = files[0].with_name("out.parquet")
    settings: dict[str, Any] = {"text_col": "text", "output": output, "model": scorer}
    monkeypatch.setattr(job, "WINDOW_ROWS", 5)
    done: list[WindowDone] = []
    with pytest.raises(StoppedError):
        score_file(files, **settings, on_window=done.append, should_stop=lambda: sum(one.rows for one in done) >= 5)
    finished = sum(one.rows for one in done)
    monkeypatch.setattr(job, "WINDOW_ROWS", windows)
    again: list[WindowDone] = []
    summary = score_file(files, **settings, on_window=again.append)
    assert summary.n_resumed == finished == sum(one.rows for one in again if one.resumed) >= 5
    assert_frame_equal(pl.read_parquet(output).select("n", "text"), pl.concat(frames(SIZES)))


def test_a_window_of_an_earlier_layout_is_removed_and_its_rows_are_scored(scorer: Scorer, files: list[Path]) -> None:
    output = files[0].with_name("out.parquet")
    with Journal(output) as journal:
        journal.begin({"input": "other"}, resume=True)
        (journal.folder / f"00001-{0:015}-{4:08}-{'0' * 16}-{'0' * 64}.parquet").write_bytes(b"scores")
    assert score_file(files, text_col="text", output=output, model=scorer).n_resumed == 0
    assert not work_folder(output).exists()


@given(
    sizes=st.lists(st.integers(0, 7), min_size=1, max_size=8),
    rooms=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    limit=st.none() | st.integers(0, 30),
)
def test_every_row_of_a_window_is_of_the_file_that_its_span_names(
    sizes: list[int], rooms: list[int], limit: int | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("files")
    paths = [folder / f"{number}.parquet" for number in range(len(sizes))]
    parts = frames(sizes)
    for path, frame in zip(paths, parts, strict=True):
        frame.write_parquet(path)
    plan = make_plan(
        paths,
        JobRequest(text_col="text", rows=RowOptions(limit=limit)),
        output=folder / "out.parquet",
        between=lambda: None,
        bounds=Bounds(rows=100, text_bytes=1 << 20),
    )
    windows: list[Window] = list(windows_of(plan, lambda at: rooms[at % len(rooms)], n_bytes=1 << 20))
    position = 0
    for window in windows:
        assert window.position == position
        assert sum(span.rows for span in window.spans) == window.rows.height <= rooms[position % len(rooms)]
        names, numbers = window.origins(plan.sources)
        for span in window.spans:
            rows = parts[span.source].slice(span.position, span.rows)
            assert_frame_equal(window.rows.slice(span.offset, span.rows), rows)
            assert span.of(names).to_list() == [paths[span.source].name] * span.rows
            assert span.of(numbers).to_list() == list(np.arange(span.rows) + span.position + 1)
        position += window.rows.height
    assert position == (sum(sizes) if limit is None else min(limit, sum(sizes)))
