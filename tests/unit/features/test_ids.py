"""An id counts once: in one file, over updates, in any order; and rows without ids that come again are reported."""

import warnings
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner
from polars.testing import assert_frame_equal

from sentiscore import InputError, features, score_file
from sentiscore.cli.main import cli
from sentiscore.errors import SentiscoreWarning
from sentiscore.features import DailyConfig, DailySums
from sentiscore.features.ids import check_ids
from sentiscore.nightly.daily_file import daily_file
from sentiscore.nightly.state import revisions_path
from sentiscore.nightly.update_daily import update_daily
from sentiscore.tables import write_frame
from tests.conftest import TEXTS
from tests.effort import combined

ARGS: dict[str, Any] = {"time_col": "at", "entity_col": "ticker", "text_col": "text", "id_col": "id"}
PLAIN: dict[str, Any] = {name: value for name, value in ARGS.items() if name != "id_col"}
COPIES = "equal in entity, time and text to rows before"
Row = tuple[Any, datetime, str, float | None]


def at(day: int, hour: int) -> datetime:
    return datetime(2024, 1, day, hour, tzinfo=UTC)


def scored(*rows: Row, ticker: str = "AAA") -> pl.DataFrame:
    """Scored rows of id, time, text and sentiment; a row without sentiment has no score."""
    values = [value for *_, value in rows]
    return pl.DataFrame(
        {
            "id": pl.Series([row[0] for row in rows]),
            "at": [row[1] for row in rows],
            "ticker": [ticker] * len(rows),
            "text": [row[2] for row in rows],
            "sentiment": pl.Series(values, dtype=pl.Float32),
            "label": pl.Series(
                [None if v is None else "positive" if v > 0 else "negative" for v in values], dtype=pl.String
            ),
            "status": ["null" if v is None else "ok" for v in values],
        }
    )


MONDAY: Row = ("m", at(8, 15), "monday", 0.5)
EVENING: list[Row] = [("e1", at(8, 22), "evening", 0.25), ("e2", at(8, 23), "night", -0.5)]
TUESDAY: Row = ("t", at(9, 15), "tuesday", 0.75)


def nights(tmp_path: Path, *files: pl.DataFrame, **args: Any) -> list[Any]:
    """Updates after the closes of 8, 9, ... January, when the evening before is over."""
    done = []
    for number, rows in enumerate(files):
        source = write_frame(rows, tmp_path / f"night{number}.parquet")
        as_of = at(8 + number, 23).replace(minute=30)
        done.append(update_daily(source, daily=tmp_path / "daily.parquet", as_of=as_of, calendar="XNYS", **args))
    return done


def test_evening_stories_that_come_again_count_once_with_ids(tmp_path: Path) -> None:
    first, second = nights(tmp_path, scored(MONDAY, *EVENING), scored(*EVENING, TUESDAY), **ARGS)
    assert second.daily.select("ds", "n_docs", "n_unique").rows() == [
        (date(2024, 1, 8), 1, 1),
        (date(2024, 1, 9), 3, 3),
    ]
    assert (first.n_repeated, second.n_repeated) == (0, 2)


def test_evening_stories_that_come_again_count_once_without_ids_and_are_reported(tmp_path: Path) -> None:
    _, second = nights(tmp_path, scored(MONDAY, *EVENING), scored(*EVENING, TUESDAY), **PLAIN)
    assert second.daily["n_docs"].to_list() == [1, 3]
    assert second.n_repeated == 2


def test_cumulative_exports_pass_and_say_how_many_rows_were_known(tmp_path: Path) -> None:
    whole = scored(MONDAY, *EVENING, TUESDAY)
    done = nights(tmp_path, scored(MONDAY, *EVENING), whole, whole, **ARGS)
    assert [each.n_repeated for each in done] == [0, 3, 4]
    expected = features.daily(whole, calendar="XNYS", as_of=at(10, 23), **ARGS)
    assert_frame_equal(done[-1].daily, expected, check_exact=True)
    assert not revisions_path(tmp_path / "daily.parquet").exists()


