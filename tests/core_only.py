"""A process in which only the core's dependencies can be imported: what an installation without extras has.

Orders are lines of JSON on stdin: {"args": [...]} runs a command, {"call": "..."} evaluates an expression in which `s`
is sentiscore. Each is answered by a line with exit code and output, or with the error.
"""

import contextlib
import io
import json
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

ROOT: Final = Path(__file__).parents[1]
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")


def normal(name: str) -> str:
    """The name of a distribution as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def named_in(requirements: list[str]) -> set[str]:
    """The distributions that lines such as "click>=8" name, where they hold on this machine without extras."""
    found = set()
    for line in requirements:
        name, _, condition = line.partition(";")
        match = _NAME.match(name.strip())
        if match is not None and "extra ==" not in condition and "Windows" not in condition:
            found.add(normal(match[0]))
    return found


def core_distributions() -> set[str]:
    """What pyproject.toml asks for without extras, with all that it needs, as far as it is installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    waiting, seen = named_in(project["dependencies"]), set[str]()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            with contextlib.suppress(metadata.PackageNotFoundError):
                waiting |= named_in(metadata.requires(name) or [])
    extras = named_in([line for lines in project["optional-dependencies"].values() for line in lines])
    return seen - (extras - named_in(project["dependencies"]))


def blocked_packages() -> set[str]:
    """Packages that are installed here, and are of no distribution of the core."""
    core = core_distributions() | {"sentiscore"}
    found = metadata.packages_distributions()
    return {package for package, owners in found.items() if not {normal(owner) for owner in owners} & core}


class CoreFinder(PathFinder):
    """Python's own finder of modules, which does not find what is blocked."""

    blocked: frozenset[str] = frozenset()

    @classmethod
    def find_spec(cls, fullname: str, path: Any = None, target: Any = None) -> Any:
        """As Python's own, or None."""
        return None if fullname.partition(".")[0] in cls.blocked else super().find_spec(fullname, path, target)


class CoreOnly:
    """The process, from outside."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.core_only"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def run(self, *args: object) -> dict[str, Any]:
        """Run a command: its exit code, and what it printed."""
        return self._order({"args": [str(arg) for arg in args]})

    def call(self, expression: str) -> dict[str, Any]:
        """Evaluate an expression: its value as text, or the error's name, message and hint."""
        return self._order({"call": expression})

    def _order(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


def _command(args: list[str]) -> dict[str, Any]:
    from sentiscore.cli.main import cli

    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.main(args, prog_name="sentiscore")
        except SystemExit as end:
            code = end.code
    return {"code": code, "stdout": out.getvalue(), "stderr": err.getvalue()}


def _call(expression: str) -> dict[str, Any]:
    import sentiscore as s

    try:
        return {"value": str(eval(expression, {"s": s}))}  # noqa: S307 - the tests' own
    except s.SentiscoreError as error:
        return {"error": type(error).__name__, "message": error.message, "hint": error.hint}


def main() -> None:
    """Carry the orders out."""
    CoreFinder.blocked = frozenset(blocked_packages())
    sys.meta_path[sys.meta_path.index(PathFinder)] = CoreFinder
    answers = sys.stdout
    for line in sys.stdin:
        order = json.loads(line)
        answer = _command(order["args"]) if "args" in order else _call(order["call"])
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
