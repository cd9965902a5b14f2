"""What a temperature leaves as it was, and what it does not."""

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import roc_auc_score

from sentiscore.evaluation.calibration import COLDEST, HOTTEST
from sentiscore.evaluation.metrics import point_metrics
from sentiscore.scoring.probabilities import probabilities

temperatures = st.floats(COLDEST, HOTTEST)


@st.composite
def logits_of(draw: st.DrawFn, classes: int) -> npt.NDArray[np.float32]:
    """Logits of float32, as networks give them, of which many rows differ by the same amount.

    Even at the coldest temperature no probability is so near to 1 that float64 rounds it to 1.
    """
    steps = draw(arrays(np.int16, (draw(st.integers(4, 20)), classes), elements=st.integers(-7, 7)))
    return (steps / 8).astype(np.float32)


@given(logits=st.integers(2, 3).flatmap(logits_of), temperature=temperatures)
def test_a_temperature_changes_no_answer(logits: npt.NDArray[np.float32], temperature: float) -> None:
    assert (probabilities(logits, temperature).argmax(axis=1) == logits.argmax(axis=1)).all()


@given(logits=logits_of(2), temperature=temperatures, data=st.data())
def test_with_two_classes_a_temperature_does_not_change_the_auc_at_all(
    logits: npt.NDArray[np.float32], temperature: float, data: st.DataObject
) -> None:
    rows = len(logits)
    labels = np.array(
        data.draw(st.lists(st.integers(0, 1), min_size=rows, max_size=rows).filter(lambda x: 0 < sum(x) < rows))
    )
    before = point_metrics(labels, probabilities(logits))
    after = point_metrics(labels, probabilities(logits, temperature))
    assert after["roc_auc"] == before["roc_auc"]
    assert after["roc_auc"] == roc_auc_score(labels, logits[:, 1] - logits[:, 0])
    assert [after[name] for name in ("accuracy", "f1", "macro_f1")] == [
        before[name] for name in ("accuracy", "f1", "macro_f1")
    ]


def test_with_three_classes_a_temperature_can_turn_the_order_of_two_rows_round() -> None:
    logits = np.array([[0.0, 0.0, 0.0], [1.0, -5.0, 0.0]])
    sharp, flat = (probabilities(logits, temperature)[:, 2] for temperature in (1.0, HOTTEST))
    assert sharp[0] > sharp[1]
    assert flat[0] < flat[1]


@given(temperature=temperatures)
def test_rows_whose_logits_differ_by_the_same_amount_stay_equal(temperature: float) -> None:
    grid = np.arange(-7, 8) / 8
    logits = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    assert np.unique(probabilities(logits, temperature)[:, 1]).size == np.unique(logits[:, 1] - logits[:, 0]).size