def test_a_late_story_with_a_new_id_is_refused_as_ever(tmp_path: Path) -> None:
    late = scored(MONDAY, ("late", at(8, 14), "late", 0.5), TUESDAY)
    with pytest.raises(InputError, match=r"^1 of the 3 rows count for sessions up to 2024-01-08"):
        nights(tmp_path, scored(MONDAY), late, **ARGS)


@pytest.mark.parametrize(
    "again",
    [
        ("m", at(8, 15), "other", -1.0),
        ("m", at(9, 15), "monday", 0.5),
        ("m", at(5, 15), "monday", 0.5),
        ("m", at(8, 15), "", None),
    ],
)
def test_a_corrected_story_stays_what_it_was_and_is_reported(tmp_path: Path, again: Row) -> None:
    with pytest.warns(
        SentiscoreWarning, match=r"^1 row was corrected: it has another text or time .*first version counts"
    ):
        first, second = nights(tmp_path, scored(MONDAY), scored(again, TUESDAY), **ARGS)
    assert_frame_equal(second.daily.head(1), first.daily, check_exact=True)
    assert second.daily["n_docs"].to_list() == [1, 1]
    assert second.n_repeated == 1


def test_a_waiting_story_moves_to_an_earlier_time_that_is_not_published(tmp_path: Path) -> None:
    earlier = ("e1", at(8, 21), "evening", 0.25)
    _, second = nights(tmp_path, scored(*EVENING), scored(earlier), **ARGS)
    expected = features.daily(scored(EVENING[1], earlier), calendar="XNYS", as_of=at(9, 23), **ARGS)
    assert_frame_equal(second.daily, expected, check_exact=True)
    assert second.n_repeated == 0  # tonight's row counts, and that of the night before does not


@pytest.mark.parametrize("texts", [("old", "new"), ("new", "old")])
def test_a_waiting_story_that_is_corrected_at_its_own_time_is_reported(tmp_path: Path, texts: tuple[str, str]) -> None:
    first, second = (("e", at(8, 22), text, 0.5 if text == "old" else -0.5) for text in texts)
    with pytest.warns(SentiscoreWarning, match=r"^1 row was corrected: .* Where times are equal, texts and scores"):
        done = nights(tmp_path, scored(MONDAY, first), scored(second, TUESDAY), **ARGS)
    with pytest.warns(SentiscoreWarning, match="^1 row was corrected"):
        whole = features.daily(scored(MONDAY, second, first, TUESDAY), calendar="XNYS", as_of=at(9, 23), **ARGS)
    assert_frame_equal(done[-1].daily, whole, check_exact=True)  # whichever came first


def test_the_row_that_was_published_first_counts_in_any_order_and_any_parts() -> None:
    rows = scored(
        ("a", at(9, 15), "new", 1.0),
        ("a", at(8, 15), "old", 0.5),
        ("b", at(8, 15), "x", 0.25),
        ("b", at(8, 15), "y", -0.25),
    )
    found = []
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]):
        with pytest.warns(SentiscoreWarning, match="^2 rows were corrected"):
            found.append(features.daily(rows[order], calendar="XNYS", **ARGS))
        sums = DailySums(calendar="XNYS", **ARGS, midnight="instant")
        for part in rows[order].iter_slices(1):
            sums.add(part)
        with pytest.warns(SentiscoreWarning, match="^2 rows were corrected"):
            found.append(sums.finish())
    for each in found:
        assert_frame_equal(each, found[0], check_exact=True)
    assert found[0].select("ds", "n_docs").rows() == [(date(2024, 1, 8), 2)]


def test_a_row_without_scores_uses_up_no_id() -> None:
    rows = scored(("a", at(8, 15), "stub", None), ("a", at(9, 15), "story", 0.5), ("a", at(10, 15), "story", 0.5))
    with pytest.warns(SentiscoreWarning, match="^1 row was corrected"):
        found = features.daily(rows, calendar="XNYS", **ARGS)
    assert found["n_docs"].to_list() == [0, 1]


