"""Keywords that stand for the fields of an object: typed by a TypedDict, and checked by name at run time."""

import difflib
from collections.abc import Collection, Iterable

from sentiscore.errors import InputError


def check_keywords(function: str, given: Iterable[str], known: Collection[str]) -> None:
    """Raise a TypeError, as Python does for any function, if a keyword is unknown; it suggests the nearest.

    Args:
        function: The name of the function that was called.
        given: The keywords it was called with.
        known: The keywords that exist.
    """
    for name in given:
        if name not in known:
            nearest = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0)
            advice = f" Did you mean {nearest[0]!r}?" if nearest else ""
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}.{advice}")


def keywords_and_object(what: str, given: object, keywords: Iterable[str]) -> InputError:
    """The error for keywords that were given together with the object whose fields they are.

    Args:
        what: The argument that the object was given as.
        given: The object.
        keywords: Their names.
    """
    kind = type(given).__name__
    return InputError(
        f"{what} is a {kind} here, so {' and '.join(keywords)} cannot be given beside it.",
        f"Put everything into the {kind}, or give keywords alone.",
    )


def check_object(what: str, given: object, kind: type) -> None:
    """Raise an InputError if what was given as an argument is not the object that belongs there.

    Args:
        what: The argument.
        given: What was given.
        kind: The class of the object.
    """
    if not isinstance(given, kind):
        way = f"{kind.__name__}.from_dict makes one of a dict" if isinstance(given, dict) else "Make one"
        raise InputError(
            f"{what} is of the type {type(given).__name__}, not {kind.__name__}.",
            f"{way}; or give its fields as keywords.",
        )
