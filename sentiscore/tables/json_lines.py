"""The objects of a JSON file, one after the other: those on its lines, or the items of the one list that it is."""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sentiscore.errors import InputError
from sentiscore.tables.limits import MAX_DEPTH, MAX_ROW_BYTES
from sentiscore.tables.packing import is_packed, name_inside, open_unpacked
from sentiscore.tables.problems import AGAIN, too_much

_BLANK: Final = b" \t\r\n"
_FIRST_BYTES: Final = 1 << 16
_LIST_NAME: Final = ".json"
_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+'
_TOKEN: Final = re.compile(_STRING + rb'(?:"|(\Z))|[\[\]{},]', re.DOTALL)
"""What says where an item ends; the group matches in a string that goes on after the end of what was read."""

_LINE_END: Final = re.compile(_STRING + rb'"|[\r\n]+', re.DOTALL)


def is_list(path: Path) -> bool:
    """Whether a file is one list instead of an object per line; only a .json may be."""
    if Path(name_inside(path) if is_packed(path) else path.name).suffix.lower() != _LIST_NAME:
        return False
    with open_unpacked(path) as file:
        return file.read(_FIRST_BYTES).removeprefix(codecs.BOM_UTF8).lstrip(_BLANK).startswith(b"[")


def json_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file, or the items of its list without line ends between their values; numbered from 1.

    Args:
        path: The file; unpacked if its name says that it is packed.

    Raises:
        InputError: A line or item is too long, the list is not closed, or something follows it.
    """
    listed = is_list(path)
    with open_unpacked(path) as file:
        if listed:
            yield from enumerate(_items(path, file), 1)
            return
        number = 0
        while line := file.readline(MAX_ROW_BYTES + 1):
            number += 1
            if len(line) > MAX_ROW_BYTES:
                raise too_much(path, f"has more than {MAX_ROW_BYTES >> 20} MB in line {number}")
            yield number, line.removeprefix(codecs.BOM_UTF8) if number == 1 else line


def _items(path: Path, file: Any) -> Iterator[bytes]:
    """The items of a list, as they are read."""
    held = file.read(_FIRST_BYTES).removeprefix(codecs.BOM_UTF8)
    begin = at = depth = n = 0
    while True:
        for token in _TOKEN.finditer(held, at):
            if token[1] is not None:
                at = token.start()
                break
            at = token.end()
            sign = token[0]
            if sign in (b"[", b"{"):
                depth += 1
                begin = at if depth == 1 else begin
                if depth > MAX_DEPTH + 1:
                    raise too_much(path, f"is nested more than {MAX_DEPTH} levels deep in item {n + 1}")
            elif sign in (b"]", b"}"):
                depth -= 1
            if (depth == 1 and sign == b",") or depth == 0:
                item = held[begin : token.start()]
                begin = at
                if item.strip(_BLANK):
                    n += 1
                    yield _on_one_line(item)
                elif depth or n:
                    raise _wrong(path, f"a comma without an item follows item {n}")
                if depth == 0:
                    _check_end(path, file, held[at:])
                    return
        held, at, begin = held[begin:], at - begin, 0
        if len(held) > MAX_ROW_BYTES:
            raise too_much(path, f"has more than {MAX_ROW_BYTES >> 20} MB in item {n + 1}")
        more = file.read(max(_FIRST_BYTES, len(held)))
        if not more:
            raise _wrong(path, "its list is not closed")
        held += more


def _on_one_line(item: bytes) -> bytes:
    """An item without the line ends between its values; one inside a string is wrong, and stays."""
    if b"\n" not in item and b"\r" not in item:
        return item
    return _LINE_END.sub(lambda found: found[0] if found[0].startswith(b'"') else b" ", item)


def _check_end(path: Path, file: Any, rest: bytes) -> None:
    while not rest.strip(_BLANK):
        rest = file.read(_FIRST_BYTES)
        if not rest:
            return
    raise _wrong(path, "something follows its list")


def _wrong(path: Path, why: str) -> InputError:
    return InputError(f"{path} cannot be read: {why}.", AGAIN)
