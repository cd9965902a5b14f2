"""A series of the user's own, such as prices, that a plot draws over daily features."""

from dataclasses import dataclass
from typing import Final

import polars as pl

from sentiscore.errors import InputError
from sentiscore.tables.exact import exactly

_KEYS: Final = ("unique_id", "ds")
_NEEDS: Final = (
    "It needs the columns ds (dates) and, unless it is the same for all entities, unique_id, beside the one to draw."
)


@dataclass(frozen=True)
class PlotTarget:
    """What is drawn over the features.

    Attributes:
        column: The name of its column.
        values: Columns `ds`, `target` and, unless the series is that of all entities, `name`.
    """

    column: str
    values: pl.DataFrame

    def on(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows of `name` and `ds`, with the value of each as `target`."""
        keys = [key for key in ("name", "ds") if key in self.values.columns]
        return rows.join(self.values, on=keys, how="left", maintain_order="left")


def plot_target(frame: pl.DataFrame, column: str | None) -> PlotTarget:
    """Check a series that is to be drawn, and choose its column.

    Args:
        frame: Columns `ds` and the one to draw, and `unique_id` unless the series is that of all entities.
        column: The column to draw; by default the only one of numbers.

    Raises:
        InputError: A column is missing, no column or several could be meant, or an entity has two values for a date.
    """
    if "ds" not in frame.columns:
        raise InputError("The target has no column 'ds'.", _NEEDS)
    if column is None:
        others = [name for name in frame.columns if name not in _KEYS]
        numbers = [name for name in others if frame.schema[name].is_numeric()] or others  # a CSV holds text alone
        if len(numbers) != 1:
            raise InputError(
                f"The target has {len(numbers)} columns that could be drawn{': ' * bool(numbers)}{', '.join(numbers)}.",
                "Choose one with --target-col (target_col)." if numbers else _NEEDS,
            )
        column = numbers[0]
    if column not in frame.columns or column in _KEYS:
        raise InputError(f"The target has no column {column!r} of values.", f"It has: {', '.join(frame.columns)}.")
    keys = [pl.col("unique_id").cast(pl.String).alias("name")] if "unique_id" in frame.columns else []
    try:
        dates = pl.col("ds").str.to_date("%Y-%m-%d") if frame.schema["ds"] == pl.String else pl.col("ds").cast(pl.Date)
        values = frame.select(*keys, dates, exactly(column).cast(pl.Float64).alias("target"))
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"The target's {column!r} is not a column of numbers, or its ds not of dates.", _NEEDS
        ) from error
    values = values.drop_nulls()
    if values.height > values.n_unique([name for name in values.columns if name != "target"]):
        raise InputError("The target has two values for the same date of an entity.", _NEEDS)
    return PlotTarget(column, values)
