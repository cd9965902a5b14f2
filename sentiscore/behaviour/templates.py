"""Templates with places for words -> sentences: all of them, or a sample of a given size."""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import perm, prod
from typing import Final

_FIELD: Final = re.compile(r"\{([A-Za-z][a-z0-9_]*)(?::([1-9]))?\}")


class TemplateError(Exception):
    """A template that cannot be read; the message continues a sentence about it."""


@dataclass(frozen=True)
class Field:
    """A place in a template where an item of a list goes.

    Attributes:
        list_name: The list.
        number: 1 for `{name}`; `{name:2}` stands for another item of the same list.
        capital: Whether the item's first letter becomes a capital, as in `{Name}`.
    """

    list_name: str
    number: int
    capital: bool


def is_list_name(name: str) -> bool:
    """Whether a template can name a list of this name."""
    return re.fullmatch(r"[a-z][a-z0-9_]*", name) is not None


def fields_of(template: str) -> list[Field]:
    """The fields of a template, in order.

    Raises:
        TemplateError: It has braces that are not those of a field.
    """
    if stray := re.search(r"[{}]", _FIELD.sub("", template)):
        raise TemplateError(f"has a {stray[0]} that belongs to no {{name}} or {{name:2}}")
    return [_field(found) for found in _FIELD.finditer(template)]


def count(templates: Sequence[str], lists: Mapping[str, Sequence[str]]) -> int:
    """How many ways there are to fill in templates that share their words.

    Args:
        templates: The templates.
        lists: Every list that they name.
    """
    return prod(perm(len(lists[name]), most) for name, most in _needed(templates).items())


def fill(templates: Sequence[str], lists: Mapping[str, Sequence[str]], at: int) -> tuple[str, ...]:
    """Fill in templates that share their words.

    Args:
        templates: The templates.
        lists: Every list that they name.
        at: Which of the ways, from 0 to `count` - 1; each gives other words.
    """
    words: dict[tuple[str, int], str] = {}
    for name, most in _needed(templates).items():
        left = list(lists[name])
        for number in range(1, most + 1):
            at, chosen = divmod(at, len(left))
            words[name, number] = left.pop(chosen)

    def word(found: re.Match[str]) -> str:
        field = _field(found)
        item = words[field.list_name, field.number]
        return item[:1].upper() + item[1:] if field.capital else item

    return tuple(_FIELD.sub(word, template) for template in templates)


def shares(available: Sequence[int], most: int) -> list[int]:
    """Divide a number of cases over templates, as evenly as what each can give allows.

    Args:
        available: How many each can give.
        most: How many are wanted in all.

    Returns:
        How many are taken from each; together `most`, or all if there are fewer.
    """
    taken = [0] * len(available)
    left = min(most, sum(available))
    while left:
        open_ones = [i for i, n in enumerate(available) if taken[i] < n]
        each = max(left // len(open_ones), 1)
        for i in open_ones[:left]:
            more = min(each, available[i] - taken[i])
            taken[i] += more
            left -= more
    return taken


def sample(total: int, n: int, seed: str) -> list[int]:
    """Different numbers below a total, in order: all of them, or `n` at random.

    Args:
        total: How many there are, which may be any number.
        n: How many are wanted.
        seed: What the choice depends on.
    """
    if n >= total:
        return list(range(total))
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    chosen: set[int] = set()
    while len(chosen) < n:
        chosen.add(chance.randrange(total))
    return sorted(chosen)


def _field(found: re.Match[str]) -> Field:
    name = found[1]
    return Field(name[0].lower() + name[1:], int(found[2] or 1), capital=name[0].isupper())


def _needed(templates: Sequence[str]) -> dict[str, int]:
    """How many different items of each list the templates need, by its name."""
    needed: dict[str, int] = {}
    for field in _all_fields(templates):
        needed[field.list_name] = max(needed.get(field.list_name, 0), field.number)
    return needed


def _all_fields(templates: Sequence[str]) -> Iterator[Field]:
    for template in templates:
        yield from fields_of(template)
