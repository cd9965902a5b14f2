"""Which models scored the rows and the reference, as far as the files say."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sentiscore.errors import InputError
from sentiscore.tables.provenance import SIDECAR, ModelFacts, read_provenance

_SHOWN: Final = 12


def compare_models(scored: Sequence[Path | None], reference: Sequence[Path | None]) -> tuple[bool | None, list[str]]:
    """Check whether one model scored all rows.

    For a file without a provenance, or with that of other rows, the model is not known.

    Args:
        scored: Files or folders of parts; None for a frame, whose model is not known.
        reference: The same for the reference.

    Returns:
        Whether it was one model, or None if some models are not known; and notes for the report.
    """
    notes: list[str] = []
    here, there = ([_model(path, notes) for path in paths] for paths in (scored, reference))
    every = [*here, *there]
    known = {model.identity for model in every if model is not None}
    if len(known) > 1:
        notes.insert(
            0,
            f"These rows were scored by different models: SCORED by {_names(here)}; the reference by {_names(there)}. "
            "A change may be due to the model.",
        )
        return False, notes
    return (None if None in every else True), notes


def _model(path: Path | None, notes: list[str]) -> ModelFacts | None:
    if path is None:
        return None
    try:
        found = read_provenance(path)
    except InputError as error:
        notes.append(f"Which model scored {path} is not known. {error.message}")
        return None
    if found is None or (found.where == SIDECAR and found.intact is False):
        return None
    return found.provenance.model


def _names(models: Sequence[ModelFacts | None]) -> str:
    names = [
        "an unknown one"
        if model is None
        else f"{model.name} (sha256 {model.sha256[:_SHOWN]}, labels {'/'.join(model.labels)}, "
        + ("not calibrated)" if model.temperature is None else f"temperature {model.temperature:g})")
        for model in models
    ]
    return " and ".join(dict.fromkeys(names))
