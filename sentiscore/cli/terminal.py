"""The path of all printed output: nothing in a file, a name or an argument can control the terminal.

`printing` replaces stdout and stderr by streams of this module. Whatever is written to them, by a command, by click or
by a library, goes through `visible`, which escapes each character that would control a terminal or is invisible. What
sentiscore itself draws, that is colours and progress bars, goes to the stream behind it (`drawn`), and `console`
escapes the texts in a drawing but not the drawing itself.

Errors of stderr never stop a command: a log that is closed, full or gone only loses lines. A failure to write to stdout
is an error, since somebody is waiting for the output.
"""

import errno
import os
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any, Final, cast

import click

if TYPE_CHECKING:
    from rich.console import Console

_HIDDEN: Final = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode categories that control a terminal or are invisible: controls, formats such as bidi, surrogates, line
ends."""

_JOINERS: Final = "\u200c\u200d"
_JOINED: Final = {"Lo", "Mn", "Mc", "So", "Sk"}
"""Categories that a joiner may follow: scripts that need it, and emoji. Elsewhere it only makes look-alikes."""

_NAMED: Final = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def visible(text: str) -> str:
    """Escape everything in a text that would control a terminal or is invisible, such as `\\x1b`; line ends stay."""
    return "\n".join(in_one_line(line) for line in text.split("\n")) if "\n" in text else in_one_line(text)


def in_one_line(text: str) -> str:
    """The same for a text that must be one line: line ends are escaped too."""
    if text.isprintable():
        return text
    return "".join(_shown(text, i) for i in range(len(text)))


def _shown(text: str, i: int) -> str:
    sign = text[i]
    if unicodedata.category(sign) not in _HIDDEN:
        return sign
    if sign in _JOINERS and i and unicodedata.category(text[i - 1]) in _JOINED:
        return sign
    return _NAMED.get(sign) or sign.encode("unicode_escape", "surrogatepass").decode("ascii")


class _Out:
    """A stream that passes everything on at once, unchanged.

    Args:
        stream: The stream that Python opened; None if the descriptor is closed.
        failed: Called with an error of the system.
    """

    errors: Final = "backslashreplace"

    def __init__(self, stream: IO[str] | None, failed: Callable[[OSError], None]) -> None:
        self._stream = stream
        self._failed = failed
        self._cut = False
        encoding = getattr(stream, "encoding", None) or "utf-8"
        self.encoding = "utf-8" if encoding.lower().replace("_", "-") in ("ascii", "us-ascii", "646") else encoding
        buffer = getattr(stream, "buffer", None)
        self._raw: Any = getattr(buffer, "raw", buffer)

    def write(self, text: str) -> int:
        """Write a text."""
        try:
            if self._raw is not None:
                self._put(text.encode(self.encoding, self.errors))
            else:
                self._there().write(text)
        except OSError as error:
            self._failed(error)
        return len(text)

    def _put(self, data: bytes) -> None:
        """Write all of it; text after a line that was cut off starts a new line."""
        left = b"\n" + data if self._cut else data
        begun = False
        try:
            while left:
                n = self._raw.write(left)
                if not n:
                    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
                left, begun = left[n:], True
            self._cut = False
        finally:
            self._cut = self._cut or (begun and bool(left))

    def flush(self) -> None:
        """Flush a stream without a byte buffer; others are not buffered."""
        if self._stream is not None and self._raw is None:
            self._stream.flush()

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        """The descriptor."""
        return self._there().fileno()

    def _there(self) -> IO[str]:
        if self._stream is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self._stream

    def writable(self) -> bool:
        """It is."""
        return True

    def readable(self) -> bool:
        """It is not."""
        return False

    @property
    def closed(self) -> bool:
        """Never for those who write to it."""
        return False


class _Shown(_Out):
    """A stream that makes texts visible first; `drawn` is the stream for what sentiscore draws."""

    def __init__(self, stream: IO[str] | None, failed: Callable[[OSError], None]) -> None:
        super().__init__(stream, failed)
        self.drawn = _Out(stream, failed)

    def write(self, text: str | bytes) -> int:
        """Write a text. Bytes are click's own, for the completion of a shell, which reads tabs in them."""
        self.drawn.write(text.decode() if isinstance(text, bytes) else visible(text))
        return len(text)


def drawn(*, err: bool = False) -> IO[str]:
    """The stream for what sentiscore draws itself. Texts from elsewhere must be made visible first."""
    stream: Any = sys.stderr if err else sys.stdout
    stream = getattr(stream, "rich_proxied_file", stream)  # rich replaces it while a bar is shown
    return cast("IO[str]", getattr(stream, "drawn", stream))


def say(mark: str, colour: str, text: str) -> None:
    """Write a marked message to stderr, above a bar if there is one.

    Args:
        mark: Our own word, shown in colour unless the user wants none (https://no-color.org).
        colour: The colour.
        text: The message, already made visible.
    """
    above: Any = sys.stderr if hasattr(sys.stderr, "rich_proxied_file") else drawn(err=True)
    shown = mark if os.environ.get("NO_COLOR") else click.style(mark, fg=colour, bold=True)
    click.echo(f"{shown} {text}", file=above)


@contextmanager
def printing(refuse: Callable[[OSError], None]) -> Iterator[None]:
    """Route everything that is printed in the block through this module.

    Args:
        refuse: Called if something could not be written to stdout.
    """
    _hold_descriptors()
    before = sys.stdout, sys.stderr
    for stream in before:
        with suppress(OSError, ValueError):
            if stream is not None:  # None if the descriptor was closed
                stream.flush()
    sys.stdout = cast("Any", _Shown(sys.stdout, refuse))
    sys.stderr = cast("Any", _Shown(sys.stderr, lambda _: None))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _hold_descriptors() -> None:
    """Open stdin, stdout and stderr where closed, since the next opened file would get their number."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)


def console(*, err: bool = False, **settings: Any) -> "Console":
    """A rich console for tables, lines and bars: texts are made visible, and only rich controls the terminal."""
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

    class Visible(Console):
        def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
            for text, style, control in super().render(renderable, options):
                yield Segment(text if control else visible(text), style, control)

    return Visible(file=drawn(err=err), highlight=False, emoji=False, markup=False, **settings)
