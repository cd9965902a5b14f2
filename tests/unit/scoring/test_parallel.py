"""Which processes may be asked for, and what is refused before anything is read or started."""

import sys
import types
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sentiscore import InputError, MissingExtraError, Parallel, RunOptions, Scorer, ScorerOptions, score_file
from sentiscore.cli.main import cli
from sentiscore.engine import torch
from sentiscore.scoring.workers.hiring import check_crew, devices_of


def test_one_process_is_the_usual_choice() -> None:
    assert Parallel().is_here
    assert RunOptions().parallel == Parallel()
    assert not Parallel(devices=("cpu",)).is_here
    assert not Parallel(engine="ray").is_here


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"engine": "spark"}, "engine is 'spark'"),
        ({"workers": 2}, r"--workers \(workers\) is for a Ray cluster"),
        ({"address": "auto"}, r"--address \(address\) is for a Ray cluster"),
        ({"devices": ["cpu"], "cpus_per_worker": 2}, r"--cpus-per-worker \(cpus_per_worker\) is for a Ray cluster"),
        ({"engine": "ray", "devices": "all"}, "Ray chooses those of its workers"),
        ({"engine": "ray", "workers": 0}, "workers is 0"),
        ({"engine": "ray", "gpus_per_worker": -1}, "gpus_per_worker is -1"),
        ({"devices": []}, "list of devices is empty"),
        ({"devices": "cpu"}, "devices is 'cpu'"),
        ({"devices": ["cpu"], "cache": "answers"}, "one process"),
        ({"engine": "ray", "cache": "answers"}, "one process"),
        ({"devices": ["cpu"], "device": "cpu"}, "Both one device, cpu, and several"),
        ({"devices": ["cpu", "tpu"]}, "There is no device 'tpu'"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_read(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        score_file("there is no such file.csv", text_col="headline", **given)


def test_a_loaded_scorer_with_a_device_has_no_others(tiny_checkpoint: Path) -> None:
    scorer = Scorer.from_pretrained(tiny_checkpoint, device="cpu")
    with pytest.raises(InputError, match="Both one device, cpu, and several"):
        score_file("there is no such file.csv", text_col="headline", model=scorer, devices=["cpu"])


def test_all_devices_are_the_gpus_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert devices_of(Parallel(devices="all")) == ["cuda:0", "cuda:1", "cuda:2"]  # type: ignore[arg-type]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="no CUDA GPU"):
        devices_of(Parallel(devices=("all",)))


def test_ray_without_the_extra_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentiscore.errors.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"sentiscore\[ray\]"):
        score_file("there is no such file.csv", text_col="headline", engine="ray")


def test_a_gpu_that_ray_does_not_give_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentiscore.errors.find_spec", lambda _: types.SimpleNamespace())
    imported = "ray" in sys.modules  # by another test
    with pytest.raises(InputError, match="gives a worker no GPU"):
        check_crew(Parallel(engine="ray"), ScorerOptions(device="cuda"))
    check_crew(Parallel(engine="ray", gpus_per_worker=1), ScorerOptions(device="cuda"))
    assert ("ray" in sys.modules) == imported


def test_the_command_line_names_the_option_that_is_wrong() -> None:
    done = CliRunner().invoke(cli, ["score", "no.csv", "--text-col", "t", "--workers", "2"])
    assert done.exit_code == 1
    assert "--workers (workers) is for a Ray cluster." in done.output
    done = CliRunner().invoke(cli, ["score", "no.csv", "--text-col", "t", "--engine", "ray", "--workers", "0"])
    assert done.exit_code == 2
    done = CliRunner().invoke(cli, ["score", "no.csv", "--text-col", "t", "--devices", "tpu,cpu"])
    assert "There is no device 'tpu'" in done.output
