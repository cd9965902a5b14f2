"""Real fits and predictions with the forecasting libraries, whose own environment `make forecast` makes.

The target follows the sentiment of some sessions before. Each library is given what it takes, and must find that:
a forecast that is right proves that the feature of the origin reached it, and in its place.
"""

import math
import random
import re
from datetime import date, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiscore import Scorer, features
from tests.conftest import SHARED
from tests.daily_frames import daily_frame, target_frame, working_days
from tests.doc_blocks import blocks_of
from tests.effort import examples
from tests.look_ahead import OF_DARTS, check_no_look_ahead

NAMES = ("BBB", "AAA", "CCC")
LONG = 160
KNOWN = 150
DAYS = working_days(LONG)
HERE = "tests/integration/test_forecasting_libraries.py"
GUIDES = sorted((Path(__file__).parents[2] / "docs" / "how-to").glob("forecast-with-*.md"))
QUIET: dict[str, Any] = {
    "accelerator": "cpu",
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "enable_checkpointing": False,
    "logger": False,
}

pytestmark = [
    # sktime announces that 1.3 will keep no data; nothing here updates a fitted model
    pytest.mark.filterwarnings("ignore:The default of config ``remember_data``:FutureWarning"),
    # lightning asks torch's trees a question in torch's old way
    pytest.mark.filterwarnings("ignore:.*treespec, LeafSpec:FutureWarning"),
    # GluonTS would rather have a faster reader of JSON
    pytest.mark.filterwarnings("ignore:Using `json`-module:UserWarning"),
    # lightning's advice (its PossibleUserWarning) about longer runs than a test's: validation and logging
    pytest.mark.filterwarnings("ignore:You defined a `validation_step` but have no:UserWarning"),
    pytest.mark.filterwarnings("ignore:The number of training batches:UserWarning"),
]


def needs(*modules: str) -> pytest.MarkDecorator:
    missing = [name for name in modules if find_spec(name.split(".")[0]) is None]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} is not installed; make forecast runs this")


def followed(lag: int) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, list[float]]]:
    """Daily features with gaps in the news, a target that is twice the sentiment of `lag` sessions before, and that.

    Ids are categories and the target's are text, days are dates of a calendar with holidays.
    """
    rng = random.Random(7)  # noqa: S311
    news = {name: [rng.uniform(-1, 1) if rng.random() < 0.7 else None for _ in range(LONG)] for name in NAMES}
    zeros = {name: [x or 0.0 for x in values] for name, values in news.items()}
    targets = {
        name: [0.0] * lag + [2 * x + rng.gauss(0, 0.01) for x in values[: KNOWN - lag]]
        for name, values in zeros.items()
    }
    daily = daily_frame(news, days=DAYS).cast({"unique_id": pl.Categorical})
    y = target_frame(targets, DAYS).filter(pl.col("ds") >= DAYS[lag])
    return daily, y, zeros


def truth(zeros: dict[str, list[float]], lag: int, h: int) -> pl.DataFrame:
    """What the target would have been in the h sessions after its last, as far as it follows the sentiment."""
    rows = [(name, DAYS[KNOWN + i], 2 * zeros[name][KNOWN + i - lag]) for name in sorted(NAMES) for i in range(h)]
    return pl.DataFrame(rows, schema=["unique_id", "ds", "expected"], orient="row")


def largest_error(dated: pl.DataFrame, model: str, expected: pl.DataFrame) -> float:
    both = expected.join(dated, on=["unique_id", "ds"], how="left", validate="1:1")
    assert both[model].null_count() == 0
    assert dated.height == expected.height
    error: float = both.select((pl.col(model) - pl.col("expected")).abs().max()).item()
    return error


@needs("mlforecast")
@pytest.mark.parametrize("h", [1, 3])
def test_mlforecast_forecasts_from_lagged_features(h: int) -> None:
    from mlforecast import MLForecast
    from sklearn.linear_model import LinearRegression

    daily, y, zeros = followed(h)
    panel = features.to_nixtla(daily, y, h=h, fill=0.0)
    model = MLForecast(models=[LinearRegression()], freq=panel.freq, lags=[1])
    model.fit(panel.df, static_features=[])
    forecasts = panel.to_dates(model.predict(h, X_df=panel.X_df))
    assert largest_error(forecasts, "LinearRegression", truth(zeros, h, h)) < 0.05


