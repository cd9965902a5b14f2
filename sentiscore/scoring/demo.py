"""The main job on the sample news."""

from pathlib import Path

from sentiscore.errors import OutputError
from sentiscore.features import DailyRequest
from sentiscore.local import local_path
from sentiscore.samples import sample_news
from sentiscore.scoring.events import OnEvent
from sentiscore.scoring.job import score_file
from sentiscore.scoring.tally import JobSummary


def demo(output: str | Path = "demo", *, on_event: OnEvent | None = None) -> JobSummary:
    """Score the sample news with the embedded model, and make their daily features; this needs no network.

    Args:
        output: The folder for the results, news.scored.parquet and news.daily.parquet; created if missing.
        on_event: See `score_file`.

    Raises:
        OutputError: The folder cannot be created.
    """
    folder = local_path(output, OutputError)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {folder} cannot be made: {error}.", "Choose another with --output.") from error
    return score_file(
        sample_news(),
        text_col="headline",
        output=folder / "news.scored.parquet",
        daily=DailyRequest(
            time_col="published_at",
            entity_col="ticker",
            day_tz="America/New_York",
            output=folder / "news.daily.parquet",
        ),
        on_event=on_event,
    )
