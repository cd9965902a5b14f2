"""An unattended job says how far it is."""

import json
import os
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from sentiscore.cli import json_log
from sentiscore.cli.heartbeat import heartbeat
from sentiscore.cli.main import cli
from sentiscore.scoring.events import RowsDone


def wait_for_a_line(capsys: pytest.CaptureFixture[str], *, done: int) -> str:
    with heartbeat(0.01) as beat:
        beat(RowsDone(done, 3_000))
        said = ""
        while "\n" not in said:
            time.sleep(0.01)
            said += capsys.readouterr().err
    return said.splitlines()[0]


def test_a_job_without_a_terminal_says_how_many_rows_are_done(capsys: pytest.CaptureFixture[str]) -> None:
    assert wait_for_a_line(capsys, done=1_200) == "still running: 1,200 of 3,000 rows after 0 s"


def test_the_json_log_has_an_event_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    json_log.switch(on=True)
    try:
        event = json.loads(wait_for_a_line(capsys, done=1_200))
    finally:
        json_log.switch(on=False)
    assert (event["event"], event["done"], event["total"]) == ("heartbeat", 1_200, 3_000)


def test_a_mistyped_command_names_the_one_that_was_meant() -> None:
    result = CliRunner().invoke(cli, ["scroe"])
    assert result.exit_code == 2
    assert "No such command 'scroe'. Did you mean score?" in result.output
    assert "Did you mean" not in CliRunner().invoke(cli, ["xyz"]).output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_its_completion(shell: str) -> None:
    words = {"COMP_WORDS": "sentiscore sc", "COMP_CWORD": "sc" if shell == "fish" else "1"}
    code = "from sentiscore.cli.main import main; import sys; sys.argv = ['sentiscore']; main()"

    def ask(what: str) -> str:
        environment = os.environ | words | {"_SENTISCORE_COMPLETE": f"{shell}_{what}"}
        run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        return run.stdout

    assert "_SENTISCORE_COMPLETE" in ask("source")
    assert "score" in ask("complete")
    assert "\\t" not in ask("complete")


def test_the_version_has_a_short_option() -> None:
    assert CliRunner().invoke(cli, ["-V"]).output == CliRunner().invoke(cli, ["--version"]).output
