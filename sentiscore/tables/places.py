"""Where a table may be written: its kind, its columns, and what it says of itself."""

import json
import os
from pathlib import Path
from typing import Final

import polars as pl

from sentiscore.disk.failures import translated
from sentiscore.disk.paths import resolved
from sentiscore.disk.permission import check_file_target
from sentiscore.errors import OutputError
from sentiscore.local import local_path
from sentiscore.tables.nesting import MAX_LEVELS, is_too_deep, levels
from sentiscore.tables.part_folders import PROVENANCE_NAME, check_folder_target
from sentiscore.tables.writable import fits, way_to_hold

WRITABLE: Final = (".parquet", ".csv", ".ndjson")


def is_folder_target(path: str | Path) -> bool:
    """Does this output mean a folder of parts? It does if it ends in a separator, or is a folder already."""
    real_path = local_path(path, OutputError)
    return os.fspath(path).endswith(("/", os.sep)) or os.path.isdir(real_path)  # noqa: PTH112 - False without permission


def sidecar_path(output: Path) -> Path:
    """Where an output's provenance is: NAME.provenance.json beside a file, provenance.json in a folder.

    Of a link, it is beside the file that the link leads to.
    """
    if output.is_dir():
        return output / PROVENANCE_NAME
    real_path = resolved(output)
    return real_path.with_name(f"{real_path.name}.{PROVENANCE_NAME}")


def check_target(path: str | Path, schema: pl.Schema, *, folder: bool | None = None) -> Path:
    """Can a table of this schema be written there? Asked before any work is done.

    Args:
        path: A .parquet, .csv or .ndjson file that is there or not, or a folder of parts.
        schema: The columns that will be written.
        folder: Whether it is a folder of parts; by default as `is_folder_target` says.

    Raises:
        OutputError: The ending is unknown, the folder is missing or may not be written to, the format cannot hold
            one of the columns, or a folder holds what sentiscore did not write.
    """
    if folder is None:
        folder = is_folder_target(path)
    path = local_path(path, OutputError)
    suffix = ".parquet" if folder else path.suffix.lower()
    if suffix not in WRITABLE:
        raise unknown_kind(path)
    if folder:
        check_folder_target(path)
    else:
        check_file_target(path)
        _check_sidecar_target(sidecar_path(path))
    deep = {name: levels(dtype, suffix) for name, dtype in schema.items() if is_too_deep(dtype, suffix)}
    unfit = [f"{name} (nested {n} levels deep, and {MAX_LEVELS} are the most)" for name, n in deep.items()]
    unfit += [f"{name} ({dtype})" for name, dtype in schema.items() if name not in deep and not fits(suffix, dtype)]
    if unfit:
        raise OutputError(
            f"{suffix} cannot hold the column{'s'[: len(unfit) > 1]} {', '.join(unfit)}.",
            f"{way_to_hold(schema, suffix)} such columns out with --columns.",
        )
    return path


def unknown_kind(path: Path) -> OutputError:
    """The error for an ending that cannot be written."""
    return OutputError(
        f"{path} is of a kind that cannot be written.",
        f"Use one of: {', '.join(WRITABLE)}. Or end it with / for a folder of parts.",
    )


def _check_sidecar_target(path: Path) -> None:
    """Can what an output says of itself be written there? Nobody names that file, so a link must lead to one of ours.

    Raises:
        OutputError: See `check_file_target`; or it is a link to a file that sentiscore did not write.
    """
    check_file_target(path)
    with translated(path):
        if not path.is_symlink() or not path.exists():
            return
        try:
            found = json.loads(path.read_bytes())
        except (ValueError, RecursionError):
            found = None
    if not isinstance(found, dict) or (found and "sentiscore" not in found):
        raise OutputError(
            f"{path} is a link to a file that sentiscore did not write.", "Remove the link, or choose another place."
        )
