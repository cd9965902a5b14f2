"""The nightly job as an Airflow DAG (Airflow 3.1 or newer): put it into the folder of DAGs."""

import subprocess
from datetime import datetime, timedelta
from typing import Final

from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowFailException

COMMAND: Final = ("/srv/news/.venv/bin/python", "/srv/news/nightly.py", "/srv/news/nightly.toml")
FOR_A_PERSON: Final = {1: "an error", 2: "a mistyped command", 3: "a drift alarm"}
"""Exit codes that another try would not change."""


@dag(
    schedule="30 22 * * *",
    start_date=datetime(2024, 1, 1),  # noqa: DTZ001 - Airflow gives it the zone of its configuration
    catchup=False,  # a run does every night that is waiting
    max_active_runs=1,
)
def nightly_news() -> None:
    """Score, update, compare; then forecast."""

    @task(retries=3, retry_delay=timedelta(minutes=5))
    def score_and_update() -> None:
        code = subprocess.run(COMMAND, check=False).returncode  # noqa: S603 - a program of its own: nothing is forked
        if code in FOR_A_PERSON:
            raise AirflowFailException(f"{FOR_A_PERSON[code]}; the log has the message")
        if code != 0:
            raise RuntimeError(f"stopped or killed ({code}); the next try continues")

    @task
    def forecast() -> None:
        """Your model; it runs only if nothing has drifted."""

    score_and_update() >> forecast()


nightly_news()
