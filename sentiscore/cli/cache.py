"""`sentiscore cache`: what is in a store of answers, and removing some of it."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sentiscore.cli.given_twice import StrictGroup
from sentiscore.cli.options import PATH
from sentiscore.cli.show import line, pairs
from sentiscore.units import parse_size, round_size, write_size

if TYPE_CHECKING:
    from datetime import date

    from sentiscore.scoring.upkeep import Pruned, StoreInfo

_FOLDER = click.argument("folder", type=PATH)


@click.group("cache", cls=StrictGroup, short_help="Look into a store of answers, or make it smaller.")
def command() -> None:
    """Look into a store of answers, or make it smaller.

    `sentiscore score --cache FOLDER` keeps its answers there, so that the next night's run scores new texts only.
    docs/how-to/score-every-night.md tells more.
    """


@command.command("info", short_help="Say what is in a store.")
@_FOLDER
@click.option("--json", "as_json", is_flag=True, help="Write it as JSON.")
def info(folder: Path, as_json: bool) -> None:
    """Say how many answers are in a store, of which models, how much room they take, and when they were used.

    Days are those of UTC.

    \b
    sentiscore cache info answers
    sentiscore cache info answers --json
    """
    from sentiscore.scoring.upkeep import cache_info

    found = cache_info(folder)
    if as_json:
        click.echo(json.dumps(asdict(found) | {"answers": found.answers}, indent=2, default=str))
    else:
        _info_report(found)


@command.command("prune", short_help="Remove answers, and give the space back.")
@_FOLDER
@click.option("--max-size", metavar="SIZE", help="Remove the answers unused for longest until this is enough: 500MB.")
@click.option("--older-than", metavar="TIME", help="Remove answers that were not used for so long: 90d.")
@click.option("--model", metavar="HASH", help="Remove a model's answers; `cache info` shows the hash.")
@click.option("--all", "everything", is_flag=True, help="Remove all answers; mends a store that is damaged.")
def prune(folder: Path, max_size: str | None, older_than: str | None, model: str | None, everything: bool) -> None:
    """Remove answers from a store, and give the space back to the disk. Their texts are scored anew when they come.

    Runs that use the store meanwhile wait, and lose nothing.

    \b
    sentiscore cache prune answers --older-than 90d
    sentiscore cache prune answers --max-size 500MB
    """
    from sentiscore.durations import parse_duration
    from sentiscore.scoring.upkeep import prune_cache

    if not (max_size or older_than or model or everything):
        raise click.UsageError("Say what to remove: --max-size, --older-than, --model or --all.")
    _pruned_report(
        prune_cache(
            folder,
            max_bytes=None if max_size is None else parse_size(max_size),
            older_than=None if older_than is None else parse_duration(older_than, "--older-than"),
            model=model,
            everything=everything,
        )
    )


def _info_report(found: "StoreInfo") -> None:
    limit = "" if found.max_bytes is None else f" of {write_size(found.max_bytes)} allowed"
    pairs(
        [
            ("answers", f"{found.answers:,}"),
            ("size", f"{round_size(found.size)}{limit}, {round_size(found.free)} of it free"),
            ("store", str(found.path)),
        ]
    )
    for one in found.scorers:
        line("")
        pairs(
            [
                ("model", one.identity.get("model", "")[:12]),
                ("answers", f"{one.answers:,}"),
                ("last used", _days(one.oldest, one.newest)),
                ("with", ", ".join(f"{name} {value}" for name, value in one.identity.items() if name != "model")),
            ]
        )


def _days(oldest: "date | None", newest: "date | None") -> str:
    return f"{oldest or '?'} to {newest or '?'}"


def _pruned_report(done: "Pruned") -> None:
    removed = "all of a damaged store" if done.removed is None else f"{done.removed:,}"
    pairs(
        [
            ("removed", removed),
            ("left", f"{done.left:,}"),
            ("size", f"{round_size(done.size)}, before {round_size(done.size_before)}"),
            ("store", str(done.path)),
        ]
    )
