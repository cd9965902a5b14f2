"""What a model is tested on: capabilities, each with templates and what has to be true of their sentences."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from sentiscore.behaviour.edits import EDITS
from sentiscore.behaviour.templates import TemplateError, fields_of, is_list_name
from sentiscore.errors import InputError, SentiscoreError
from sentiscore.fitting import UnfitError, fitted, shown
from sentiscore.labels import CLASSES
from sentiscore.settings import Settings, setting

FORMAT: Final = "docs/how-to/check-behaviour.md describes the format."
SHIPPED: Final = Path(__file__).with_name("suite.toml")

MINIMUM: Final = "minimum functionality"
INVARIANCE: Final = "invariance"
DIRECTION: Final = "direction"
KINDS: Final = (MINIMUM, INVARIANCE, DIRECTION)

UP: Final = "up"
DOWN: Final = "down"
NOT_UP: Final = "not up"
NOT_DOWN: Final = "not down"


@dataclass(frozen=True, kw_only=True)
class Demand(Settings):
    """Templates, and what has to be true of every sentence or pair of sentences made from them.

    Attributes:
        kind: Which of the three kinds of test it is.

    Raises:
        InputError: A value is wrong, or some do not go together.
    """

    what = "test"
    hint = FORMAT

    texts: tuple[str, ...] = setting((), "Templates of sentences; {name} stands for each item of a list.")
    pairs: tuple[tuple[str, ...], ...] = setting((), "Pairs of templates: a sentence, and how it reads after the edit.")
    edits: tuple[str, ...] = setting((), "Edits that are made to each of the texts.", choices=tuple(EDITS))
    expect: tuple[str, ...] = setting((), "The labels that are right for each of the texts.", choices=CLASSES)
    within: float | None = setting(None, "How far an edit may move the sentiment; the label must stay.", low=0, high=2)
    moves: str | None = setting(
        None, "Where an edit has to move the sentiment, or must not.", choices=(UP, DOWN, NOT_UP, NOT_DOWN)
    )
    by: float = setting(0.0, "By how much it has to move, or may still move the other way.", low=0, high=2)
    target: str = setting("", "Whom the sentiment is about, for models that are asked about somebody in the text.")

    def __post_init__(self) -> None:
        """Check also what goes with what."""
        super().__post_init__()
        if sum((bool(self.expect), self.within is not None, self.moves is not None)) != 1:
            raise self._refused("has to have one of expect, within and moves")
        if self.expect and (not self.texts or self.pairs or self.edits):
            raise self._refused("has expect, which needs texts, and takes neither pairs nor edits")
        if not self.expect and bool(self.pairs) == bool(self.texts and self.edits):
            raise self._refused("compares a sentence with an edited one: it needs pairs, or texts and edits")
        if self.pairs and (self.texts or self.edits):
            raise self._refused("has pairs, which take neither texts nor edits")
        if any(len(pair) != 2 for pair in self.pairs):  # noqa: PLR2004
            raise self.wrong("pairs", "a list of lists of two templates")
        if self.by and self.moves is None:
            raise self._refused("has by, which needs moves")

    @property
    def kind(self) -> str:
        """Which kind of test it is."""
        return MINIMUM if self.expect else INVARIANCE if self.moves is None else DIRECTION

    @property
    def templates(self) -> list[tuple[str, ...]]:
        """The templates that share the words which are put in: one or two of a sentence, and one of the target."""
        about = (self.target,) if self.target else ()
        return [(*pair, *about) for pair in self.pairs] or [(text, *about) for text in self.texts]

    def _refused(self, why: str) -> SentiscoreError:
        return self.error(f"The test {why}.", self.hint)


@dataclass(frozen=True, kw_only=True)
class Capability(Settings):
    """Something that a model should be able to do, with tests of it: a `[[capabilities]]` table.

    Raises:
        InputError: A value is wrong.
    """

    what = "capability"
    hint = FORMAT

    name: str = setting(doc="What it is called in the report.")
    group: str = setting("own", "The heading under which the report lists it.")
    about: str = setting("", "What is tested, in a sentence.")
    hard: bool = setting(False, "Models are expected to fail at it: it is reported, and no limit applies to it.")
    most: int = setting(40, "Cases, at most: a sample is drawn where the templates give more.", low=1, high=1000)
    tests: tuple[Demand, ...] = setting(doc="Its tests, each a [[capabilities.tests]] table.")

    def __post_init__(self) -> None:
        """Check also that there is something to test."""
        super().__post_init__()
        if not self.name.strip():
            raise self.wrong("name", "a text that is not empty")
        if not self.tests:
            raise self.wrong("tests", "at least one [[capabilities.tests]] table")

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of its tests."""
        return tuple(sorted({test.kind for test in self.tests}))


