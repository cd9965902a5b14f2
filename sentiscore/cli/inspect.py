"""`sentiscore inspect`: what an output says about how it was made."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sentiscore.cli import options

if TYPE_CHECKING:
    from sentiscore.storage.options import StorageOptions
    from sentiscore.tables.inspection import Inspection
    from sentiscore.tables.provenance import ModelFacts, Provenance

_MOST_SOURCES = 5


@click.command("inspect", short_help="Tell how an output was made, and whether it was changed since.")
@click.argument("file", type=options.PATH)
@options.storage
@click.option("--json", "as_json", is_flag=True, help="All of it, as JSON.")
def command(file: Path, storage: "StorageOptions", as_json: bool) -> None:
    """Tell what an output of sentiscore was made of: model, options, sources, version and job key.

    FILE is an output of `sentiscore score` or `sentiscore features`: a file, or a folder of parts. A parquet file
    holds all of this itself; beside every output lies NAME.provenance.json (in a folder provenance.json), with the
    output's sha256. Where that is not the sha256 of FILE, it was changed since, and the exit code is 1.

    \b
    sentiscore inspect news.scored.parquet
    sentiscore inspect news.daily.parquet --json
    """
    from sentiscore.cli.show import pairs
    from sentiscore.tables.inspection import inspect

    found = inspect(file, storage)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
    else:
        pairs(_rows(found))
    if found.error is not None:
        raise found.error


def _rows(found: "Inspection") -> list[tuple[str, str]]:
    """Names and values, in the order of the output."""
    provenance = found.provenance
    rows = [
        ("file", found.file.name),
        ("holds", f"{provenance.kind}, {provenance.rows:,} rows"),
        ("made", _made(provenance)),
    ]
    if provenance.model is not None:
        rows += _model(provenance.model)
    for each in provenance.scored:
        rows += [] if each.model is None else _model(each.model)
        rows.append(("scored", _made(each)))
    if provenance.n_unknown:
        unknown = f"{provenance.n_unknown:,} of {provenance.n_sources:,}"
        rows.append(("unknown", f"{unknown} sources do not say how they were scored"))
    rows += _sources(provenance)
    rows += [("options", f"{name} = {value}") for name, value in _flat(provenance.options) if value not in (None, "")]
    state = {
        None: "not checked: there is no file beside it that tells it",
        True: f"{provenance.sha256}, as it was when it was made",
        False: "not the one it had when it was made",
    }[found.intact]
    return [*rows, ("job key", provenance.job_key), ("sha256", state)]


def _made(provenance: "Provenance") -> str:
    when = "" if provenance.created_at is None else f"{provenance.created_at:%Y-%m-%d %H:%M:%S %Z} "
    return f"{when}by sentiscore {provenance.sentiscore}"


def _model(model: "ModelFacts") -> list[tuple[str, str]]:
    revision = f", revision {model.revision}" if model.revision else ""
    calibration = "not calibrated" if model.temperature is None else f"temperature {model.temperature:.3f}"
    return [
        ("model", f"{model.name}{revision}, {model.dtype} on {model.device}, {calibration}"),
        ("", f"sha256 {model.sha256}"),
        ("", f"labels {', '.join(model.labels)}"),
    ]


def _sources(provenance: "Provenance") -> list[tuple[str, str]]:
    shown = provenance.sources[-_MOST_SOURCES:]
    rows = [("source", f"{source.file}, {source.rows:,} rows, sha256 {source.sha256}") for source in shown]
    if provenance.n_sources > len(shown):
        rows.append(("", f"and {provenance.n_sources - len(shown):,} earlier ones"))
    return rows


def _flat(options: object, before: str = "") -> list[tuple[str, object]]:
    """Flatten nested options to names with dots."""
    if not isinstance(options, dict):
        return [(before, options)]
    return [
        pair for name, value in options.items() for pair in _flat(value, f"{before}.{name}" if before else str(name))
    ]
