"""Two names of one file system swapped in one step, which Linux can and Python has no function for."""

import ctypes
import errno
import os
from pathlib import Path
from typing import Final

_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2
_CANNOT: Final = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)
"""The kernel, or the file system, does not know how."""


def exchange(one: Path, other: Path) -> bool:
    """Swap what two names stand for; there is no instant at which either is missing.

    Args:
        one: A file or folder.
        other: Another one on the same file system.

    Returns:
        False if this system or file system cannot do it; then nothing has changed.

    Raises:
        OSError: It could, but for another reason did not.
    """
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):  # another system, or an old one
        return False
    if rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _CANNOT:
        return False
    raise OSError(code, os.strerror(code), str(one), None, str(other))
