"""Copies rows from a position of a parquet file into a small file."""

from pathlib import Path
from typing import Final

from sentiscore.tables.parquet_pages import check_pages, read_footer
from sentiscore.tables.problems import broken

_SLICE_BYTES: Final = 8 << 20
_BATCH_ROWS: Final = 8_192
_BUFFER_BYTES: Final = 1 << 20


def rows_of_parquet(path: Path) -> int:
    """The number of rows, which the footer has.

    Raises:
        InputError: The footer is broken, or claims more than a table may have.
    """
    return read_footer(path).rows


def copy_parquet(path: Path, target: Path, start: int, n_rows: int) -> int:
    """Copy some rows; row groups before the first of them are not read.

    Args:
        path: The file.
        target: The new file, compressed as the file is.
        start: How many rows come before them.
        n_rows: The maximum rows.

    Returns:
        The number of copied rows.

    Raises:
        InputError: The file is broken, or would take too much memory.
    """
    import pyarrow as pa
    from pyarrow import parquet

    footer = read_footer(path)
    try:
        largest = check_pages(path, footer, set(footer.names), all_texts=True)
        n_batch = max(1, min(_BATCH_ROWS, n_rows, _SLICE_BYTES // max(1, largest)))
        with parquet.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER_BYTES) as file:
            about = file.metadata
            first, before = 0, 0
            while first + 1 < about.num_row_groups and before + about.row_group(first).num_rows <= start:
                before += about.row_group(first).num_rows
                first += 1
            skipped, copied = before - start, 0
            codec = about.row_group(first).column(0).compression if about.num_columns and about.num_row_groups else ""
            options = {"compression": codec.lower() if codec not in ("", "UNCOMPRESSED") else "none"}
            with parquet.ParquetWriter(target, file.schema_arrow, **options) as writer:
                groups = list(range(first, about.num_row_groups))
                for batch in file.iter_batches(n_batch, row_groups=groups, use_threads=False):
                    begin = max(0, -skipped)
                    skipped += batch.num_rows
                    if skipped <= 0:
                        continue
                    kept = batch.slice(begin, n_rows - copied)
                    writer.write_table(pa.Table.from_batches([kept]), row_group_size=n_rows)
                    copied += kept.num_rows
                    if copied >= n_rows:
                        break
    except (pa.ArrowException, OSError) as error:
        raise broken(path, error) from error
    return copied
