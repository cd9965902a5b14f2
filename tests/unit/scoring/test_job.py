from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from sentiscore import InputError, OutputError, Scorer, features, score_file
from sentiscore.scoring import job
from sentiscore.scoring.plan import default_output
from tests.conftest import TEXTS

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="module")
def scorer(tiny_checkpoint: Path) -> Scorer:
    return Scorer.from_pretrained(tiny_checkpoint, device="cpu", dtype="fp32")


@pytest.fixture
def news_file(news: pl.DataFrame, tmp_path: Path) -> Path:
    path = tmp_path / "news.parquet"
    news.write_parquet(path)
    return path


def test_daily_features_of_one_file_need_no_output_by_name_and_those_of_several_do(
    scorer: Scorer, news: pl.DataFrame, news_file: Path
) -> None:
    settings: dict[str, Any] = {"text_col": "headline", "time_col": "published_at", "model": scorer}
    summary = score_file(news_file, daily=news_file.with_name("days.parquet"), **settings)
    assert summary.outputs == (news_file.parent / "news.scored.parquet",)
    assert pl.read_parquet(news_file.with_name("days.parquet"))["n_docs"].sum() == 4
    news.write_parquet(news_file.with_name("more.parquet"))
    with pytest.raises(InputError, match="needs one output for them"):
        score_file([news_file, news_file.with_name("more.parquet")], daily="d.parquet", **settings)


def test_a_file_comes_out_as_its_frame_would(scorer: Scorer, news: pl.DataFrame, news_file: Path) -> None:
    summary = score_file(news_file, text_col="headline", model=scorer)
    assert summary.outputs == (news_file.parent / "news.scored.parquet",)
    assert_frame_equal(pl.read_parquet(summary.outputs[0]), scorer.score_frame(news, text_col="headline"))
    assert (summary.rows, summary.texts_scored) == (6, 3)
    assert summary.statuses == {
        "ok": 4,
        "truncated": 0,
        "not_mentioned": 0,
        "empty": 1,
        "null": 1,
        "undecodable": 0,
        "unknown": 0,
    }


