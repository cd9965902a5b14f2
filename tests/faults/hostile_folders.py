"""Hundreds of model folders that mean harm: each is refused in one message, or scores; and `verify` and `score` agree.

python -m tests.faults.hostile_folders --cases N --seed S

Each command runs in a process of its own that may compute for ten seconds and hold a gigabyte. A folder that breaks a
rule is kept, and its name is printed. The number of such folders is the exit code.
"""

import argparse
import json
import os
import random
import shutil
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.faults import hostile_models
from tests.faults.fuzz_models import make_models, mutations
from tests.faults.hostile_tokenizers import TOKENIZERS
from tests.faults.nursery import Nursery, Run, Sabotage

SECONDS: Final = 10
BYTES: Final = 2**30
ROWS: Final = (
    *(
        "A good day.",
        "Shares fell sharply.",
        "qqq q a",
        "a" * 400 + "!",
        "rise and fall",
        "",
        "\u6771\u4eac \u00e9\u0301",
        "o" * 60,
    ),
    *(
        "x" * 20_000,
        " " * 300 + "x",
        "12345 67 8",
        "\U0001f600 \ue000",
        "profit rises on strong demand",
        "b" * 3_000 + "\u0001",
    ),
)
"""Texts that a hostile tokenizer may stumble over."""

Attack = Callable[[Path], None]


def tokenizer_attack(change: Callable[[dict[str, Any]], None]) -> Attack:
    def apply(folder: Path) -> None:
        path = folder / "tokenizer.json"
        found = json.loads(path.read_text())
        change(found)
        path.write_text(json.dumps(found))

    return apply


FILES: Final = ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors", "sentiscore.json")
MORE: Final = ("special_tokens_map.json", "added_tokens.json", "model.safetensors.index.json", "adapter_config.json")


def _replaced(name: str, put: Callable[[Path], object]) -> Attack:
    def apply(folder: Path) -> None:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        put(path)

    return apply


def _odd_files() -> dict[str, Attack]:
    """Things that are not plain files, or are far too large or too deep."""
    found: dict[str, Attack] = {}
    whats: dict[str, Callable[[Path], object]] = {
        "pipe": os.mkfifo,
        "device": lambda path: path.symlink_to("/dev/zero"),
        "terminal": lambda path: path.symlink_to("/dev/tty"),
        "process": lambda path: path.symlink_to("/proc/self/mem"),
        "folder": Path.mkdir,
        "circle": lambda path: path.symlink_to(path.name),
        "dangling link": lambda path: path.symlink_to("nothing"),
        "absolute link": lambda path: path.symlink_to("/etc/hostname"),
        "empty file": Path.touch,
        "hole": lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_RDWR), 2**40),
        "deep file": lambda path: path.write_text('{"a":' * 300_000),
        "key twice": lambda path: path.write_text('{"a": 1, "a": 2}'),
        "not a number": lambda path: path.write_text('{"a": NaN, "b": Infinity}'),
    }
    for name in (*FILES, *MORE):
        for what, put in whats.items():
            found[f"{name} is a {what}"] = _replaced(name, put)
    for name in ("tokenizer.json", "tokenizer_config.json", "sentiscore.json", "added_tokens.json"):
        found[f"{name} of small lists"] = _replaced(
            name, lambda path: path.write_text('{"a": [' + "[]," * 9_000_000 + "[]]}")
        )
        found[f"{name} of wide characters"] = _replaced(
            name, lambda path: path.write_text('{"a": "' + "\U0001f600" * 6_000_000 + '"}')
        )
    return found


