"""A scoring job as requested, and as planned after checks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sentiscore import labels as names
from sentiscore.features import DailyRequest, DailySums
from sentiscore.scoring.options import RowOptions
from sentiscore.scoring.target_names import TargetNames
from sentiscore.tables import Source


@dataclass(frozen=True, kw_only=True)
class JobRequest:
    """The options of a job other than the files and the model.

    Attributes:
        text_col: The column of texts.
        rows: Which rows to score.
        overflow: What to do with a text that is too long.
        clean: What is taken out of texts before they are read.
        daily: The daily features of the rows, with their text_col and prefix; None if there are none.
        names: The names of targets.
    """

    text_col: str
    rows: RowOptions = field(default_factory=RowOptions)
    overflow: str = names.TRUNCATE
    clean: str = names.AS_IS
    daily: DailyRequest | None = None
    names: TargetNames = field(default_factory=TargetNames)

    @property
    def read_cols(self) -> list[str]:
        """The columns that the model reads: texts, and what they are read for."""
        return [name for name in (self.text_col, self.rows.target_col) if name is not None]

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
        """All columns that scoring may add, with any model."""
        return [self.rows.prefix + name for name in names.score_columns(names.CLASSES, self.overflow)]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A job whose files and columns were checked.

    Attributes:
        request: The options of the job.
        sources: The sources, in order.
        output: The target of the scored rows.
        folder: Whether the output is a folder of parts.
        kept: The columns of the sources to keep in the output.
        needed: The columns of the sources to read.
        placing: The columns that daily features need.
        rejects: The target of rows that are set aside; None if there are none.
        sums: The sums of the daily features; None if there are none.
        daily: The target of the daily features.
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
    def rows(self) -> int:
        """The number of rows to score."""
        rows, limit = sum(source.rows for source in self.sources), self.request.rows.limit
        return rows if limit is None else min(limit, rows)

    def added_as(self, columns: Sequence[str]) -> dict[str, str]:
        """The names under which columns of scores are added to the rows."""
        return names.names_beside({*self.kept, *self.placing}, columns, self.request.rows.prefix)

    @property
    def csv_options(self) -> dict[str, Any]:
        """The CSV dialect of its files, by option; empty if none of them is a CSV."""
        return self.request.rows.dialect.as_dict() if any(source.csv is not None for source in self.sources) else {}

    @property
    def n_comments(self) -> int:
        """The number of lines of its CSV files that were skipped as comments."""
        return sum(part.csv.comments for source in self.sources for part in source.parts if part.csv is not None)

    @property
    def first_damage(self) -> dict[str, str]:
        """Where the first bytes are that are invalid in the encoding of a CSV, by column."""
        looks = [(part.path.name, part.csv) for source in self.sources for part in source.parts if part.csv is not None]
        found: dict[str, str] = {}
        for file, look in looks:
            found = {name: f"line {line:,} of {file}" for name, line in look.damaged.items()} | found
        return found

    @property
    def targets(self) -> list[Path]:
        """The paths of everything that is written."""
        return [path for path in (self.output, self.rejects, self.daily) if path is not None]
