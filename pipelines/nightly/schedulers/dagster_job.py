"""The nightly job as a Dagster asset with a schedule: dagster dev -f dagster_job.py."""

import subprocess
from typing import Final

import dagster as dg

COMMAND: Final = ("/srv/news/.venv/bin/python", "/srv/news/nightly.py", "/srv/news/nightly.toml")
FOR_A_PERSON: Final = {1: "an error", 2: "a mistyped command", 3: "a drift alarm"}
"""Exit codes that another try would not change."""


@dg.asset(retry_policy=dg.RetryPolicy(max_retries=3, delay=300))
def daily_sentiment() -> None:
    """The daily features, up to the last night."""
    code = subprocess.run(COMMAND, check=False).returncode  # noqa: S603 - a program of its own: nothing is forked
    if code in FOR_A_PERSON:
        raise dg.Failure(f"{FOR_A_PERSON[code]}; the log has the message", allow_retries=False)
    if code != 0:
        raise RuntimeError(f"stopped or killed ({code}); the next try continues")


@dg.asset(deps=[daily_sentiment])
def forecast() -> None:
    """Your model; it runs only if nothing has drifted."""


defs = dg.Definitions(
    assets=[daily_sentiment, forecast],
    schedules=[
        dg.ScheduleDefinition(
            name="nightly_news", target="*", cron_schedule="30 17 * * *", execution_timezone="America/New_York"
        )
    ],
)
