"""The namespace of sentiment in polars: what an expression gives is what the scorer gives."""

import pickle
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import sentiscore.polars
from sentiscore import InputError, Scorer, ScorerOptions, features
from sentiscore.checkpoint import Checkpoint
from sentiscore.engine.classifier import Classifier
from sentiscore.polars import ExprSentiment, FrameSentiment, LazySentiment, release_models
from tests.conftest import TEXTS

ENGINES: tuple[Literal["in-memory", "streaming"], ...] = ("in-memory", "streaming")
FRAME = pl.DataFrame({"group": [1, 2, 1, 1, 2, 2, 1], "text": [*TEXTS[:3], None, "", "  ", TEXTS[0]]})
TEXT = pl.col("text")


def sentiment(texts: pl.Expr) -> ExprSentiment:
    """The registered namespace, which mypy does not see."""
    found: ExprSentiment = texts.sentiment  # type: ignore[attr-defined]
    return found


@pytest.fixture(autouse=True)
def released() -> Iterator[None]:
    yield
    release_models()


@pytest.fixture(scope="module")
def wanted(tiny_checkpoint: Path) -> pl.DataFrame:
    return Scorer.from_pretrained(tiny_checkpoint).score(FRAME["text"])


@pytest.mark.parametrize("engine", ENGINES)
def test_the_expression_equals_the_scorer(
    tiny_checkpoint: Path, wanted: pl.DataFrame, engine: Literal["in-memory", "streaming"]
) -> None:
    query = FRAME.lazy().select(sentiment(TEXT).score(tiny_checkpoint).alias("scores"))
    assert query.collect_schema() == pl.Schema({"scores": pl.Struct(wanted.schema)})
    assert_frame_equal(query.unnest("scores").collect(engine=engine), wanted)
    assert_frame_equal(FRAME.select(sentiment(TEXT).score(tiny_checkpoint).struct.unnest()), wanted)


@pytest.mark.parametrize("engine", ENGINES)
def test_groups_windows_and_filters_see_the_scores_of_their_rows(
    tiny_checkpoint: Path, wanted: pl.DataFrame, engine: Literal["in-memory", "streaming"]
) -> None:
    scored = FRAME.hstack(wanted)
    field = sentiment(TEXT).score(tiny_checkpoint).struct.field("sentiment")
    uses: list[Callable[[pl.LazyFrame, pl.Expr], pl.LazyFrame]] = [
        lambda rows, x: rows.group_by("group").agg(x.mean()).sort("group"),
        lambda rows, x: rows.group_by("group", maintain_order=True).agg(x),
        lambda rows, x: rows.select(x.mean().over("group")),
        lambda rows, x: rows.filter(x > 0).select("text"),
        lambda rows, x: rows.select("text", x.alias("sentiment")).filter(pl.col("text") == TEXTS[0]).tail(1),
    ]
    for use in uses:
        found = use(FRAME.lazy(), field).collect(engine=engine)
        assert_frame_equal(found, use(scored.lazy(), pl.col("sentiment")).collect(engine=engine), abs_tol=1e-6)


