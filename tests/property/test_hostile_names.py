"""A column is the one with that name, whatever the name looks like to polars, pyarrow or a spreadsheet."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from sentiscore import InputError, Scorer, evaluate, features, monitor, read_labelled, score_file
from sentiscore.features import panel
from sentiscore.labels import score_columns
from sentiscore.nightly.plot_file import plot_file
from sentiscore.tables import read_table
from sentiscore.tables.labelled import read_soft_labelled
from tests.conftest import TEXTS
from tests.effort import combined, examples
from tests.scored_rows import scored_rows

NAMES = (
    *("^h.*$", "^.*$", "^$", "*", "**", "^", "$", ".*", " ", "\n", "a\nb", 'q"t', "it's", "len", "all", "at", "which"),
    *("a.b", "a", "b[0]", "__row", "__at", "row", "name", "key", "text", "rows", "first", "step", "\u00e9", "p_*"),
)
FEW = settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
four_names = st.lists(st.sampled_from(NAMES), min_size=4, max_size=4, unique=True)
ROLES = ("headline", "published", "ticker", "weight")


@pytest.fixture(scope="module")
def scorer(tiny_checkpoint: Path) -> Scorer:
    return Scorer.from_pretrained(tiny_checkpoint, device="cpu", dtype="fp32")


def table(names: list[str]) -> pl.DataFrame:
    """Texts, times, entities and weights under these names."""
    columns: list[list[Any]] = [
        [*TEXTS, TEXTS[0]],
        [f"2024-01-0{day}T15:00:00Z" for day in (2, 2, 3, 3, 4, 4)],
        ["A", "B", "A", "B", "A", "A"],
        [1.5, 1.0, 0.5, 2.0, 1.0, 1.0],
    ]
    return pl.DataFrame(dict(zip(names, columns, strict=True)))


def plain(frame: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    return frame.rename(dict(zip(names, ROLES, strict=True)))


@FEW
@given(names=four_names)
def test_scoring_a_frame_takes_the_named_column(scorer: Scorer, names: list[str]) -> None:
    expected = scorer.score_frame(table(list(ROLES)), text_col="headline")
    assert_frame_equal(plain(scorer.score_frame(table(names), text_col=names[0]), names), expected)


@pytest.mark.parametrize(
    ("output", "kind"), combined(["out.csv", "out.parquet", "out.ndjson", "out/"], ["csv", "parquet", "ndjson"])
)
@settings(FEW, max_examples=3)
@given(names=four_names)
def test_a_job_reads_keeps_and_writes_columns_of_any_name(
    scorer: Scorer, tmp_path: Path, kind: str, output: str, names: list[str]
) -> None:
    text, at, entity, weight = names
    source = tmp_path / f"in.{kind}"
    getattr(table(names), f"write_{kind}")(source)
    target = f"{tmp_path / output}{'/' * output.endswith('/')}"
    more: dict[str, Any] = {"time_col": at, "entity_col": entity, "weight_col": weight, "bad_rows": "fail"}
    summary = score_file(source, text_col=text, model=scorer, output=target, csv_as_is=True, **more)
    found = read_table(summary.outputs[0])
    assert found.columns == [*names, *scorer.columns]
    assert found[text].to_list() == [*TEXTS, TEXTS[0]]
    assert found[entity].to_list() == ["A", "B", "A", "B", "A", "A"]
    expected = features.daily(
        scorer.score_frame(table(list(ROLES)), text_col="headline"),
        time_col="published",
        entity_col="ticker",
        weight_col="weight",
        text_col="headline",
    )
    assert_frame_equal(read_table(summary.daily[0]), expected)
    again = {"time_col": at, "entity_col": entity, "weight_col": weight, "text_col": text}
    assert_frame_equal(features.daily(found, **again), expected, check_exact=False)  # type: ignore[arg-type]


@FEW
@given(names=four_names)
def test_windows_targets_and_panels_take_the_named_columns(scorer: Scorer, names: list[str]) -> None:
    """Daily features whose columns of numbers have these names."""
    scored = scorer.score_frame(table(list(ROLES)), text_col="headline")
    daily = features.daily(scored, time_col="published", entity_col="ticker")
    ours = ["sent_mean", "n_docs", "pos_share", "news_flag"]
    hostile = daily.rename(dict(zip(ours, names, strict=True)))

    def same(made: pl.DataFrame, expected: pl.DataFrame) -> None:
        back = {}
        for name in made.columns:
            for mine, theirs in zip(ours, names, strict=True):
                if name == theirs or name.startswith(f"{theirs}__"):
                    back[name] = mine + name.removeprefix(theirs)
        assert_frame_equal(made.rename(back), expected)

    same(features.add_lags(hostile, names, 1), features.add_lags(daily, ours, 1))
    same(features.add_rolling(hostile, names, 2), features.add_rolling(daily, ours, 2))
    same(features.add_ewm(hostile, names, 2), features.add_ewm(daily, ours, 2))
    target = pl.DataFrame({"entity": ["A", "B", "C"], "at": [datetime(2024, 1, 6, tzinfo=UTC)] * 3})
    target = target.rename({"entity": names[2], "at": names[3]})
    settings: dict[str, Any] = {"id_col": names[2], "time_col": names[3], "max_age": timedelta(days=9)}
    with pytest.warns(UserWarning, match="1 of 3 entities"):
        joined = features.join_target(hostile, target, columns=names[:2], **settings)
    with pytest.warns(UserWarning, match="1 of 3 entities"):
        expected = features.join_target(daily, target, columns=ours[:2], **settings)
    assert joined.columns[2:4] == names[:2]
    assert [joined[name].to_list() for name in joined.columns] == [
        expected[name].to_list() for name in expected.columns
    ]
    y = pl.DataFrame({"unique_id": ["A"] * 3, "ds": [date(2024, 1, day) for day in (2, 3, 4)], "y": [1.0, 2.0, 3.0]})
    with pytest.warns(UserWarning, match="without a target"):
        found = panel.to_nixtla(hostile, y, h=1, columns=names, fill=0.0)
    with pytest.warns(UserWarning, match="without a target"):
        wanted = panel.to_nixtla(daily, y, h=1, columns=ours, fill=0.0)
    same(found.df, wanted.df)
    with pytest.warns(UserWarning, match="without a target"):
        assert panel.to_autogluon(hostile, y, columns=names).df.columns[3:] == names


@pytest.mark.parametrize("name", ["^h.*$", "*", "^$", "at", "which"])
def test_a_plot_draws_the_named_column(tmp_path: Path, name: str) -> None:
    days = pl.DataFrame({"unique_id": ["A", "A"], "ds": [date(2024, 1, 1), date(2024, 1, 2)], "n_docs": [1, 2]})
    days.with_columns(pl.Series(name, [0.25, 0.625])).write_parquet(tmp_path / "daily.parquet")
    pytest.importorskip("plotly")
    drawn = plot_file(tmp_path / "daily.parquet", column=name)
    assert '"y":[0.25,0.625]' in drawn.output.read_text()


@pytest.mark.parametrize("name", ["name", "known"])
def test_a_plot_refuses_a_column_called_as_its_own(tmp_path: Path, name: str) -> None:
    days = pl.DataFrame({"unique_id": ["A"], "ds": [date(2024, 1, 1)], "n_docs": [1], name: [0.5]})
    days.write_parquet(tmp_path / "daily.parquet")
    pytest.importorskip("plotly")
    with pytest.raises(InputError, match=f"cannot be drawn under the name '{name}'"):
        plot_file(tmp_path / "daily.parquet", column=name)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@settings(FEW, max_examples=4)
@given(names=four_names)
def test_labelled_rows_and_soft_labels_are_read_from_the_named_columns(
    scorer: Scorer, tmp_path: Path, kind: str, names: list[str]
) -> None:
    text, label, *_ = names
    path = tmp_path / f"rows.{kind}"
    frame = pl.DataFrame({text: TEXTS[:4], label: ["positive", "negative"] * 2, names[2]: ["x"] * 4})
    getattr(frame, f"write_{kind}")(path)
    data = read_labelled(path, text_col=text, label_col=label)
    assert (data.texts, data.label_names) == (TEXTS[:4], ["positive", "negative"] * 2)
    assert evaluate(data, model=scorer, resamples=1).rows == 4
    soft = scorer.score_frame(frame, text_col=text)
    soft.write_parquet(tmp_path / "soft.parquet")
    assert read_soft_labelled(tmp_path / "soft.parquet", text_col=text).texts == TEXTS[:4]


@settings(FEW, max_examples=5)
@given(names=four_names)
def test_monitoring_looks_at_the_named_columns(names: list[str]) -> None:
    rows = scored_rows(300)
    text, at, *_ = names
    hostile = rows.rename({"text": text, "published_at": at}).with_columns(pl.lit("x").alias(names[2]))
    report = monitor(hostile, reference=hostile, text_col=text, time_col=at)
    assert (
        report.to_dict()["checks"]
        == monitor(rows, reference=rows, text_col="text", time_col="published_at").to_dict()["checks"]
    )


@pytest.mark.parametrize("role", ["text_col", "time_col", "entity_col", "weight_col", "columns"])
def test_a_name_that_looks_like_a_pattern_matches_no_other_column(scorer: Scorer, tmp_path: Path, role: str) -> None:
    source = tmp_path / "in.parquet"
    table(list(ROLES)).write_parquet(source)
    named: dict[str, Any] = {"text_col": "headline", "time_col": "published"}
    named |= {role: ["^h.*$"] if role == "columns" else "^h.*$"}
    with pytest.raises(InputError, match=r"'\^h\.\*\$'"):
        score_file(source, model=scorer, output=tmp_path / "out.parquet", **named)


@pytest.mark.parametrize("name", [name for name in score_columns(("negative", "positive")) if name != "label"])
def test_a_kept_column_called_as_one_of_ours_is_a_clear_clash(scorer: Scorer, name: str) -> None:
    with pytest.raises(InputError, match=f"already has the column {name}, which scoring adds"):
        scorer.score_frame(pl.DataFrame({"text": ["good"], name: ["x"]}), text_col="text")


def test_forecasts_for_dates_take_the_named_columns() -> None:
    daily = pl.DataFrame(
        {
            "unique_id": ["A"],
            "ds": [date(2024, 1, 1)],
            "available_at": pl.Series([datetime(2024, 1, 2, tzinfo=UTC)], dtype=pl.Datetime("us", "UTC")),
            "*": [0.5],
        }
    )
    prices = pl.DataFrame({"^a.*$": ["A"], "*": [date(2024, 1, 3)], "at": [1], "row": [2]})
    with pytest.raises(InputError, match=r"The columns \* are there already"):
        features.join_target(daily, prices, time_col="*", id_col="^a.*$", tz="UTC", time_of_day=time(9))
    joined = features.join_target(
        daily.rename({"*": "^.*$"}), prices, time_col="*", id_col="^a.*$", tz="UTC", time_of_day=time(9)
    )
    assert joined["^.*$"].to_list() == [0.5]
    assert joined["feature_age"].to_list() == [timedelta(days=1, hours=9)]
