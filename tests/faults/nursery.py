"""Real processes that start in no time: one that has imported everything forks a child for each run of the command.

A test starts a `Nursery` and asks it for runs; each is a process of its own with its own signals, limits and files. The
mother computes nothing, so that no thread is there when it forks. A run can be sabotaged, see `Sabotage`.
"""

import gc
import importlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Self

WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_NUMBER: Final = re.compile(r"[0-9a-f]{64}|\d+")
USED: Final = (
    *(f"sentiscore.cli.{name}" for name in ("score", "show", "features", "inspect", "verify")),
    "sentiscore.engine.huggingface",
    "sentiscore.scoring.job",
    *("encodings.utf_8_sig", "numpy.ma", "polars._utils.parquet", "pyarrow.compute", "pyarrow.csv", "pyarrow.parquet"),
)
"""What the mother imports: all that most children need, or each would spend as long on that as on its command."""
HANGS_S: Final = 20.0
"""How long after the last signal a run counts as hanging; it may take longer if it was too late to stop it."""
CHANGES: Final = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink")


@dataclass(frozen=True, kw_only=True)
class Sabotage:
    """What goes wrong in a run.

    Attributes:
        kill_before_change: SIGKILL before the change of this number to files below the run's folder.
        kill_after: SIGKILL after so many seconds.
        signal_after_windows: A signal, once so many windows are finished.
        signal_number: Which.
        file_bytes: The most bytes of a file.
        remove_work_after: Remove the work folder once so many windows are finished.
        clock_jump_after: Set the clock back by ten years once so many windows are finished.
        read_error_after: Let reading fail after so many windows.
        signals: Seconds after the start and the number of a signal, for each signal; then the run ends as Python ends,
            and is killed if it does not within `HANGS_S`.
        code: Python to run in place of the command.
        cpu_seconds: The most seconds that it may compute; waiting for anything ends after six times as many.
        memory_bytes: The most memory that it may ask for, beside what it has when it begins.
    """

    kill_before_change: int | None = None
    kill_after: float | None = None
    signal_after_windows: int | None = None
    signal_number: int = signal.SIGTERM
    file_bytes: int | None = None
    remove_work_after: int | None = None
    clock_jump_after: int | None = None
    read_error_after: int | None = None
    signals: tuple[tuple[float, int], ...] = ()
    code: str | None = None
    cpu_seconds: int | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True)
class Run:
    """How a run ended.

    Attributes:
        code: Its exit code; negative for the signal that killed it.
        stdout: What it printed.
        stderr: What it told.
        seconds: How long it took.
        changes: The changes of files that it made, in order: what was done to which name, without numbers and hashes.
        peak_bytes: The most memory that it held, all that it shares with its mother among it.
        cpu_seconds: How long it computed, on all cores together.
    """

    code: int
    stdout: str
    stderr: str
    seconds: float
    changes: list[str]
    peak_bytes: int = 0
    cpu_seconds: float = 0.0
    windows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def positions_scored(self) -> list[int]:
        """Where the windows began whose texts went through the model."""
        return [window["position"] for window in self.windows if not window["resumed"]]


class Nursery:
    """The mother of all runs; use it as a context manager."""

    def __enter__(self) -> Self:
        self._mother = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._mother.stdin is not None
        assert self._mother.stdout is not None
        self._mother.stdin.close()
        self._mother.wait(30)
        self._mother.stdout.close()

    def run(self, folder: Path, *arguments: object, window_rows: int = 64, sabotage: Sabotage | None = None) -> Run:
        """Run the command in a folder."""
        assert self._mother.stdin is not None
        assert self._mother.stdout is not None
        order = {
            "folder": str(folder),
            "arguments": [str(one) for one in arguments],
            "window_rows": window_rows,
            "sabotage": asdict(sabotage or Sabotage()),
        }
        self._mother.stdin.write(json.dumps(order) + "\n")
        self._mother.stdin.flush()
        answer = json.loads(self._mother.stdout.readline())
        lines = [line for line in answer["stderr"].splitlines() if line.startswith('{"event": "window"')]
        return Run(**answer, windows=[json.loads(line) for line in lines])


def main() -> None:
    """Fork a child for each order on stdin."""
    for module in USED:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # no child looks through all that was imported
    for line in sys.stdin:
        order = json.loads(line)
        logs = Path(order["folder"]).with_name(f"{Path(order['folder']).name}-logs")
        logs.mkdir(exist_ok=True)
        for name in ("stdout", "stderr"):
            (logs / name).touch()  # a child may be killed before it opens them
        started = time.monotonic()
        child = os.fork()
        if child == 0:
            _be_the_command(order, logs)
        status, used = _wait(child, order["sabotage"], started)
        count = logs / "changes"
        answer = {
            "code": os.waitstatus_to_exitcode(status),
            "stdout": (logs / "stdout").read_text(),
            "stderr": (logs / "stderr").read_text(),
            "seconds": time.monotonic() - started,
            "peak_bytes": used.ru_maxrss * 1024,
            "cpu_seconds": used.ru_utime + used.ru_stime,
            "changes": count.read_text().splitlines() if count.exists() else [],
        }
        shutil.rmtree(logs)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _wait(child: int, sabotage: dict[str, Any], started: float) -> tuple[int, resource.struct_rusage]:
    """How the child ended, and what it used."""

    def sleep_until(after: float) -> None:
        time.sleep(max(0.0, after - (time.monotonic() - started)))

    if sabotage["kill_after"] is not None:
        sleep_until(sabotage["kill_after"])
        os.kill(child, signal.SIGKILL)
    if sabotage["signals"]:
        for after, number in sabotage["signals"]:
            sleep_until(after)
            os.kill(child, number)  # which may have ended: it is there until it was waited for
        deadline = time.monotonic() + HANGS_S
        while time.monotonic() < deadline:
            ended, status, used = os.wait4(child, os.WNOHANG)
            if ended:
                return status, used
            time.sleep(0.01)
        os.kill(child, signal.SIGKILL)
    _, status, used = os.wait4(child, 0)
    return status, used


