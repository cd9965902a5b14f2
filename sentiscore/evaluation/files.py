"""An evaluation report -> files."""

import json
from pathlib import Path

from sentiscore.errors import OutputError, import_extra
from sentiscore.evaluation.evaluate import Report
from sentiscore.evaluation.html import to_html


def check_reports(json_file: Path | None, html_file: Path | None) -> None:
    """Can the reports be written? Asked before the work is done.

    Raises:
        OutputError: A folder is missing.
        MissingExtraError: The plots need matplotlib, which is not installed.
    """
    for path in (json_file, html_file):
        if path is not None and not path.parent.is_dir():
            raise OutputError(f"There is no folder {path.parent}.", f"Make it first: mkdir -p {path.parent}")
    if html_file is not None:
        import_extra("matplotlib", "plots")


def write_reports(report: Report, json_file: Path | None, html_file: Path | None) -> list[Path]:
    """Write the reports that were asked for.

    Returns:
        The files that were written.

    Raises:
        OutputError: A file cannot be written.
    """
    written = []
    try:
        if json_file is not None:
            json_file.write_text(json.dumps(report.to_dict(), indent=2) + "\n", encoding="utf-8")
            written.append(json_file)
        if html_file is not None:
            html_file.write_text(to_html(report), encoding="utf-8")
            written.append(html_file)
    except OSError as error:
        raise OutputError(f"The report cannot be written: {error}.", "Choose another place for it.") from error
    return written
