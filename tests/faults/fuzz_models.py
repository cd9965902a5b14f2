"""Generated damage to the files of a model folder: each case loads and scores, or is refused in a clear way.

`run(cases, seed)` tries so many cases and raises at the first that ends in any other way; the same seed gives the same
cases.
"""

import faulthandler
import json
import random
import shutil
import struct
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

TEXTS: Final = ["profit rises on strong demand", "a dull , lifeless mess", "\u00fc\U0001f600 x" * 30]
LABELS: Final = ("negative", "positive")
SLOWEST: Final = 120
"""Seconds after which a case is one that hangs, and the process ends with what it was at."""

ODD: Final[tuple[Any, ...]] = (
    *(None, True, False, -1, 0, 1, 2, 3, 255, 2**15, 2**31, 2**31 - 1, 2**40, 2**63, 2**64, 10**30, -(2**62)),
    *(
        0.5,
        -0.5,
        1e-300,
        1e300,
        "",
        "x",
        "gelu",
        "bert",
        "../x",
        "/etc/passwd",
        "evil/repo",
        "\0",
        "\ud7ff",
        "a" * 5_000,
    ),
    *([], {}, [[]], [None], {"a": 1}, [1, 2, 3], {"0": "negative"}, [["global"], 10**9]),
)
"""What a value in JSON is swapped for."""


@dataclass(frozen=True)
class FuzzResult:
    """What came of a run.

    Attributes:
        cases: How many cases were tried.
        loaded: How many of them were loaded and scored all the same.
        refused: How many were refused.
    """

    cases: int
    loaded: int
    refused: int


def flipped(data: bytes, rng: random.Random) -> bytes:
    """Some bits are others."""
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 8])):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def truncated(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def spliced(data: bytes, rng: random.Random) -> bytes:
    """A part is taken out, or is there twice."""
    start, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return data[:start] + data[end:] if rng.random() < 0.5 else data[:end] + data[start:]


def sprinkled(data: bytes, rng: random.Random) -> bytes:
    """Random bytes stand in the middle."""
    place = rng.randrange(len(data) + 1)
    return data[:place] + rng.randbytes(rng.choice([1, 4, 100])) + data[place:]


def swapped(data: bytes, rng: random.Random) -> bytes:
    """One to three values of JSON are odd ones, and their places may be gone."""
    found = json.loads(data)
    for _ in range(rng.choice([1, 1, 2, 3])):
        places = list(_places(found, rng))
        holder, key = rng.choice(places)
        if isinstance(holder, dict) and rng.random() < 0.1:
            del holder[key]
        else:
            alike = [odd for odd in ODD if type(odd) is type(holder[key])]
            holder[key] = rng.choice(alike if alike and rng.random() < 0.5 else ODD)
        if not found:
            break
    return json.dumps(found).encode("utf-8", "surrogatepass")


def _places(found: Any, rng: random.Random) -> Iterator[tuple[Any, Any]]:
    """Where a value could be another; of a long list or table a few places do."""
    keys = list(found) if isinstance(found, dict) else list(range(len(found)))
    for key in rng.sample(keys, min(len(keys), 12)):
        yield found, key
        if isinstance(found[key], dict | list) and found[key]:
            yield from _places(found[key], rng)


def in_header(change: Callable[[bytes, random.Random], bytes]) -> Callable[[bytes, random.Random], bytes]:
    """What a change makes of the header of a safetensors file, whose length says the truth, mostly."""

    def apply(data: bytes, rng: random.Random) -> bytes:
        (length,) = struct.unpack("<Q", data[:8])
        changed = change(data[8 : 8 + length], rng)
        said = len(changed) if rng.random() < 0.8 else rng.choice([0, 1, length, 2**31, 2**63, rng.randrange(10_000)])
        return struct.pack("<Q", said) + changed + data[8 + length :]

    return apply


ANYWHERE: Final = (flipped, truncated, spliced, sprinkled)
DAMAGE: Final = {
    "config.json": (*ANYWHERE, *[swapped] * 6),
    "tokenizer.json": (*ANYWHERE, *[swapped] * 4),
    "tokenizer_config.json": (*ANYWHERE, swapped),
    "model.safetensors": (*ANYWHERE, *[in_header(swapped)] * 4, in_header(flipped), in_header(spliced)),
    "sentiscore.json": (*ANYWHERE, *[swapped] * 2),
}
"""What is done to each file of a model folder."""


OFTEN: Final = {"config.json": 5, "tokenizer.json": 4, "model.safetensors": 3}


def mutations(rng: random.Random, folder: Path) -> Iterator[tuple[str, bytes]]:
    """Names of files in a model folder and what stands in them instead, without end."""
    whole = {name: (folder / name).read_bytes() for name in DAMAGE if (folder / name).exists()}
    shares = [OFTEN.get(name, 1) for name in whole]
    while True:
        name = rng.choices(list(whole), shares)[0]
        yield name, rng.choice(DAMAGE[name])(whole[name], rng)


def run(cases: int, seed: int) -> FuzzResult:
    """Try generated damage on tiny models of several kinds.

    Args:
        cases: How many.
        seed: Of the random choices.

    Raises:
        AssertionError: A case ended in another way than a SentiscoreError or scores; the damaged folder is kept.
    """
    rng = random.Random(seed)  # noqa: S311 - nothing is kept secret with it
    loaded = 0
    with tempfile.TemporaryDirectory(prefix="sentiscore-fuzz-") as scratch:
        folders = make_models(Path(scratch))
        generators = [mutations(rng, folder) for folder in folders]
        if not all(map(attempt, folders)):
            raise AssertionError("a model is refused as it is, so that damage to it says nothing")
        for case in range(cases):
            which = case % len(folders)
            name, damaged = next(generators[which])
            path = folders[which] / name
            whole = path.read_bytes()
            path.write_bytes(damaged)
            faulthandler.dump_traceback_later(SLOWEST, exit=True)
            try:
                loaded += attempt(folders[which])
            except BaseException as error:
                kept = shutil.copytree(
                    folders[which], tempfile.mkdtemp(prefix="sentiscore-fuzz-failed-"), dirs_exist_ok=True
                )
                if isinstance(error, KeyboardInterrupt):
                    raise
                raise AssertionError(f"case {case} of seed {seed}, {name}, kept in {kept}: {error!r}") from error
            finally:
                faulthandler.cancel_dump_traceback_later()
                path.write_bytes(whole)
    return FuzzResult(cases, loaded, cases - loaded)


def attempt(folder: Path) -> bool:
    """Load a model and score texts with it; whether that went well, or it was refused.

    Raises:
        Exception: Anything that is no SentiscoreError.
    """
    from sentiscore import Scorer
    from sentiscore.errors import SentiscoreError, SentiscoreWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SentiscoreWarning)
        try:
            scored = Scorer.from_pretrained(folder, device="cpu", dtype="fp32").score([*TEXTS, None, ""])
        except SentiscoreError:
            return False
    assert scored.height == len(TEXTS) + 2
    return True


