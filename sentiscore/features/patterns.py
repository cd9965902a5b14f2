"""A strptime pattern -> the regular expression that splits such text."""

import re
from functools import lru_cache
from typing import Final

from sentiscore.errors import InputError
from sentiscore.features.clock_text import HALF, LETTERS, MONTH, OFFSET, WEEKDAY

RFC2822: Final = "rfc2822"
"""The word for the dates of mails and of RSS, instead of a pattern."""

_RFC2822: Final = (
    rf"(?i)^\s*(?:(?<wd>{WEEKDAY})\s*,?\s*)?(?<d>[0-9]{{1,2}})\s+(?<mon>{MONTH})\s+(?<y>[0-9]{{4}})\s+"
    rf"(?<H>[0-9][0-9])\s*:\s*(?<M>[0-9][0-9])(?:\s*:\s*(?<S>[0-9][0-9]))?\s+(?<z>{OFFSET}|{LETTERS})\b(?:\s*\([^()]*\))*\s*$"
)

RFC2822_LETTERS: Final = {
    **{f"{zone}ST": f"-0{hours}00" for zone, hours in zip("ECMP", range(5, 9), strict=True)},
    **{f"{zone}DT": f"-0{hours}00" for zone, hours in zip("ECMP", range(4, 8), strict=True)},
}
"""What zone letters mean in RFC 2822, section 4.3; others say nothing."""

_DIRECTIVES: Final = {
    "Y": r"(?<y>[0-9]{4})",
    "y": r"(?<yy>[0-9][0-9])",
    "m": r"(?<m>[0-9]{1,2})",
    "b": rf"(?<mon>{MONTH})",
    "d": r"(?<d>[0-9]{1,2})",
    "j": r"(?<j>[0-9]{1,3})",
    "H": r"(?<H>[0-9]{1,2})",
    "I": r"(?<H>[0-9]{1,2})",
    "M": r"(?<M>[0-9]{1,2})",
    "S": r"(?<S>[0-9]{1,2})",
    "f": r"(?<f>[0-9]{1,9})",
    "p": rf"(?<p>{HALF})",
    "a": rf"(?<wd>{WEEKDAY})",
    "z": rf"(?<z>{OFFSET})",
    "Z": rf"(?<z>{OFFSET}|{LETTERS})",
    "%": "%",
}
_SAME: Final = {"B": "b", "h": "b", "A": "a", "e": "d", "k": "H", "l": "I", "P": "p"}
_SHORT: Final = {
    "T": "%H:%M:%S",
    "R": "%H:%M",
    "r": "%I:%M:%S %p",
    "D": "%m/%d/%y",
    "F": "%Y-%m-%d",
    "v": "%e-%b-%Y",
    "c": "%a %b %e %H:%M:%S %Y",
    "x": "%m/%d/%y",
    "X": "%H:%M:%S",
    "n": " ",
    "t": " ",
}
_PIECE: Final = re.compile(r"%(\.f|[-_0^#]?.)|(\s+)|([^%\s]+|%)", re.DOTALL)
_EXAMPLE: Final = "A pattern is written like '%b %d, %Y %I:%M %p'."


@lru_cache(maxsize=64)
def expression(pattern: str) -> str:
    """The regular expression of a strptime pattern, or of the word rfc2822, for `Split.of`.

    Directives have the same meaning as in Python's strptime, with English names; %f takes up to nine digits, and %e,
    %k, %l, %T, %R, %D, %F and %h what they do in C. Space stands for any space, and case does not matter.

    Raises:
        InputError: The pattern has a directive that does not exist, or does not say the day, or half of a time.
    """
    if pattern.strip().lower() == RFC2822:
        return _RFC2822
    long = re.sub(r"%([TRrDFvcxXnt%])", lambda found: _SHORT.get(found[1], found[0]), pattern.strip())
    used: list[str] = []
    parts: list[str] = []
    for directive, space, literal in _PIECE.findall(long):
        if space:
            parts.append(r"\s+")
        elif literal:
            parts.append(re.escape(literal))
        elif directive == ".f":  # a fraction with its point, if there is one
            parts.append(r"(?:\.(?<f>[0-9]{1,9}))?")
            used.append("f")
        else:
            name = directive.lstrip("-_0^#")
            name = _SAME.get(name, name)
            if name == "s":
                raise _wrong(pattern, "seconds since 1970 are not a pattern", "Use --time-unit s (time_unit='s').")
            if name not in _DIRECTIVES:
                known = " ".join(f"%{each}" for each in (*_DIRECTIVES, *_SAME, *_SHORT))
                raise _wrong(pattern, f"%{directive} is not known", f"Known are: {known}.")
            parts.append(_DIRECTIVES[name])
            used.append(name)
    _check(pattern, used)
    return rf"(?i)^\s*{''.join(parts)}\s*$"


def _check(pattern: str, used: list[str]) -> None:
    """Raise an InputError if the directives do not add up to a day, or to a day and a time."""
    plain = [name for name in used if name != "%"]
    groups = [{"I": "H", "Z": "z", "y": "Y"}.get(name, name) for name in plain]
    if twice := sorted({name for name in groups if groups.count(name) > 1}):
        raise _wrong(pattern, f"%{twice[0]} is said twice", _EXAMPLE)
    day = {"j"} if "j" in groups else {"d", "b"} if "b" in groups else {"d", "m"}
    if not {"Y", *day} <= set(groups) or ("j" in groups and {"d", "m", "b"} & set(groups)) or {"m", "b"} <= set(groups):
        raise _wrong(pattern, "it has to say the year, the month and the day", _EXAMPLE)
    if ("I" in plain) != ("p" in plain):
        raise _wrong(pattern, "%I and %p go together", _EXAMPLE)
    needs = {"M": "H", "S": "M", "f": "S", "p": "H"}
    for name, other in needs.items():
        if name in groups and other not in groups:
            raise _wrong(pattern, f"%{name} without %{other} does not say a time", _EXAMPLE)


def _wrong(pattern: str, why: str, hint: str) -> InputError:
    return InputError(f"The time format {pattern!r} cannot be used: {why}.", hint)
