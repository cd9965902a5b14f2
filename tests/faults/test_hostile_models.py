"""A model folder that means harm is refused: no code of it is run, no socket is opened, nothing is written."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults import hostile_models
from tests.faults.fuzz_models import make_models
from tests.faults.hostile_models import ATTACKS, COMMIT, HUB_ID, IN_VAIN, ON_CHECKPOINTS

COMMANDS = ("verify", "score", "evaluate")
HARMLESS = ("harmless", "harmless_bert", "harmless_gpt_neox", "harmless_gpt2", "harmless_llama", "harmless_checkpoint")


def run_all(root: Path, folder: Path, cache: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """What each command made of each model folder in a root, in one process with an audit hook."""
    rows = folder / "rows.csv"
    rows.write_text("text,gold\na warm and funny film,positive\na dull mess,negative\n")
    usual = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}  # nothing says "offline"
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.hostile_models", str(root), str(rows)],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
        cwd=folder,
        env=usual
        | {"HF_HUB_CACHE": str(cache), "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Traceback" not in done.stderr
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    return {(report["model"], report["command"]): report for report in reports}


@pytest.fixture(scope="module")
def reports(
    tiny_bert: Callable[..., Path], tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], dict[str, Any]]:
    root = tmp_path_factory.mktemp("hostile")
    whole = tiny_bert(id2label={0: "negative", 1: "positive"})
    hostile_models.make(ATTACKS | IN_VAIN, whole, root)
    hostile_models.make(ON_CHECKPOINTS, tiny_checkpoint, root)
    hostile_models.make({"harmless": lambda _: None}, whole, root)
    for folder in make_models(tmp_path_factory.mktemp("kinds")):
        shutil.copytree(folder, root / f"harmless_{folder.name}")
    cache, work = tmp_path_factory.mktemp("cache"), tmp_path_factory.mktemp("work")
    shutil.copytree(whole, cache / f"models--{HUB_ID.replace('/', '--')}" / "snapshots" / COMMIT)
    found = run_all(root, work, cache)
    assert not (work / "pwned").exists()
    return found


@pytest.mark.parametrize("name", [*ATTACKS, *ON_CHECKPOINTS])
def test_a_hostile_model_is_refused_without_running_it(
    reports: dict[tuple[str, str], dict[str, Any]], name: str
) -> None:
    for command in COMMANDS:
        report = reports[name, command]
        assert report["raised"] == "SentiscoreError", report
        assert report["seen"] == [], report
        assert not report["output"], report


@pytest.mark.parametrize("name", [*HARMLESS, *IN_VAIN, "hub"])
def test_a_harmless_model_is_scored_without_a_socket(reports: dict[tuple[str, str], dict[str, Any]], name: str) -> None:
    for command in COMMANDS:
        report = reports[name, command]
        assert report["raised"] == "", report
        assert report["seen"] == [], report
    assert reports[name, "score"]["output"]


def test_the_hook_would_have_noticed(reports: dict[tuple[str, str], dict[str, Any]]) -> None:
    events = {line.split()[0] for line in reports["control", "none"]["seen"]}
    assert {"pickle.find_class", "socket.connect", "os.system", "open"} <= events