def make_models(root: Path) -> list[Path]:
    """Tiny classifiers: two that our own forward passes compute, one of them with a manifest, and two that are not."""
    import torch
    import transformers
    from tokenizers import BertWordPieceTokenizer, ByteLevelBPETokenizer

    from sentiscore.checkpoint import Manifest, write_manifest
    from sentiscore.tables.fingerprint import DataFingerprint

    words, pieces = BertWordPieceTokenizer(), ByteLevelBPETokenizer()
    for tokenizer in (words, pieces):
        tokenizer.train_from_iterator(TEXTS * 4, vocab_size=300, show_progress=False)
    common = {"vocab_size": 300, "id2label": dict(enumerate(LABELS)), "pad_token_id": 0}
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    places = {"max_position_embeddings": 64}
    kinds = {
        "bert": (transformers.BertForSequenceClassification, words, shape | places),
        "gpt_neox": (transformers.GPTNeoXForSequenceClassification, pieces, shape | places),
        "gpt2": (transformers.GPT2ForSequenceClassification, pieces, {"n_embd": 16, "n_layer": 2, "n_head": 2}),
        "llama": (transformers.LlamaForSequenceClassification, pieces, shape | places),
    }
    torch.manual_seed(0)
    for name, (kind, tokenizer, settings) in kinds.items():
        kind(transformers.AutoConfig.for_model(name, **common, **settings)).save_pretrained(root / name)
        tokenizer.save(str(root / name / "tokenizer.json"))
        config = {"tokenizer_class": "TokenizersBackend", "model_max_length": 64, "pad_token": "[PAD]"}
        (root / name / "tokenizer_config.json").write_text(json.dumps(config))
    with_manifest = Path(shutil.copytree(root / "gpt_neox", root / "checkpoint"))
    rows = (DataFingerprint("none", 0, ""),)
    write_manifest(
        with_manifest,
        Manifest(
            base="tiny",
            base_revision=None,
            labels=LABELS,
            max_length=32,
            temperature=1.5,
            training_data=rows,
            selection_data=rows,
            recipe={},
            metrics={},
            versions={},
        ),
    )
    return [*(root / name for name in kinds), with_manifest]


if __name__ == "__main__":
    sys.stdout.write(f"{run(int(sys.argv[1]), int(sys.argv[2]))}\n")