def test_a_part_of_a_stream_scores_equal_texts_once(tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    run = Classifier.run

    def counted(self: Classifier, encoded: Any, *more: Any) -> Any:
        seen.append(encoded.lengths.size)
        return run(self, encoded, *more)

    expression = sentiment(TEXT).score(tiny_checkpoint)
    monkeypatch.setattr(Classifier, "run", counted)
    rows = pl.LazyFrame({"text": TEXTS[:2] * 500})
    assert rows.select(expression).collect(engine="streaming").height == 1000
    assert seen
    assert max(seen) <= 2


def test_a_model_is_loaded_once_for_all_expressions_of_a_process(
    tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = []
    load = Classifier.load

    def counted(checkpoint: Checkpoint, **options: Any) -> Classifier:
        loaded.append(checkpoint.name)
        return load(checkpoint, **options)

    monkeypatch.setattr(Classifier, "load", counted)
    threads = [threading.Thread(target=lambda: sentiment(TEXT).score(tiny_checkpoint)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sentiment(TEXT).score(ScorerOptions(model=tiny_checkpoint))
    query = FRAME.lazy().select(sentiment(TEXT).score(tiny_checkpoint))
    assert pickle.loads(pickle.dumps(query)).collect().height == FRAME.height  # noqa: S301 - the test's own
    assert len(loaded) == 1
    release_models()
    sentiment(TEXT).score(tiny_checkpoint)
    assert len(loaded) == 2


def test_only_the_models_used_last_are_kept_and_a_changed_folder_is_loaded_again(
    make_checkpoint: Callable[..., Path], tmp_path: Path, wanted: pl.DataFrame
) -> None:
    three = ("negative", "neutral", "positive")
    folder = make_checkpoint(tmp_path / "model")
    assert_frame_equal(FRAME.select(sentiment(TEXT).score(folder).struct.unnest()), wanted)
    make_checkpoint(folder, labels=three)
    assert "p_neutral" in FRAME.select(sentiment(TEXT).score(folder).struct.unnest()).columns


@pytest.mark.parametrize("dtype", [pl.String, pl.Categorical, pl.Enum([*dict.fromkeys(FRAME["text"].drop_nulls())])])
def test_texts_of_any_type_are_scored(tiny_checkpoint: Path, wanted: pl.DataFrame, dtype: Any) -> None:
    made = FRAME.select(sentiment(TEXT.cast(dtype)).score(tiny_checkpoint).struct.unnest())
    assert_frame_equal(made, wanted)


@pytest.mark.parametrize("engine", ENGINES)
def test_columns_without_texts_give_rows_without_scores(
    tiny_checkpoint: Path, engine: Literal["in-memory", "streaming"]
) -> None:
    for given in (FRAME.clear(), FRAME.select(pl.lit(None).alias("text")), FRAME.select(text=None)):
        made = given.lazy().select(sentiment(TEXT).score(tiny_checkpoint).struct.unnest()).collect(engine=engine)
        assert (made.height, made["sentiment"].count()) == (given.height, 0)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_not_text_is_an_error_with_its_own_type(
    tiny_checkpoint: Path, engine: Literal["in-memory", "streaming"]
) -> None:
    query = FRAME.lazy().select(sentiment(pl.col("group")).score(tiny_checkpoint))
    with pytest.raises(InputError, match="the series holds Int64"):
        query.collect(engine=engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_text_is_read_for_the_target_of_its_row(
    tiny_targets: Path, tmp_path: Path, engine: Literal["in-memory", "streaming"]
) -> None:
    scorer = Scorer.from_pretrained(tiny_targets)
    text = "profit rises at Gold, shares of Silver fall"
    rows = pl.DataFrame({"text": [text, text, text, None], "of": ["Gold", "Silver", None, "Gold"], "n": [1, 2, 3, 4]})
    for target, values in (("of", rows["of"].to_list()), (pl.lit("Gold"), ["Gold"] * 4), (pl.col("of").head(1), None)):
        made = rows.lazy().select(sentiment(TEXT).score(tiny_targets, target=target).struct.unnest())
        assert_frame_equal(made.collect(engine=engine), scorer.score(rows["text"], values or ["Gold"] * 4))
    assert rows.clear().select(sentiment(TEXT).score(tiny_targets, target=pl.lit("Gold"))).height == 0
    names = tmp_path / "names.csv"
    names.write_text("entity,name\n1,Gold\n2,Silver\n")
    made = rows.lazy().select(sentiment(TEXT).score(tiny_targets, target="n", targets=names).struct.unnest())
    wanted = scorer.score_frame(rows, text_col="text", target_col="n", targets=names).drop(rows.columns)
    assert_frame_equal(made.collect(engine=engine), wanted)
    lazy = scorer.score_frame(rows.lazy(), text_col="text", target_col="n", targets=names)
    assert_frame_equal(
        lazy.collect(engine=engine), scorer.score_frame(rows, text_col="text", target_col="n", targets=names)
    )


def test_a_model_that_reads_no_targets_says_so_before_the_query_runs(tiny_checkpoint: Path) -> None:
    with pytest.raises(InputError, match="cannot read targets"):
        sentiment(TEXT).score(tiny_checkpoint, target="group")
    with pytest.raises(InputError, match="no column of targets"):
        sentiment(TEXT).score(tiny_checkpoint, targets="names.csv")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_lazy_frame_is_scored_as_it_is_collected(
    tiny_checkpoint: Path, wanted: pl.DataFrame, engine: Literal["in-memory", "streaming"]
) -> None:
    scorer = Scorer.from_pretrained(tiny_checkpoint)
    given = FRAME.rename({"group": "scores"}).lazy()
    made = scorer.score_frame(given, text_col="text", prefix="s_")
    columns = ["scores", "text", *(f"s_{name}" for name in wanted.columns)]
    assert made.collect_schema().names() == columns
    assert_frame_equal(made.collect(engine=engine), scorer.score_frame(given.collect(), text_col="text", prefix="s_"))
    with pytest.raises(InputError, match="already has the column"):
        scorer.score_frame(made, text_col="text", prefix="s_")
    with pytest.raises(InputError, match="holds Int64, not text"):
        scorer.score_frame(given, text_col="scores")


@pytest.mark.parametrize("engine", ENGINES)
def test_daily_features_of_a_query_are_those_of_its_rows(
    tiny_checkpoint: Path, news: pl.DataFrame, engine: Literal["in-memory", "streaming"]
) -> None:
    scored = Scorer.from_pretrained(tiny_checkpoint).score_frame(news, text_col="headline")
    wanted = features.daily(scored, time_col="published_at", entity_col="ticker")
    frame: FrameSentiment = scored.sentiment  # type: ignore[attr-defined]
    lazy: LazySentiment = scored.lazy().sentiment  # type: ignore[attr-defined]
    assert_frame_equal(frame.daily(time_col="published_at", entity_col="ticker"), wanted)
    query = lazy.daily(time_col="published_at", entity_col="ticker")
    assert query.collect_schema() == wanted.schema
    assert_frame_equal(query.collect(engine=engine), wanted)
    with pytest.raises(InputError, match="no column 'at'"):
        lazy.daily(time_col="at")


def test_the_names_of_the_module_are_listed() -> None:
    assert sentiscore.polars.__all__ == sorted(sentiscore.polars.__all__)
