"""A scorer that is pickled or copied. `tests/integration/test_worker_processes.py` sends one to other processes."""

import copy
import pickle
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import pytest
from polars.testing import assert_frame_equal
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sentiscore import Scorer, ScorerOptions
from sentiscore.checkpoint import hub
from sentiscore.checkpoint.manifest import MANIFEST
from sentiscore.checkpoint.reading import PACKAGED
from sentiscore.errors import CheckpointError, ForkError, InputError, SentiscoreWarning
from sentiscore.scoring.answers import AnswerStore
from sentiscore.scoring.kept import release

TEXTS = ["profit rises on strong demand", None, "", "a dull , lifeless mess"]


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    release()


@pytest.fixture
def checkpoint(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_checkpoint, tmp_path / "model"))


def by_joblib(scorer: Any, folder: Path) -> Any:
    joblib.dump(scorer, folder / "scorer.joblib")
    return joblib.load(folder / "scorer.joblib")


WAYS: dict[str, Callable[[Any, Path], Any]] = {
    "pickle": lambda one, _: pickle.loads(pickle.dumps(one)),  # noqa: S301
    "pickle, protocol 2": lambda one, _: pickle.loads(pickle.dumps(one, 2)),  # noqa: S301
    "cloudpickle": lambda one, _: pickle.loads(cloudpickle.dumps(one)),  # noqa: S301
    "joblib": by_joblib,
    "copy": lambda one, _: copy.copy(one),
    "deepcopy": lambda one, _: copy.deepcopy(one),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_scorer_comes_out_as_it_went_in(way: str, checkpoint: Path, tmp_path: Path) -> None:
    scorer = Scorer.from_pretrained(checkpoint, device="cpu", dtype="fp32", max_length=7, overflow="windows")
    found = WAYS[way](scorer, tmp_path)
    assert (found.identity(), found.columns) == (scorer.identity(), scorer.columns)
    assert found.checkpoint == scorer.checkpoint
    assert_frame_equal(found.score(TEXTS), scorer.score(TEXTS), check_exact=True)


def test_what_was_asked_for_is_asked_for_again(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On another machine, auto means what is best there."""
    data = pickle.dumps(Scorer.from_pretrained(checkpoint))
    asked: list[Any] = []
    monkeypatch.setattr(Scorer, "load", lambda _, given: asked.append(given))
    pickle.loads(data)  # noqa: S301
    assert asked == [ScorerOptions(model=str(checkpoint))]


@pytest.mark.parametrize("wrap", [lambda scorer: scorer, lambda scorer: scorer.score])
def test_a_pickle_holds_no_weights(wrap: Callable[[Scorer], Any], checkpoint: Path) -> None:
    assert len(pickle.dumps(wrap(Scorer.from_pretrained(checkpoint)))) < 1_000


def test_a_model_without_a_temperature_or_label_names_is_not_warned_about_again(tiny_bert: Callable[..., Path]) -> None:
    with pytest.warns(SentiscoreWarning):
        scorer = Scorer.from_pretrained(tiny_bert())
    found = pickle.loads(pickle.dumps(scorer))  # noqa: S301 - a warning would be an error here
    assert found.checkpoint.labels == ("negative", "positive")


def test_labels_that_were_given_stay(tiny_bert: Callable[..., Path]) -> None:
    with pytest.warns(SentiscoreWarning, match="not calibrated"):
        scorer = Scorer.from_pretrained(tiny_bert(), labels=["positive", "negative"])
    found = pickle.loads(pickle.dumps(scorer))  # noqa: S301
    assert_frame_equal(found.score(TEXTS), scorer.score(TEXTS), check_exact=True)


def test_a_relative_folder_is_found_from_another_folder(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(checkpoint.parent)
    scorer = Scorer.from_pretrained(checkpoint.name)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    found = pickle.loads(pickle.dumps(scorer))  # noqa: S301
    assert found.checkpoint.name == scorer.checkpoint.name == checkpoint.name


@pytest.mark.parametrize("was_loaded", [False, True])
def test_a_folder_that_is_gone_is_named(checkpoint: Path, was_loaded: bool) -> None:
    data = pickle.dumps(Scorer.from_pretrained(checkpoint))
    if was_loaded:
        pickle.loads(data)  # noqa: S301
    shutil.rmtree(checkpoint)
    with pytest.raises(CheckpointError) as caught:
        pickle.loads(data)  # noqa: S301
    assert str(checkpoint) in caught.value.message


@pytest.mark.parametrize("was_loaded", [False, True])
@pytest.mark.parametrize("with_manifest", [False, True])
def test_a_folder_that_has_changed_is_named(
    checkpoint: Path, with_manifest: bool, was_loaded: bool, make_checkpoint: Callable[..., Path]
) -> None:
    if not with_manifest:
        (checkpoint / MANIFEST).unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SentiscoreWarning)  # without a manifest there is no temperature
        data = pickle.dumps(Scorer.from_pretrained(checkpoint))
    if was_loaded:
        pickle.loads(data)  # noqa: S301
    shutil.rmtree(checkpoint)
    make_checkpoint(checkpoint, temperature=2.5)
    with pytest.raises(CheckpointError) as caught:
        pickle.loads(data)  # noqa: S301
    assert str(checkpoint) in caught.value.message
    assert "pickled" in caught.value.message


def test_the_default_model_is_that_of_the_machine_and_must_be_the_same(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = Scorer.from_pretrained(dtype="fp32")
    data = pickle.dumps(scorer)
    assert str(PACKAGED).encode() not in data
    assert_frame_equal(pickle.loads(data).score(TEXTS), scorer.score(TEXTS), check_exact=True)  # noqa: S301
    monkeypatch.setattr("sentiscore.checkpoint.load.PACKAGED", checkpoint)  # as in another version of the package
    with pytest.raises(CheckpointError, match="pickled"):
        pickle.loads(data)  # noqa: S301


def test_a_hub_model_is_asked_for_at_its_commit_wherever_the_lock_file_is(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = "0" * 39 + "1"
    asked: list[tuple[str, str | None]] = []

    def download(model: str, revision: str | None = None) -> tuple[Path, str]:
        asked.append((model, revision))
        return checkpoint, commit

    monkeypatch.setattr(hub, "download", download)
    monkeypatch.setattr(
        hub, "pinned", lambda *asked: {("org/model", "main"): commit, ("org/model", commit): commit}[asked]
    )
    monkeypatch.chdir(tmp_path)
    scorer = Scorer.from_pretrained("org/model", revision="main")
    found = pickle.loads(pickle.dumps(scorer))  # noqa: S301
    assert asked == [("org/model", commit)] * 2
    assert (found.checkpoint.name, found.checkpoint.revision) == ("org/model", commit)


def test_the_network_is_loaded_once_for_many_pickles(checkpoint: Path) -> None:
    data = pickle.dumps(Scorer.from_pretrained(checkpoint))
    first, second = (pickle.loads(data) for _ in range(2))  # noqa: S301
    assert first is not second
    assert first._classifier is second._classifier


def test_copies_share_the_network(checkpoint: Path) -> None:
    scorer = Scorer.from_pretrained(checkpoint)
    method: Any = copy.deepcopy(scorer.score)
    for other in (copy.copy(scorer), copy.deepcopy(scorer), method.__self__):
        assert other is not scorer
        assert other._classifier is scorer._classifier


def test_a_scorer_with_a_store_is_copied_with_it_and_not_pickled(checkpoint: Path, tmp_path: Path) -> None:
    scorer = Scorer.from_pretrained(checkpoint)
    with AnswerStore.open(tmp_path / "answers") as store:
        asking = scorer.with_answers(store)
        assert copy.deepcopy(asking)._answers == asking._answers
        assert scorer._answers is None
        with pytest.raises(InputError, match="with_answers"):
            pickle.dumps(asking)
        pickle.dumps(scorer)


def test_an_open_store_is_refused_in_a_fork(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkpoint: Path) -> None:
    scorer = Scorer.from_pretrained(checkpoint)
    with AnswerStore.open(tmp_path / "answers") as store:
        asking = scorer.with_answers(store)
        asking.score(TEXTS)
        monkeypatch.setattr(store, "_process", store._process + 1)
        with pytest.raises(ForkError, match="store of answers"):
            asking.score(TEXTS)


def test_a_scorer_travels_inside_a_fitted_pipeline(checkpoint: Path, tmp_path: Path) -> None:
    scorer = Scorer.from_pretrained(checkpoint)
    pipeline = make_pipeline(FunctionTransformer(scorer.score), FunctionTransformer(only_sentiment)).fit(TEXTS)
    found = by_joblib(pipeline, tmp_path).transform(TEXTS)
    assert_frame_equal(found, pipeline.transform(TEXTS), check_exact=True)


def only_sentiment(scored: Any) -> Any:
    return scored.select("sentiment").fill_null(0.0)


def test_errors_cross_the_borders_of_processes() -> None:
    from sentiscore import errors

    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.SentiscoreError)
    ]
    for kind in kinds:
        found = pickle.loads(pickle.dumps(kind("what is wrong", "what to do")))  # noqa: S301
        assert (type(found), found.message, found.hint) == (kind, "what is wrong", "what to do")