def _odd_weights() -> dict[str, Attack]:
    """Headers that lie about sizes."""

    def header(length: int, raw: bytes) -> Attack:
        def apply(folder: Path) -> None:
            (folder / "model.safetensors").write_bytes(struct.pack("<Q", length) + raw)

        return apply

    def many(folder: Path) -> None:
        about = {f"t{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(190_000)}
        raw = json.dumps(about).encode()
        (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(raw)) + raw)

    return {
        "a header of 2**63 bytes": header(2**63, b"{}"),
        "a header of zeros": header(30_000_000, bytes(30_000_000)),
        "a header of braces": header(30_000_000, b"{" * 30_000_000),
        "a header of lists": header(30_000_003, b'{"a":' + b"[]," * 9_999_999 + b"}"),
        "a header of many tensors": many,
    }


def _odd_vocabularies() -> dict[str, Attack]:
    """Files that transformers makes a tokenizer of, in the place of `tokenizer.json`."""

    def put(**files: str) -> Attack:
        def apply(folder: Path) -> None:
            (folder / "tokenizer.json").unlink(missing_ok=True)
            for name, text in files.items():
                (folder / name.replace("__", ".")).write_text(text)

        return apply

    return {
        "a vocabulary of one long line": put(vocab__txt="a" * 30_000_000),
        "a vocabulary of nothing": put(vocab__txt=""),
        "a vocabulary of binary": put(vocab__txt="\0\1\2" * 1_000),
        "a vocabulary of one word": put(vocab__txt="[UNK]\n"),
        "merges of one long line": put(vocab__json='{"a": 0}', merges__txt="a " * 1_000_000),
        "merges of unknown pieces": put(vocab__json='{"a": 0}', merges__txt="#version: 0.2\nx y\n"),
        "merges without end": put(vocab__json='{"a": 0, "b": 2, "ab": 4294967296}', merges__txt="a b\n"),
        "a vocabulary of ids below zero": put(vocab__json='{"a": -1, "b": 2}', merges__txt="a b\n"),
        "a vocabulary of deep lists": put(vocab__json='{"a":' * 200_000, merges__txt="a b\n"),
        "a sentencepiece model of zeros": put(spiece__model="\0" * 100_000),
        "a sentencepiece model of text": put(tokenizer__model="\n\x7f" * 100_000),
    }


@dataclass(frozen=True)
class Case:
    """A folder that means harm.

    Attributes:
        name: What is wrong with it.
        base: The name of the whole folder that it is made of.
        apply: What is done to a copy of it.
    """

    name: str
    base: str
    apply: Attack


def listed() -> list[Case]:
    """The cases that were thought of."""
    kinds = ("bert", "checkpoint", "gpt2")
    found = [Case(f"tokenizer: {name}", "bert", tokenizer_attack(change)) for name, change in TOKENIZERS.items()]
    plain = hostile_models.ATTACKS | hostile_models.IN_VAIN
    found += [Case(f"model: {name}", "bert", apply) for name, apply in plain.items()]
    found += [Case(f"checkpoint: {name}", "checkpoint", apply) for name, apply in hostile_models.ON_CHECKPOINTS.items()]
    for number, (name, apply) in enumerate((_odd_files() | _odd_weights() | _odd_vocabularies()).items()):
        found.append(Case(f"file: {name}", kinds[number % len(kinds)], apply))
    return found


def generated(rng: random.Random, folders: dict[str, Path]) -> Iterator[Case]:
    """Damage without end: values of JSON that are swapped, other bytes, tokenizers with two attacks at once."""
    damages = {name: mutations(rng, folder) for name, folder in folders.items()}
    while True:
        base = rng.choice(list(folders))
        if rng.random() < 0.4:
            first, second = rng.sample(list(TOKENIZERS), 2)

            def both(folder: Path, names: tuple[str, str] = (first, second)) -> None:
                for name in names:
                    tokenizer_attack(_lenient(TOKENIZERS[name]))(folder)

            yield Case(f"tokenizer: {first} and {second}", base, both)
        else:
            name, data = next(damages[base])

            def damage(folder: Path, name: str = name, data: bytes = data) -> None:
                (folder / name).write_bytes(data)

            yield Case(f"damage: {name}", base, damage)


