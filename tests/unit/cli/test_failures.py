from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from sentiscore.cli.main import cli

COMMANDS = ["score {0}/none.csv --text-col a", "inspect {0}/none.csv"]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("no_color", "coloured"), [("1", False), ("0", False), ("", True), (None, True)])
def test_errors_have_no_colour_where_the_user_wants_none(
    command: str, no_color: str | None, coloured: bool, tmp_path: Path
) -> None:
    done = CliRunner().invoke(cli, command.format(tmp_path).split(), color=True, env={"NO_COLOR": no_color})
    assert done.exit_code == 1
    assert ("\x1b[" in done.stderr) == coloured
    assert "error:" in click.unstyle(done.stderr)


@pytest.mark.parametrize(("no_color", "coloured"), [("1", False), (None, True)])
def test_warnings_have_no_colour_either(
    no_color: str | None, coloured: bool, make_checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    model = make_checkpoint(tmp_path / "model", temperature=None)
    (tmp_path / "a.csv").write_text("a\ngood\n")
    command = ["score", str(tmp_path / "a.csv"), "--text-col", "a", "--model", str(model)]
    done = CliRunner().invoke(cli, command, color=True, env={"NO_COLOR": no_color})
    assert done.exit_code == 0, done.stderr
    assert "is not calibrated" in done.stderr
    assert ("\x1b[" in done.stderr) == coloured