@needs("mlforecast")
def test_mlforecast_takes_series_that_end_on_different_days_and_dates_of_every_day() -> None:
    from mlforecast import MLForecast
    from sklearn.linear_model import LinearRegression

    days = [date(2024, 1, 1) + timedelta(days=i) for i in range(60)]
    sentiment = {name: [math.sin(i * (k + 1)) for i in range(60)] for k, name in enumerate("AB")}
    lengths = {"A": 59, "B": 50}
    y = target_frame({name: [0.0, *(3 * x for x in own[: lengths[name] - 1])] for name, own in sentiment.items()}, days)
    panel = features.to_nixtla(daily_frame(sentiment, days=days), y.filter(pl.col("ds") > days[0]), h=1, time="date")
    model = MLForecast(models=[LinearRegression()], freq=panel.freq)
    model.fit(panel.df, static_features=[])
    forecasts = model.predict(1, X_df=panel.X_df)
    assert forecasts["ds"].to_list() == [days[59], days[50]]
    assert forecasts["LinearRegression"].to_list() == pytest.approx([3 * sentiment["A"][58], 3 * sentiment["B"][49]])


@needs("statsforecast")
@pytest.mark.parametrize("h", [1, 3])
def test_statsforecast_forecasts_from_lagged_features(h: int) -> None:
    from sklearn.linear_model import LinearRegression
    from statsforecast import StatsForecast
    from statsforecast.models import AutoARIMA, SklearnModel

    daily, y, zeros = followed(h)
    panel = features.to_nixtla(daily, y, h=h, columns="sent_mean", fill=0.0)
    models = [AutoARIMA(max_p=1, max_q=1), SklearnModel(LinearRegression())]
    forecasts = StatsForecast(models=models, freq=panel.freq).forecast(df=panel.df, h=h, X_df=panel.X_df)
    for model in ("AutoARIMA", "LinearRegression"):
        assert largest_error(panel.to_dates(forecasts), model, truth(zeros, h, h)) < 0.05


@needs("neuralforecast")
def test_neuralforecast_forecasts_from_features_that_are_known_up_to_the_origin() -> None:
    from neuralforecast import NeuralForecast
    from neuralforecast.models import MLP

    daily, y, zeros = followed(1)
    panel = features.to_nixtla(daily, y, h=1, exog="hist", columns="sent_mean", fill=0.0)
    model = MLP(
        h=1,
        input_size=2,
        hist_exog_list=list(panel.hist_exog),
        hidden_size=16,
        learning_rate=0.01,
        max_steps=150,
        **QUIET,
    )
    forecaster = NeuralForecast([model], freq=panel.freq)
    forecaster.fit(panel.df)
    forecasts = panel.to_dates(forecaster.predict())
    assert largest_error(forecasts, "MLP", truth(zeros, 1, 1)) < 0.3


@needs("darts")
def test_darts_forecasts_from_past_covariates() -> None:
    from darts.models import LinearRegressionModel

    daily, y, zeros = followed(1)
    panel = features.to_darts(daily, y, columns="sent_mean", fill=0.0)
    model = LinearRegressionModel(lags=1, lags_past_covariates=[-1], output_chunk_length=1)
    model.fit(panel.series, past_covariates=panel.past_covariates)
    made = model.predict(1, series=panel.series, past_covariates=panel.past_covariates)
    forecasts = pl.DataFrame(
        {
            "unique_id": panel.ids,
            "ds": [one.time_index[0] for one in made],
            "y": [float(one.values()[0, 0]) for one in made],
        }
    )
    assert largest_error(panel.to_dates(forecasts), "y", truth(zeros, 1, 1)) < 0.05


