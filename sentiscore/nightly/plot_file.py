"""A file of daily features -> a file with their charts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sentiscore.disk.durable import write_text
from sentiscore.disk.permission import check_file_target
from sentiscore.errors import OutputError, import_extra
from sentiscore.features.plot import MOST_ENTITIES, check_columns, draw, needed_columns
from sentiscore.features.plot_target import plot_target
from sentiscore.local import local_path
from sentiscore.tables import open_source, read_table
from sentiscore.tables.formats import without_packing

_ENDINGS: Final = (".html", ".htm")


@dataclass(frozen=True)
class PlotFile:
    """A page of charts that was written.

    Attributes:
        output: The page.
        rows: The number of daily rows read.
        drawn: The number of entities on the page.
        entities: The number of entities in the table.
        left_out: The number of entities that are not on the page because of the limit.
        n_bytes: The size of the page.
    """

    output: Path
    rows: int
    drawn: int
    entities: int
    left_out: int
    n_bytes: int


def plot_file(
    daily: str | Path,
    *,
    output: str | Path | None = None,
    column: str = "sent_mean",
    entities: Sequence[object] | None = None,
    limit: int = MOST_ENTITIES,
    title: str | None = None,
    target: str | Path | None = None,
    target_col: str | None = None,
) -> PlotFile:
    """Write charts of a file of daily features as one HTML page; see `plot` for its contents.

    Args:
        daily: A file of daily features: parquet, csv or ndjson.
        output: The page; by default NAME.html next to the input.
        column: The column to draw above the documents.
        entities: The entities to draw; by default those with the most documents.
        limit: The maximum number of entities if `entities` is not given.
        title: The title of the page; by default it names the file.
        target: A file with a series to draw over the features, such as prices: columns `ds` and the one to draw, and
            `unique_id` unless it is the same for all entities.
        target_col: The target's column; by default its only one of numbers.

    Raises:
        InputError: The file does not contain daily features, or has no such entity or column.
        OutputError: The page cannot be written, or its name does not end in .html or .htm.
        MissingExtraError: plotly is not installed.
    """
    source = open_source(daily)
    page = local_path(output, OutputError) if output is not None else default_plot(source.path)
    if page.resolve() == source.path.resolve():
        raise OutputError(f"{page} is the file that is read.", "Choose another file with --output.")
    check_file_target(page)
    if page.suffix.lower() not in _ENDINGS:
        raise OutputError(f"{page} does not end as a page does.", f"Use one of: {', '.join(_ENDINGS)}.")
    import_extra("plotly.offline", "plots")
    names = list(source.schema)
    check_columns(names, column)
    over = None if target is None else plot_target(read_table(target), target_col)
    frame = read_table(source.path, needed_columns(names, column))
    drawing = draw(
        frame,
        column=column,
        entities=entities,
        limit=limit,
        title=title if title is not None else f"Daily sentiment: {source.path.name}",
        target=over,
    )
    write_text(page, drawing.page)
    return PlotFile(
        output=page,
        rows=frame.height,
        drawn=drawing.drawn,
        entities=drawing.entities,
        left_out=drawing.entities - drawing.drawn if entities is None else 0,
        n_bytes=len(drawing.page.encode()),
    )


def default_plot(source: str | Path) -> Path:
    """The default output of a plot: news.daily.parquet or news.daily.csv.gz -> news.daily.html."""
    return without_packing(Path(source)).with_suffix(".html")