def test_an_id_is_that_of_an_entity() -> None:
    rows = pl.concat([scored(MONDAY), scored(MONDAY, ticker="BBB"), scored(MONDAY, ticker="BBB")])
    assert features.daily(rows, **ARGS)["n_docs"].to_list() == [1, 1]
    lists = rows.with_columns(ticker=pl.lit("AAA;BBB"))
    sums = DailySums(**ARGS, entity_separator=";", midnight="instant")
    sums.add(lists)
    assert sums.finish()["n_docs"].to_list() == [1, 1]
    assert sums.n_repeated == 2  # rows, not rows times entities


@pytest.mark.parametrize(("repeats", "weight_col"), combined(["keep", "drop", "discount"], [None, "weight"]))
def test_with_every_setting_it_is_as_if_the_copies_were_not_there(repeats: str, weight_col: str | None) -> None:
    rows = scored(MONDAY, *EVENING, TUESDAY, ("u", at(9, 16), "tuesday", 0.75)).with_columns(
        weight=pl.Series([1.0, 0.5, 0.0, 2.0, 1.5])
    )
    args: dict[str, Any] = {"weight_col": weight_col, "config": DailyConfig(repeats=repeats)}
    expected = features.daily(rows, **PLAIN, **args)
    assert_frame_equal(
        features.daily(pl.concat([rows, rows, rows.head(2)]), **ARGS, **args), expected, check_exact=True
    )


def test_repeats_of_other_ids_are_not_copies() -> None:
    rows = scored(("a", at(8, 15), "same", 0.5), ("b", at(8, 15), "same", 0.5))
    assert features.daily(rows, **ARGS)["n_docs"].to_list() == [2]
    with pytest.warns(SentiscoreWarning, match=f"^1 row is {COPIES}; it was counted"):
        features.daily(rows, **PLAIN)
    for changed in (rows.with_columns(ticker=pl.Series(["A", "B"])), rows.with_columns(text=pl.Series(["x", "y"]))):
        features.daily(changed, **PLAIN)
    features.daily(rows, **PLAIN, config=DailyConfig(repeats="drop"))


@pytest.mark.filterwarnings("ignore:1 row has no id")
def test_a_refusal_says_what_rows_without_an_id_are_recognised_by(tmp_path: Path) -> None:
    whole, args = scored(MONDAY, (None, at(8, 14), "no id", 0.5), TUESDAY), {**ARGS, "text_col": None}
    with pytest.raises(InputError, match=r"^1 of the 3 rows count .*\n.*ids \(--id-col\) or texts \(--text-col\)"):
        nights(tmp_path, whole.head(2), whole, **args)
    (tmp_path / "texts").mkdir()
    *_, last = nights(tmp_path / "texts", whole.head(2), whole, **ARGS)  # by its text
    assert (last.n_repeated, last.daily["n_docs"].to_list()) == (2, [2, 1])
    (tmp_path / "other").mkdir()
    with pytest.raises(InputError, match=r"old values.$"):
        nights(tmp_path / "other", scored(MONDAY), scored(("late", at(8, 14), "late", 0.5)), **ARGS)


def test_rows_without_an_id_count_each_and_are_reported() -> None:
    rows = scored(
        *[
            (value, at(8, 15), f"text {i}", 0.5)
            for i, value in enumerate([None, None, "", " nan ", "a\ufffd", "b", "b"])
        ]
    )
    with pytest.warns(SentiscoreWarning) as caught:
        found = features.daily(rows, **ARGS)
    assert found["n_docs"].to_list() == [6]
    told = [str(one.message) for one in caught]
    assert any(one.startswith("5 rows have no id, or a damaged one; each counts by itself") for one in told)


