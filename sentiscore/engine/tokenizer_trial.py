"""Tests the steps of an untrusted tokenizer in a separate process with limited memory and time.

The process runs only this file, and nothing else of the package; it reads the steps from its standard input as JSON.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

MOST_GROWTH: Final = 64
_SECONDS: Final = 4
"""Seconds of processor time; usual tokenizers need less than one."""
_PATIENCE: Final = 60
"""Seconds after which a process that gets no processor time is abandoned."""
_BYTES: Final = 2**30
_FAILED: Final = 3
_SHORT: Final = 1_000
_LONG: Final = 30_000
_MOST_CHARS: Final = 60
_USUAL: Final = "a Z1.,!_-\n\t\u00e9\u6771\u0301\U0001f600"
_END: Final = "\x01!"
"""Characters that a pattern for words does not match, so that it must backtrack."""


def try_steps(steps: dict[str, Any]) -> None:
    """Check that a tokenizer with these steps reads difficult texts.

    Args:
        steps: A normalizer and a pre-tokenizer, as in `tokenizer.json`.

    Raises:
        ValueError: It does not, or takes too much memory or time.
        OSError: No process can be started.
    """
    why = _try(json.dumps(steps, sort_keys=True))
    if why:
        raise ValueError(why)


@lru_cache(maxsize=64)
def _try(steps: str) -> str:
    """The reason why steps cannot be used; empty if they can."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "TOKENIZERS_PARALLELISM": "false",
        "RUST_BACKTRACE": "0",
    }
    try:
        done = subprocess.run(  # noqa: S603 - this file itself
            [sys.executable, "-P", __file__],
            input=steps.encode("utf-8", "surrogatepass"),
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        return f"its steps did not come to an end within {_PATIENCE} seconds"
    if done.returncode == 0:
        return ""
    if done.returncode == _FAILED:
        return done.stdout.decode("utf-8", "replace")
    return f"its steps take more than {_SECONDS} seconds or {_BYTES // 2**20:,} MiB for a text of {_LONG:,} characters"


def _texts(steps: str) -> Iterator[str]:
    """Texts that are difficult for patterns that contain these characters and words."""
    chars = list(dict.fromkeys(_USUAL + steps))[:_MOST_CHARS]
    pairs = [first + second for first, second in pairwise(steps)]
    words = re.findall(r"\w{2,8}", steps)
    for text in dict.fromkeys([*chars, *pairs[:_MOST_CHARS], *words[:_MOST_CHARS]]):
        repeated = (text * _SHORT)[:_SHORT]
        yield repeated
        yield repeated + _END
    for char in _USUAL:
        yield char * _LONG
    every = [chr(code) for code in (*range(1, 0xD800), *range(0xE000, 0x20000))]
    for start in range(0, len(every), _LONG):
        yield "".join(every[start : start + _LONG])


def _patterns(found: Any) -> Iterator[str]:
    """The patterns that the steps search for."""
    if isinstance(found, dict):
        for name, value in found.items():
            if name in ("Regex", "String") and isinstance(value, str):
                yield value
            else:
                yield from _patterns(value)
    elif isinstance(found, list):
        for value in found:
            yield from _patterns(value)


def _limit() -> None:
    """Limit the memory and time of this process, if the system supports that."""
    with contextlib.suppress(ImportError):
        import resource

        limits = ((resource.RLIMIT_AS, _BYTES), (resource.RLIMIT_CPU, _SECONDS), (resource.RLIMIT_CORE, 0))
        for what, most in limits:
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(what, (most, most))


def _main() -> int:
    _limit()
    from tokenizers import Tokenizer

    steps = json.loads(sys.stdin.buffer.read().decode("utf-8", "surrogatepass"))
    model = {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"}
    try:
        tokenizer = Tokenizer.from_str(json.dumps({"version": "1.0", "added_tokens": [], "model": model, **steps}))
        for text in _texts("".join(_patterns(steps))):
            if tokenizer.normalizer is not None:
                size = len(tokenizer.normalizer.normalize_str(text))
                if size > MOST_GROWTH * len(text):
                    raise ValueError(f"its normalizer makes a text more than {MOST_GROWTH} times as long")  # noqa: TRY301
            tokenizer.encode(text)
    except BaseException as error:  # noqa: BLE001 - the library's panics are not Exceptions
        first = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        sys.stdout.write(f"its steps cannot read every text: {first}")
        return _FAILED
    return 0


if __name__ == "__main__":
    sys.exit(_main())