@needs("darts")
def test_darts_gets_dates_where_every_day_is_a_session() -> None:
    days = [date(2024, 1, 1) + timedelta(days=i) for i in range(6)]
    daily = daily_frame({"A": [0.5] * 6}, days=days)
    panel = features.to_darts(daily, target_frame({"A": [1.0] * 5}, days), time="date")
    assert str(panel.series[0].time_index[-1].date()) == "2024-01-05"
    assert panel.series[0].freq_str == "D"
    assert panel.past_covariates[0].components.tolist() == ["n_docs", "sent_mean"]


@needs("darts")
@pytest.mark.filterwarnings("ignore:.*lie before or after all sessions")
@pytest.mark.filterwarnings("ignore:.*equal in entity, time and text")
@settings(max_examples=examples(20), deadline=None)
@given(data=st.data())
def test_no_covariate_of_darts_knows_anything_after_its_target_begins(data: st.DataObject) -> None:
    check_no_look_ahead(data, OF_DARTS)


@needs("sktime")
@pytest.mark.parametrize("h", [1, 3])
def test_sktime_forecasts_from_lagged_features(h: int) -> None:
    from sklearn.linear_model import LinearRegression
    from sktime.forecasting.compose import YfromX

    daily, y, zeros = followed(h)
    panel = features.to_sktime(daily, y, h=h, columns="sent_mean", fill=0.0)
    forecaster = YfromX(LinearRegression())
    forecaster.fit(panel.y, X=panel.X, fh=panel.fh)
    forecasts = pl.from_pandas(forecaster.predict(X=panel.X_future).reset_index())
    assert largest_error(panel.to_dates(forecasts), "y", truth(zeros, h, h)) < 0.05


@needs("gluonts", "lightning")
def test_gluonts_takes_features_that_are_known_up_to_the_origin(tmp_path: Path) -> None:
    from gluonts.torch import TemporalFusionTransformerEstimator

    daily, y, _ = followed(1)
    panel = features.to_gluonts(daily, y, fill=0.0)
    estimator = TemporalFusionTransformerEstimator(
        freq=panel.freq,
        prediction_length=2,
        context_length=6,
        past_dynamic_dims=[len(panel.columns)],
        time_features=[],
        hidden_dim=4,
        num_heads=1,
        batch_size=8,
        num_batches_per_epoch=2,
        trainer_kwargs={
            "max_epochs": 1,
            "accelerator": "cpu",
            "enable_progress_bar": False,
            "logger": False,
            "default_root_dir": tmp_path,
        },
    )
    made = list(estimator.train(panel.dataset).predict(panel.dataset))
    assert [forecast.item_id for forecast in made] == sorted(NAMES)
    assert all(math.isfinite(x) for forecast in made for x in forecast.quantile(0.5))
    starts = pl.DataFrame({"ds": [forecast.start_date.ordinal for forecast in made]})
    assert panel.to_dates(starts)["ds"].to_list() == [DAYS[KNOWN]] * 3


@pytest.mark.skipif(find_spec("autogluon") is None, reason="AutoGluon cannot share an environment with sentiscore yet")
def test_autogluon_takes_the_frame() -> None:
    daily, y, _ = followed(1)
    panel = features.to_autogluon(daily, y, fill=0.0)
    assert panel.time_series().freq == panel.freq


# --- real tweets and prices ---


