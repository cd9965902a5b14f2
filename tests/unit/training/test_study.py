"""The study alone, without any training."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from sentiscore import TrainingError
from sentiscore.training import study as studies
from sentiscore.training.search_space import Choice, Span
from sentiscore.training.study import COMPLETE, ENOUGH, PRUNED, STOPPED, Study, translated

SPACE: dict[str, Span | Choice] = {
    "learning_rate": Span(1e-5, 1e-3, log=True),
    "batch_size": Choice((16, 32)),
    "warmup": Span(0.0, 0.2),
}
FIRST = {"learning_rate": 5e-5, "batch_size": 32, "warmup": 0.06}


def open_study(path: Path, seed: int = 0, **fixed: Any) -> Study:
    return Study(path, fixed={"base": "a", **fixed}, space=SPACE, first=FIRST, seed=seed)


def loss_of(settings: dict[str, Any]) -> float:
    return float(1e3 * settings["learning_rate"] + settings["warmup"])


def run(study: Study, trials: int) -> list[dict[str, Any]]:
    asked = []
    for _ in range(trials):
        trial = study.ask()
        asked.append(trial.settings)
        trial.end(COMPLETE, loss_of(trial.settings), 0.5)
    return asked


def test_the_first_trial_has_the_settings_that_the_search_begins_with(tmp_path: Path) -> None:
    asked = run(open_study(tmp_path / "study.db"), 3)
    assert asked[0] == FIRST
    assert asked[1] != FIRST
    assert type(asked[1]["batch_size"]) is int


def test_the_seed_decides_every_draw(tmp_path: Path) -> None:
    asked = [run(open_study(tmp_path / f"{i}.db", seed=seed), 13) for i, seed in enumerate((0, 0, 1))]
    assert asked[0] == asked[1]
    assert asked[0][1:] != asked[2][1:]
    assert len({trial["learning_rate"] for trial in asked[0]}) == 13


def test_a_study_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole = run(open_study(tmp_path / "whole.db"), 13)
    path = tmp_path / "study.db"
    before = run(open_study(path), 5)
    lost = open_study(path).ask()
    study = open_study(path)
    assert [trial.outcome for trial in study.trials] == [COMPLETE] * 5 + [STOPPED]
    assert study.finished == 5
    after = run(study, 8)
    assert after[0] == lost.settings
    assert before + after == whole


def test_a_study_without_a_finished_trial_begins_anew(tmp_path: Path) -> None:
    open_study(tmp_path / "study.db").ask()
    study = open_study(tmp_path / "study.db", base="b")
    assert study.trials == []
    assert run(study, 1) == [FIRST]


def test_a_trial_that_is_worse_than_most_is_to_be_ended(tmp_path: Path) -> None:
    study = open_study(tmp_path / "study.db")
    for loss in range(studies.STARTUP):
        trial = study.ask()
        assert not trial.report(99.0, 1)
        assert not trial.report(float(loss), 2)
        trial.end(COMPLETE, float(loss), None)
    trial = study.ask()
    assert not trial.report(99.0, 1)
    assert trial.report(98.0, 2)
    trial.end(PRUNED, 98.0, 0.25)
    ended = study.trials[-1]
    assert (ended.outcome, ended.log_loss, ended.accuracy) == (PRUNED, 98.0, 0.25)
    assert study.best is not None
    assert study.best.log_loss == 0.0
    assert study.finished == studies.STARTUP + 1


def test_a_trial_that_could_not_go_on_is_finished_and_never_the_best(tmp_path: Path) -> None:
    study = open_study(tmp_path / "study.db")
    study.ask().end("diverged", None, None)
    assert [(trial.outcome, trial.log_loss) for trial in study.trials] == [("diverged", None)]
    assert study.finished == 1
    assert study.best is None


def test_what_mattered_is_found_with_enough_trials_and_unknown_with_fewer(tmp_path: Path) -> None:
    study = open_study(tmp_path / "study.db")
    run(study, ENOUGH - 1)
    assert study.importances() == {}
    run(study, 1)
    shares = study.importances()
    assert next(iter(shares)) == "learning_rate"  # which loss_of depends on most
    assert shares.keys() == SPACE.keys()
    assert sum(shares.values()) == pytest.approx(1)


def test_nothing_mattered_where_all_losses_are_the_same(tmp_path: Path) -> None:
    study = open_study(tmp_path / "study.db")
    for _ in range(ENOUGH):
        study.ask().end(COMPLETE, 0.5, None)
    assert study.importances() == {}


def test_a_study_with_other_fixed_settings_is_refused_and_they_are_named(tmp_path: Path) -> None:
    run(open_study(tmp_path / "study.db", length=100), 1)
    with pytest.raises(TrainingError, match="other settings: base, length"):
        open_study(tmp_path / "study.db", base="b", length=64)
    with pytest.raises(TrainingError, match="other settings: seed_of"):
        open_study(tmp_path / "study.db", length=100, seed_of="x")
    assert open_study(tmp_path / "study.db", length=100).finished == 1


@pytest.mark.parametrize("damage", ["garbage", "half", "middle", "other"])
def test_a_file_that_is_no_whole_study_is_a_clear_error(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "study.db"
    run(open_study(path), 2)
    raw = path.read_bytes()
    if damage == "garbage":
        path.write_bytes(b"no database " * 500)
    elif damage == "half":
        path.write_bytes(raw[: len(raw) // 2])
    elif damage == "middle":
        path.write_bytes(raw[:8192] + b"\x11" * 20000 + raw[28192:])
    else:
        import optuna

        path.unlink()
        optuna.create_study(storage=f"sqlite:///{path}", study_name="mine")
    with pytest.raises(TrainingError, match=r"cannot be read or written|is not a study"), translated(path):
        open_study(path)


def test_a_path_with_signs_that_mean_something_in_a_url_is_taken_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "a?b #c%20"
    folder.mkdir()
    run(open_study(folder / "study.db"), 1)
    assert [path.name for path in folder.iterdir()] == ["study.db"]
    assert sqlite3.connect(folder / "study.db").execute("SELECT count(*) FROM trials").fetchone() == (1,)
