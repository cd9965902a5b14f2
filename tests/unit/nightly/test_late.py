"""Rows that come late, again or corrected: refused by name, set aside, counted by arrival, or let in as a revision."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from sentiscore import InputError, features, score_file, update_daily
from sentiscore.cli.main import cli
from sentiscore.errors import SentiscoreWarning
from sentiscore.features import DailyConfig, as_published, daily
from sentiscore.nightly.state import revisions_path, state_path
from sentiscore.nightly.update_daily import UpdatedFile
from sentiscore.tables import write_frame
from tests.effort import examples
from tests.unit.features.test_ids import ARGS, EVENING, MONDAY, PLAIN, TUESDAY, Row, at, scored
from tests.unit.nightly.test_update_daily import at_day, rows_of

LATE: Row = ("late", at(8, 14), "late", 0.5)
WEDNESDAY: Row = ("w", at(10, 15), "wednesday", 0.5)
IDS: dict[str, Any] = {**ARGS, "calendar": "XNYS"}


def update(tmp_path: Path, day: int, *rows: Row, **args: Any) -> UpdatedFile:
    """An update after the close of a day in January."""
    source = write_frame(scored(*rows), tmp_path / f"night{day}.parquet")
    return update_daily(
        source, daily=tmp_path / "daily.parquet", as_of=at(day, 23).replace(minute=30), calendar="XNYS", **args
    )


def n_docs(done: UpdatedFile) -> list[int]:
    return done.daily["n_docs"].to_list()


@pytest.mark.parametrize("args", [ARGS, PLAIN])
def test_a_refusal_names_the_first_late_row_and_what_to_do(tmp_path: Path, args: dict[str, Any]) -> None:
    update(tmp_path, 8, MONDAY, **args)
    with pytest.raises(
        InputError,
        match=r"the first one row 2 of night9.parquet \(AAA, 2024-01-08 14:00:00 UTC\)(.|\n)*--late drop(.|\n)*--revi",
    ):
        update(tmp_path, 9, TUESDAY, LATE, **args)


@pytest.mark.parametrize("args", [ARGS, PLAIN])
def test_late_rows_are_set_aside_with_their_number_and_the_reason(tmp_path: Path, args: dict[str, Any]) -> None:
    update(tmp_path, 8, MONDAY, **args)
    done = update(tmp_path, 9, MONDAY, LATE, TUESDAY, late="drop", **args)
    assert (done.n_late, done.n_repeated, n_docs(done)) == (1, 1, [1, 1])
    assert done.late_rows == tmp_path / "night9.late.parquet"
    aside = pl.read_parquet(done.late_rows)
    assert aside.row(0)[:4] == (2, "night9.parquet", "late", "late")
    assert_frame_equal(aside.drop(aside.columns[:3]), scored(LATE))
    again = update(tmp_path, 10, WEDNESDAY, late="drop", **args)
    assert again.late_rows is not None
    assert pl.read_parquet(again.late_rows).is_empty()  # so that an old file is not taken for tonight's


@pytest.mark.parametrize("repeats", ["keep", "drop", "discount"])
@pytest.mark.parametrize("args", [ARGS, PLAIN])
def test_late_rows_count_by_arrival_for_the_first_open_session_and_once(
    tmp_path: Path, args: dict[str, Any], repeats: str
) -> None:
    args = {**args, "config": DailyConfig(repeats=repeats)}
    first = update(tmp_path, 8, MONDAY, **args)
    second = update(tmp_path, 9, MONDAY, LATE, TUESDAY, late="arrival", **args)
    assert (second.n_late, n_docs(second)) == (1, [1, 1])  # tonight's session closed before the row came
    assert_frame_equal(second.daily.head(1), first.daily, check_exact=True)
    third = update(tmp_path, 10, MONDAY, LATE, TUESDAY, WEDNESDAY, late="arrival", **args)
    assert (third.n_late, third.n_repeated, n_docs(third)) == (0, 3, [1, 1, 2])
    came = scored(MONDAY, LATE, TUESDAY, WEDNESDAY).with_columns(
        came=pl.when(pl.col("id") == "late").then(pl.lit(at(9, 23).replace(minute=30)))
    )
    whole = daily(came, arrived_col="came", as_of=at(10, 23), calendar="XNYS", **args)
    assert_frame_equal(third.daily, whole, check_exact=True)
    assert not revisions_path(tmp_path / "daily.parquet").exists()


@settings(max_examples=examples(6), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 1_000),
    cuts=st.lists(st.integers(1, 14 * 24), min_size=1, max_size=3, unique=True),
    calendar=st.sampled_from([None, "XNYS"]),
    repeats=st.sampled_from(["keep", "drop", "discount"]),
    latency=st.sampled_from(["0s", "1d"]),
    ids=st.booleans(),
)
def test_nights_of_what_had_arrived_are_one_run_by_arrival(
    tmp_path: Path, seed: int, cuts: list[int], calendar: str | None, repeats: str, latency: str, ids: bool
) -> None:
    rows = rows_of(40, days=12, seed=seed).with_row_index("id")
    hours = pl.Series([None if i % 4 == seed % 4 else (i * 37) % 90 for i in range(40)], dtype=pl.Int64)
    rows = rows.with_columns(came=pl.col("at") + pl.duration(hours=pl.lit(hours)))
    rows = rows.with_columns(pl.lit("text ").add(pl.col("text")).alias("text"))
    args: dict[str, Any] = {"time_col": "at", "entity_col": "ticker", "text_col": "text", "arrived_col": "came"}
    args |= {"calendar": calendar, "config": DailyConfig(repeats=repeats, latency=latency)}
    args |= {"id_col": "id"} if ids else {}
    target, before = tmp_path / "daily.parquet", at_day(-100)
    for path in (target, state_path(target)):
        path.unlink(missing_ok=True)
    known = pl.max_horizontal("at", "came")
    for cut in [*(at_day(hour / 24) for hour in sorted(cuts)), at_day(20)]:
        new = rows.filter((known > before) & (known <= cut))  # nothing is late, though some were published long before
        done = update_daily(write_frame(new, tmp_path / "new.parquet"), daily=target, as_of=cut, **args)
        assert_frame_equal(done.daily, daily(rows.filter(known <= cut), as_of=cut, **args), check_exact=True)
        before = cut
    assert not revisions_path(target).exists()


def test_a_row_that_arrives_after_the_instant_is_left_out() -> None:
    rows = scored(MONDAY, TUESDAY).with_columns(came=pl.Series([at(8, 16), at(12, 0)]))
    with pytest.warns(SentiscoreWarning, match="1 rows have times after"):
        found = daily(rows, arrived_col="came", as_of=at(10, 23), **IDS)
    assert found["n_docs"].sum() == 1


@pytest.mark.parametrize("when", [at(8, 15), at(8, 16), at(9, 14)])
def test_a_correction_replaces_what_was_published_as_a_revision_and_both_are_kept(
    tmp_path: Path, when: datetime
) -> None:
    first = update(tmp_path, 8, MONDAY, **ARGS)
    corrected: Row = ("m", when, "other", -0.5)
    with pytest.warns(SentiscoreWarning, match="^1 row replaces an earlier version with the same id"):
        second = update(tmp_path, 9, MONDAY, corrected, TUESDAY, revise=True, **ARGS)
    whole = daily(scored(corrected, TUESDAY), as_of=at(9, 23), **IDS)
    kept = second.daily.filter(pl.col("n_docs") > 0)
    assert_frame_equal(kept, whole.filter(pl.col("n_docs") > 0).select(kept.columns), check_exact=True)
    assert second.daily["n_docs"].sum() == 2
    third = update(tmp_path, 10, MONDAY, corrected, TUESDAY, WEDNESDAY, revise=True, **ARGS)  # with both versions
    assert third.n_revised == 0
    assert third.daily["n_docs"].sum() == 3
    revisions = pl.read_parquet(revisions_path(tmp_path / "daily.parquet"))
    for done, day in ((first, 8), (second, 9), (third, 10)):
        seen = as_published(third.daily, revisions, at(day, 23).replace(minute=30))
        assert_frame_equal(seen, done.daily, check_exact=True)


def test_a_correction_of_a_later_session_does_not_take_a_waiting_story_out_of_its_session(tmp_path: Path) -> None:
    update(tmp_path, 8, MONDAY, EVENING[0], **ARGS)
    later: Row = ("e1", at(9, 22), "other", -0.5)  # after the close of the session that the story waits for
    with pytest.warns(SentiscoreWarning, match="^1 row was corrected"):
        done = update(tmp_path, 9, TUESDAY, later, revise=True, **ARGS)
    assert_frame_equal(done.daily, daily(scored(MONDAY, EVENING[0], TUESDAY), as_of=at(9, 23), **IDS), check_exact=True)


def test_a_corrected_story_that_arrived_late_stays_in_the_session_that_it_arrived_for(tmp_path: Path) -> None:
    update(tmp_path, 8, MONDAY, **ARGS)
    update(tmp_path, 9, LATE, TUESDAY, late="arrival", **ARGS)
    with pytest.warns(SentiscoreWarning, match="^1 row replaces"):
        done = update(tmp_path, 10, ("late", LATE[1], "mended", -0.5), WEDNESDAY, late="arrival", revise=True, **ARGS)
    assert n_docs(done) == [1, 1, 2]
    assert done.n_revised == 0  # its session was still open


def test_a_null_text_that_comes_again_is_not_late(tmp_path: Path) -> None:
    nothing: Row = ("n", at(8, 16), "", None)
    update(tmp_path, 8, MONDAY, nothing, **PLAIN)
    assert n_docs(update(tmp_path, 9, MONDAY, nothing, TUESDAY, **PLAIN)) == [1, 1]


def test_cumulative_exports_can_make_the_file_anew_each_night(tmp_path: Path) -> None:
    whole = (MONDAY, *EVENING, TUESDAY, WEDNESDAY)
    for day, n in ((8, 1), (9, 4), (10, 5)):
        done = update(tmp_path, day, *whole[:n], anew=True, **PLAIN)
    assert_frame_equal(done.daily, daily(scored(*whole), as_of=at(10, 23), calendar="XNYS", **PLAIN), check_exact=True)
    with pytest.raises(InputError, match="the first one that of AAA on 2024-01-08"):
        update(tmp_path, 11, *whole, LATE, anew=True, **PLAIN)


def test_wrong_input_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"late is 'never'(.|\n)*refuse, drop or arrival"):
        update(tmp_path, 8, MONDAY, late="never", **ARGS)
    with pytest.raises(InputError, match=r"no column 'came'(.|\n)*--arrived-col \(arrived_col\)"):
        update(tmp_path, 8, MONDAY, arrived_col="came", **ARGS)
    with pytest.raises(InputError, match=r"'n' holds Float32, not times(.|\n)*--arrived-col"):
        daily(scored(MONDAY).with_columns(n=pl.lit(0.5, dtype=pl.Float32)), arrived_col="n", **IDS)
    rows = scored(MONDAY).with_columns(rejected_row=1)
    with pytest.raises(InputError, match="already has the column rejected_row"):
        update_daily(
            write_frame(rows, tmp_path / "x.parquet"), daily=tmp_path / "d.parquet", late="drop", as_of=at(9, 1), **ARGS
        )
    update(tmp_path, 8, MONDAY, **ARGS)
    came = write_frame(scored(TUESDAY).with_columns(came=pl.lit(at(9, 16))), tmp_path / "came.parquet")
    with pytest.raises(InputError, match="arrival column was None and is True"):
        update_daily(came, daily=tmp_path / "daily.parquet", as_of=at(9, 23), arrived_col="came", **IDS)


def test_the_command_sets_late_rows_aside_and_logs_what_it_did(tmp_path: Path) -> None:
    update(tmp_path, 8, MONDAY, **PLAIN)
    source = tmp_path / "night.csv"
    write_frame(scored(LATE, TUESDAY).with_columns(pl.col("at").dt.to_string("iso:strict")), source)
    asked = ["features", str(source), "--time-col", "at", "--entity-col", "ticker", "--text-col", "text"]
    asked += ["--calendar", "XNYS", "--update", str(tmp_path / "daily.parquet"), "--as-of", "2024-01-09T23:30:00Z"]
    done = CliRunner().invoke(cli, [*asked, "--late", "drop", "--log-json"])
    assert done.exit_code == 0, done.output
    event = json.loads(done.stderr.splitlines()[-1])
    assert (event["event"], event["n_late"], event["rows"], event["days"]["rows"]) == ("done", 1, 2, 2)
    assert "late" in done.stdout
    assert pl.read_csv(tmp_path / "night.late.csv")["rejected_reason"].to_list() == ["late"]
    for more in (["--late", "arrival", "--anew"], ["--late", "soon"]):
        assert CliRunner().invoke(cli, [*asked, *more]).exit_code == 2
    failed = CliRunner().invoke(cli, [*asked, "--log-json"])
    assert failed.exit_code == 1
    assert json.loads(failed.stderr.splitlines()[-1])["event"] == "failed"


def test_a_job_that_scores_counts_rows_from_when_they_arrived(tmp_path: Path, tiny_checkpoint: Path) -> None:
    news = pl.DataFrame(
        {
            "headline": ["profit rises", "profit falls"],
            "at": ["2024-01-08T15:00:00Z", "2024-01-08T16:00:00Z"],
            "came": ["2024-01-09T15:00:00Z", None],
        }
    )
    news.write_csv(tmp_path / "news.csv")
    asked: dict[str, Any] = {"text_col": "headline", "time_col": "at", "arrived_col": "came"}
    done = score_file(tmp_path / "news.csv", model=tiny_checkpoint, output=tmp_path / "out.csv", **asked)
    assert pl.read_parquet(done.daily[0])["n_docs"].to_list() == [1, 1]
    (tmp_path / "bad.csv").write_text((tmp_path / "news.csv").read_text().replace("2024-01-09T15:00:00Z", "soon"))
    with pytest.raises(InputError, match="soon"):
        score_file(tmp_path / "bad.csv", model=tiny_checkpoint, output=tmp_path / "bad.out.csv", **asked)


def test_features_of_frames_and_queries_take_when_rows_arrived() -> None:
    rows = scored(MONDAY, TUESDAY).with_columns(came=pl.Series([datetime(2024, 1, 9, 16, tzinfo=UTC), None]))
    found = features.daily(rows.lazy(), arrived_col="came", **IDS)
    assert isinstance(found, pl.LazyFrame)
    assert found.collect().select("ds", "n_docs").rows() == [(at(9, 0).date(), 2)]
