"""Swaps two names of one file system atomically, which Linux can do and Python has no function for."""

import ctypes
import errno
import os
from pathlib import Path
from typing import Final

_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2
_CANNOT: Final = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)
"""The kernel or the file system does not support it."""


def exchange(one: Path, other: Path) -> bool:
    """Swap what two names refer to; at no instant is either missing.

    Args:
        one: A file or folder.
        other: Another one on the same file system.

    Returns:
        False if this system or file system does not support it; then nothing has changed.

    Raises:
        OSError: It is supported, but failed for another reason.
    """
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):  # not Linux, or an old one
        return False
    if rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _CANNOT:
        return False
    raise OSError(code, os.strerror(code), str(one), None, str(other))