@pytest.mark.parametrize("kind", ["csv", "ndjson", "parquet", "csv.gz", "tsv", "jsonl"])
def test_every_readable_kind_gives_the_same_rows(scorer: Scorer, news: pl.DataFrame, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"news.{kind}"
    if kind == "csv.gz":
        import gzip

        path.write_bytes(gzip.compress(news.write_csv().encode()))
    elif kind == "parquet":
        news.write_parquet(path)
    elif kind in {"csv", "tsv"}:
        news.write_csv(path, separator="\t" if kind == "tsv" else ",")
    else:
        news.write_ndjson(path)
    score_file(path, text_col="headline", model=scorer, output=tmp_path / "out.parquet")
    assert_frame_equal(pl.read_parquet(tmp_path / "out.parquet"), scorer.score_frame(news, text_col="headline"))


@pytest.mark.parametrize("kind", ["parquet", "csv", "ndjson"])
def test_every_writable_kind_holds_every_row(scorer: Scorer, news_file: Path, kind: str) -> None:
    output = news_file.parent / f"out.{kind}"
    score_file(news_file, text_col="headline", model=scorer, output=output)
    read: dict[str, Callable[..., pl.DataFrame]] = {
        "parquet": pl.read_parquet,
        "csv": pl.read_csv,
        "ndjson": pl.read_ndjson,
    }
    assert read[kind](output)["status"].to_list() == ["ok", "ok", "ok", "null", "empty", "ok"]


@pytest.mark.parametrize("window", [1, 2, 4, 6, 100])
def test_the_size_of_the_window_changes_nothing(
    scorer: Scorer, news: pl.DataFrame, news_file: Path, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "WINDOW_ROWS", window)
    settings: dict[str, Any] = {"time_col": "published_at", "entity_col": "ticker"}
    summary = score_file(news_file, text_col="headline", model=scorer, **settings)
    whole = scorer.score_frame(news, text_col="headline")
    scored = pl.read_parquet(summary.outputs[0])
    assert_frame_equal(scored, whole, abs_tol=1e-6)
    assert_frame_equal(pl.read_parquet(summary.daily[0]), features.daily(scored, text_col="headline", **settings))


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Some hundred different texts of all lengths, in no order."""
    words = " ".join(TEXTS).split()
    texts = [" ".join(words[(i * j) % len(words)] for j in range(1 + i * 7 % 25)) for i in range(400)]
    path = tmp_path / "many.parquet"
    pl.DataFrame({"headline": texts}).write_parquet(path)
    return path


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_the_same_job_twice_gives_the_same_bytes(
    tiny_checkpoint: Path, many: Path, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "WINDOW_ROWS", 150)
    written = []
    for name in ("first.parquet", "second.parquet"):
        output = many.with_name(name)
        score_file(many, text_col="headline", model=tiny_checkpoint, device="cpu", dtype=dtype, output=output)
        written.append(output.read_bytes())
    assert written[0] == written[1]


def test_a_job_keeps_few_kernels_and_gives_memory_back(
    tiny_checkpoint: Path, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sentiscore.engine import classifier

    called: list[str] = []
    monkeypatch.setattr(classifier, "keep_few_kernels", lambda: called.append("few"))
    monkeypatch.setattr("sentiscore.scoring.output_job.give_back", lambda: called.append("back"))
    monkeypatch.setattr(job, "WINDOW_ROWS", 200)
    score_file(many, text_col="headline", model=tiny_checkpoint, device="cpu")
    assert (called.count("few"), called.count("back")) == (1, 4)  # two windows, encoded and written


@pytest.mark.parametrize(("dtype", "tolerance"), [("fp32", 1e-6), ("bf16", 0.005)])
def test_threads_windows_and_order_change_nothing_but_rounding(
    tiny_checkpoint: Path, many: Path, dtype: str, tolerance: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    scorer = Scorer.from_pretrained(tiny_checkpoint, device="cpu", dtype=dtype)
    texts = pl.read_parquet(many)["headline"]
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = scorer.score(texts)
        torch.set_num_threads(3)
        together = scorer.score(texts)
    finally:
        torch.set_num_threads(before)
    monkeypatch.setattr(job, "WINDOW_ROWS", 7)
    backwards = many.with_name("backwards.parquet")
    texts.reverse().to_frame().write_parquet(backwards)
    summary = score_file(backwards, text_col="headline", model=scorer)
    in_windows = pl.read_parquet(summary.outputs[0]).reverse()
    for other in (together, in_windows):
        for name in ("p_negative", "p_positive", "sentiment"):
            assert float((other[name] - alone[name]).abs().max()) <= tolerance * (2 if name == "sentiment" else 1)  # type: ignore[arg-type]


def test_several_files_become_one_output_in_order_or_one_each(
    scorer: Scorer, news: pl.DataFrame, tmp_path: Path
) -> None:
    paths = [tmp_path / "b.csv", tmp_path / "a.csv"]
    for path in paths:
        news.write_csv(path)
    summary = score_file(paths, text_col="headline", model=scorer, output=tmp_path / "both.parquet")
    both = pl.read_parquet(summary.outputs[0])
    assert both["headline"].to_list() == news["headline"].to_list() * 2
    summary = score_file(paths, text_col="headline", model=scorer)
    assert [Path(path).name for path in summary.outputs] == ["b.scored.parquet", "a.scored.parquet"]
    assert summary.rows == 12


def test_limit_and_columns_cut_the_output_down(scorer: Scorer, news_file: Path) -> None:
    summary = score_file(
        news_file,
        text_col="headline",
        model=scorer,
        limit=2,
        columns=["ticker"],
        time_col="published_at",
    )
    assert pl.read_parquet(summary.outputs[0]).columns == ["ticker", *scorer.columns]
    assert summary.rows == 2
    assert pl.read_parquet(summary.daily[0])["n_docs"].sum() == 2


def test_a_header_alone_and_nulls_alone_are_no_error(scorer: Scorer, tmp_path: Path) -> None:
    (tmp_path / "header.csv").write_text("headline,ticker\n")
    summary = score_file(tmp_path / "header.csv", text_col="headline", model=scorer)
    assert summary.rows == 0
    assert pl.read_parquet(summary.outputs[0]).columns == ["headline", "ticker", *scorer.columns]
    pl.DataFrame({"headline": [None, None]}).write_parquet(tmp_path / "nulls.parquet")
    summary = score_file(tmp_path / "nulls.parquet", text_col="headline", model=scorer)
    assert summary.statuses["null"] == 2
    assert summary.texts_scored == 0


def test_a_header_alone_gives_an_empty_daily_frame(scorer: Scorer, tmp_path: Path) -> None:
    (tmp_path / "header.csv").write_text("headline,ticker,at\n")
    summary = score_file(tmp_path / "header.csv", text_col="headline", model=scorer, time_col="at", entity_col="ticker")
    assert pl.read_parquet(summary.daily[0]).height == 0


def test_progress_ends_at_all_rows(scorer: Scorer, news_file: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    score_file(news_file, text_col="headline", model=scorer, on_progress=lambda *state: seen.append(state))
    assert seen[-1] == (6, 6)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def refuse(**settings: Any) -> Scorer:
    raise AssertionError("the model was loaded before the files were checked")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"text_col": "title"}, InputError, "its columns are: published_at, ticker, headline"),
        ({"columns": ["nope"]}, InputError, "no column 'nope'"),
        ({"time_col": "nope"}, InputError, "no column 'nope'"),
        ({"entity_col": "ticker"}, InputError, "Daily features need a time column"),
        ({"time_col": "ticker"}, InputError, "cannot be read"),
        ({"time_col": "published_at", "day_tz": "Mars/Base"}, InputError, "no time zone 'Mars/Base'"),
        ({"output": "nowhere/out.parquet"}, OutputError, "There is no folder nowhere"),
        ({"output": "out.xlsx"}, OutputError, "cannot be written"),
        ({"limit": -1}, InputError, "limit"),
    ],
)
def test_wrong_input_is_found_before_the_model_is_loaded(
    news_file: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], error: type[Exception], message: str
) -> None:
    monkeypatch.setattr(Scorer, "from_pretrained", refuse)
    before = sorted(news_file.parent.iterdir())
    with pytest.raises(error, match=message):
        score_file(news_file, **({"text_col": "headline"} | change))
    assert sorted(news_file.parent.iterdir()) == before


def test_a_late_naive_time_is_found_before_the_model_is_loaded(
    news: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "late.csv"
    pl.concat([news] * 50 + [news.head(1).with_columns(published_at=pl.lit("2024-03-01T10:00:00"))]).write_csv(path)
    monkeypatch.setattr(Scorer, "from_pretrained", refuse)
    monkeypatch.setattr(job, "WINDOW_ROWS", 16)
    with pytest.raises(InputError, match="carry no time zone"):
        score_file(path, text_col="headline", time_col="published_at")


def test_outputs_never_fall_on_sources_or_each_other(scorer: Scorer, news: pl.DataFrame, tmp_path: Path) -> None:
    news.write_csv(tmp_path / "news.csv")
    news.write_parquet(tmp_path / "news.parquet")
    with pytest.raises(OutputError, match="elsewhere in this job"):
        score_file([tmp_path / "news.csv", tmp_path / "news.parquet"], text_col="headline", model=scorer)
    with pytest.raises(OutputError, match="elsewhere in this job"):
        score_file(tmp_path / "news.parquet", text_col="headline", model=scorer, output=tmp_path / "." / "news.parquet")


def test_files_with_other_columns_are_not_mixed(scorer: Scorer, news: pl.DataFrame, tmp_path: Path) -> None:
    news.write_parquet(tmp_path / "a.parquet")
    news.drop("ticker").write_parquet(tmp_path / "b.parquet")
    with pytest.raises(InputError, match="differ in their columns: ticker"):
        score_file(
            [tmp_path / "a.parquet", tmp_path / "b.parquet"],
            text_col="headline",
            model=scorer,
            output=tmp_path / "c.parquet",
        )


@pytest.mark.parametrize(
    ("source", "name"),
    [("us.news.2024.csv.gz", "us.news.2024.scored.parquet"), ("a.ndjson", "a.scored.parquet")],
)
def test_the_default_name_keeps_the_whole_stem(source: str, name: str) -> None:
    assert default_output(source).name == name


def test_an_output_neither_holds_nor_lies_in_a_source(scorer: Scorer, news_file: Path) -> None:
    folder = news_file.parent / "parts"
    score_file(news_file, text_col="headline", model=scorer, output=f"{folder}/")
    again: dict[str, Any] = {"text_col": "headline", "model": scorer, "prefix": "again_"}
    for source, output in (
        (folder / "part-00000.parquet", f"{folder}/"),
        (folder, f"{folder}/"),
        (folder, folder / "out.parquet"),
    ):
        with pytest.raises(OutputError, match="is read from, or written to, elsewhere"):
            score_file(source, output=output, **again)
    assert score_file(folder, output=news_file.parent / "out.csv", **again).rows == 6


def test_a_loaded_scorer_is_not_asked_to_be_another(scorer: Scorer, news_file: Path) -> None:
    given: dict[str, Any]
    for given in ({"overflow": "windows"}, {"max_length": 7}, {"dtype": "bf16"}, {"labels": ["negative", "positive"]}):
        with pytest.raises(InputError, match=f"loaded already, so {next(iter(given))} cannot"):
            score_file(news_file, text_col="headline", model=scorer, **given)
    assert score_file(news_file, text_col="headline", model=scorer, dtype="fp32", max_length=32).rows == 6


def test_a_file_that_is_named_twice_is_refused(scorer: Scorer, news_file: Path) -> None:
    with pytest.raises(InputError, match="named twice"):
        score_file([news_file, news_file], text_col="headline", model=scorer, output=news_file.parent / "out.csv")


def test_columns_are_a_list(scorer: Scorer, news_file: Path) -> None:
    with pytest.raises(InputError, match="Put their names in a list"):
        score_file(news_file, text_col="headline", model=scorer, columns="ticker")


def test_places_are_compared_in_as_many_steps_as_there_are_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from types import SimpleNamespace

    from sentiscore.scoring import plan as module

    steps = [0]

    def counted(path: Path) -> Path:
        steps[0] += 1
        return path

    def compared(*_: object) -> bool:
        steps[0] += 1
        return False

    monkeypatch.setattr(module, "real", counted)
    monkeypatch.setattr(Path, "is_relative_to", compared)
    plans = [
        SimpleNamespace(sources=[SimpleNamespace(path=tmp_path / f"{i}.csv")], targets=[tmp_path / f"{i}.parquet"])
        for i in range(500)
    ]
    module.check_targets(plans)  # type: ignore[arg-type]
    assert steps[0] <= 2 * 500


@pytest.mark.parametrize("place", ["in/news.csv", "in", "in/news.csv/out", "out.parquet"])
def test_an_output_that_is_holds_or_lies_in_a_source_or_another_output_is_refused(tmp_path: Path, place: str) -> None:
    from types import SimpleNamespace

    from sentiscore.scoring.plan import check_targets

    source = SimpleNamespace(path=tmp_path / "in" / "news.csv")
    plans = [SimpleNamespace(sources=[source], targets=[tmp_path / "out.parquet", tmp_path / place])]
    with pytest.raises(OutputError, match="elsewhere in this job"):
        check_targets(plans)  # type: ignore[arg-type]
