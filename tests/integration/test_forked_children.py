"""Every public function, and the usual ways to fork, in children of a process that has scored."""

import os
from pathlib import Path

import pytest

import sentiscore
from sentiscore import features
from tests.forking import run

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")

NO_POLARS = {
    *("build_base", "load_hub_data", "sample_news", "Scorer.from_pretrained", "Scorer.logits", "Scorer.identity"),
    *("cache_info", "expand_patterns", "inspect", "prune_cache", "verify", "write_reports"),
}
"""What works in any child."""

CALLS = """
import polars as pl
import sentiscore
from sentiscore import Scorer, features

folder, news, out = sys.argv[1:]
scorer = Scorer.from_pretrained(folder)
texts = ["profit rises", "shares fall", None, ""] * 20
print(fork(scorer.score, texts))  # it is loaded, and nothing was used
scorer.score(texts)
store, output = out + ".store", out + ".made.parquet"
made = sentiscore.score_file(news, text_col="headline", model=scorer, output=output, cache=store)
recipe = sentiscore.Recipe(sets=({"name": "one", "train": news, "validation": news},))
frame = pl.DataFrame({"t": texts})
sums = features.DailySums(time_col="t")
calls = {
    "Scorer.from_pretrained": lambda: Scorer.from_pretrained(folder),
    "Scorer.score": lambda: scorer.score(texts),
    "Scorer.score_frame": lambda: scorer.score_frame(frame, text_col="t"),
    "Scorer.score_series": lambda: scorer.score_series(frame["t"]),
    "Scorer.prepare": lambda: scorer.prepare(frame["t"]),
    "Scorer.finish": lambda: scorer.finish(None, None),
    "Scorer.logits": lambda: scorer.logits(["profit rises"]),
    "Scorer.identity": lambda: scorer.identity(),
    "score_file": lambda: sentiscore.score_file(news, text_col="headline", model=scorer, output=out),
    "plan_job": lambda: sentiscore.plan_job(news, text_col="headline", model=scorer),
    "demo": lambda: sentiscore.demo(out + ".demo"),
    "daily_file": lambda: sentiscore.daily_file(news, time_col="published_at"),
    "update_daily": lambda: sentiscore.update_daily(news, daily=out, time_col="published_at"),
    "plot_file": lambda: sentiscore.plot_file(news),
    "inspect": lambda: sentiscore.inspect(made.outputs[0]),
    "verify": lambda: sentiscore.verify(folder),
    "cache_info": lambda: sentiscore.cache_info(store),
    "prune_cache": lambda: sentiscore.prune_cache(store, everything=True),
    "expand_patterns": lambda: sentiscore.expand_patterns([news]),
    "read_texts": lambda: sentiscore.read_texts(news, "headline"),
    "read_pairs": lambda: sentiscore.read_pairs(news, "headline", None),
    "read_soft_labelled": lambda: sentiscore.read_soft_labelled(news),
    "read_sets": lambda: sentiscore.read_sets(recipe),
    "read_validation_sets": lambda: sentiscore.read_validation_sets(recipe),
    "write_reports": lambda: sentiscore.write_reports([], None, None),
    "evaluate": lambda: sentiscore.evaluate(None, model=scorer),
    "check_behaviour": lambda: sentiscore.check_behaviour(folder),
    "validate": lambda: sentiscore.validate(frame, "scored"),
    "monitor": lambda: sentiscore.monitor(frame, reference=frame),
    "read_labelled": lambda: sentiscore.read_labelled(news),
    "train": lambda: sentiscore.train(None, output=out),
    "tune": lambda: sentiscore.tune(None, output=out),
    "distill": lambda: sentiscore.distill([], None, output=out, train_data=[], eval_data=[]),
    "sample_news": lambda: sentiscore.sample_news(),
    "DailySums": lambda: features.DailySums(time_col="t").add(frame),
    "DailySums.add": lambda: sums.add(frame),
    "DailySums.add_all": lambda: sums.add_all([frame]),
    "DailySums.state": lambda: sums.state(),
    "DailySums.restore": lambda: sums.restore(frame, None),
    "DailySums.finish": lambda: sums.finish(),
    "daily": lambda: features.daily(frame, time_col="t"),
    "add_group_features": lambda: features.add_group_features(frame, "t"),
    "explain": lambda: features.explain(frame, frame, "a", "2024-01-01", time_col="t"),
    "explain_file": lambda: sentiscore.explain_file(news, news, ds="2024-01-01"),
    "add_ewm": lambda: features.add_ewm(frame, "t", 1),
    "add_lags": lambda: features.add_lags(frame, "t", 1),
    "add_rolling": lambda: features.add_rolling(frame, "t", 2),
    "as_published": lambda: features.as_published(frame, None, "2024-01-01T00:00:00Z"),
    "check_future": lambda: features.check_future(frame, frame, h=1),
    "join_target": lambda: features.join_target(frame, frame, time_col="t"),
    "plot": lambda: features.plot(frame),
    "sessions": lambda: features.sessions("XNYS", "2024-01-01", "2024-01-31"),
    "to_autogluon": lambda: features.to_autogluon(frame, frame),
    "to_darts": lambda: features.to_darts(frame, frame),
    "to_gluonts": lambda: features.to_gluonts(frame, frame),
    "to_nixtla": lambda: features.to_nixtla(frame, frame, h=1),
    "to_sktime": lambda: features.to_sktime(frame, frame, h=1),
}
"""


