"""Standard input as a file, for commands that read a table: it is read more than once."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

STDIN: Final = "-"


@contextmanager
def stdin_as_file(inputs: Sequence[str], outputs: Sequence[object]) -> Iterator[list[str]]:
    """The inputs, with a temporary copy of stdin in place of `-`; the copy is removed when the block is left.

    Args:
        inputs: What was named.
        outputs: What says where the result goes; with stdin one is needed, since it has no folder.

    Raises:
        click.UsageError: `-` is named twice, no output is named, or stdin is a terminal.
        InputError: stdin is empty.
        OutputError: It cannot be copied.
    """
    if STDIN not in inputs:
        yield list(inputs)
        return
    if list(inputs).count(STDIN) > 1:
        raise click.UsageError("stdin (-) is named twice, and can be read once.")
    if not any(outputs):
        raise click.UsageError("What is read from stdin (-) has no folder for its result: name it with --output.")
    if sys.stdin is None or sys.stdin.isatty():
        raise click.UsageError("stdin (-) is the terminal: pipe a table into it, as in: cat news.csv | sentiscore ...")
    from sentiscore.tables.spool import spool

    with tempfile.TemporaryDirectory(prefix="sentiscore-") as folder:
        path = spool(sys.stdin.buffer, Path(folder))
        yield [str(path) if each == STDIN else each for each in inputs]
