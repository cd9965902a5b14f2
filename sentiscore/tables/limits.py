"""How much of a file may stand behind a small place in it: a stranger's file must not take the machine's memory.

Each limit is far beyond what tables of text are like. What is past one is refused with a message that names it.
"""

from typing import Final

MAX_COLUMNS: Final = 10_000
"""Every column costs some kilobytes in each window, whatever it holds."""

MAX_ROW_BYTES: Final = 16 << 20
"""Text of one row: a long novel is a tenth of it, and a row is the least that can be held at once."""

MAX_ROW_VALUES: Final = 1_000_000
"""Separators in one line: each may be a value, and a value takes fifty times the memory of its separator."""

MAX_DEPTH: Final = 64
"""Lists and objects within each other: readers call themselves once for each, on a stack that ends."""

MAX_WINDOW_CELLS: Final = 1 << 20
"""Cells of a window, so that many columns take no more memory than many rows; a text's place alone is 16 bytes."""

FREE_CELLS: Final = 1 << 24
ROW_CELLS: Final = 4
CELLS_OF_A_BYTE: Final = 16
PARQUET_CELLS_OF_A_BYTE: Final = 64
"""Cells of a table: the first 16 million, then so many for each byte of the file as it is stored. A row counts as some
more than it has columns. Keys that few rows have, packed separators and columns of nothing cost a file almost nothing,
and cost whoever reads it as much as values do."""

GZIP_BOMB_BYTES: Final = 64 << 20
GZIP_BOMB_RATIO: Final = 200
"""What unpacks to more than so many bytes, and to more than so many times its size, is no table: text packs to a
third or a tenth."""

UNPACKED_BYTES: Final = 64 << 20
UNPACKED_RATIO: Final = 8
"""Pages of a parquet file that have to be held unpacked at the same time, one of each column of text: so many bytes, or
so many times the file's size. Writers make pages of 1 MB."""

NESTED_VALUES: Final = 4_000_000
NESTED_RATIO: Final = 2
"""Values in the lists of one row group: so many, or so many for each byte of the file, since a row of a list may hold
any number."""

HELD_TEXT: Final = 64 << 20
HELD_TEXT_OF_A_BYTE: Final = 32
"""Bytes of text of a table that is held as a whole, such as labelled rows: the first 64 MiB, then so many for each byte
of its files."""

LABELLED_ROWS: Final = 1_000_000
"""Labelled rows that are held as a whole: the first million, then one for each byte of their files."""

FREE_TEXT: Final = 2 << 30
TEXT_OF_A_BYTE: Final = 200
"""Bytes of text that come out of a table: the first 2 GiB, then so many for each byte of its files. A dictionary holds
a text once, however many rows have it, and each of them is written."""

FREE_ROWS: Final = 100_000_000
ROWS_OF_A_BYTE: Final = 100
"""Rows that a parquet file may claim for each of its bytes, past the first hundred million."""

FREE_CHUNKS: Final = 20_000
CHUNK_BYTES: Final = 64
"""The least that a column takes in a row group: a description in the footer and a page."""

MAX_FILES: Final = 20_000
"""Files and folders of one table: each file is opened, and what is known of it is kept."""
