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
    """Can the reports be written? Asked before the work is done.

    Args:
        json_file: Where one report goes, if anywhere.
        html_file: Where the other goes.
        read: Files that are read, which no report may replace.

    Raises:
        OutputError: A place cannot be written to, or is taken.
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
    """Write the files that were asked for.

    Args:
        reports: One for each set of rows.
        json_file: Where their figures go, as a list; None for nowhere.
        html_file: Where the page of all of them goes; None for nowhere.

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
