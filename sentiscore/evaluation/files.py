"""Evaluation reports -> files."""

import json
from collections.abc import Sequence
from pathlib import Path

from sentiscore.disk.durable import write_text
from sentiscore.disk.paths import real
from sentiscore.disk.permission import check_file_target
from sentiscore.errors import OutputError, import_extra
from sentiscore.evaluation.evaluate import Report
from sentiscore.evaluation.html import to_html
from sentiscore.local import local_path


def check_reports(json_file: Path | None, html_file: Path | None, read: Sequence[Path]) -> None:
    """Check, before the evaluation starts, that its reports can be written.

    Args:
        json_file: The JSON file to write, if any.
        html_file: The page to write, if any.
        read: Files that are read, which no report may replace.

    Raises:
        OutputError: A file cannot be written, or is used otherwise in the same command.
        MissingExtraError: The plots need matplotlib, which is not installed.
    """
    taken = {real(path) for path in read}
    for path in (json_file, html_file):
        if path is None:
            continue
        if real(path) in taken:
            raise OutputError(
                f"{path} is read from, or written to, elsewhere in this command.", "Choose another place."
            )
        taken.add(real(path))
        check_file_target(path)
    if html_file is not None:
        import_extra("matplotlib", "plots")


def write_reports(reports: Sequence[Report], json_file: str | Path | None, html_file: str | Path | None) -> list[Path]:
    """Write the requested files.

    Args:
        reports: One for each set of rows.
        json_file: The file for their metrics, as a list; None to write none.
        html_file: The file for the page with all of them; None to write none.

    Returns:
        The files that were written.

    Raises:
        OutputError: A file cannot be written.
    """
    written = []
    if json_file is not None:
        written.append(local_path(json_file, OutputError))
        write_text(written[-1], json.dumps([report.to_dict() for report in reports], indent=2) + "\n")
    if html_file is not None:
        written.append(local_path(html_file, OutputError))
        write_text(written[-1], to_html(reports))
    return written
