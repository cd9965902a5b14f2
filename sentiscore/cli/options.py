"""Options that several commands share, defined once."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from sentiscore.features import DailyConfig, DailyRequest
    from sentiscore.storage.options import StorageOptions
    from sentiscore.tables.dialect import CsvDialect

Command = Callable[..., object]
Decorator = Callable[[Command], Command]


def grouped(name: str, build: Callable[..., object], of: Sequence[str]) -> Decorator:
    """Pass some options of a command as the one object that they describe.

    Args:
        name: The parameter of the command.
        build: Makes the object from their values by name.
        of: Their names.
    """

    def decorate(function: Command) -> Command:
        @functools.wraps(function)  # wraps keeps the options that click has recorded so far
        def command(**given: object) -> object:
            given[name] = build(**{each: given.pop(each) for each in of})
            return function(**given)

        return command

    return decorate


def with_options(options: Sequence[Decorator], function: Command) -> Command:
    """Add options to a command, in order."""
    for option in reversed(options):
        function = option(function)
    return function


PATH: Final = click.Path(path_type=Path, readable=False)
"""A path, which the library looks at: click would take a file that may not be read for a mistyped option."""

DEVICE: Final = click.option(
    "--device",
    default="auto",
    show_default=True,
    help="auto (a CUDA GPU where there is one), cpu, cuda, cuda:1 or mps.",
)
DTYPE: Final = click.option(
    "--dtype",
    type=click.Choice(["auto", "fp32", "bf16"]),
    default="auto",
    show_default=True,
    help="Numbers to compute with; auto is bf16 where it is faster.",
)
LABELS: Final = click.option(
    "--labels",
    metavar="NAME,NAME[,...]",
    callback=lambda _ctx, _param, value: split(value),
    help="What the ids 0, 1 and so on mean, for example negative,positive or negative,neutral,positive. Ids with the "
    "same name are added up: negative,negative,neutral,positive,positive for five stars.",
)
MODEL: Final = click.option(
    "-m",
    "--model",
    default="default",
    show_default=True,
    help="default (inside the package), a folder or a hub id.",
)
_CLEAN: Final = "Take tags and entities of HTML out of texts before the model reads them; the output keeps them."
CLEAN: Final = click.option(
    "--clean", type=click.Choice(["none", "html"]), default="none", show_default=True, help=_CLEAN
)
MAX_LENGTH: Final = click.option(
    "--max-length", type=click.IntRange(min=3), help="Tokens of a text that are read.  [default: the model's]"
)
REVISION: Final = click.option(
    "--revision", help="Commit of a model from the hub, or a branch or tag that sentiscore.lock has a commit for."
)
TIME_COL: Final = (
    "When each text appeared: times with a zone, or text with an offset, as ISO 8601 or with the month as a word."
)
ENTITY_COL: Final = "The series each text belongs to, such as a ticker; without it there is one series, 'all'."
_TIMES: Final = (
    click.option(
        "--tz",
        metavar="ZONE",
        help="Zone of times that carry none, and of zone letters such as ET; for example America/New_York.",
    ),
    click.option(
        "--time-format",
        metavar="PATTERN",
        help="How all times are written, such as '%d/%m/%Y %H:%M', in the directives of strptime; or rfc2822.",
    ),
    click.option(
        "--time-unit", type=click.Choice(["s", "ms", "us", "ns"]), help="What times in numbers count since 1970."
    ),
)
_MIDNIGHT: Final = click.option(
    "--midnight",
    type=click.Choice(["date", "instant"]),
    help="What a time of exactly midnight is: a date, which counts as the end of that day, or the instant.  [default: "
    "instant; date, with a warning, if there are far more than chance gives]",
)
DAY_TZ: Final = click.option(
    "--day-tz", metavar="ZONE", help="Zone whose midnight ends a day.  [default: that of --tz, or UTC]"
)

ENTITY_SEPARATOR: Final = click.option(
    "--entity-separator",
    metavar="TEXT",
    help="What separates the entities of a row that has several, such as ';'. A text counts for each of them.",
)

_SETTINGS: Final = ("cutoff", "latency", "repeats", "fill")
_DAILY: Final = (
    ENTITY_SEPARATOR,
    click.option(
        "--calendar",
        metavar="CODE|PERIOD|FILE",
        help="Sessions to place texts in: an exchange such as XNYS; weekly, W-FRI and the like, monthly "
        "or quarterly; or a file with the columns ds, open and close.  "
        "[default: every calendar day]",
    ),
    click.option(
        "--cutoff",
        metavar="CUTOFF",
        help="Last instant of a session's information: close, or for example open-30m.  [default: close]",
    ),
    click.option(
        "--latency",
        metavar="TIME",
        help="How long after it was published a text can be used, for example 5m.  [default: 0s]",
    ),
    click.option("--weight-col", metavar="NAME", help="How much each text counts: relevance, length or confidence."),
    click.option(
        "--id-col",
        metavar="NAME",
        help="What names each text: rows of an entity with the same id count once in the daily features, as the one "
        "that was published first.",
    ),
    click.option("--arrived-col", metavar="NAME", help="When each row came: no text counts before that."),
    click.option(
        "--repeats",
        type=click.Choice(["keep", "drop", "discount"]),
        help="What is done with a text that the entity had shortly before.  [default: keep]",
    ),
    click.option(
        "--fill",
        type=click.Choice(["none", "zero", "latest", "decay"]),
        help="What sessions without news hold.  [default: none, which is null]",
    ),
    click.option(
        "--config",
        "config_file",
        type=PATH,
        help="A TOML file with these and all other settings of the daily features.",
    ),
    *_TIMES,
    _MIDNIGHT,
    DAY_TZ,
)


_DAILY_NAMES: Final = (
    *("entity_separator", "calendar", *_SETTINGS, "weight_col", "id_col", "arrived_col", "config_file"),
    *("tz", "time_format", "time_unit", "midnight", "day_tz"),
)


def _checked(_context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Check an option of the CSV dialect, and bring it into its normal form."""
    from sentiscore.errors import InputError
    from sentiscore.tables.dialect import CsvDialect

    if value is None or not parameter.name:
        return value
    try:
        return getattr(CsvDialect(**{parameter.name: value}), parameter.name)
    except InputError as error:
        raise click.BadParameter(f"{error.message} {error.hint}") from error


