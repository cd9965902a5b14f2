"""Amounts of memory and disk as people write them: 500MB, 1.5GiB."""

import re
from typing import Final

from sentiscore.errors import InputError

_UNITS: Final = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "t": 1000**4}
_SIZE: Final = re.compile(r"(\d{1,18}(?:\.\d{1,9})?)\s?([kmgt]?)(i?)(b?)", re.IGNORECASE | re.ASCII)


def parse_size(text: str) -> int:
    """Parse an amount of memory or disk: 2GB, 512MiB, 1.5g, 800000000.

    Returns:
        Bytes. KB, MB, GB and TB count in thousands, KiB and so on in 1,024s.

    Raises:
        InputError: It is not an amount, or is zero.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is not None:
        number, unit, binary, _ = found.groups()
        if not (binary and not unit):
            power = list(_UNITS).index(unit.lower())
            n_bytes = int(float(number) * (1024**power if binary else _UNITS[unit.lower()]))
            if n_bytes > 0:
                return n_bytes
    raise InputError(f"{text!r} is no amount of memory or disk.", "Write it as 2GB, 512MiB or a number of bytes.")


def write_size(n_bytes: int) -> str:
    """Format a number of bytes for people: 2 GB, 512 MiB, 1.2 MB."""
    powers = ((4, "T"), (3, "G"), (2, "M"), (1, "k"))
    for power, prefix in powers:
        for step, unit in ((1000, "B"), (1024, "iB")):
            if n_bytes and n_bytes % step**power == 0:
                return f"{n_bytes // step**power} {prefix.upper() if unit == 'iB' else prefix}{unit}"
    for power, prefix in powers:
        if n_bytes >= 1000**power:
            return f"{n_bytes / 1000**power:.1f} {prefix}B"
    return f"{n_bytes} B"
