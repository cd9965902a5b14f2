"""From measurements to figures, by hand."""

from pathlib import Path

import numpy as np
import pytest

from tests.benches.figures import Line, Result, calibrated, result_of
from tests.benches.plot import draw
from tests.benches.report import as_json, show
from tests.benches.runner import Measured

CONFIG = {"model_type": "gpt_neox", "hidden_size": 4, "intermediate_size": 8, "num_hidden_layers": 3}
PEAKS = {"fp32": 1.0, "bf16": 2.0, "int8": None}
GEMM = {"gflops": PEAKS, "threads": 1}


def result() -> Result:
    plain = np.array([[0.2, 0.8], [0.5, 0.5]])
    measured = {
        "hf-fp32-b1": Measured([4.0, 5.0], 3.0, 100.0, 5, plain),
        "hf-fp32-b32": Measured([2.0, 1.0, 3.0], 3.0, 100.0, 6, plain),
        "openvino": Measured(skipped="There is no such thing."),
        "sentiscore-bf16": Measured(
            [0.5], 1.0, 50.0, 8, calibrated(plain, 2.0) + np.array([[0.01, -0.01], [-0.1, 0.1]])
        ),
    }
    return result_of(
        measured,
        model="tiny",
        config=CONFIG,
        labels=2,
        temperature=2.0,
        name="words",
        texts=["a", "b"],
        ids=[[5, 6, 5], [6, 7]],
        gflops=PEAKS,
    )


def line(name: str) -> Line:
    return next(line for line in result().lines if line.name == name)


def test_speed_is_that_of_the_best_round_beside_the_median_one() -> None:
    reference = line("hf-fp32-b32")
    assert (reference.rows_s, reference.median_rows_s, reference.tokens_s) == (2.0, 1.0, 5.0)
    assert (reference.ratio, line("hf-fp32-b1").ratio, line("sentiscore-bf16").ratio) == (1.0, 0.25, 2.0)


def test_padding_is_a_share_of_the_tokens_computed() -> None:
    assert line("hf-fp32-b1").padding == 0
    assert line("hf-fp32-b32").padding == pytest.approx(1 / 6)
    assert line("sentiscore-bf16").padding == pytest.approx(3 / 8)


def test_padding_of_texts_that_are_scored_once_is_that_of_the_distinct_ones() -> None:
    answers = np.array([[0.2, 0.8]] * 3)
    found = result_of(
        {
            "sentiscore-fp32": Measured([1.0], 1.0, 1.0, 6, answers),
            "hf-fp32-b32": Measured([1.0], 1.0, 1.0, 9, answers),
        },
        model="tiny",
        config=CONFIG,
        labels=2,
        temperature=1.0,
        name="words",
        texts=["a", "b", "b"],
        ids=[[5, 6, 5], [6, 7], [6, 7]],
        gflops=PEAKS,
    )
    assert [line.padding for line in found.lines] == [pytest.approx(1 / 6), pytest.approx(2 / 9)]


def test_flips_are_the_rows_with_another_label() -> None:
    assert line("hf-fp32-b32").flips == 0
    assert line("sentiscore-bf16").flips == 0.5


def test_answers_are_compared_at_one_temperature() -> None:
    assert line("hf-fp32-b32").max_dp == 0
    assert line("sentiscore-bf16").max_dp == pytest.approx(0.1)
    assert line("sentiscore-bf16").mean_dp == pytest.approx(0.055)


def test_a_temperature_divides_the_logits() -> None:
    logits = np.array([[1.0, -2.0]])
    odds = np.exp(logits / 1.7)
    soft = np.exp(logits) / np.exp(logits).sum()
    assert calibrated(soft, 1.7) == pytest.approx(odds / odds.sum())


def test_shares_are_held_against_the_peak_of_the_same_numbers() -> None:
    whole, left = 2 * (5 * 3 * 128 + 5 * 8), 2 * (3 * 48 + 5 * 16 + 3 * 64 + 5 * 128 + 5 * 32 + 2 * 96 + 2 * 8)
    assert line("hf-fp32-b32").gemm_share == pytest.approx(whole / 1.0 / 1e9)
    assert line("sentiscore-bf16").gemm_share == pytest.approx(left / 0.5 / 2e9)


def test_a_contestant_that_is_left_out_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    show([result()], GEMM, ["here, today"])
    printed = capsys.readouterr().out
    assert "OpenVINO bf16, equal lengths is left out: There is no such thing." in printed
    assert "int8 -" in printed  # a peak that was not measured


def test_the_json_has_every_figure() -> None:
    everything = as_json([result()], date="today")
    assert everything["date"] == "today"
    assert [line["name"] for line in everything["results"][0]["lines"]] == [line.name for line in result().lines]
    assert everything["results"][0]["lines"][1]["seconds"] == [2.0, 1.0, 3.0]


@pytest.mark.parametrize("name", ["speed.svg", "speed.png"])
def test_the_picture_is_drawn(name: str, tmp_path: Path) -> None:
    draw([result()], tmp_path / name, "here, today")
    assert (tmp_path / name).stat().st_size > 1000