@dataclass(frozen=True, kw_only=True)
class Suite(Settings):
    """Capabilities, and the lists of words from which their sentences are made: a file.

    Raises:
        InputError: A value is wrong, a list is empty or cannot be named, or a template names a list that does not
            exist.
    """

    what = "suite"
    hint = FORMAT

    seed: int = setting(0, "Seed of the samples.", low=0)
    lists: dict[str, tuple[str, ...]] = setting({}, "Lists of words, phrases or sentences, by name.", distinct=True)
    capabilities: tuple[Capability, ...] = setting(doc="What is tested, each a [[capabilities]] table.")

    def __post_init__(self) -> None:
        """Check also that every template can be filled in."""
        super().__post_init__()
        for name, items in self.lists.items():
            if not is_list_name(name):
                raise self.error(
                    f"The list {name!r} cannot be named by a template.",
                    "The name of a list is lower-case letters, digits and underscores, and begins with a letter: "
                    "{firm} and {Firm} both name the list firm.",
                )
            if not items:
                raise self.error(f"The list {name!r} is empty.", "Add words to it, or remove it.")
        if not self.capabilities:
            raise self.wrong("capabilities", "at least one [[capabilities]] table")
        names = [capability.name for capability in self.capabilities]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise self.error(f"Two capabilities are called {repeated[0]!r}.", "Give each a name of its own.")
        for capability in self.capabilities:
            for at, test in enumerate(capability.tests, start=1):
                self._check_templates(test, f"{capability.name!r}, test {at}")

    def _check_templates(self, test: Demand, where: str) -> None:
        for template in (template for templates in test.templates for template in templates):
            try:
                fields = fields_of(template)
            except TemplateError as error:
                raise self.error(f"In {where}: the template {shown(template)} {error}.", self.hint) from error
            for field in fields:
                if field.list_name not in self.lists:
                    raise self.error(
                        f"In {where}: the template {shown(template)} names the list {field.list_name!r}, which does "
                        "not exist.",
                        f"The lists are: {', '.join(self.lists) or 'none'}.",
                    )
                if field.number > len(self.lists[field.list_name]):
                    raise self.error(
                        f"In {where}: the template {shown(template)} needs {field.number} different items of the list "
                        f"{field.list_name!r}, which has {len(self.lists[field.list_name])}.",
                        "Add items to the list.",
                    )


def read_suite(path: str | Path) -> Suite:
    """Read a suite from a TOML file.

    Args:
        path: The file.

    Raises:
        InputError: It is missing or is not TOML, which names the line; or a value is wrong, which names the table.
    """
    raw = Suite.read_toml(path)
    if isinstance(lists := raw.get("lists"), dict):
        _check_lists(lists, path)
    tables = raw.get("capabilities")
    if isinstance(tables, list):
        raw["capabilities"] = [_capability(table, at, path) for at, table in enumerate(tables, start=1)]
    with _Naming(f"{path}"):
        return Suite.from_dict(raw)


@cache
def shipped_suite() -> Suite:
    """The suite inside the package."""
    return read_suite(SHIPPED)


def _check_lists(lists: Mapping[str, object], path: str | Path) -> None:
    """Check each list by itself, so that an error names it."""
    for name, items in lists.items():
        try:
            fitted(tuple[str, ...], items, {"distinct": True})
        except UnfitError as unfit:
            raise InputError(
                f"{path}: the list {name!r} is, or contains, {shown(unfit.value)}; it has to be {unfit.wanted}.", FORMAT
            ) from unfit


def _capability(table: object, at: int, path: str | Path) -> Capability:
    name = table.get("name") if isinstance(table, Mapping) else None
    where = f"{path}, [[capabilities]] {at}" + (f" ({shown(name)})" if name is not None else "")
    given: Any = table
    if isinstance(given, Mapping) and isinstance(tests := given.get("tests"), list):
        made = []
        for number, test in enumerate(tests, start=1):
            with _Naming(f"{where}, test {number}"):
                made.append(Demand.from_dict(test))
        given = {**given, "tests": made}
    with _Naming(where):
        return Capability.from_dict(given)


class _Naming:
    """Puts where it was found before the message of an error."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, SentiscoreError):
            raise InputError(f"{self._where}: {error.message}", error.hint) from error
