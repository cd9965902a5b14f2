"""Translates the system's errors about writing into OutputErrors, at this one boundary."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sentiscore.disk.paths import real
from sentiscore.errors import OutputError


@contextmanager
def translated(path: Path, others: tuple[type[BaseException], ...] = ()) -> Iterator[None]:
    """Translate the system's errors about writing to a path into an OutputError.

    Args:
        path: The path.
        others: The errors of libraries that write there.
    """
    caught: tuple[type[BaseException], ...] = (OSError, *others)
    try:
        yield
    except PermissionError as error:
        named = real(path) if os.path.islink(path) else path  # noqa: PTH114 - False without permission
        refusing = named if os.path.isdir(named) else named.parent  # noqa: PTH112 - False without permission
        raise OutputError(f"{refusing} may not be written to by this user.", "Choose another place.") from error
    except caught as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise OutputError(
            f"{path} could not be written: {reason}.",
            "Nothing was changed there. Make room if that is why, or choose another place.",
        ) from error
