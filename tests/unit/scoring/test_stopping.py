"""A job that is stopped keeps what it has finished, and a run that would answer differently does not take it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sentiscore import InputError, OutputError, Scorer, score_file
from sentiscore.checkpoint import Manifest, write_manifest
from sentiscore.errors import StoppedError
from sentiscore.scoring import job, output_job
from sentiscore.scoring.events import WindowDone
from sentiscore.scoring.tally import JobSummary
from sentiscore.scoring.work_folder import work_folder

ROWS = 100
WINDOW = 16


@pytest.fixture(scope="module")
def scorer(tiny_checkpoint: Path) -> Scorer:
    return Scorer.from_pretrained(tiny_checkpoint, device="cpu", dtype="fp32")


@pytest.fixture(autouse=True)
def _small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "WINDOW_ROWS", WINDOW)


@pytest.fixture
def news_file(tmp_path: Path) -> Path:
    path = tmp_path / "news.csv"
    pl.DataFrame({"headline": [f"profit rises {i} per cent" for i in range(ROWS)], "n": range(ROWS)}).write_csv(path)
    return path


class StopAfter:
    """Says stop once so many windows are finished."""

    def __init__(self, windows: int) -> None:
        self._left = windows
        self.finished: list[WindowDone] = []

    def __call__(self) -> bool:
        return len(self.finished) >= self._left

    def note(self, window: WindowDone) -> None:
        self.finished.append(window)


def run(source: Path, scorer: Scorer | Path, stop: StopAfter | None = None, **settings: Any) -> JobSummary:
    if stop is not None:
        settings |= {"should_stop": stop, "on_window": stop.note}
    return score_file(source, text_col="headline", model=scorer, **settings)


def stopped(source: Path, scorer: Scorer, windows: int = 2, **settings: Any) -> StopAfter:
    stop = StopAfter(windows)
    with pytest.raises(StoppedError, match="are finished and kept"):
        run(source, scorer, stop, **settings)
    return stop


def test_a_stopped_job_goes_on_where_it_was(scorer: Scorer, news_file: Path, tmp_path: Path) -> None:
    whole = run(news_file, scorer, output=tmp_path / "whole.csv")
    output = tmp_path / "out.csv"
    output.write_text("old")
    before = stopped(news_file, scorer, output=output)
    assert output.read_text() == "old"
    done = StopAfter(1_000)
    summary = run(news_file, scorer, done, output=output)
    assert output.read_bytes() == Path(whole.outputs[0]).read_bytes()
    finished = sum(window.rows for window in before.finished)
    assert summary.n_resumed == finished > 0
    assert summary.texts_scored == ROWS - finished
    assert [window.resumed for window in done.finished[: len(before.finished)]] == [True] * len(before.finished)
    assert not work_folder(output).exists()


@pytest.mark.parametrize("window", [1, 5, 33, 1_000])
def test_the_size_of_the_window_may_change(
    scorer: Scorer, news_file: Path, tmp_path: Path, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(news_file, scorer, output=tmp_path / "whole.parquet")
    output = tmp_path / "out.parquet"
    finished = stopped(news_file, scorer, output=output).finished
    monkeypatch.setattr(job, "WINDOW_ROWS", window)
    summary = run(news_file, scorer, output=output)
    assert summary.n_resumed == sum(one.rows for one in finished)
    found, expected = pl.read_parquet(output), pl.read_parquet(tmp_path / "whole.parquet")
    assert found.select("headline", "n", "label", "status").equals(expected.select("headline", "n", "label", "status"))
    assert (found["sentiment"] - expected["sentiment"]).abs().max() < 1e-6  # type: ignore[operator]


@pytest.mark.parametrize(
    "more",
    [{"columns": ["n"]}, {"prefix": "s_"}, {"limit": 70}, {"bad_rows": "drop"}],
    ids=lambda more: next(iter(more)),
)
def test_what_changes_no_answer_may_change_in_a_parquet_job(
    scorer: Scorer, news_file: Path, tmp_path: Path, more: dict[str, Any]
) -> None:
    source = tmp_path / "news.parquet"
    pl.read_csv(news_file).write_parquet(source)
    finished = stopped(source, scorer, output=tmp_path / "out.parquet").finished
    summary = run(source, scorer, output=tmp_path / "out.parquet", **more)
    assert summary.n_resumed == sum(one.rows for one in finished)
    assert summary.rows == more.get("limit", ROWS)


def test_several_sources_are_taken_up_in_the_middle_of_the_second(
    scorer: Scorer, news_file: Path, tmp_path: Path
) -> None:
    second = tmp_path / "second.csv"
    second.write_text(news_file.read_text().replace("profit", "loss"))
    sources: Any = [news_file, second]
    whole = run(sources, scorer, output=tmp_path / "whole.ndjson")
    stopped(sources, scorer, windows=9, output=tmp_path / "out.ndjson")
    summary = run(sources, scorer, output=tmp_path / "out.ndjson")
    assert ROWS < summary.n_resumed < 2 * ROWS
    assert (tmp_path / "out.ndjson").read_bytes() == Path(whole.outputs[0]).read_bytes()


def test_no_resume_begins_anew(scorer: Scorer, news_file: Path, tmp_path: Path) -> None:
    stopped(news_file, scorer, output=tmp_path / "out.csv")
    summary = run(news_file, scorer, output=tmp_path / "out.csv", resume=False)
    assert (summary.n_resumed, summary.texts_scored) == (0, ROWS)


def changed_input(scorer: Scorer, source: Path, monkeypatch: pytest.MonkeyPatch) -> Scorer:
    source.write_text(source.read_text().replace("rises 99", "rises 98"))
    return scorer


def changed_field(name: str) -> Callable[..., Scorer]:
    def change(scorer: Scorer, source: Path, monkeypatch: pytest.MonkeyPatch) -> Scorer:
        identity = scorer.identity()
        assert name in identity
        monkeypatch.setattr(Scorer, "identity", lambda _: {**identity, name: "other"})
        return scorer

    return change


IDENTITY = (
    "model",
    "tokenizer",
    "labels",
    "temperature",
    "max_length",
    "overflow",
    "dtype",
    "device",
    "sentiscore",
    "torch",
    "tokenizers",
    "transformers",
)


@pytest.mark.parametrize(
    ("field", "change"), [("input", changed_input), *((name, changed_field(name)) for name in IDENTITY)]
)
def test_every_field_of_the_key_refuses(
    scorer: Scorer,
    news_file: Path,
    tmp_path: Path,
    field: str,
    change: Callable[..., Scorer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    output = tmp_path / "out.csv"
    stopped(news_file, scorer, output=output)
    kept = sorted(work_folder(output).iterdir())
    with pytest.raises(OutputError, match=rf"has a job that was stopped, and that this one is not: {field} was"):
        run(news_file, change(scorer, news_file, monkeypatch), output=output)
    assert sorted(work_folder(output).iterdir()) == kept, "what the stopped job has done stays"
    assert set(scorer.identity()) == set(IDENTITY), "a field that is new needs a line here"


def test_another_column_refuses(scorer: Scorer, tmp_path: Path) -> None:
    source = tmp_path / "news.parquet"
    pl.DataFrame({"headline": ["good"] * ROWS, "other": ["bad"] * ROWS}).write_parquet(source)
    stopped(source, scorer, output=tmp_path / "out.csv")
    with pytest.raises(OutputError, match="text column was headline and is other"):
        score_file(source, text_col="other", model=scorer, output=tmp_path / "out.csv")


def older(scorer: Scorer, patch: pytest.MonkeyPatch) -> None:
    """Make jobs as a version did that knew no tone."""
    key = output_job.job_key
    patch.setattr(
        output_job, "job_key", lambda *given: {name: value for name, value in key(*given).items() if name != "columns"}
    )
    patch.setattr(Scorer, "columns", [name for name in scorer.columns if name != "tone"])


def test_a_job_of_a_version_with_other_columns_is_refused_and_never_mixed(
    scorer: Scorer, news_file: Path, tmp_path: Path
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        older(scorer, patch)
        stopped(news_file, scorer, output=tmp_path / "out.csv")
    with pytest.raises(OutputError, match=r"columns was not there and is p_negative,p_positive,sentiment,tone,label"):
        run(news_file, scorer, output=tmp_path / "out.csv")
    assert run(news_file, scorer, output=tmp_path / "out.csv", resume=False).n_resumed == 0
    assert pl.read_csv(tmp_path / "out.csv")["tone"].null_count() == 0


def test_answers_of_a_version_with_other_columns_stay_valid_and_its_job_is_made_anew(
    scorer: Scorer, news_file: Path, tmp_path: Path
) -> None:
    cache: dict[str, Any] = {"cache": tmp_path / "cache"}
    with pytest.MonkeyPatch.context() as patch:
        older(scorer, patch)
        before = stopped(news_file, scorer, output=tmp_path / "out.csv", **cache)
    summary = run(news_file, scorer, output=tmp_path / "out.csv", **cache)
    assert summary.n_resumed == 0
    assert summary.texts_known == sum(window.rows for window in before.finished)
    run(news_file, scorer, output=tmp_path / "plain.csv")
    names = ["headline", "label", "status"]
    found, expected = pl.read_csv(tmp_path / "out.csv"), pl.read_csv(tmp_path / "plain.csv")
    assert found.select(names).equals(expected.select(names))
    assert (found["tone"] - expected["tone"]).abs().max() < 1e-5  # type: ignore[operator]


def test_another_tokenizer_refuses(make_checkpoint: Callable[..., Path], news_file: Path, tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "model")
    stopped(news_file, Scorer.from_pretrained(folder, device="cpu"), output=tmp_path / "out.csv")
    tokenizer = folder / "tokenizer.json"
    tokenizer.write_text(f"{tokenizer.read_text()}\n")
    manifest = Manifest.read(folder)
    assert manifest is not None
    write_manifest(folder, manifest)
    with pytest.raises(OutputError, match=r"not: tokenizer was [0-9a-f]{12}… and is [0-9a-f]{12}…\."):
        run(news_file, Scorer.from_pretrained(folder, device="cpu"), output=tmp_path / "out.csv")


def test_a_job_stopped_before_its_first_window_leaves_nothing(scorer: Scorer, news_file: Path, tmp_path: Path) -> None:
    with pytest.raises(StoppedError, match="Stopped before the first row was scored"):
        run(news_file, scorer, StopAfter(0), output=tmp_path / "out.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["news.csv"]


def test_a_job_stopped_between_two_inputs_says_what_is_in_place(
    scorer: Scorer, news_file: Path, tmp_path: Path
) -> None:
    second = tmp_path / "second.csv"
    second.write_bytes(news_file.read_bytes())
    finished: list[WindowDone] = []
    sources: Any = [news_file, second]
    with pytest.raises(StoppedError, match="Stopped; 1 of 2 outputs are in place"):
        run(sources, scorer, on_window=finished.append, should_stop=lambda: len(finished) > ROWS // WINDOW)
    assert pl.read_parquet(tmp_path / "news.scored.parquet").height == ROWS
    assert not (tmp_path / "second.scored.parquet").exists()


def test_only_the_output_in_hand_is_locked(scorer: Scorer, news_file: Path, tmp_path: Path) -> None:
    second = tmp_path / "second.csv"
    second.write_bytes(news_file.read_bytes())
    work = []

    def look(output: Path, phase: str) -> None:
        work.append((output.name, phase, sorted(path.name for path in tmp_path.glob(".*.job"))))

    sources: Any = [news_file, second]
    run(sources, scorer, on_phase=look)
    assert work == [
        ("news.scored.parquet", "scoring", [".news.scored.parquet.job"]),
        ("news.scored.parquet", "finishing", [".news.scored.parquet.job"]),
        ("second.scored.parquet", "scoring", [".second.scored.parquet.job"]),
        ("second.scored.parquet", "finishing", [".second.scored.parquet.job"]),
    ]


def test_an_error_keeps_the_windows_before_it(
    scorer: Scorer, news_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute, calls = Scorer.compute, 0

    def failing(self: Scorer, *args: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise InputError("The device has too little free memory.", "Use another.")
        return compute(self, *args)

    monkeypatch.setattr(Scorer, "compute", failing)
    with pytest.raises(InputError, match="too little free memory"):
        run(news_file, scorer, output=tmp_path / "out.csv")
    assert run(news_file, scorer, output=tmp_path / "out.csv").n_resumed >= 2 * WINDOW


def test_daily_features_of_a_job_that_went_on_are_those_of_one_run(scorer: Scorer, tmp_path: Path) -> None:
    source = tmp_path / "news.parquet"
    times = [f"2024-02-{1 + i % 20:02}T12:00:00Z" for i in range(ROWS)]
    pl.DataFrame({"at": times, "headline": [f"shares fall {i}" for i in range(ROWS)]}).write_parquet(source)
    whole = run(source, scorer, output=tmp_path / "whole.parquet", time_col="at")
    stopped(source, scorer, output=tmp_path / "out.parquet", time_col="at")
    summary = run(source, scorer, output=tmp_path / "out.parquet", time_col="at")
    assert summary.n_resumed
    assert pl.read_parquet(summary.daily[0]).equals(pl.read_parquet(whole.daily[0]))


def test_the_windows_that_are_told_add_up_to_the_summary(scorer: Scorer, news_file: Path, tmp_path: Path) -> None:
    told = StopAfter(1_000)
    summary = run(news_file, scorer, told, output=tmp_path / "out.csv", limit=90)
    assert sum(window.rows for window in told.finished) == summary.rows == 90
    assert [window.position for window in told.finished] == list(range(0, 90, WINDOW))
    assert sum(window.texts_scored for window in told.finished) == summary.texts_scored
    assert replace(told.finished[0], position=0) == told.finished[0]
