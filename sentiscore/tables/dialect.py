"""How a CSV is written: its separator, where its header is, which lines are comments, and its encoding."""

import codecs
import difflib
import encodings
import pkgutil
from dataclasses import dataclass
from encodings.aliases import aliases
from typing import ClassVar, Final

from sentiscore.errors import InputError
from sentiscore.settings import Settings

UTF_8: Final = "utf-8"
_NOT_CHARSETS: Final = {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"}
"""Python codecs that decode to text but are not the encoding of any file."""
_LAST_ASCII: Final = 127
_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "separator": (str, type(None)),
    "skip_rows": (int,),
    "comment": (str, type(None)),
    "encoding": (str,),
}


@dataclass(frozen=True, kw_only=True)
class CsvDialect(Settings):
    r"""How a CSV is written, where it differs from a plain one.

    Attributes:
        separator: The separator of fields, one ASCII character; a tab may be written as `\t`. None for a comma (or a
            semicolon or tab, where the header clearly uses those), and a tab in a .tsv.
        skip_rows: How many lines come before the header.
        comment: How a comment line begins; None if every line belongs to a row. A line within a quoted field is never a
            comment.
        encoding: The name of an encoding that Python knows.

    Raises:
        InputError: One of them is invalid.
    """

    what: ClassVar[str] = "CSV dialect"

    separator: str | None = None
    skip_rows: int = 0
    comment: str | None = None
    encoding: str = UTF_8

    def __post_init__(self) -> None:
        for name, kinds in _KINDS.items():
            value = getattr(self, name)
            if not isinstance(value, kinds) or isinstance(value, bool):
                wanted = "whole number" if name == "skip_rows" else "text"
                raise InputError(
                    f"{name} is {value!r}, of the type {type(value).__name__}.", f"Pass a {wanted}, or leave it out."
                )
        if self.separator == "\\t":
            object.__setattr__(self, "separator", "\t")
        if self.separator is not None:
            _check_separator(self.separator)
        if self.skip_rows < 0:
            raise InputError(f"{self.skip_rows} rows cannot be skipped.", "Give the number of lines before the header.")
        if self.comment is not None:
            _check_comment(self.comment, self.separator)
        object.__setattr__(self, "encoding", _codec(self.encoding))

    @property
    def is_plain(self) -> bool:
        """Whether all settings are the defaults."""
        return self == CsvDialect()

    @property
    def drops_lines(self) -> bool:
        """Whether the file may have lines that are not part of the table."""
        return self.skip_rows > 0 or self.comment is not None


def _check_separator(separator: str) -> None:
    if len(separator) != 1 or not 0 < ord(separator) <= _LAST_ASCII:
        raise InputError(
            f"The separator {separator!r} is not one ASCII character.", "Use one such as ';' or '|', or \\t for a tab."
        )
    if separator in '"\r\n':
        raise InputError(
            f"{separator!r} cannot be a separator: it quotes a field or ends a line.", "Use one such as ';' or '|'."
        )


def _check_comment(comment: str, separator: str | None) -> None:
    if not comment or set(comment) & set('"\r\n'):
        raise InputError(
            f"Lines cannot be comments by beginning with {comment!r}.",
            "Give how such lines begin, without quotes or line ends, such as '#'.",
        )
    if comment == separator:
        raise InputError(
            f"{comment!r} cannot be the separator and begin a comment.", "A row may begin with an empty field."
        )


def _codec(name: str) -> str:
    """Python's name of an encoding, the same for all its aliases; utf-8-sig is UTF-8, which may have a mark anyway."""
    found = _is_known(name)
    if found is None:
        raise _unknown(name)
    return UTF_8 if found == "utf-8-sig" else found


def _unknown(name: str) -> InputError:
    known = {*aliases, *aliases.values(), *(module.name for module in pkgutil.iter_modules(encodings.__path__))}
    near = difflib.get_close_matches(name.lower().replace("-", "_").replace(" ", "_"), sorted(known), n=9, cutoff=0.6)
    names = dict.fromkeys(found for each in near if (found := _is_known(each)) is not None)
    some = ", ".join(list(names)[:3])
    return InputError(
        f"There is no encoding {name!r}{': that codec is not an encoding of text' if _is_codec(name) else ''}.",
        f"Near to it are: {some}." if some else "Examples are: cp1252, latin-1, utf-16, gbk, shift_jis.",
    )


def _is_codec(name: str) -> bool:
    """Whether Python has any codec of this name, such as base64."""
    try:
        codecs.lookup(name)
    except (LookupError, ValueError):
        return False
    return True


def _is_known(name: str) -> str | None:
    """Python's name of a text encoding; None if it is not one."""
    try:
        codec = codecs.lookup(name)
        b"a".decode(name, "replace")
    except (LookupError, ValueError):  # a LookupError also for codecs that do not decode to text
        return None
    return None if codec.name in _NOT_CHARSETS or codec.incrementaldecoder is None else codec.name
