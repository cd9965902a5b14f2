"""Real forks for tests: a script in a process of its own, whose children are killed if they hang."""

import subprocess
import sys
import textwrap
from typing import Final

_PREAMBLE: Final = """
import os, signal, sys, threading, time, warnings
warnings.simplefilter("ignore")  # Python and polars warn of forks

def fork(function, *args, seconds=60):
    '''What a child that calls a function prints: "fine", the name of its error, or "hangs".'''
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            function(*args)
            said = "fine"
        except BaseException as error:
            said = type(error).__name__
        os.write(write, said.encode())
        os._exit(0)
    os.close(write)
    watch = threading.Timer(seconds, os.kill, (child, signal.SIGKILL))
    watch.start()
    said = os.read(read, 100).decode() or "hangs"
    watch.cancel()
    os.close(read)
    os.waitpid(child, 0)
    return said
"""


def run(code: str, *arguments: object) -> list[str]:
    """The lines that a script prints; it finds `fork`, and its arguments in `sys.argv`."""
    script = _PREAMBLE + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout.splitlines()
