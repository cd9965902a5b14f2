"""The options of a scoring job: its model, its rows, and its resources. One frozen object each."""

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Final

from sentiscore import labels as names
from sentiscore.errors import InputError
from sentiscore.keywords import keywords_and_object
from sentiscore.settings import Settings, setting
from sentiscore.storage.options import StorageOptions
from sentiscore.tables.dialect import CsvDialect

DEFAULT_CACHE_BYTES: Final = 1 << 30
_HINT: Final = "docs/reference/api.md describes each of them."


def _device_name(value: Any) -> Any:
    """A device by its name, also where it is torch's own object."""
    kind = type(value)
    return str(value) if (kind.__module__, kind.__qualname__) == ("torch", "device") else value


@dataclass(frozen=True, kw_only=True)
class ScorerOptions(Settings):
    """Which model scores, and how; `Scorer.from_pretrained` loads it.

    Attributes:
        model: "default" (inside the package), a folder, or a hub id.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        dtype: "auto" (bf16 where the device is faster for it), "fp32" or "bf16".
        revision: The commit of a hub id, or a branch or tag that `sentiscore.lock` has a commit for.
        labels: Label names in the order of the model's ids, where its config does not say.
        max_length: Tokens of a text that are read; the model's own limit by default.
        overflow: What to do with a longer text: "truncate" reads its beginning, "windows" cuts it into windows of that
            length, at ends of sentences where possible, and takes the mean of their probabilities, each weighted by its
            tokens.
        clean: What to take out of texts before the model reads them: "none", or "html" for tags and entities of HTML,
            which needs the extra `html`. Scored rows keep the texts as they were.

    Raises:
        InputError: A value has the wrong type, or the overflow or cleaning does not exist.
    """

    what: ClassVar[str] = "scorer"
    hint: ClassVar[str] = _HINT

    model: str | Path = "default"
    device: str = setting("auto", form=_device_name)
    dtype: str = "auto"
    revision: str | None = None
    labels: tuple[str, ...] | None = None
    max_length: int | None = None
    overflow: str = names.TRUNCATE
    clean: str = names.AS_IS

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.overflow not in names.OVERFLOWS:
            raise InputError(f"There is no overflow {self.overflow!r}.", f"Use {' or '.join(names.OVERFLOWS)}.")
        if self.clean not in names.CLEANINGS:
            raise InputError(f"There is no cleaning {self.clean!r}.", f"Use {' or '.join(names.CLEANINGS)}.")


def one_scorer(model: str | Path | ScorerOptions, given: ScorerOptions) -> ScorerOptions:
    """The options of a model, from an object, or else from its name and keywords.

    Args:
        model: The object or the name.
        given: The keywords.

    Raises:
        InputError: There are both an object and keywords.
    """
    if not isinstance(model, ScorerOptions):
        return replace(given, model=model)
    if named := [each.name for each in fields(given) if getattr(given, each.name) != each.default]:
        raise keywords_and_object("model", model, named)
    return model


@dataclass(frozen=True, kw_only=True)
class RowOptions(Settings):
    """Which rows of a table to score, how to read them, and what to write.

    Attributes:
        target_col: The column of what the sentiment of each text is towards, as the text mentions it: a company, say.
            Needs a model that reads targets. A row whose target is null or blank is scored for its whole text, and so
            is one whose text does not mention it, with the status not_mentioned.
        targets: A table of the names that texts may use for a target, with the columns entity and name and a row for
            each name. Of the names of an entity, the longest that the text contains is the mention.
        columns: Columns of the source to keep in the output; all by default.
        prefix: Put before the name of each added column.
        limit: Score only this many rows from the beginning of each output.
        bad_rows: What to do with rows whose text is null, empty, unknown to the model or cannot be decoded: "keep" them
            with a status and no scores, "drop" them into NAME.rejected.* next to the output, or "fail".
        csv_as_is: Whether cells of a CSV output that a spreadsheet would treat as a formula stay unchanged; by default
            they get a leading apostrophe.
        dialect: How a CSV source is written.

    Raises:
        InputError: A value has the wrong type, or is invalid.
    """

    what: ClassVar[str] = "choice of rows"
    hint: ClassVar[str] = _HINT

    target_col: str | None = None
    targets: str | Path | None = None
    columns: tuple[str, ...] | None = None
    prefix: str = ""
    limit: int | None = None
    bad_rows: str = names.KEEP
    csv_as_is: bool = False
    dialect: CsvDialect = field(default_factory=CsvDialect)

    def __post_init__(self) -> None:
        if isinstance(self.columns, str):
            raise InputError(f"The columns are one text, {self.columns!r}.", "Put their names in a list.")
        super().__post_init__()
        if self.bad_rows not in names.BAD_ROWS:
            raise InputError(f"There is no bad_rows {self.bad_rows!r}.", f"Use {', '.join(names.BAD_ROWS)}.")
        if self.limit is not None and self.limit < 0:
            raise InputError(f"The limit is {self.limit}.", "It is a number of rows, 0 or more.")


