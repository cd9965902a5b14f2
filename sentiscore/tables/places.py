"""Checks where a table may be written: its format, its columns, and its provenance file."""

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
    """Whether an output is a folder of parts: it ends in a separator, or is an existing folder."""
    real_path = local_path(path, OutputError)
    return os.fspath(path).endswith(("/", os.sep)) or os.path.isdir(real_path)  # noqa: PTH112 - False without permission


def sidecar_path(output: Path) -> Path:
    """The path of an output's provenance: NAME.provenance.json next to a file, provenance.json in a folder.

    For a link, it is next to the file that the link leads to.
    """
    if output.is_dir():
        return output / PROVENANCE_NAME
    real_path = resolved(output)
    return real_path.with_name(f"{real_path.name}.{PROVENANCE_NAME}")


def check_target(path: str | Path, schema: pl.Schema, *, folder: bool | None = None) -> Path:
    """Check that a table with this schema can be written there, before any work is done.

    Args:
        path: A .parquet, .csv or .ndjson file, existing or not, or a folder of parts.
        schema: The columns that will be written.
        folder: Whether it is a folder of parts; by default as `is_folder_target` says.

    Raises:
        OutputError: The extension is unknown, the folder is missing or not writable, the format cannot hold one of the
            columns, or a folder holds files that sentiscore did not write.
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
    """The error for an extension that cannot be written."""
    return OutputError(
        f"{path} is of a kind that cannot be written.",
        f"Use one of: {', '.join(WRITABLE)}. Or end it with / for a folder of parts.",
    )


def _check_sidecar_target(path: Path) -> None:
    """Check that a provenance can be written there. Users do not name that file, so a link must lead to one of ours.

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
