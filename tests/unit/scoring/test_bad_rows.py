"""Rows without a text are kept with a status, set aside with a reason, or refused; none is ever lost."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiscore import InputError, OutputError, Scorer, features, score_file
from sentiscore.cli.show import summary_table
from sentiscore.errors import SentiscoreWarning
from sentiscore.scoring import bad_rows, job
from sentiscore.scoring.bad_rows import COLUMNS, BadRows
from sentiscore.scoring.tally import JobSummary
from tests.effort import combined, examples

TEXTS = ["good", None, " \t", "bad", "\x00\x07", "", "fine"]
BAD = {2: "null", 3: "empty", 5: "empty", 6: "empty"}


@pytest.fixture(scope="module")
def scorer(tiny_checkpoint: Path) -> Scorer:
    return Scorer.from_pretrained(tiny_checkpoint, device="cpu", dtype="fp32")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "news.parquet"
    times = [f"2024-02-0{i}T12:00:00Z" for i in range(1, 8)]
    pl.DataFrame({"id": range(7), "headline": TEXTS, "at": times}).write_parquet(path)
    return path


def run(source: Path, scorer: Scorer, **settings: Any) -> JobSummary:
    return score_file(source, text_col="headline", model=scorer, **settings)


def test_kept_rows_have_a_status_and_no_scores(scorer: Scorer, source: Path) -> None:
    summary = run(source, scorer)
    frame = pl.read_parquet(summary.outputs[0])
    assert frame["status"].to_list() == ["ok", "null", "empty", "ok", "empty", "empty", "ok"]
    assert frame.filter(pl.col("sentiment").is_null())["id"].to_list() == [1, 2, 4, 5]
    assert (summary.n_rejected, summary.rejects) == (0, ())


@pytest.mark.parametrize(("window", "kind"), combined([1, 2, 100], ["parquet", "csv", "ndjson"]))
def test_dropped_rows_are_set_aside_with_the_reason(
    scorer: Scorer, source: Path, kind: str, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "WINDOW_ROWS", window)
    summary = run(source, scorer, output=source.parent / f"out.{kind}", bad_rows="drop")
    read: Any = {"parquet": pl.read_parquet, "csv": pl.read_csv, "ndjson": pl.read_ndjson}[kind]
    assert summary.rejects == (source.parent / f"out.rejected.{kind}",)
    rejects = read(summary.rejects[0])
    assert dict(rejects.select("rejected_row", "rejected_reason").iter_rows()) == BAD
    assert rejects["rejected_from"].unique().to_list() == ["news.parquet"]
    assert rejects.columns == [*COLUMNS, "id", "headline", "at"]
    assert read(summary.outputs[0])["id"].to_list() == [0, 3, 6]
    assert summary.rows == 7 == 3 + summary.n_rejected


def test_dropped_rows_do_not_count_in_daily_features(scorer: Scorer, source: Path) -> None:
    kept = pl.read_parquet(run(source, scorer, time_col="at").daily[0])
    dropped = pl.read_parquet(run(source, scorer, time_col="at", bad_rows="drop").daily[0])
    assert dropped.filter(pl.col("n_docs") > 0).height == 3
    assert dropped["ds"].to_list() == kept["ds"].to_list()


LATIN = "headline,by\nprofit rises,Ann\ncafé falls,Bob\nshares fall,René\n".encode("latin-1")


def test_a_row_is_undecodable_where_its_text_is_damaged_and_scored_where_another_column_is(
    scorer: Scorer, tmp_path: Path
) -> None:
    source = tmp_path / "news.csv"
    source.write_bytes(LATIN)
    told = (
        r"2 rows hold bytes that are not UTF-8: 1 in 'headline' \(first in line 3 of news\.csv\), not scored; "
        r"1 in 'by' \(first in line 4 of news\.csv\), kept .*--encoding cp1252"
    )
    with pytest.warns(SentiscoreWarning, match=told):
        summary = run(source, scorer, output=tmp_path / "all.csv")
    assert pl.read_csv(summary.outputs[0]).select("headline", "by", "status").rows() == [
        ("profit rises", "Ann", "ok"),
        ("caf\ufffd falls", "Bob", "undecodable"),
        ("shares fall", "Ren\ufffd", "ok"),
    ]
    assert summary.damaged == {"headline": 1, "by": 1}
    with pytest.warns(SentiscoreWarning, match="1 row holds bytes"):
        run(source, scorer, output=tmp_path / "some.csv", columns=["headline"], bad_rows="drop")
    rejects = pl.read_csv(tmp_path / "some.rejected.csv")
    assert rejects.rows() == [(2, "news.csv", "undecodable", "caf\ufffd falls")]


@pytest.mark.parametrize(("bad_rows", "rows"), [("keep", 3), ("drop", 2)])
def test_damage_elsewhere_neither_drops_a_row_nor_fails_a_job(
    scorer: Scorer, tmp_path: Path, bad_rows: str, rows: int
) -> None:
    source = tmp_path / "news.csv"
    source.write_bytes(LATIN)
    with pytest.warns(SentiscoreWarning, match="in line 4 of news.csv"):
        assert pl.read_parquet(run(source, scorer, bad_rows=bad_rows).outputs[0]).height == rows
    with pytest.raises(InputError, match=r"1 row has no text that can be read: 1 undecodable; the first is row 2"):
        run(source, scorer, bad_rows="fail")
    source.write_bytes(LATIN.replace(b"\xe9 falls", b"e falls"))
    with pytest.warns(SentiscoreWarning, match="1 row holds bytes that are not UTF-8: 1 in 'by' "):
        run(source, scorer, bad_rows="fail")


def test_a_damaged_entity_is_no_entity_in_one_pass_and_in_two(scorer: Scorer, tmp_path: Path) -> None:
    source = tmp_path / "news.csv"
    day = b"2024-02-01T12:00:00Z"
    source.write_bytes(b"headline,ticker,at\ngood,AAPL,%b\nbad,AAP\xcc,%b\nfine,,%b\n" % (day, day, day))
    told = "1 in 'ticker' .*, kept with .* and not in the daily features"
    with pytest.warns(SentiscoreWarning, match="2 rows have no entity"), pytest.warns(SentiscoreWarning, match=told):
        summary = run(source, scorer, time_col="at", entity_col="ticker")
    daily = pl.read_parquet(summary.daily[0])
    assert daily.select("unique_id", "n_docs").rows() == [("AAPL", 1)]
    assert (summary.n_unplaced, summary.statuses["ok"]) == (2, 3)
    scored = pl.read_parquet(summary.outputs[0])
    assert scored["ticker"].to_list() == ["AAPL", "AAP\ufffd", None]
    with pytest.warns(SentiscoreWarning, match="2 rows have no entity"):
        again = features.daily(scored, time_col="at", entity_col="ticker", text_col="headline")
    assert again.equals(daily)


def test_a_file_in_its_own_encoding_has_no_damage(scorer: Scorer, tmp_path: Path) -> None:
    source = tmp_path / "news.csv"
    source.write_bytes(LATIN)
    summary = run(source, scorer, encoding="latin-1")
    assert pl.read_parquet(summary.outputs[0])["by"].to_list() == ["Ann", "Bob", "René"]
    assert (summary.damaged, summary.statuses["ok"]) == ({}, 3)


def test_a_file_of_rejected_rows_is_written_even_when_there_are_none(scorer: Scorer, source: Path) -> None:
    run(source, scorer, bad_rows="drop")
    pl.read_parquet(source).filter(pl.col("headline") == "good").write_parquet(source)
    summary = run(source, scorer, bad_rows="drop")
    assert pl.read_parquet(summary.rejects[0]).height == 0, "or yesterday's would be taken for today's"


def test_bad_rows_that_may_not_be_are_counted_before_a_model_is_loaded(source: Path) -> None:
    with pytest.raises(InputError) as caught:
        score_file(source, text_col="headline", model="no such folder", bad_rows="fail")
    assert caught.value.message == (
        "4 rows have no text that can be read: 3 empty, 1 null; the first is row 2 of news.parquet (null)."
    )
    assert "--bad-rows drop" in caught.value.hint


def test_a_text_that_only_the_model_finds_empty_fails_too(
    scorer: Scorer, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BadRows, "refuse", lambda _: None)
    run(source, scorer, bad_rows="fail")
    monkeypatch.undo()
    monkeypatch.setattr(bad_rows, "bad_before_scoring", lambda *_: BadRows())
    monkeypatch.setattr("sentiscore.scoring.plan.bad_before_scoring", lambda *_: BadRows())
    with pytest.raises(InputError, match="4 rows have no text"):
        run(source, scorer, bad_rows="fail")


def test_a_file_without_bad_rows_does_not_fail(scorer: Scorer, tmp_path: Path) -> None:
    pl.DataFrame({"headline": ["good", "bad"]}).write_parquet(tmp_path / "news.parquet")
    assert run(tmp_path / "news.parquet", scorer, bad_rows="fail").rows == 2


def test_an_unknown_choice_is_refused(scorer: Scorer, source: Path) -> None:
    with pytest.raises(InputError, match="no bad_rows 'skip'"):
        run(source, scorer, bad_rows="skip")


def test_columns_that_clash_with_those_of_rejected_rows_are_refused(scorer: Scorer, source: Path) -> None:
    pl.read_parquet(source).rename({"id": "rejected_row"}).write_parquet(source)
    with pytest.raises(InputError, match="already has the column rejected_row"):
        run(source, scorer, bad_rows="drop")
    assert run(source, scorer, bad_rows="drop", columns=["headline"]).n_rejected == 4


def test_rejected_rows_may_not_go_where_the_input_is(scorer: Scorer, tmp_path: Path) -> None:
    source = tmp_path / "out.rejected.csv"
    pl.DataFrame({"headline": ["good"]}).write_csv(source)
    with pytest.raises(OutputError, match="is read from, or written to, elsewhere"):
        run(source, scorer, bad_rows="drop", output=tmp_path / "out.csv")


@settings(max_examples=examples(30))
@given(texts=st.lists(st.one_of(st.none(), st.text(max_size=6)), max_size=40))
def test_no_row_is_lost_whatever_its_text(
    scorer: Scorer, texts: list[str | None], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    series = pl.Series("headline", [_encodable(text) for text in texts], dtype=pl.String)
    pl.DataFrame({"headline": series}).with_row_index("id").write_parquet(folder / "news.parquet")
    summary = run(folder / "news.parquet", scorer, bad_rows="drop")
    out, rejects = pl.read_parquet(summary.outputs[0]), pl.read_parquet(summary.rejects[0])
    assert sorted([*out["id"], *rejects["id"]]) == list(range(len(texts)))
    assert (rejects["rejected_row"] - 1).to_list() == rejects["id"].to_list()
    assert out["sentiment"].null_count() == 0


def _encodable(text: str | None) -> str | None:
    return None if text is None else text.encode("utf-8", "ignore").decode()


def test_lines_that_are_skipped_as_comments_are_counted(
    scorer: Scorer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "news.csv"
    path.write_text("# news\nheadline,n\n#AAPL beats,1\nMSFT beats,2\n")
    summary = run(path, scorer, comment="#")
    assert (summary.rows, summary.n_comments) == (1, 2)
    summary_table(summary)
    assert "2 lines skipped" in capsys.readouterr().out
