"""How much a few bytes of a file may expand to: an untrusted file must not exhaust the machine's memory.

Each limit is far beyond usual tables of text. A file past a limit is refused with a message that names it.
"""

from typing import Final

MAX_COLUMNS: Final = 10_000
"""Each column costs a few kilobytes per window, whatever it holds."""

MAX_ROW_BYTES: Final = 16 << 20
"""Text of one row: a long novel has a tenth of it, and a row is the smallest unit that can be held."""

MAX_ROW_VALUES: Final = 1_000_000
"""Separators in one line: each may delimit a value, which takes fifty times the memory of the separator."""

MAX_DEPTH: Final = 64
"""Nesting of lists and objects: readers recurse once per level, on a finite stack."""

MAX_WINDOW_CELLS: Final = 1 << 20
"""Cells of a window, so that many columns take no more memory than many rows; the reference to a text alone takes 16
bytes."""

FREE_CELLS: Final = 1 << 24
ROW_CELLS: Final = 4
CELLS_OF_A_BYTE: Final = 16
PARQUET_CELLS_OF_A_BYTE: Final = 64
"""Cells of a table: the first 16 million, then this many per stored byte of the file. A row counts as a few more than
it has columns. Rare keys, compressed separators and empty columns cost a file almost nothing, but cost its reader as
much as values do."""

BOMB_BYTES: Final = 64 << 20
BOMB_RATIO: Final = 200
"""A file that unpacks to more than this many bytes, and to more than this multiple of its size, is not a table: text
compresses to a third or a tenth."""

UNPACKED_BYTES: Final = 64 << 20
UNPACKED_RATIO: Final = 8
"""Pages of a parquet file that must be held unpacked at the same time, one per column of text: this many bytes, or this
multiple of the file's size. Writers make pages of 1 MB."""

NESTED_VALUES: Final = 4_000_000
NESTED_RATIO: Final = 2
"""Values in the lists of one row group: this many, or this many per byte of the file, since a list in a row may hold
any number."""

HELD_TEXT: Final = 64 << 20
HELD_TEXT_OF_A_BYTE: Final = 32
"""Bytes of text of a table that is held as a whole, such as labelled rows: the first 64 MiB, then this many per byte of
its files."""

LABELLED_ROWS: Final = 1_000_000
"""Labelled rows that are held as a whole: the first million, then one per byte of their files."""

FREE_TEXT: Final = 2 << 30
TEXT_OF_A_BYTE: Final = 200
"""Bytes of text read from a table: the first 2 GiB, then this many per byte of its files. A dictionary holds a text
once, however many rows have it, but every row is written."""

FREE_ROWS: Final = 100_000_000
ROWS_OF_A_BYTE: Final = 100
"""Rows that a parquet file may claim per byte, past the first hundred million."""

FREE_CHUNKS: Final = 20_000
CHUNK_BYTES: Final = 64
"""The minimum size of a column in a row group: a description in the footer and a page."""

MAX_FILES: Final = 20_000
"""Files and folders of one table: each file is opened, and its description is kept."""
