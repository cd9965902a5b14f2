"""How a column of times is read, in one frozen object."""

from dataclasses import dataclass
from typing import Final

import polars as pl

from sentiscore.errors import InputError
from sentiscore.features.epochs import UNITS
from sentiscore.features.patterns import RFC2822, expression
from sentiscore.features.zones import check_zone

DATE: Final = "date"
INSTANT: Final = "instant"
MIDNIGHTS: Final = (DATE, INSTANT)


@dataclass(frozen=True, kw_only=True)
class TimeFormat:
    """How a column of times is read.

    Attributes:
        tz: The zone of times without one.
        format: A strptime pattern that all texts of the column have, or the word "rfc2822"; None for the forms that are
            unambiguous.
        unit: What numbers count since 1970: "s", "ms", "us" or "ns"; None if numbers are refused.
        midnight: What a time of exactly midnight is: a "date", so some time on that day, or the "instant"; None if
            unspecified.

    Raises:
        InputError: A value is not one of these, or both a pattern and a unit are given.
    """

    tz: str | None = None
    format: str | None = None
    unit: str | None = None
    midnight: str | None = None

    def __post_init__(self) -> None:
        if self.tz is not None:
            check_zone(self.tz, "tz")
        for name, value, choices in (
            ("--time-unit (time_unit)", self.unit, UNITS),
            ("--midnight (midnight)", self.midnight, MIDNIGHTS),
        ):
            if value is not None and value not in choices:
                raise InputError(f"{value!r} is not one of {', '.join(choices)}.", f"Choose one of them with {name}.")
        if self.format is not None:
            if self.unit is not None:
                raise InputError(
                    "A time format is for text, and a time unit for numbers.",
                    "Give --time-format (time_format) or --time-unit (time_unit), not both.",
                )
            expression(self.format)

    @property
    def rfc2822(self) -> bool:
        """Whether zone letters mean what RFC 2822 says."""
        return self.format is not None and self.format.strip().lower() == RFC2822

    @property
    def reads_numbers(self) -> bool:
        """Whether a column of numbers can be read."""
        return self.unit is not None or self.format is not None

    def counts(self, dtype: pl.DataType) -> bool:
        """Whether a column of this type is read as numbers since 1970."""
        return self.unit is not None and (dtype.is_numeric() or dtype in (pl.String, pl.Categorical, pl.Enum))
