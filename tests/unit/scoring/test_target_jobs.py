"""Files that are scored towards a column of targets."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from sentiscore import InputError, OutputError, RowOptions, Scorer, score_file
from sentiscore.errors import SentiscoreWarning, StoppedError
from sentiscore.scoring import job
from sentiscore.scoring.tally import JobSummary
from sentiscore.tables.provenance import read_provenance
from tests.effort import combined

TEXT = "profit rises on strong demand and shares fall"
TARGETS = ["profit", "shares", None, "bonds", " Demand ", "", "profit", "profit"]
TEXTS = [TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, None, f"{TEXT} again"]
STATUSES = ["ok", "ok", "ok", "not_mentioned", "ok", "ok", "null", "ok"]


@pytest.fixture(scope="module")
def scorer(tiny_targets: Path) -> Scorer:
    return Scorer.from_pretrained(tiny_targets, device="cpu", dtype="fp32")


@pytest.fixture
def news() -> pl.DataFrame:
    times = [f"2024-02-0{1 + i}T12:00:00Z" for i in range(8)]
    return pl.DataFrame({"at": times, "headline": TEXTS, "who": TARGETS, "n": range(8)})


@pytest.fixture
def news_file(news: pl.DataFrame, tmp_path: Path) -> Path:
    path = tmp_path / "news.parquet"
    news.write_parquet(path)
    return path


def run(source: Path, scorer: Scorer | Path, **settings: Any) -> JobSummary:
    return score_file(source, text_col="headline", model=scorer, **({"target_col": "who"} | settings))


@pytest.mark.parametrize(("kind", "window"), combined(["csv", "ndjson", "parquet"], [1, 3, 100]))
def test_a_file_comes_out_as_its_frame_would(
    scorer: Scorer, news: pl.DataFrame, tmp_path: Path, kind: str, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "WINDOW_ROWS", window)
    path, output = tmp_path / f"news.{kind}", tmp_path / "out.parquet"
    getattr(news, f"write_{kind}")(path)
    summary = run(path, scorer, output=output)
    expected = scorer.score_frame(news, text_col="headline", target_col="who")
    found = pl.read_parquet(output)
    assert_frame_equal(found.select(scorer.columns), expected.select(scorer.columns), abs_tol=1e-6)
    assert found["status"].to_list() == STATUSES
    assert summary.statuses == {
        "ok": 6, "truncated": 0, "not_mentioned": 1, "empty": 0, "null": 1, "undecodable": 0, "unknown": 0
    }  # fmt: skip
    assert found["who"].to_list()[1] == "shares"
    if window == 100:
        assert summary.texts_scored == 5  # profit, shares, nothing, demand; and another text


@pytest.mark.parametrize("kind", ["csv", "ndjson", "parquet"])
def test_a_column_of_integers_is_one_of_targets(scorer: Scorer, tmp_path: Path, kind: str) -> None:
    path, output = tmp_path / f"news.{kind}", tmp_path / "out.parquet"
    getattr(pl.DataFrame({"headline": ["700 shares", "shares"], "who": [700, 700]}), f"write_{kind}")(path)
    run(path, scorer, output=output)
    assert pl.read_parquet(output)["status"].to_list() == ["ok", "not_mentioned"]


def test_a_table_without_any_target_of_a_job_is_warned_about_once(
    scorer: Scorer, news_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "WINDOW_ROWS", 2)
    names = tmp_path / "names.csv"
    names.write_text("entity,name\nBONDS,shares\n")
    with pytest.warns(SentiscoreWarning, match=r"No value of 'who', such as 'profit', is .* such as 'BONDS'") as seen:
        run(news_file, scorer, targets=names)
    assert len(seen) == 1
    names.write_text("entity,name\nDemand,shares\n")  # in a later window
    run(news_file, scorer, targets=names)


def test_a_column_of_categories_is_one_of_targets(scorer: Scorer, news: pl.DataFrame, news_file: Path) -> None:
    expected = pl.read_parquet(run(news_file, scorer).outputs[0])
    news.with_columns(pl.col("who").cast(pl.Categorical)).write_parquet(news_file)
    found = pl.read_parquet(run(news_file, scorer).outputs[0])
    assert found["who"].dtype == pl.Categorical
    assert_frame_equal(found.drop("who"), expected.drop("who"))


@pytest.mark.parametrize("name", ["^.*$", "*", "mention", "target", "which", "\n"])
def test_the_target_column_may_have_any_name(scorer: Scorer, news: pl.DataFrame, news_file: Path, name: str) -> None:
    expected = pl.read_parquet(run(news_file, scorer).outputs[0])
    news.rename({"who": name}).write_parquet(news_file)
    found = pl.read_parquet(run(news_file, scorer, target_col=name).outputs[0])
    assert_frame_equal(found.rename({name: "who"}), expected)
    frame = scorer.score_frame(news.rename({"who": name}), text_col="headline", target_col=name)
    assert_frame_equal(frame.rename({name: "who"}), expected, abs_tol=1e-6)


def test_the_target_column_need_not_be_kept_and_limit_and_prefix_hold(scorer: Scorer, news_file: Path) -> None:
    summary = run(news_file, scorer, columns=["n"], limit=4, prefix="s_")
    found = pl.read_parquet(summary.outputs[0])
    assert found.columns == ["n", *(f"s_{name}" for name in scorer.columns)]
    assert found["s_status"].to_list() == STATUSES[:4]


@pytest.mark.filterwarnings("ignore::sentiscore.errors.SentiscoreWarning")
def test_rows_that_do_not_mention_their_target_are_neither_bad_nor_left_out_of_daily_features(
    scorer: Scorer, news_file: Path
) -> None:
    summary = run(news_file, scorer, bad_rows="drop", time_col="at", entity_col="who")
    assert summary.n_rejected == 1
    daily = pl.read_parquet(summary.daily[0])
    assert daily.filter(pl.col("unique_id") == "bonds")["n_docs"].sum() == 1


class StopAfter:
    def __init__(self, windows: int) -> None:
        self.left = windows

    def __call__(self) -> bool:
        self.left -= 1
        return self.left <= 0


def stopped(source: Path, scorer: Scorer, *, after: int = 3, **settings: Any) -> None:
    with pytest.raises(StoppedError, match="are finished and kept"):
        run(source, scorer, should_stop=StopAfter(after), **settings)


def test_every_field_of_the_targets_is_in_the_key(
    scorer: Scorer, news_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "WINDOW_ROWS", 2)
    names = tmp_path / "names.csv"
    names.write_text("entity,name\nbonds,shares\n")
    whole = run(news_file, scorer, output=tmp_path / "whole.parquet", targets=names)
    assert pl.read_parquet(whole.outputs[0])["status"].to_list() == [*STATUSES[:3], "ok", *STATUSES[4:]]
    output = tmp_path / "out.parquet"
    stopped(news_file, scorer, output=output, targets=names, after=5)  # two windows are read for an entity of the table
    with pytest.raises(OutputError, match="target column was who and is not there; names of targets was"):
        run(news_file, scorer, output=output, target_col=None)
    with pytest.raises(OutputError, match=r"names of targets was .* and is empty"):
        run(news_file, scorer, output=output)
    summary = run(news_file, scorer, output=output, targets=names)
    assert summary.n_resumed == 4
    assert output.read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def test_answers_of_pairs_are_known_the_next_night(scorer: Scorer, news_file: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = run(news_file, scorer, cache=cache)
    before = pl.read_parquet(first.outputs[0])
    again = run(news_file, scorer, cache=cache)
    assert (first.texts_known, again.texts_known, again.texts_scored) == (0, 5, 0)
    assert_frame_equal(pl.read_parquet(again.outputs[0]), before, check_exact=True)
    whole = run(news_file, scorer, cache=cache, target_col=None)
    assert (whole.texts_known, whole.texts_scored) == (1, 1)


def test_the_provenance_names_the_column_and_the_table(scorer: Scorer, news_file: Path, tmp_path: Path) -> None:
    from sentiscore.scoring.target_names import TargetNames

    names = tmp_path / "names.csv"
    names.write_text("entity,name\nbonds,shares\n")
    options = [
        read_provenance(run(news_file, scorer, **more).outputs[0]).provenance.options  # type: ignore[union-attr]
        for more in ({"targets": names}, {}, {"target_col": None})
    ]
    found = [(one["target_col"], one["targets"]) for one in options]
    assert found == [("who", TargetNames.read(names).sha256), ("who", None), (None, None)]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"target_col": "ticker"}, "has no column 'ticker'"),
        ({"target_col": "x"}, "The column 'x' of .* holds Float64, not text"),
        ({"target_col": "headline"}, "'headline' cannot be both the text and the target"),
        ({"target_col": None, "targets": "names.csv"}, "but no column of targets"),
        ({"targets": "nowhere.csv"}, r"There is no file nowhere\.csv"),
    ],
)
def test_targets_that_cannot_be_used_are_refused_before_a_model_is_loaded(
    news_file: Path, asked: dict[str, Any], message: str
) -> None:
    pl.read_parquet(news_file).with_columns(x=0.5).write_parquet(news_file)
    with pytest.raises(InputError, match=message):
        run(news_file, Path("no model"), **asked)


def test_a_model_that_cannot_read_targets_is_refused_and_leaves_nothing(news_file: Path, tiny_checkpoint: Path) -> None:
    before = sorted(news_file.parent.iterdir())
    with pytest.raises(InputError, match="cannot read targets"):
        run(news_file, tiny_checkpoint, device="cpu")
    assert sorted(news_file.parent.iterdir()) == before


def test_an_output_never_replaces_the_table_of_names(scorer: Scorer, news_file: Path, tmp_path: Path) -> None:
    names = tmp_path / "names.csv"
    names.write_text("entity,name\nbonds,shares\n")
    with pytest.raises(OutputError, match=r"names\.csv is read from, or written to, elsewhere"):
        run(news_file, scorer, targets=names, output=names)


def test_damaged_targets_are_not_mentioned_and_damaged_texts_have_no_score(scorer: Scorer, tmp_path: Path) -> None:
    path = tmp_path / "news.csv"
    path.write_bytes(b"headline,who\nprofit up,profit\nprofit up,pro\xfffit\nprofit \xff up,profit\n")
    with pytest.warns(match="bytes that are not UTF-8"):
        summary = run(path, scorer)
    assert pl.read_parquet(summary.outputs[0])["status"].to_list() == ["ok", "not_mentioned", "undecodable"]


def test_the_options_of_rows_hold_the_targets() -> None:
    rows = RowOptions(target_col="who", targets="names.csv")
    assert RowOptions.from_dict(rows.as_dict()) == rows
