"""Amounts of memory and disk."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiscore.errors import InputError
from sentiscore.units import parse_size, round_size, write_size


@pytest.mark.parametrize(
    ("text", "n_bytes"),
    [
        ("2GB", 2_000_000_000),
        ("512MiB", 512 * 2**20),
        (" 1.5 g ", 1_500_000_000),
        ("800000000", 800_000_000),
        ("1kb", 1000),
        ("1KiB", 1024),
        ("3TiB", 3 * 1024**4),
        ("7b", 7),
    ],
)
def test_sizes_are_read_as_people_write_them(text: str, n_bytes: int) -> None:
    assert parse_size(text) == n_bytes


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "2XB", "0", "0.1b", "1,5GB", "5ib", "1e9", "nan", "2GB2", "½GB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="no amount of memory or disk"):
        parse_size(text)


@pytest.mark.parametrize("text", ["2 GB", "512 MiB", "3 kB", "3 KiB", "1 TiB"])
def test_sizes_are_said_as_they_were_read(text: str) -> None:
    assert write_size(parse_size(text)) == text


def test_other_sizes_are_rounded_to_a_tenth() -> None:
    assert write_size(1_234_567) == "1.2 MB"
    assert write_size(999) == "999 B"


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [
        (1_489_718_000, "1.5 GB"),
        (1_454_803 * 1024, "1.5 GB"),
        (4096, "4.1 kB"),
        (2_000_000, "2 MB"),
        (999_960, "1 MB"),
        (3 * 10**15, "3000 TB"),
        (999, "999 B"),
        (0, "0 B"),
    ],
)
def test_measured_sizes_are_rounded_even_if_a_small_unit_divides_them(n_bytes: int, text: str) -> None:
    assert round_size(n_bytes) == text


@given(size=st.integers(1, 2**59))
def test_a_size_that_is_written_is_read_back_to_a_twentieth(size: int) -> None:
    assert parse_size(write_size(size)) == pytest.approx(size, rel=0.05, abs=0.5)
