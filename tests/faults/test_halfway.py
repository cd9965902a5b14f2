"""A window that is killed before it is finished loses little."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

SLOW = """
import time
from sentiscore.scoring import halfway

halfway._LOOK_S = 0.0
halfway.EVERY_S = 0.0
after = halfway.HalfKeeper.after_batch

def slow(self, *args):
    after(self, *args)
    time.sleep(0.2)

halfway.HalfKeeper.after_batch = slow
from sentiscore.cli.main import main
main()
"""


@pytest.mark.parametrize(
    ("number", "code", "cached"), [(signal.SIGKILL, -9, True), (signal.SIGTERM, 143, False)], ids=["kill", "stop"]
)
def test_a_window_that_is_killed_halfway_ends_with_the_same_bits(
    tmp_path: Path, tiny_checkpoint: Path, number: int, code: int, cached: bool
) -> None:
    texts = [f"profit {'rises ' * (i % 50)}{i} per cent" for i in range(1_500)]
    pl.DataFrame({"body": texts}).write_parquet(tmp_path / "articles.parquet")
    command = ["score", "articles.parquet", "--text-col", "body", "-m", str(tiny_checkpoint), "--device", "cpu"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}

    def run(code: list[str], *more: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, *code, *command, *more], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
        )

    whole = run(["-m", "sentiscore"], "-o", "whole.parquet")
    cache = ["--cache", "answers"] if cached else []
    cut = run(["-c", SLOW], "-o", "cut.parquet", *cache)
    until = time.monotonic() + 120
    while not list(tmp_path.glob(".cut.parquet.job/half-*.npz")):
        assert cut.poll() is None, cut.communicate()
        assert time.monotonic() < until
        time.sleep(0.01)
    cut.send_signal(number)
    _, said = cut.communicate(timeout=60)
    assert cut.returncode == code, said
    if number == signal.SIGTERM:
        assert "0 rows of cut.parquet are finished and kept, and so are the scores of" in said
    assert not list(tmp_path.glob(".cut.parquet.job/rows-*")), "no window was finished"
    assert list(tmp_path.glob(".cut.parquet.job/half-*.npz"))
    again = run(["-m", "sentiscore"], "-o", "cut.parquet", *cache)
    for done in (again, whole):
        _, said = done.communicate(timeout=120)
        assert done.returncode == 0, said
    assert pl.read_parquet(tmp_path / "cut.parquet").equals(pl.read_parquet(tmp_path / "whole.parquet"))
    assert not list(tmp_path.glob(".cut.parquet.job"))
