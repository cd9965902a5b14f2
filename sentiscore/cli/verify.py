"""`sentiscore verify`: a model -> each check passed or failed, and what its files are."""

import json
import warnings
from typing import TYPE_CHECKING

import click

from sentiscore.cli import options
from sentiscore.cli.train import end
from sentiscore.errors import SentiscoreWarning

if TYPE_CHECKING:
    from sentiscore.engine.verification import Verification


@click.command("verify", short_help="Check a model before it is used, and pin it.")
@click.argument("model", default="default")
@click.option("--revision", help="Commit of a model from the hub; with --lock a branch or tag too.")
@options.LABELS
@click.option("--lock", is_flag=True, help="Record the commit of a model from the hub in sentiscore.lock.")
@click.option("--json", "as_json", is_flag=True, help="Write what was found as JSON.")
def command(model: str, revision: str | None, labels: list[str] | None, lock: bool, as_json: bool) -> None:
    """Check a model before it is used: that its files are whole, that none of them is code, and that it loads.

    MODEL is default (inside the package), a folder or a hub id. Ends with 1 if a check fails, and with 4 if
    it is whole but was no better than a simpler model when it was trained. With --lock the
    commit of a model from the hub is recorded in sentiscore.lock, in the working folder; score, evaluate and
    distill use a model from the hub at a recorded commit, or at one that --revision names in full.

    \b
    sentiscore verify runs/pythia-70m-sst2
    sentiscore verify distilbert/distilbert-base-uncased-finetuned-sst-2-english --revision main --lock
    sentiscore verify downloads/unknown --json
    """
    from sentiscore.engine.verification import verify

    found = verify(model, revision=revision, labels=labels, lock=lock)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
    else:
        _show(found)
    if found.error is not None:
        raise found.error
    if found.weaknesses:
        warnings.warn(
            "When it was trained, the model was no better than a simpler one.", SentiscoreWarning, stacklevel=1
        )
    end(found.weaknesses)


def _show(found: "Verification") -> None:
    from sentiscore.cli.show import line, pairs

    for check in found.checks:
        line(f"{'passed' if check.passed else 'FAILED'}  {check.name}")
    known, trial = found.checkpoint, found.trial
    if known is None or trial is None:
        return
    pairs(
        [
            ("model", known.name),
            *([("commit", known.revision)] if known.revision else []),
            ("sha256", known.sha256),
            ("labels", ", ".join(known.outputs)),
            ("temperature", "none: it was never calibrated" if known.temperature is None else str(known.temperature)),
            ("manifest", "no: it is not from sentiscore" if known.manifest is None else "yes"),
            *([("targets", "it reads them")] if known.reads_targets else []),
            ("max length", f"{trial.max_length} tokens"),
            ("tokenizer", trial.tokenizer),
            *([("its sha256", trial.tokenizer_sha256)] if trial.tokenizer_sha256 else []),
            *(("weakness", one) for one in found.weaknesses),
            *(("contradiction", one) for one in trial.contradictions),
            ("batches", "of texts of any length" if trial.takes_padding else "of texts of equal length"),
            *((name, value) for name, value in known.files.items()),
            *([("recorded in", str(found.lock))] if found.lock else []),
        ]
    )
