"""Whatever the texts are, a frame of any library and an expression get the rows that the scorer gives."""

from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from sentiscore import Scorer
from sentiscore.polars import ExprSentiment
from tests.conftest import TEXTS
from tests.effort import examples

TABLES = st.lists(st.none() | st.sampled_from(["", " ", *TEXTS]) | st.text(max_size=20), max_size=12)


@pytest.fixture(scope="module")
def scorer(tiny_checkpoint: Path) -> Scorer:
    return Scorer.from_pretrained(tiny_checkpoint, dtype="fp32")


@given(texts=TABLES, parts=st.integers(1, 5))
@settings(max_examples=examples(30))
def test_every_way_gives_the_same_rows(scorer: Scorer, texts: list[str | None], parts: int) -> None:
    frame = pl.DataFrame({"text": pl.Series(texts, dtype=pl.String)})
    wanted = scorer.score(texts)
    expression = ExprSentiment(pl.col("text")).score(scorer).alias("scores")
    cut = pl.concat([frame.lazy().slice(at, parts) for at in range(0, max(1, frame.height), parts)])
    for query in (frame.lazy(), cut):
        for engine in ("in-memory", "streaming"):
            made = query.select(expression).unnest("scores").collect(engine=engine)
            assert_frame_equal(made, wanted, abs_tol=1e-5)
    added = [
        pl.DataFrame(scorer.score_frame(frame.to_arrow(), text_col="text")),
        pl.from_pandas(scorer.score_frame(pd.DataFrame({"text": pd.Series(texts, dtype="str")}), text_col="text")),
    ]
    for made in added:
        assert_frame_equal(made.drop("text"), wanted, abs_tol=1e-5, check_dtypes=frame.height > 0)