_CSV: Final = (
    click.option(
        "--separator",
        metavar="CHAR",
        callback=_checked,
        help="What separates the fields of a CSV.  [default: a comma, or a semicolon or tab where the header has "
        "those; a tab in a .tsv]",
    ),
    click.option(
        "--skip-rows",
        type=click.IntRange(min=0),
        default=0,
        metavar="LINES",
        callback=_checked,
        help="Lines of a CSV before its header.",
    ),
    click.option(
        "--comment", metavar="TEXT", callback=_checked, help="Skip lines of a CSV that begin with this, such as '#'."
    ),
    click.option(
        "--encoding",
        metavar="NAME",
        default="utf-8",
        show_default=True,
        callback=_checked,
        help="Encoding of a CSV, such as cp1252, utf-16, gbk or any other that Python knows.",
    ),
)
CSV_NAMES: Final = ("separator", "skip_rows", "comment", "encoding")


def csv(function: Command) -> Command:
    """The options that say how a CSV is written, passed as `dialect`; all commands that read tables share them."""
    return with_options(_CSV, grouped("dialect", _dialect, CSV_NAMES)(function))


def _dialect(**named: Any) -> "CsvDialect":
    from sentiscore.errors import InputError
    from sentiscore.tables.dialect import CsvDialect

    try:
        return CsvDialect(**named)
    except InputError as error:
        raise click.UsageError(f"{error.message} {error.hint}") from error


def daily(*own: str, **renamed: str) -> Decorator:
    """The options of daily features, which all commands that make them share, passed as `request`.

    Args:
        own: Options of the command itself that are also fields of the request.
        renamed: Options with another name than their field, by the name of the field.
    """

    def build(**given: Any) -> "DailyRequest | None":
        from sentiscore.features.request import request_or_none

        config = _config(given.pop("config_file"), {name: given.pop(name) for name in _SETTINGS})
        fields = {name: given.pop(option) for name, option in renamed.items()}
        return request_or_none({**given, **fields, "config": config})

    def decorate(function: Command) -> Command:
        return with_options(_DAILY, grouped("request", build, (*own, *renamed.values(), *_DAILY_NAMES))(function))

    return decorate


_STORAGE: Final = (
    click.option(
        "--storage-option",
        "storage_options",
        metavar="KEY=VALUE",
        multiple=True,
        help="An option of the object store of an s3://, gs://, az:// or hf:// address, such as region=eu-west-1; may "
        "be given again.  [default: what the environment and the configuration of the machine say]",
    ),
    click.option(
        "--staging",
        type=PATH,
        metavar="FOLDER",
        help="Where objects that were fetched, and those that are not published yet, are kept.  [default: "
        "sentiscore/staging in the user's cache folder]",
    ),
)


def storage(function: Command) -> Command:
    """The options that say how object stores are used, passed as `storage`."""
    return with_options(_STORAGE, grouped("storage", _storage, ("storage_options", "staging"))(function))


def _storage(*, storage_options: tuple[str, ...], staging: Path | None) -> "StorageOptions":
    from sentiscore.errors import InputError
    from sentiscore.storage.options import StorageOptions, parse_options

    try:
        return StorageOptions(options=parse_options(storage_options), staging=staging)
    except InputError as error:
        raise click.UsageError(f"{error.message} {error.hint}") from error


def times(function: Command) -> Command:
    """The options that say how times are read."""
    return with_options(_TIMES, function)


def _config(path: Path | None, settings: dict[str, str | None]) -> "DailyConfig | None":
    """The config file, overridden by the options that were given; None if there are neither."""
    from sentiscore.features.config import DailyConfig

    changes = {name: value for name, value in settings.items() if value is not None}
    if path is None and not changes:
        return None
    return (DailyConfig() if path is None else DailyConfig.from_toml(path)).with_changes(changes)


def refuse_beside_sets(names: Sequence[str]) -> None:
    """Raise a usage error if one of these options was given, which have no effect where a file names sets.

    Raises:
        click.UsageError: One was given.
    """
    _refuse_given(names, "is not for rows that [[sets]] name: each of them says so itself.")


def refuse_without(needed: str, names: Sequence[str]) -> None:
    """Raise a usage error if one of these options, named as parameters, was given, but not `needed`.

    Raises:
        click.UsageError: One was given.
    """
    _refuse_given(names, f"names a column of the files of {needed}: give {needed}.")


def _refuse_given(names: Sequence[str], why: str) -> None:
    context = click.get_current_context()
    for name in names:
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name.replace('_', '-')} {why}")


def size(value: str) -> int:
    """Parse an option that is an amount of memory or disk.

    Raises:
        click.BadParameter: It is not an amount.
    """
    from sentiscore.errors import InputError
    from sentiscore.units import parse_size

    try:
        return parse_size(value)
    except InputError as error:
        raise click.BadParameter(f"{error.message} {error.hint}") from error


def split(value: str | None) -> list[str] | None:
    """Split a comma-separated option."""
    return None if value is None else [part.strip() for part in value.split(",") if part.strip()]