LOCAL: Final = "local"
RAY: Final = "ray"
ALL_DEVICES: Final = "all"


def _listed(devices: Any) -> Any:
    """All devices by their one name, or several by theirs."""
    return (devices,) if devices == ALL_DEVICES else devices


@dataclass(frozen=True, kw_only=True)
class Parallel(Settings):
    """Which processes score the windows of a job; by default the process that reads and writes.

    Attributes:
        engine: "local" for processes of this machine, or "ray" for those of a Ray cluster.
        devices: With "local": devices with a process each, such as ("cuda:0", "cuda:1"), or "all" CUDA GPUs. A
            device may repeat; processes on the CPU share its cores.
        address: With "ray": the cluster to use, "auto" for the one that this machine belongs to, or HOST:PORT. By
            default this process's own connection to Ray, or else a cluster of this machine alone.
        workers: With "ray": how many processes score; by default as many as the cluster has room for.
        cpus_per_worker: With "ray": the cores of each.
        gpus_per_worker: With "ray": the GPUs of each; 0.5 if two share one.

    Raises:
        InputError: A value has the wrong type, or is for the other engine.
    """

    what: ClassVar[str] = "choice of workers"
    hint: ClassVar[str] = _HINT

    engine: str = setting(LOCAL, choices=(LOCAL, RAY))
    devices: tuple[str, ...] | None = None
    address: str | None = None
    workers: int | None = setting(None, low=1)
    cpus_per_worker: int = setting(1, low=1)
    gpus_per_worker: float = setting(0.0, low=0.0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "devices", _listed(self.devices))
        super().__post_init__()
        if self.engine == RAY and self.devices is not None:
            raise InputError(
                "Devices are for processes of this machine; Ray chooses those of its workers.",
                "Leave out --devices (devices), and say --gpus-per-worker 1 (gpus_per_worker) for workers with a GPU.",
            )
        others = [each.name for each in fields(self) if each.name not in ("engine", "devices")]
        given = [name for name in others if getattr(self, name) != getattr(type(self), name)]
        if self.engine == LOCAL and given:
            option = f"--{given[0].replace('_', '-')}"
            raise InputError(
                f"{option} ({given[0]}) is for a Ray cluster.", "Say --engine ray (engine), or leave it out."
            )
        if self.devices == ():
            raise InputError("The list of devices is empty.", "Name one or more, or leave out --devices (devices).")

    @property
    def is_here(self) -> bool:
        """Whether the process that reads and writes also scores."""
        return self.engine == LOCAL and self.devices is None


@dataclass(frozen=True, kw_only=True)
class RunOptions(Settings):
    """The resources a job may use and what it keeps; none of these options changes a score.

    Attributes:
        resume: Whether to use the finished windows of a stopped job; otherwise they are discarded.
        max_memory: The maximum memory, in bytes, that the process may hold: windows are made smaller to fit, and past
            it the job stops with an InputError and can be resumed. Only on Linux.
        cache: A folder for a store of answers, created if missing: known texts are not scored again, and the new ones
            are kept.
        cache_bytes: The maximum size of the store on disk; the least recently used answers are removed.
        storage: How addresses in object stores are read and written.
        parallel: Which processes score. `max_memory` does not count theirs, and they have no `cache`.

    Raises:
        InputError: A value has the wrong type, or there are a cache and other processes.
    """

    what: ClassVar[str] = "run"
    hint: ClassVar[str] = _HINT

    resume: bool = True
    max_memory: int | None = None
    cache: str | Path | None = None
    cache_bytes: int = DEFAULT_CACHE_BYTES
    storage: StorageOptions = field(default_factory=StorageOptions)
    parallel: Parallel = field(default_factory=Parallel)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.cache is not None and not self.parallel.is_here:
            raise InputError(
                "A cache is for a job that scores in one process.",
                "Leave out --cache (cache), or --engine and --devices (engine, devices).",
            )
