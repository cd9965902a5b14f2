"""How fast sentiscore scores beside the usual ways, on the same texts in the same run.

python -m tests.benches.scoring
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from sentiscore.checkpoint import DEFAULT
from sentiscore.errors import SentiscoreError
from tests.benches import machine, plot, report, texts
from tests.benches.contestants import ENTRIES
from tests.benches.figures import Result, result_of
from tests.benches.models import PYTHIA_SHAPE, BenchModel, build_pythia_shape, make_ready
from tests.benches.runner import ROOT, Setting, measure, prepare, process_environment

_BUSY: Final = 0.5


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option(
    "--model",
    "chosen",
    multiple=True,
    metavar="FOLDER",
    help="A model folder, or default; may be repeated. A base without a head gets a random one.  "
    f"[default: the embedded default, and {PYTHIA_SHAPE}]",
)
@click.option("--rows", default=1000, type=click.IntRange(min=2), help="The most rows of a set of texts.")
@click.option("--repeats", default=3, type=click.IntRange(min=1), help="Rounds over the texts.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads for everyone.  [default: what torch takes]")
@click.option("--device", default="cpu", metavar="NAME", help="cpu, cuda or cuda:N.")
@click.option("--only", multiple=True, type=click.Choice(list(ENTRIES)), help="A contestant; may be repeated.")
@click.option("--limit", default=900.0, type=click.FloatRange(min=1), help="Seconds for one round of a contestant.")
@click.option(
    "--json", "json_path", type=click.Path(dir_okay=False, path_type=Path), help="Write every figure here as JSON."
)
@click.option(
    "--plot", "plot_path", type=click.Path(dir_okay=False, path_type=Path), help="Draw rows/s here, .svg or .png."
)
def main(
    chosen: tuple[str, ...],
    rows: int,
    repeats: int,
    threads: int | None,
    device: str,
    only: tuple[str, ...],
    limit: float,
    json_path: Path | None,
    plot_path: Path | None,
) -> None:
    """Score the same texts with sentiscore and with the usual ways, and compare speed, memory and answers."""
    load = machine.load()
    _note("measuring how fast this machine multiplies matrices")
    gemm = _gemm(device, threads)
    setting = Setting(device=device, threads=gemm["threads"], limit_s=limit, note=_note)
    data = texts.shared_data()
    sets = texts.text_sets(rows, data)
    names = [name for name in ENTRIES if not only or name in only]
    results: list[Result] = []
    with tempfile.TemporaryDirectory() as folder:
        for i, source in enumerate(_sources(chosen, Path(folder), data)):
            work = Path(folder) / f"work-{i}"
            work.mkdir()
            try:
                model = make_ready(source, work / "model")
            except SentiscoreError as error:
                raise click.ClickException(str(error)) from error
            results += _compare(model, sets, names, setting, work, repeats, gemm["gflops"])
    about = _about(gemm, load, data is None)
    report.show(results, gemm, about)
    if json_path is not None:
        everything = report.as_json(
            results,
            date=datetime.now(UTC).isoformat(timespec="seconds"),
            hardware=machine.hardware(),
            versions=machine.versions(),
            load_before=load,
            gemm=gemm,
            settings={"device": device, "threads": setting.threads, "rows": rows, "repeats": repeats},
        )
        json_path.write_text(json.dumps(everything, indent=2) + "\n", encoding="utf-8")
    if plot_path is not None:
        plot.draw(results, plot_path, about[0])


def _gemm(device: str, threads: int | None) -> dict[str, Any]:
    """What `tests.benches.gemm` finds, in a process with the threads that everyone gets."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benches.gemm", device],
        cwd=ROOT,
        env=process_environment(threads),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise click.ClickException(f"{device} cannot be measured: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _sources(chosen: Sequence[str], folder: Path, data: Path | None) -> list[str]:
    """The models to score with; the random one is built where none was named."""
    if chosen:
        return list(chosen)
    _note(f"building a model of {PYTHIA_SHAPE}")
    return [DEFAULT, str(build_pythia_shape(folder / "pythia-70m-random", data))]


def _compare(
    model: BenchModel,
    sets: Sequence[texts.TextSet],
    names: Sequence[str],
    setting: Setting,
    work: Path,
    repeats: int,
    gflops: Mapping[str, float | None],
) -> list[Result]:
    """One model on every set of texts."""
    skipped = prepare(names, model, sets[0].texts, setting, work)
    results = []
    for chosen in sets:
        _note(f"{model.name}: {chosen.name}")
        results.append(
            result_of(
                measure(skipped, model, chosen.texts, setting, work, repeats),
                model=model.name,
                config=model.config,
                labels=len(model.labels),
                temperature=model.temperature,
                name=chosen.name,
                texts=chosen.texts,
                ids=model.token_ids(chosen.texts),
                gflops=gflops,
            )
        )
    return results


def _about(gemm: Mapping[str, Any], load: float | None, stand_in: bool) -> list[str]:
    """Where and when this ran, and with what."""
    here, found = machine.hardware(), machine.versions()
    compared = ("torch", "transformers", "sentence-transformers", "onnxruntime", "openvino")
    lines = [
        f"{here['cpu']}, {gemm['instructions']}, {gemm['threads']} threads"
        + (f", {gemm['gpu']}" if gemm["gpu"] else "")
        + f", {datetime.now(UTC).date().isoformat()}",
        ", ".join(f"{name} {found[name] or 'absent'}" for name in compared),
    ]
    if load is not None and load > _BUSY:
        lines.append(f"The machine was busy with something else before (load {load:g}): do not trust these figures.")
    if stand_in:
        lines.append("The research data is not beside the repository: the package's sample news stand in for it.")
    return lines


def _note(line: str) -> None:
    click.echo(line, err=True)


if __name__ == "__main__":
    main()
