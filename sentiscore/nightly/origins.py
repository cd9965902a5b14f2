"""The provenance of daily features: the scored rows of every night, and the models that scored them."""

import dataclasses
import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sentiscore.errors import InputError, SentiscoreWarning
from sentiscore.features.daily_sums import DailySums
from sentiscore.tables import hash_output
from sentiscore.tables.provenance import DAILY_FEATURES, Provenance, SourceFacts, read_provenance

MOST_SOURCES: Final = 100
"""The maximum number of sources that a daily file names; its state has all of them."""


@dataclass(frozen=True)
class ScoredFile:
    """A file of scored rows from which daily features are made.

    Attributes:
        facts: Its name, hash and number of rows.
        provenance: Its provenance; None if that is not known.
    """

    facts: SourceFacts
    provenance: Provenance | None


def look_at(path: Path, rows: int) -> ScoredFile:
    """Describe a file of scored rows, given the number of rows read.

    A provenance that cannot be read, or that belongs to another file, is ignored with a warning.
    """
    facts = SourceFacts(file=path.name, sha256=hash_output(path), rows=rows)
    try:
        found = read_provenance(path)
    except InputError as error:
        warnings.warn(f"{error.message} The features are made all the same.", SentiscoreWarning, stacklevel=2)
        return ScoredFile(facts, None)
    if found is not None and found.where == "sidecar" and found.intact is False:
        warnings.warn(
            f"The provenance next to {path} is of another file, or {path.name} was changed since; it is not used.",
            SentiscoreWarning,
            stacklevel=2,
        )
        return ScoredFile(facts, None)
    return ScoredFile(facts, None if found is None else found.provenance)


def daily_options(sums: DailySums) -> dict[str, Any]:
    """All options of daily features, by name."""
    plain = {name: value for name, value in sums.request.options.items() if name != "calendar"}
    as_of = None if sums.as_of is None else sums.as_of.isoformat()
    plain["midnight"] = sums.times.midnight
    return {**plain, "calendar": sums.sessions.name, "as_of": as_of, "config": sums.config.as_dict()}


def daily_provenance(
    options: Mapping[str, Any], files: Sequence[ScoredFile], rows: int, before: Provenance | None = None
) -> Provenance:
    """The provenance of daily features.

    Args:
        options: All options, as `daily_options` returns them.
        files: The scored rows that were added.
        rows: The number of rows of the daily features.
        before: The provenance of the daily features to which they were added.

    Returns:
        A provenance with the newest sources, and with the provenance of scored rows once for each model.
    """
    sources = [*(before.sources if before else ()), *(file.facts for file in files)]
    known = [*(before.scored if before else ()), *(file.provenance for file in files if file.provenance)]
    scored = {}
    for each in known:  # the newest one of a model replaces its first one
        scored[_scale(each)] = dataclasses.replace(each, sources=(), sha256="")
    job = {"options": options, "sources": [source.sha256 for source in sources], "before": before and before.job_key}
    return Provenance(
        kind=DAILY_FEATURES,
        rows=rows,
        sources=tuple(sources[-MOST_SOURCES:]),
        n_sources=(before.n_sources if before else 0) + len(files),
        options=options,
        job_key=hashlib.sha256(json.dumps(job, sort_keys=True).encode()).hexdigest(),
        scored=tuple(scored.values()),
        n_unknown=(before.n_unknown if before else 0) + sum(file.provenance is None for file in files),
    )


def warn_of_another_model(target: Path, before: Provenance | None, file: ScoredFile) -> None:
    """Warn if rows are added to those of another model."""
    if before is None or not before.scored or file.provenance is None or not file.facts.rows:
        return
    if _scale(file.provenance) in [_scale(each) for each in before.scored]:
        return
    models = ", ".join(_model_name(each) for each in before.scored)
    warnings.warn(
        f"{target} was made from rows that {models} scored, and {file.facts.file} was scored by "
        f"{_model_name(file.provenance)}. Their sentiment may not be on one scale; to make the file from rows of one "
        "model, score all of them with it, and add --anew --revise.",
        SentiscoreWarning,
        stacklevel=3,
    )


def _scale(provenance: Provenance) -> Any:
    """What rows of one scale have in common: the model, and whether it was asked about targets."""
    return provenance.model and (provenance.model.identity, _has_targets(provenance))


def _has_targets(provenance: Provenance) -> bool:
    return provenance.options.get("target_col") is not None


def _model_name(provenance: Provenance) -> str:
    model = provenance.model
    towards = " towards targets" if _has_targets(provenance) else ""
    return "an unknown model" if model is None else f"{model.name} ({model.sha256[:12]}{towards})"