@pytest.mark.parametrize(
    "ids",
    [
        pl.Series(["7", "7", "8"]),
        pl.Series([7, 7, 8], dtype=pl.UInt64),
        pl.Series([7, 7, 8], dtype=pl.Decimal(38, 0)),
        pl.Series(["7", " 7", "8"], dtype=pl.Categorical),
        pl.Series([b"7", b"7", b"8"]),
        pl.Series([b"\xff\x01", b"\xff\x01", b"\xff\x02"]),
    ],
)
def test_ids_are_text_whole_numbers_or_bytes(ids: pl.Series) -> None:
    rows = scored(MONDAY, MONDAY, MONDAY).with_columns(ids.alias("id"))
    assert features.daily(rows, **ARGS)["n_docs"].to_list() == [2]


def test_a_number_and_its_digits_are_one_id(tmp_path: Path) -> None:
    rows = scored((7, at(8, 22), "evening", 0.5))
    _, second = nights(tmp_path, rows, rows.with_columns(pl.col("id").cast(pl.String)), **ARGS)
    assert second.daily["n_docs"].to_list() == [1]


@pytest.mark.parametrize(
    "ids",
    [pl.Series([1.0, 1.0]), pl.Series([True, False]), pl.Series([["a"], ["b"]]), pl.Series([date(2024, 1, 8)] * 2)],
)
def test_ids_of_other_types_are_refused(ids: pl.Series) -> None:
    rows = scored(MONDAY, MONDAY).with_columns(ids.alias("id"))
    with pytest.raises(InputError, match=r"id column 'id' holds .*\n.*text or a whole number"):
        features.daily(rows, **ARGS)


def test_a_missing_id_column_is_named() -> None:
    with pytest.raises(InputError, match=r"no column 'id'.*\n.*--id-col \(id_col\)"):
        features.daily(scored(MONDAY).drop("id"), **ARGS)


def test_an_id_column_may_have_any_name() -> None:
    rows = scored(MONDAY, MONDAY).rename({"id": "^.*$"})
    assert features.daily(rows, **{**ARGS, "id_col": "^.*$"})["n_docs"].to_list() == [1]


def test_whether_ids_are_used_belongs_to_the_daily_file(tmp_path: Path) -> None:
    nights(tmp_path, scored(MONDAY), **ARGS)
    source = write_frame(scored(TUESDAY), tmp_path / "other.parquet")
    with pytest.raises(InputError, match="id column was True and is False") as caught:
        update_daily(source, daily=tmp_path / "daily.parquet", as_of=at(9, 23), calendar="XNYS", **PLAIN)
    assert "--id-col" not in str(caught.value)
    other = tmp_path / "plain.parquet"
    update_daily(source, daily=other, as_of=at(9, 23), calendar="XNYS", **PLAIN)
    with pytest.raises(InputError, match="id column was False and is True") as caught:
        update_daily(
            write_frame(scored(MONDAY), tmp_path / "m.parquet"), daily=other, as_of=at(9, 23), calendar="XNYS", **ARGS
        )
    assert "--id-col id" in str(caught.value)


@pytest.mark.parametrize("dtype", [pl.Int64(), pl.Categorical(), pl.Date()])
def test_entities_of_any_type_have_ids(tmp_path: Path, dtype: pl.DataType) -> None:
    ticker = pl.Series([7], dtype=pl.Int32).cast(pl.String if dtype == pl.Categorical else dtype).cast(dtype)
    first, second = (
        rows.with_columns(ticker.new_from_index(0, rows.height).alias("ticker"))
        for rows in (scored(MONDAY, *EVENING), scored(*EVENING, TUESDAY))
    )
    done = nights(tmp_path, first, second, **ARGS)[-1]
    assert done.daily.schema["unique_id"] == dtype
    assert done.daily["n_docs"].to_list() == [1, 3]


def test_a_revision_does_not_count_known_rows_again(tmp_path: Path) -> None:
    (first,) = nights(tmp_path, scored(MONDAY, *EVENING), **PLAIN)
    again = write_frame(scored(MONDAY, *EVENING).with_columns(rescored=pl.lit(1)), tmp_path / "again.parquet")
    done = update_daily(again, daily=tmp_path / "daily.parquet", as_of=at(9, 1), calendar="XNYS", revise=True, **PLAIN)
    assert done.n_repeated == 3
    assert_frame_equal(done.daily, first.daily, check_exact=True)


