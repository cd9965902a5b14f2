"""Patterns of keys, such as s3://bucket/news/2026-*.parquet, as patterns of file names are written."""

import glob
import re

from sentiscore.errors import InputError
from sentiscore.storage.address import Address, address_of
from sentiscore.storage.opening import open_store
from sentiscore.storage.options import StorageOptions


def matching(pattern: str, storage: StorageOptions) -> list[Address]:
    """The objects whose addresses match a pattern, sorted by key.

    Args:
        pattern: An address in which * and ? stand for any characters but a slash, [...] for one of several, and ** for
            any folders; the first component of its key, the bucket, has none of these.
        storage: How the store is read.

    Raises:
        InputError: No object matches, or the bucket is a pattern.
    """
    address = address_of(pattern)
    if address is None or glob.has_magic(address.bucket):
        raise InputError(f"The bucket of {pattern} is a pattern.", "Patterns are for keys alone: name one bucket.")
    parts = address.key.split("/")
    fixed = next(number for number, part in enumerate(parts) if glob.has_magic(part))
    expression = as_expression(address.key)
    found = open_store(address, storage).list("/".join(parts[:fixed]))
    keys = [facts.key for facts in found if expression.fullmatch(facts.key)]
    if not keys:
        raise InputError(f"No object matches the pattern {pattern!r}.", "Check it; patterns are written as for files.")
    return [Address(address.scheme, address.bucket, key) for key in keys]


def as_expression(pattern: str) -> re.Pattern[str]:
    """The regular expression of a pattern; as with files, * and ** do not match names that begin with a dot."""
    made = []
    for part in pattern.removesuffix("/**").split("/") + (["**", "*"] if pattern.endswith("/**") else []):
        if part == "**":
            made.append(r"(?:[^/.][^/]*/)*")
            continue
        hidden = "" if part.startswith(".") else r"(?!\.)"
        made.append(hidden + _of_part(part) + "/")
    return re.compile("".join(made).removesuffix("/"), re.DOTALL)


def _of_part(part: str) -> str:
    """The regular expression of one component of a pattern."""
    pieces = re.split(r"(\*|\?|\[!?[^\]]+\])", part)
    return "".join({"*": "[^/]*", "?": "[^/]"}.get(piece) or _literal(piece) for piece in pieces)


def _literal(piece: str) -> str:
    if not (piece.startswith("[") and piece.endswith("]")):
        return re.escape(piece)
    negated = piece.startswith("[!")
    inside = piece[2 if negated else 1 : -1].replace("\\", "\\\\").replace("^", "\\^")
    return f"(?!/)[{'^' if negated else ''}{inside}]"
