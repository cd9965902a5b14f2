"""Amounts of memory and disk as people write them: 500MB, 1.5GiB."""

import re
from typing import Final

from sentiscore.errors import InputError

_UNITS: Final = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "t": 1000**4}
_POWERS: Final = ((4, "T"), (3, "G"), (2, "M"), (1, "k"))
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
    """Format a limit as its user wrote it, if a unit divides it: 2 GB, 512 MiB; otherwise as `round_size` does."""
    for power, prefix in _POWERS:
        for step, unit in ((1000, "B"), (1024, "iB")):
            if n_bytes and n_bytes % step**power == 0:
                return f"{n_bytes // step**power} {prefix.upper() if unit == 'iB' else prefix}{unit}"
    return round_size(n_bytes)


def round_size(n_bytes: int) -> str:
    """Format a number of bytes that was measured, to a tenth of its largest unit: 1.5 GB, 2 GB, 999 B."""
    if n_bytes < _UNITS["k"]:
        return f"{n_bytes} B"
    sizes = ((round(n_bytes / 1000**power, 1), prefix) for power, prefix in _POWERS)
    size, prefix = next((size, prefix) for size, prefix in sizes if size >= 1)
    return f"{size:.1f}".removesuffix(".0") + f" {prefix}B"