@pytest.fixture(scope="module")
def stocknet() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Daily features of three companies' tweets, made to the shape of `features.daily`, and log returns."""
    tickers = ["DIS", "C", "FB"]
    prices = pl.read_parquet(SHARED / "stocknet" / "prices.parquet").filter(pl.col("ticker").is_in(tickers))
    tweets = pl.read_parquet(SHARED / "stocknet" / "tweets.parquet").filter(pl.col("ticker").is_in(tickers))
    scored = Scorer.from_pretrained(device="cpu").score_frame(tweets.head(4000), text_col="text")
    closes = (
        prices.select(ds="date")
        .unique()
        .sort("ds")
        .with_row_index("session_idx")
        .with_columns(
            pl.col("session_idx").cast(pl.Int32),
            available_at=pl.col("ds")
            .dt.combine(pl.time(16))
            .dt.replace_time_zone("America/New_York")
            .dt.convert_time_zone("UTC"),
        )
    )
    placed = scored.sort("created_at").join_asof(
        closes, left_on="created_at", right_on="available_at", strategy="forward", coalesce=False
    )
    sums = placed.group_by("ticker", "session_idx").agg(
        n_docs=pl.len().cast(pl.Int64), sent_mean=pl.col("sentiment").cast(pl.Float64).mean()
    )
    first, last = placed["session_idx"].min(), placed["session_idx"].max()
    spanned = closes.filter(pl.col("session_idx").is_between(first, last))
    daily = (
        pl.DataFrame({"unique_id": tickers})
        .join(spanned, how="cross")
        .join(sums, left_on=["unique_id", "session_idx"], right_on=["ticker", "session_idx"], how="left")
        .with_columns(pl.col("n_docs").fill_null(0))
        .sort("unique_id", "ds")
    )
    returns = prices.sort("ticker", "date").select(
        unique_id="ticker", ds="date", y=pl.col("adj_close").log().diff().over("ticker")
    )
    inside = pl.col("ds").is_between(spanned["ds"][1], spanned["ds"][-6])
    return daily, returns.drop_nulls().filter(inside)


@needs("mlforecast", "statsforecast")
@pytest.mark.shared_data
def test_real_returns_are_forecast_with_real_tweets_five_sessions_ahead(
    stocknet: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    from mlforecast import MLForecast
    from sklearn.linear_model import Ridge
    from statsforecast import StatsForecast
    from statsforecast.models import AutoARIMA

    daily, y = stocknet
    panel = features.to_nixtla(daily, y, h=5, fill=0.0)
    assert panel.df.height > 200
    model = MLForecast(models=[Ridge()], freq=panel.freq, lags=[1, 5])
    model.fit(panel.df, static_features=[])
    made = model.predict(5, X_df=panel.X_df)
    classic = StatsForecast(models=[AutoARIMA(max_p=1, max_q=1)], freq=panel.freq)
    also = classic.forecast(df=panel.df, h=5, X_df=panel.X_df)
    for forecasts, name in ((made, "Ridge"), (also, "AutoARIMA")):
        dated = panel.to_dates(forecasts)
        sessions = daily.filter(unique_id="FB")["ds"].to_list()
        assert dated.filter(unique_id="FB")["ds"].to_list() == sessions[-5:]
        assert dated[name].is_finite().all()
        assert dated[name].abs().max() < 0.2


# --- the guides ---


def run_guide(guide: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a guide's snippets leave behind, run where the files that they read are."""
    code = "\n".join(block.code for block in blocks_of(guide) if block.mark == "run by " + HERE)
    imported = set(re.findall(r"^(?:from|import) (\w+)", code, re.MULTILINE))
    if missing := sorted(name for name in imported if find_spec(name) is None):
        pytest.skip(f"{', '.join(missing)} is not installed; make forecast runs this")
    daily, y, _ = followed(1)
    daily.write_parquet(folder / "daily.parquet")
    closes = pl.col("y").cum_sum().exp().over("unique_id")
    y.select("unique_id", "ds", closes.alias("close")).write_parquet(folder / "prices.parquet")
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    exec(compile(code, str(guide), "exec"), names)  # noqa: S102 - the guide's own code
    return names


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_every_snippet_of_a_guide_runs(guide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = run_guide(guide, tmp_path, monkeypatch)
    if guide.stem == "forecast-with-autogluon":  # whose second half runs in an environment of its own
        names["forecasts"] = names["panel"].to_dates(pl.read_parquet("autogluon.parquet").tail(15))
    assert names["forecasts"].height == len(NAMES) * 5


def test_the_guide_to_the_join_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = run_guide(GUIDES[0].parent / "join-features-to-prices.md", tmp_path, monkeypatch)["table"]
    assert (table["feature_ds"] < table["ds"]).all()
    assert table["n_docs"].sum() > 0


def test_there_is_a_guide_for_every_adapter() -> None:
    used = {name for guide in GUIDES for name in re.findall(r"features\.(to_\w+)\(", guide.read_text(encoding="utf-8"))}
    assert used == {name for name in features.__all__ if name.startswith("to_")}
