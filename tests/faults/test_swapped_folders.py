"""A model folder that is replaced or changed while it is loaded: a load is of one model, or it is refused."""

import hashlib
import json
import os
import pickle
import shutil
import threading
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path
from typing import Any

import pytest

from sentiscore import Scorer
from sentiscore.checkpoint import load_checkpoint
from sentiscore.checkpoint.reading import OpenedFolder
from sentiscore.disk.exchange import exchange
from sentiscore.engine.verification import verify
from sentiscore.errors import CheckpointError
from tests.effort import combined

pytestmark = pytest.mark.filterwarnings("ignore:.*is not calibrated")

TEXT = "profit rises on strong demand"
LABELS = ("negative", "positive")


def flipped(folder: Path, twin: Path) -> Path:
    """A copy whose labels and head are the other way round: it gives the same answers, and a mixture the opposite."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(folder, twin)
    config = json.loads((twin / "config.json").read_text())
    config |= {"id2label": {"0": LABELS[1], "1": LABELS[0]}, "label2id": {LABELS[1]: 0, LABELS[0]: 1}}
    (twin / "config.json").write_text(json.dumps(config))
    weights = load_file(twin / "model.safetensors")
    heads = [name for name in weights if name.startswith(("classifier.", "score."))]
    save_file(weights | {name: weights[name].flip(0).contiguous() for name in heads}, twin / "model.safetensors")
    if (twin / "sentiscore.json").exists():
        manifest = json.loads((twin / "sentiscore.json").read_text())
        manifest["labels"] = list(LABELS[::-1])
        for name in manifest["files"]:
            manifest["files"][name] = hashlib.sha256((twin / name).read_bytes()).hexdigest()
        (twin / "sentiscore.json").write_text(json.dumps(manifest))
    return twin


def loaded(folder: Path) -> tuple[str, tuple[str, ...], float]:
    """The hash, the labels and the answer of what is loaded."""
    scorer = Scorer.from_pretrained(folder, device="cpu", dtype="fp32")
    answer = float(scorer.score([TEXT])["sentiment"][0])
    return scorer.checkpoint.sha256, scorer.checkpoint.outputs, round(answer, 6)


@pytest.fixture(scope="module", params=["plain", "manifest"])
def models(
    request: pytest.FixtureRequest,
    tiny_bert: Callable[..., Path],
    tiny_checkpoint: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, Path]:
    """A model and its twin."""
    place = tmp_path_factory.mktemp(request.param)
    whole = tiny_checkpoint if request.param == "manifest" else tiny_bert(id2label=dict(enumerate(LABELS)))
    folder = Path(shutil.copytree(whole, place / "one"))
    (folder / "model.safetensors").chmod(0o644)
    return folder, flipped(folder, place / "two")


def swap_before(monkeypatch: pytest.MonkeyPatch, wanted: int, do: Callable[[], object]) -> list[str]:
    """Do something just before a file is opened for the so-many-th time; the names that are opened are noted."""
    names: list[str] = []
    usual = OpenedFolder.open

    def watched(self: OpenedFolder, name: str) -> BufferedReader:
        names.append(name)
        if len(names) == wanted:
            do()
        return usual(self, name)

    monkeypatch.setattr(OpenedFolder, "open", watched)
    return names


def in_use(models: tuple[Path, Path], place: Path) -> tuple[Path, Path, Path]:
    """Copies of both, and a link to the first."""
    one, two = (Path(shutil.copytree(model, place / model.name)) for model in models)
    (place / "model").symlink_to(one.name)
    return one, two, place / "model"


def opens(model: Path, place: Path) -> int:
    """How often a load opens a file."""
    with pytest.MonkeyPatch.context() as patch:
        names = swap_before(patch, 0, lambda: None)
        loaded(model)
    assert "model.safetensors" in names
    assert place.is_dir()
    return len(names)


@pytest.mark.parametrize("way", ["exchange", "link"])
def test_a_folder_that_is_swapped_at_any_step_of_a_load_gives_the_model_that_it_began_with(
    models: tuple[Path, Path], way: str, tmp_path: Path
) -> None:
    expected = loaded(models[0])
    assert loaded(models[1])[1:] == (expected[1][::-1], expected[2])
    for step in range(1, opens(models[0], tmp_path) + 1, 1 if way == "exchange" else 4):
        place = tmp_path / str(step)
        place.mkdir()
        one, two, link = in_use(models, place)

        def swap(one: Path = one, two: Path = two, link: Path = link) -> None:
            if way == "exchange":
                if not exchange(one, two):
                    pytest.skip("this system cannot exchange two folders")
            else:
                link.with_name("next").symlink_to(two.name)
                link.with_name("next").replace(link)

        with pytest.MonkeyPatch.context() as patch:
            swap_before(patch, step, swap)
            assert loaded(link if way == "link" else one) == expected


FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "sentiscore.json")


@pytest.mark.parametrize(("name", "way"), combined(list(FILES), ["replaced", "written into"]))
def test_a_file_that_changes_at_any_step_of_a_load_is_refused_or_is_what_the_hash_is_of(
    models: tuple[Path, Path], name: str, way: str, tmp_path: Path
) -> None:
    if not (models[0] / name).exists():
        pytest.skip("this model has no such file")
    expected = {hashlib.sha256((model / "config.json").read_bytes()).hexdigest(): model for model in models}
    outputs = {model: loaded(model)[1] for model in models}
    heads = {hashlib.sha256((model / "model.safetensors").read_bytes()).hexdigest(): model for model in models}
    answer = loaded(models[0])[2]
    refused = 0
    for step in range(2, opens(models[0], tmp_path) + 1, 2):
        place = tmp_path / str(step)
        place.mkdir()
        one, two, _ = in_use(models, place)

        def change(one: Path = one, two: Path = two, step: int = step) -> None:
            data = (two / name).read_bytes()
            data += b"\n" * (data == (one / name).read_bytes())  # the same text in both
            new = one / name if way == "written into" else one / "next"
            new.write_bytes(data)
            os.utime(new, ns=(step, step))  # as if another time, however coarse the clock is
            new.replace(one / name)

        with pytest.MonkeyPatch.context() as patch:
            swap_before(patch, step, change)
            try:
                scorer = Scorer.from_pretrained(one, device="cpu", dtype="fp32")
            except CheckpointError:
                refused += 1
                continue
        of_config, of_weights = (scorer.checkpoint.files[each] for each in FILES[:2])
        assert scorer.checkpoint.outputs == outputs[expected[of_config]]
        same = expected[of_config] == heads[of_weights]
        assert float(scorer.score([TEXT])["sentiment"][0]) == pytest.approx(answer if same else -answer, abs=1e-5)
    assert refused


def test_loads_while_two_folders_are_swapped_all_the_time_are_of_one_of_them(
    models: tuple[Path, Path], tmp_path: Path
) -> None:
    one, two, link = in_use(models, tmp_path)
    expected = {found[0]: found for found in map(loaded, (one, two))}
    stop = threading.Event()

    def keep_swapping() -> None:
        to = [two.name, one.name]
        while not stop.is_set():
            exchange(one, two)
            link.with_name("next").symlink_to(to[0])
            link.with_name("next").replace(link)
            to.reverse()

    swapper = threading.Thread(target=keep_swapping)
    swapper.start()
    try:
        for number in range(12):
            found = loaded(one if number % 2 else link)
            assert found == expected[found[0]]
    finally:
        stop.set()
        swapper.join()


def test_verify_looks_at_one_folder_too(models: tuple[Path, Path], tmp_path: Path) -> None:
    one, two, _ = in_use(models, tmp_path)
    expected = load_checkpoint(one)
    with pytest.MonkeyPatch.context() as patch:
        swap_before(patch, 5, lambda: exchange(one, two))
        found = verify(one)
    assert found.error is None
    assert found.checkpoint is not None
    assert (found.checkpoint.sha256, found.checkpoint.outputs) == (expected.sha256, expected.outputs)


def test_a_pickled_scorer_is_of_the_hash_that_it_was_loaded_with(models: tuple[Path, Path], tmp_path: Path) -> None:
    one, two, _ = in_use(models, tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        swap_before(patch, 3, lambda: exchange(one, two))
        scorer = Scorer.from_pretrained(one, device="cpu", dtype="fp32")
    packed = pickle.dumps(scorer)
    with pytest.raises(CheckpointError, match="is not the one that the scorer was pickled with"):
        pickle.loads(packed)  # noqa: S301 - our own
    exchange(one, two)
    again: Any = pickle.loads(packed)  # noqa: S301 - our own
    assert again.identity() == scorer.identity()


def test_a_loaded_scorer_holds_no_file_and_no_folder_open(models: tuple[Path, Path]) -> None:
    place = Path("/proc/self/fd")
    if not place.is_dir():
        pytest.skip("this system does not list open files")
    scorer = Scorer.from_pretrained(models[0], device="cpu", dtype="fp32")
    held = [str(each.readlink()) for each in place.iterdir() if each.is_symlink()]
    assert not [path for path in held if str(models[0]) in path]
    assert scorer.checkpoint.opened is None