def test_equal_rows_of_one_file_are_counted_and_reported_without_ids(tmp_path: Path) -> None:
    with pytest.warns(SentiscoreWarning, match=f"^1 row is {COPIES}"):
        (done,) = nights(tmp_path, scored(MONDAY, MONDAY), **PLAIN)
    assert done.daily["n_docs"].to_list() == [2]


def test_known_midnights_are_counted_once(tmp_path: Path) -> None:
    days = [(f"{day}", at(day, 0), f"text {day}", 0.5) for day in (8, 9)]
    others = [
        (f"o{i}", at(8, 1 + i % 6).replace(minute=1 + i % 50, second=i % 60), f"other {i}", 0.5) for i in range(150)
    ]
    source = write_frame(scored(*days, *others), tmp_path / "all.parquet")
    for _ in range(6):
        done = update_daily(source, daily=tmp_path / "daily.parquet", as_of=at(10, 0), calendar="XNYS", **ARGS)
    assert done.daily["n_docs"].sum() == 152


def test_a_job_scores_every_row_and_counts_an_id_once(tmp_path: Path, tiny_checkpoint: Path) -> None:
    news = pl.DataFrame({"headline": TEXTS[:2] * 2, "day": ["2024-01-05T15:00:00Z"] * 4, "key": [7, 8, 7, 8]})
    source = write_frame(news, tmp_path / "news.parquet")
    done = score_file(source, text_col="headline", model=tiny_checkpoint, time_col="day", id_col="key")
    rows = pl.read_parquet(done.outputs[0])
    assert_frame_equal(rows.select(news.columns), news)
    assert pl.read_parquet(done.daily[0])["n_docs"].to_list() == [2]
    assert done.n_repeated == 2
    made = daily_file(done.outputs[0], time_col="day", text_col="headline", id_col="key", output=tmp_path / "d.parquet")
    assert_frame_equal(pl.read_parquet(made.output), pl.read_parquet(done.daily[0]), check_exact=True)
    with pytest.raises(InputError, match="need a time column"):
        score_file(source, text_col="headline", model=tiny_checkpoint, id_col="key", output=tmp_path / "x.parquet")


def test_the_summary_says_how_many_rows_were_counted_before(tmp_path: Path) -> None:
    source, target = write_frame(scored(MONDAY, MONDAY, *EVENING), tmp_path / "s.parquet"), tmp_path / "d.parquet"
    asked = [
        "features",
        str(source),
        "--time-col",
        "at",
        "--entity-col",
        "ticker",
        "--text-col",
        "text",
        "--id-col",
        "id",
    ]
    for more, told in (
        (["-o", str(target)], "1 row was counted before"),
        (["--update", str(tmp_path / "u.parquet")], "1 row was"),
    ):
        done = CliRunner().invoke(cli, [*asked, *more])
        assert done.exit_code == 0, done.output
        assert told in done.output
    again = CliRunner().invoke(cli, [*asked, "--update", str(tmp_path / "u.parquet")])
    assert again.exit_code == 0, again.output
    assert "4 rows were counted before" in again.output


def test_nothing_is_reported_where_ids_do_their_work() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        features.daily(scored(MONDAY, MONDAY, *EVENING, *EVENING), **ARGS)


@pytest.mark.parametrize(
    ("dtype", "fraction"), [(pl.Float64(), True), (pl.Boolean(), False), (pl.Decimal(9, 2), False)]
)
def test_a_column_that_holds_no_ids_is_refused_and_fractions_are_explained(dtype: pl.DataType, fraction: bool) -> None:
    with pytest.raises(InputError, match=r"The id column 'story' holds .*\n.*whole number") as caught:
        check_ids(dtype, "story")
    assert ("cannot hold long ids" in caught.value.hint) is fraction
