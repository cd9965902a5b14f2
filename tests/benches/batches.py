"""Batches as a careful user of a runtime makes them by hand. Pure: lengths in, positions out."""

from collections.abc import Sequence


def by_length(lengths: Sequence[int], size: int) -> list[list[int]]:
    """Batches of rows sorted by length, so that little is padding.

    Args:
        lengths: Tokens of each row.
        size: Rows of a batch.
    """
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    return [order[start : start + size] for start in range(0, len(order), size)]


def of_equal_length(lengths: Sequence[int], size: int) -> list[list[int]]:
    """Batches whose rows have the same length, so that nothing is padding.

    Args:
        lengths: Tokens of each row.
        size: The most rows of a batch.
    """
    groups: dict[int, list[int]] = {}
    for row, length in enumerate(lengths):
        groups.setdefault(length, []).append(row)
    return [group[start : start + size] for _, group in sorted(groups.items()) for start in range(0, len(group), size)]
