"""Scoring as on a processor without AVX-512, which oneDNN and torch can be told to take this one for."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import polars as pl

AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}

CODE = """
import sys
import torch
from click.testing import CliRunner
from sentiscore import Scorer
from sentiscore.cli.main import cli

model, news = sys.argv[1:]
print(Scorer.from_pretrained(model, device="cpu").dtype)
for dtype in ("auto", "fp32", "bf16", "bf16"):
    options = ["--text-col", "headline", "--model", model, "--device", "cpu", "--dtype", dtype]
    done = CliRunner().invoke(cli, ["score", news, *options])
    print(dtype, done.exit_code, done.output.count("bf16 is slow"), done.output.count("warning:"))
"""


def test_every_number_type_works_on_a_processor_without_avx512(
    tiny_checkpoint: Path, news: pl.DataFrame, tmp_path: Path
) -> None:
    path = tmp_path / "news.parquet"
    news.write_parquet(path)
    done = subprocess.run(
        [sys.executable, "-c", CODE, tiny_checkpoint, path],
        env={**os.environ, **AVX2},
        capture_output=True,
        text=True,
        check=True,
    )
    chosen, *lines = done.stdout.splitlines()
    if platform.machine() in ("x86_64", "AMD64"):
        assert chosen == "fp32"
    told = [line.split() for line in lines]
    assert [(dtype, code) for dtype, code, *_ in told] == [("auto", "0"), ("fp32", "0"), ("bf16", "0"), ("bf16", "0")]
    assert sum(int(slow) for *_, slow, _ in told) <= 1  # once in a process, and only where it was measured to be slow
    assert all(slow == warnings for *_, slow, warnings in told)
