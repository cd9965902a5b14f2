"""Fine-tuning on labels of one's own: how rows are split, and the whole of it with a tiny model."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fine_tune
from sentiscore import InputError, Recipe
from tests.effort import examples, larger
from tests.shipped import PIPELINES

START = datetime(2024, 1, 1, tzinfo=UTC)


@settings(max_examples=examples(200))
@given(rows=st.lists(st.tuples(st.integers(0, 30), st.sampled_from("abcdefghijklm")), min_size=3, max_size=60))
def test_parts_follow_each_other_in_time_and_share_no_text(rows: list[tuple[int, str]]) -> None:
    times = [START + timedelta(days=day) for day, _ in rows]
    frame = pl.DataFrame(
        {"at": times, "text": [f"The {t}!" if i % 2 else f"the  {t}" for i, (_, t) in enumerate(rows)]}
    )
    parts = fine_tune.split(frame, "text", "at")
    seen: set[str] = set()
    ends = START - timedelta(days=1)
    for part in parts.values():
        texts = {fine_tune.key_of(text) for text in part["text"]}
        assert not texts & seen
        seen |= texts
        if part.height:
            assert part["at"].is_sorted()
            assert part["at"][0] > ends
            ends = part["at"][-1]
    assert seen == {fine_tune.key_of(text) for text in frame["text"]}


def test_the_shares_are_those_of_the_page() -> None:
    frame = pl.DataFrame(
        {"at": [f"2024-01-01T00:00:{i % 60:02}.{i:06}Z" for i in range(50)], "text": list(map(str, range(50)))}
    )
    assert [part.height for part in fine_tune.split(frame, "text", "at").values()] == [30, 10, 10]


@pytest.mark.parametrize(
    "value",
    ["2024-02-05", "2024-02-05T00:00:00Z", "2024-02-05 01:00:00+01:00", date(2024, 2, 5), datetime(2024, 2, 5)],  # noqa: DTZ001
)
def test_a_time_may_be_a_date_or_text(value: Any) -> None:
    assert fine_tune.instant_of(value) == datetime(2024, 2, 5, tzinfo=UTC)


@pytest.mark.parametrize("value", ["yesterday", 5])
def test_something_else_is_no_time(value: Any) -> None:
    with pytest.raises(InputError, match="not a time"):
        fine_tune.instant_of(value)


def labelled(path: Path, rows: int = 120) -> Path:
    """Rows whose label follows from their words, with some texts twice and some rows without a label."""
    words = {"positive": ("profit rises", "strong demand"), "negative": ("shares fall", "weak results")}
    labels = [list(words)[i % 2] for i in range(rows)]
    pl.DataFrame(
        {
            "text": [f"{words[label][i % 4 // 2]} {i - i % 10 // 9 * 40}" for i, label in enumerate(labels)],
            "label": [None if i % 29 == 7 else label for i, label in enumerate(labels)],
            "published_at": [f"{START + timedelta(hours=i):%Y-%m-%dT%H:%M:%SZ}" for i in range(rows)],
        }
    ).write_csv(path)
    return path


@pytest.fixture
def recipe(tmp_path: Path, tiny_base: Path) -> Path:
    path = tmp_path / "recipe.toml"
    path.write_text(f'base = "{tiny_base}"\nmax_steps = 4\nmax_length = 32\nevals_per_epoch = 1\nprecision = "fp32"\n')
    return path


@pytest.mark.thorough  # it trains and measures three models
@larger
@pytest.mark.filterwarnings("ignore::sentiscore.SentiscoreWarning")
def test_a_model_is_trained_on_the_past_measured_on_what_came_later_and_reported(
    tmp_path: Path, recipe: Path, tiny_checkpoint: Path
) -> None:
    output = tmp_path / "mine"
    table = labelled(tmp_path / "labels.csv")
    code = fine_tune.main([str(table), "-o", str(output), "--recipe", str(recipe), "--against", str(tiny_checkpoint)])
    summary = json.loads((output / "report.json").read_text())
    assert code == (0 if summary["better"] else fine_tune.NO_BETTER)
    report = (output / "report.md").read_text()
    assert "TF-IDF baseline" in report
    assert "fine-tuned model before temperature" in report
    assert "| tiny" not in report or str(tiny_checkpoint) in report
    assert json.loads((output / "evaluation.json").read_text())[0]["rows"] == summary["rows"]["test"]
    assert "<html" in (output / "behaviour.html").read_text()
    parts = {name: pl.read_parquet(output / "rows" / f"{name}.parquet") for name in fine_tune.PARTS}
    times = {name: part["published_at"].sort() for name, part in parts.items()}
    assert times["train"][-1] < times["validation"][0]
    assert {name: part.height for name, part in parts.items()} == summary["rows"]


def test_a_part_without_one_of_the_classes_is_an_error_that_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    labels = ["positive" if i % 2 or i > 70 else "negative" for i in range(100)]
    table = tmp_path / "labels.parquet"
    times = [START + timedelta(days=i) for i in range(100)]
    pl.DataFrame({"text": [f"text {i}" for i in range(100)], "label": labels, "published_at": times}).write_parquet(
        table
    )
    assert fine_tune.main([str(table), "-o", str(tmp_path / "mine")]) == fine_tune.FAILED
    assert "differ in the classes negative" in caplog.text


def test_the_recipe_starts_from_the_default_model_and_differs_from_the_tuned_one_only_for_few_rows() -> None:
    recipe = Recipe.read(PIPELINES / "fine_tune" / "few_labels.toml")
    assert (recipe.base, recipe.method) == ("default", "full")
