"""The fenced blocks of a page of the docs, and a shell that runs them with a warm command line.

A block of `sh` or `python` is run by a test unless an HTML comment before it, which no reader sees, says otherwise:

    <!-- test: not run, it needs the hub -->
    <!-- test: run by tests/integration/test_worker_processes.py -->
    <!-- test: file student.toml -->        the block, of any language, is written to a file of this name

Blocks of other languages (text, json, ini) are what something prints or what another program reads.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = [
    ROOT / "README.md",
    *sorted((ROOT / "docs" / "tutorials").glob("*.md")),
    *sorted((ROOT / "docs" / "how-to").glob("*.md")),
]
LANGUAGES: Final = {"sh", "python", "toml", "text", "json", "ini"}
RUN: Final = {"sh", "python"}
_BLOCK: Final = re.compile(
    r"(?:^<!-- test: (?P<mark>.+?) -->\n+)?^```(?P<language>.*)\n(?P<code>(?:.*\n)*?)^```$", re.MULTILINE
)
_CLIENT: Final = """
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as line:
    line.connect(os.environ["SENTISCORE_TEST_SOCKET"])
    line.sendall(json.dumps(sys.argv[1:]).encode() + b"\\n")
    answer = json.loads(line.makefile().read())
sys.stdout.write(answer["stdout"])
sys.stderr.write(answer["stderr"])
sys.exit(answer["exit_code"])
"""


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        line: Where it begins in its page, from 1.
        language: What follows the fence.
        mark: What the comment before it says.
        code: What is in it.
    """

    line: int
    language: str
    mark: str
    code: str

    @property
    def left_out(self) -> str:
        """Why it is not run here, or nothing."""
        return self.mark if self.mark.startswith(("not run, ", "run by ")) else ""

    @property
    def file(self) -> str:
        """The file that it is written to, or nothing."""
        return self.mark.removeprefix("file ") if self.mark.startswith("file ") else ""


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(text.count("\n", 0, found.start()) + 1, found["language"], found["mark"] or "", found["code"])
        for found in _BLOCK.finditer(text)
    ]


class Shell:
    """Runs scripts with bash in the working folder; `sentiscore` in them is the command line of this very process.

    A process of its own for each command would start for seconds. `tests/integration/test_cli.py` has those.

    Args:
        more: Options that are added to a command, by its name.
    """

    def __init__(self, more: Mapping[str, Sequence[str]] = MappingProxyType({})) -> None:
        self._more = more

    def __enter__(self) -> "Shell":
        self._folder = Path(tempfile.mkdtemp(prefix="sentiscore-shell-"))
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._folder / "line"))
        self._listener.listen()
        self._listener.settimeout(0.05)
        self._command("sentiscore", f"exec {sys.executable} -ISc '{_CLIENT}' \"$@\"")
        self._command("python", f'exec {sys.executable} "$@"')
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        shutil.rmtree(self._folder)

    def _command(self, name: str, script: str) -> None:
        path = self._folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def stub(self, name: str) -> None:
        """A command that takes anything and does nothing."""
        self._command(name, "cat > /dev/null")

    def run(self, script: str) -> str:
        """Run a script to its end; what it printed.

        Raises:
            AssertionError: A command of it failed.
        """
        path = f"{self._folder}:{os.environ['PATH']}"
        environment = os.environ | {"PATH": path, "SENTISCORE_TEST_SOCKET": str(self._folder / "line")}
        log, variables = self._folder / "log", self._folder / "variables"
        variables.touch()
        whole = f". {variables}; set -a\n{script}\nexport -p > {variables}"  # a page's scripts are one session
        with log.open("w") as out:
            bash = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", whole],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment,
            )  # fmt: skip
            while bash.poll() is None:
                try:
                    line, _ = self._listener.accept()
                except TimeoutError:
                    continue
                with line:
                    line.settimeout(10)
                    arguments = json.loads(line.makefile().readline())
                    answer = _command_line([*arguments, *self._more.get(arguments[0], [])])
                    line.sendall(json.dumps(answer).encode())
        printed = log.read_text()
        assert bash.returncode == 0, f"exit code {bash.returncode} of:\n{script}\n{printed}"
        return printed


def _command_line(arguments: list[str]) -> dict[str, Any]:
    from click.testing import CliRunner

    from sentiscore.cli.main import cli
    from sentiscore.cli.train import WEAK

    done = CliRunner().invoke(cli, arguments, prog_name="sentiscore")
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    weak = done.exit_code == WEAK and arguments[0] in ("train", "distill", "tune", "verify")  # after a few steps
    return {"exit_code": 0 if weak else done.exit_code, "stdout": done.stdout, "stderr": done.stderr}