def _be_the_command(order: dict[str, Any], logs: Path) -> None:
    """Never comes back."""
    try:
        for number, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(os.open(logs / name, os.O_CREAT | os.O_WRONLY | os.O_TRUNC), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(order["folder"])
        _prepare(Sabotage(**order["sabotage"]), Path(order["folder"]), order["window_rows"], logs / "changes")
        sys.argv = ["sentiscore", *order["arguments"]]
        from sentiscore.cli.main import main as command

        if order["sabotage"]["code"] is not None:
            exec(order["sabotage"]["code"], {})  # noqa: S102 - of a test
            sys.exit()
        command()
    except (SystemExit, KeyboardInterrupt) as end:
        if order["sabotage"]["signals"]:
            sys.exit(end.code if isinstance(end, SystemExit) else 130)
        if isinstance(end, KeyboardInterrupt):
            raise
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else 1)
    except BaseException:  # noqa: BLE001 - nothing may come back from here
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(99)


def _prepare(sabotage: Sabotage, folder: Path, window_rows: int, count: Path) -> None:
    from sentiscore.scoring import job
    from sentiscore.scoring.tally import Tally

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    vars(job)["WINDOW_ROWS"] = window_rows
    _watch_changes(folder, count, sabotage.kill_before_change)
    if sabotage.cpu_seconds is not None:
        resource.setrlimit(resource.RLIMIT_CPU, (sabotage.cpu_seconds, sabotage.cpu_seconds))
        signal.alarm(6 * sabotage.cpu_seconds)
    if sabotage.memory_bytes is not None:
        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + sabotage.memory_bytes,) * 2)
    if sabotage.file_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (sabotage.file_bytes, sabotage.file_bytes))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    written, finished = Tally.written, 0

    def then(after: int | None, do: Callable[[], None]) -> None:
        if after is not None and finished == after:
            do()

    def counted(self: Tally, windows: Any) -> None:
        nonlocal finished
        written(self, windows)
        finished += 1
        then(sabotage.signal_after_windows, lambda: os.kill(os.getpid(), sabotage.signal_number))
        then(sabotage.remove_work_after, lambda: shutil.rmtree(next(folder.glob(".*.job"))))
        then(sabotage.clock_jump_after, _set_the_clock_back)

    Tally.written = counted  # type: ignore[method-assign] # in this process alone
    if sabotage.read_error_after is not None:
        _let_reading_fail(sabotage.read_error_after)


def _watch_changes(folder: Path, count: Path, kill_before: int | None) -> None:
    """Note changes of files below a folder, a line each in a file elsewhere, and die before one of them."""
    counter = os.open(count, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    place = os.path.realpath(folder)
    seen = 0

    def change(what: str, path: object) -> None:
        nonlocal seen
        seen += 1
        if seen == kill_before:
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)
        name = os.path.relpath(os.fspath(path), place) if isinstance(path, str | os.PathLike) else ""
        os.write(counter, f"{what} {_NUMBER.sub('#', name)}\n".encode())

    def below(path: object) -> bool:
        return isinstance(path, str | os.PathLike) and os.path.abspath(path).startswith(place)  # noqa: PTH100 - links stay links

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & WRITES and below(path) and not Path(path).is_dir():
                change("open", path)
        elif event in CHANGES and below(arguments[0]):
            change(event, arguments[0])

    sync = os.fsync

    def counted_sync(handle: Any) -> None:
        change("sync", Path(f"/proc/self/fd/{handle if isinstance(handle, int) else handle.fileno()}").readlink())
        sync(handle)

    os.fsync = counted_sync  # type: ignore[assignment]
    sys.addaudithook(watch)


def _set_the_clock_back() -> None:
    now = time.time
    time.time = lambda: now() - 10 * 365 * 86_400


def _let_reading_fail(after: int) -> None:
    """What a disk that fails does: the file is there, and reading on in it is an error."""
    from sentiscore.tables import csv_reader

    blocks = csv_reader._blocks

    def failing(*arguments: Any) -> Iterator[bytes]:
        for number, block in enumerate(blocks(*arguments)):
            if number == after:
                raise OSError(5, "Input/output error")
            yield block

    vars(csv_reader)["_blocks"] = failing
    vars(csv_reader)["_BLOCK_BYTES"] = 4_096  # so that there are several blocks


if __name__ == "__main__":
    main()
