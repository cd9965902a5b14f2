"""A scoring job as it was asked for, and as it was found to be possible."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sentiscore import labels as names
from sentiscore.features import DailyRequest, DailySums
from sentiscore.scoring.options import RowOptions
from sentiscore.tables import Source


@dataclass(frozen=True, kw_only=True)
class JobRequest:
    """What was asked for, beside the files and the model.

    Attributes:
        text_col: The column of texts.
        rows: Which rows.
        overflow: What is done with a text that is too long.
        daily: The daily features of the rows, with their text_col and prefix; None where there are none.
    """

    text_col: str
    rows: RowOptions = field(default_factory=RowOptions)
    overflow: str = names.TRUNCATE
    daily: DailyRequest | None = None

    @property
    def time_col(self) -> str | None:
        """The column of times, if there is one."""
        return None if self.daily is None else self.daily.time_col

    @property
    def entity_col(self) -> str | None:
        """The column of entities, if there is one."""
        return None if self.daily is None else self.daily.entity_col

    @property
    def added(self) -> list[str]:
        """The columns that scoring may add, whatever the model."""
        return [self.rows.prefix + name for name in names.score_columns(names.CLASSES, self.overflow)]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A job whose files and columns were found to be usable.

    Attributes:
        request: What was asked for.
        sources: The files of rows, in order.
        output: The place of the scored rows.
        folder: Whether that is a folder of parts.
        kept: The columns of the sources that are kept in the output.
        needed: Those that are read.
        placing: Those that daily features need.
        rejects: The place of rows that are set aside; None where none are.
        sums: What daily features are made of; None where there are none.
        daily: Their place.
    """

    request: JobRequest
    sources: list[Source]
    output: Path
    folder: bool
    kept: list[str]
    needed: list[str]
    placing: list[str]
    rejects: Path | None
    sums: DailySums | None
    daily: Path | None

    @property
    def csv_options(self) -> dict[str, Any]:
        """How its files are written, by the names of the options; nothing where none of them is a CSV."""
        return self.request.rows.dialect.as_dict() if any(source.csv is not None for source in self.sources) else {}

    @property
    def n_comments(self) -> int:
        """Lines of its CSV files that were skipped as comments."""
        return sum(part.csv.comments for source in self.sources for part in source.parts if part.csv is not None)

    @property
    def first_damage(self) -> dict[str, str]:
        """Where the first bytes are, by column, that are not of the encoding of a CSV."""
        looks = [(part.path.name, part.csv) for source in self.sources for part in source.parts if part.csv is not None]
        found: dict[str, str] = {}
        for file, look in looks:
            found = {name: f"line {line:,} of {file}" for name, line in look.damaged.items()} | found
        return found

    @property
    def targets(self) -> list[Path]:
        """Everything that is written."""
        return [path for path in (self.output, self.rejects, self.daily) if path is not None]