def _lenient(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    """A change that leaves alone what another one has made unlike a tokenizer."""

    def apply(tokenizer: dict[str, Any]) -> None:
        if isinstance(tokenizer.get("model"), dict):
            change(tokenizer)

    return apply


def cases(count: int, seed: int, folders: dict[str, Path]) -> list[Case]:
    """So many cases: those that were thought of in an order that the seed decides, then generated ones."""
    rng = random.Random(seed)  # noqa: S311 - nothing is kept secret with it
    known = listed()
    rng.shuffle(known)
    share = known[: max(count * 4 // 5, 1)]
    more = generated(rng, folders)
    return share + [next(more) for _ in range(count - len(share))]


def run(
    nursery: Nursery, count: int, seed: int, place: Path, report: Callable[[str], None] = lambda _: None
) -> list[str]:
    """Put so many folders through `verify` and `score`; what went wrong, a line each.

    Args:
        nursery: Where processes come from.
        count: How many folders.
        seed: Decides which, and in which order.
        place: Where they are made; those that went wrong stay there.
        report: Called with a line for each folder.
    """
    folders = {folder.name: folder for folder in make_models(place / "whole")}
    work = place / "work"
    work.mkdir()
    (place / hostile_models.ELSEWHERE).mkdir()
    (work / "rows.ndjson").write_text("".join(json.dumps({"text": text}) + "\n" for text in ROWS))
    problems = []
    for number, case in enumerate(cases(count, seed, folders)):
        folder = Path(shutil.copytree(folders[case.base], place / f"{number:03}"))
        case.apply(folder)
        found = _problem(nursery, work, folder)
        report(f"{number:03} {found or 'ok'}: {case.name} ({case.base})")
        if found:
            problems.append(f"{folder} ({case.name}): {found}")
        else:
            shutil.rmtree(folder)
    return problems


def _problem(nursery: Nursery, work: Path, folder: Path) -> str:
    """What is wrong with how the two commands took a folder; empty if nothing is."""
    output = work / f"{folder.name}.parquet"
    limits = Sabotage(cpu_seconds=SECONDS, memory_bytes=2 * BYTES)  # asked for, which is more than held
    checked = nursery.run(work, "verify", folder, sabotage=limits)
    scored = nursery.run(
        work,
        "score",
        "rows.ndjson",
        "--text-col",
        "text",
        "-m",
        folder,
        "-o",
        output.name,
        sabotage=limits,
    )
    for name, one in (("verify", checked), ("score", scored)):
        if why := _trouble(one):
            return f"{name}: {why}"
    if checked.code != scored.code:
        return (
            f"verify ends with {checked.code} and score with {scored.code}: {(checked.stderr + scored.stderr)[-400:]}"
        )
    if (scored.code == 0) != output.exists():
        return "there is an output without success, or none in spite of it"
    return ""


def _trouble(done: Run) -> str:
    if done.code not in (0, 1):
        return f"it ended with {done.code}: {done.stderr[-400:]}"
    if done.peak_bytes > BYTES:
        return f"it held {done.peak_bytes / 2**20:,.0f} MiB"
    if "Traceback" in done.stderr or "panicked" in done.stderr:
        return f"it showed more than a message: {done.stderr[-400:]}"
    if done.code == 1 and sum(line.startswith("error:") for line in done.stderr.splitlines()) != 1:
        return f"it did not show one error: {done.stderr[-400:]}"
    return ""


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.hostile_folders", description=__doc__)
    parser.add_argument("--cases", type=int, default=250, help="folders")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    given = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="sentiscore-hostile-"))
    print(f"seed {given.seed}, folders in {place}", flush=True)  # noqa: T201
    with Nursery() as nursery:
        problems = run(nursery, given.cases, given.seed, place, lambda line: print(line, flush=True))  # noqa: T201
    print("\n".join([*problems, f"{len(problems)} of {given.cases} went wrong"]))  # noqa: T201
    return min(len(problems), 100)


if __name__ == "__main__":
    sys.exit(main())