@pytest.fixture
def news_file(tmp_path: Path, news: object) -> Path:
    path = tmp_path / "news.parquet"
    news.write_parquet(path)  # type: ignore[attr-defined]
    return path


def test_every_public_function_works_in_a_child_or_says_why_it_does_not(
    tiny_checkpoint: Path, news_file: Path, tmp_path: Path
) -> None:
    code = (
        CALLS
        + """
for name, call in calls.items():
    print(name, fork(call))
"""
    )
    unused, *lines = run(code, tiny_checkpoint, news_file, tmp_path / "out.parquet")
    assert unused == "fine"
    told = dict(line.split() for line in lines)
    assert {name for name, said in told.items() if said == "fine"} == NO_POLARS & told.keys()
    assert {name: said for name, said in told.items() if name not in NO_POLARS and said != "ForkError"} == {}
    public = {
        *(name for name in sentiscore.__all__ if callable(getattr(sentiscore, name))),
        *(name for name in features.__all__ if callable(getattr(features, name))),
    }
    classes = {name for name in public if isinstance(getattr(sentiscore, name, getattr(features, name, None)), type)}
    assert public - classes <= told.keys() | NO_POLARS


def test_the_command_line_in_a_child_says_so_in_one_message(tiny_checkpoint: Path, news_file: Path) -> None:
    code = """
    from click.testing import CliRunner
    import polars as pl
    from sentiscore.cli.main import cli

    def work(*arguments):
        done = CliRunner().invoke(cli, arguments)
        os.write(1, f"{done.exit_code} {'spawn' in done.output} ".encode())

    pl.DataFrame({"a": [2, 1]}).sort("a")
    print(fork(work, "score", sys.argv[2], "--text-col", "headline", "--model", sys.argv[1]))
    """
    assert run(code, tiny_checkpoint, news_file) == ["1 True fine"]


def test_the_usual_ways_to_fork_give_rows_or_an_error_and_never_hang(tiny_checkpoint: Path) -> None:
    code = """
    import multiprocessing
    from functools import partial

    import datasets, joblib, torch
    from torch.utils.data import DataLoader, Dataset
    from sentiscore import Scorer

    scorer = Scorer.from_pretrained(sys.argv[1])
    texts = ["profit rises", "shares fall"]

    def pool():
        with multiprocessing.get_context("fork").Pool(2) as pool:
            return [frame.height for frame in pool.map(scorer.score, [texts] * 4)]

    class Rows(Dataset):
        def __len__(self):
            return 4

        def __getitem__(self, i):
            return scorer.score(texts).height

    def loader():
        return torch.cat(list(DataLoader(Rows(), num_workers=2, batch_size=2, multiprocessing_context="fork"))).tolist()

    def parallel():
        done = joblib.Parallel(2, backend="multiprocessing")(joblib.delayed(scorer.score)(texts) for _ in range(4))
        return [frame.height for frame in done]

    def mapped():
        datasets.disable_progress_bars()
        rows = datasets.Dataset.from_dict({"text": texts * 4})
        add = lambda batch: {"n": scorer.score(batch["text"])["n_tokens"].to_list()}
        done = rows.map(add, batched=True, batch_size=2, num_proc=2, load_from_cache_file=False)
        return done["n"][:4]

    for used in (False, True):
        if used:
            scorer.score(texts)
        for way in (pool, loader, parallel, mapped):
            try:
                print(way.__name__, used, len(way()))
            except Exception as error:
                print(way.__name__, used, "get_context('spawn')" in str(error))
    """
    ways = ("pool", "loader", "parallel", "mapped")
    assert run(code, tiny_checkpoint) == [f"{way} False 4" for way in ways] + [f"{way} True True" for way in ways]
