from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from sentiscore import Scorer
from sentiscore.scoring.answers import AnswerStore
from sentiscore.scoring.upkeep import cache_info, prune_cache
from tests.effort import examples

TEXTS = (
    st.none() | st.sampled_from(["profit rises", "profit falls", "a\x00b", " ", "long " * 60]) | st.text(max_size=12)
)


@pytest.fixture(scope="module", params=["truncate", "windows"])
def scorer(request: pytest.FixtureRequest, tiny_checkpoint: Path) -> Scorer:
    return Scorer.from_pretrained(tiny_checkpoint, device="cpu", dtype="fp32", overflow=request.param)


@settings(max_examples=examples(12), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(nights=st.lists(st.lists(TEXTS, max_size=12), max_size=5), data=st.data())
def test_any_nights_with_any_answers_gone_between_them_give_what_scoring_anew_gives(
    scorer: Scorer, nights: list[list[str | None]], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        for texts in nights:
            table = pl.DataFrame({"headline": pl.Series(texts, dtype=pl.String)})
            with AnswerStore.open(folder) as store:
                scored = scorer.with_answers(store).score_frame(table, text_col="headline")
                assert_frame_equal(scored, scorer.score_frame(table, text_col="headline"), abs_tol=1e-6)
            before = cache_info(folder).answers
            gone = data.draw(st.sampled_from(["none", "all", "some"]))
            if gone != "none":
                done = prune_cache(folder, everything=gone == "all", max_bytes=21_000 if gone == "some" else None)
                assert done.removed is not None
                assert done.removed + done.left == before
