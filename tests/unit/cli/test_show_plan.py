"""How the numbers of a plan are printed."""

import pytest

from sentiscore.cli.show_plan import duration, size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (119.0, "119.0 s"),
        (119.97, "2.0 min"),
        (120.0, "2.0 min"),
        (7_000.0, "116.7 min"),
        (7_196.0, "119.9 min"),
        (7_199.0, "2.0 h"),
        (172_799.0, "2.0 days"),
        (170_000.0, "47.2 h"),
        (864e6, "10,000.0 days"),
    ],
)
def test_a_time_is_rounded_before_its_unit_is_chosen(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_measured_memory_is_printed_in_units_of_people() -> None:
    assert size(1_454_803 * 1024) == "1.5 GB"
