"""The network that a distillation trains: a smaller new one, or layers taken from a teacher."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentiscore.checkpoint.config import read_config
from sentiscore.checkpoint.load import check_base, find_folder
from sentiscore.checkpoint.reading import opened
from sentiscore.checkpoint.tokenizer_files import copied
from sentiscore.engine.huggingface import build_classifier, check_body, quiet_transformers
from sentiscore.engine.weights import read_weights
from sentiscore.errors import CheckpointError, TrainingError
from sentiscore.settings import Settings, setting
from sentiscore.training.scratch import build_base


@dataclass(frozen=True, kw_only=True)
class Student(Settings):
    """Where the student comes from: the `[student]` table of a distillation.

    With neither `take_layers` nor `hidden_size` it is the recipe's base, a pre-trained model.

    Raises:
        TrainingError: A value has the wrong type or is out of range, or two kinds of student are requested.
    """

    what = "[student] table"
    error = TrainingError
    hint = "Begin it with a line [student]."

    take_layers: tuple[int, ...] = setting(
        (), "Layers to take from a trained model, counted from 0.", wanted="in a list of int"
    )
    model: str = setting("", "Folder or hub id of the model to take them from; the first teacher by default.")
    hidden_size: int = setting(0, "Width of a new GPT-NeoX with random weights; 0 for none.", low=0)
    layers: int = setting(4, "Layers of the new network.", low=1)
    heads: int = setting(4, "Attention heads of each layer.", low=1)
    intermediate_size: int = setting(512, "Width of each layer's MLP.", low=1)
    vocab_size: int = setting(8192, "Vocabulary size of its tokenizer, which is learned from the texts.", low=258)

    @property
    def is_built(self) -> bool:
        """Whether the student is created for this training, instead of being an existing base."""
        return bool(self.take_layers or self.hidden_size)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.take_layers and self.hidden_size:
            raise TrainingError(
                "A student has either layers of its teacher (take_layers) or a new network (hidden_size).",
                "Leave one of them out of [student].",
            )
        if len(set(self.take_layers)) < len(self.take_layers):
            raise TrainingError(
                f"take_layers is {list(self.take_layers)}: a layer can only be taken once.", "Leave the others out."
            )
        if self.model and not self.take_layers:
            raise TrainingError("A model without take_layers gives no layers.", "Name them: take_layers = [0, 1]")
        shape = ("layers", "heads", "intermediate_size", "vocab_size")
        if not self.hidden_size and (idle := [name for name in shape if getattr(self, name) != getattr(Student, name)]):
            raise TrainingError(
                f"Without a hidden_size there is no new network that {idle[0]} could apply to.",
                "Set a hidden_size too.",
            )
        if self.hidden_size % self.heads:
            raise TrainingError(
                f"A width of {self.hidden_size} cannot be shared by {self.heads} heads.",
                "Choose a hidden_size that is a multiple of heads.",
            )


def build_student(
    student: Student, teacher: str | Path, texts: Sequence[str], *, max_length: int, seed: int, output: Path
) -> Path:
    """Make the model folder that training starts from.

    Args:
        student: The settings, with `take_layers` or `hidden_size`.
        teacher: The first teacher: a folder or a hub id, whose layers are taken unless `student` names a model.
        texts: The texts from which a new network's tokenizer learns its vocabulary.
        max_length: The number of tokens that a new network reads.
        seed: Seed of a new network's weights.
        output: The folder to create.

    Returns:
        The folder.

    Raises:
        TrainingError: The model does not have these layers.
        CheckpointError: The model cannot be loaded.
    """
    if student.take_layers:
        return _take_layers(student.model or teacher, student.take_layers, output)
    return build_base(
        output,
        texts,
        vocab_size=student.vocab_size,
        hidden_size=student.hidden_size,
        layers=student.layers,
        heads=student.heads,
        intermediate_size=student.intermediate_size,
        max_positions=max_length,
        seed=seed,
    )


def name_of(student: Student, teacher: str | Path) -> str:
    """The name in the manifest of a student that was created for its training."""
    if student.take_layers:
        return f"{Path(student.model or teacher).name}-layers-{'-'.join(map(str, student.take_layers))}"
    return f"new-gpt-neox-{student.layers}x{student.hidden_size}"


def _take_layers(trained: str | Path, layers: Sequence[int], output: Path) -> Path:
    """Write a copy of a trained model with only some of its layers, and its head."""
    import torch

    transformers = quiet_transformers()
    folder = opened(find_folder(trained, must_be_pinned=True)[0])
    check_base(folder)
    try:
        with copied(folder) as copy:
            tokenizer = transformers.AutoTokenizer.from_pretrained(copy, local_files_only=True, trust_remote_code=False)
        model, info = build_classifier(read_config(folder), read_weights(folder), torch.float32)
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
        raise CheckpointError(
            f"No student can be made from {trained}: {str(error).splitlines()[0]}.",
            "Name another model, or another kind of student.",
        ) from error
    check_body(folder, model, info)
    n_layers = getattr(model.config, "num_hidden_layers", 0)
    if not all(0 <= layer < n_layers for layer in layers):
        raise TrainingError(
            f"{trained} has the layers 0 to {n_layers - 1}, but take_layers is {list(layers)}.",
            "Choose layers that it has.",
        )
    owner, name = _layers_of(model, n_layers)
    stack = getattr(owner, name)
    setattr(owner, name, torch.nn.ModuleList([stack[layer] for layer in layers]))
    kinds = getattr(model.config, "layer_types", None)
    if kinds is not None:
        model.config.layer_types = [kinds[layer] for layer in layers]
    model.config.num_hidden_layers = len(layers)
    model.save_pretrained(output)
    tokenizer.save_pretrained(output)
    return output


def _layers_of(model: Any, n_layers: int) -> tuple[Any, str]:
    """The module that contains the stack of layers, and the name of its attribute."""
    import torch

    for module in model.modules():
        for name, child in module.named_children():
            if isinstance(child, torch.nn.ModuleList) and len(child) == n_layers:
                return module, name
    raise TrainingError(
        f"The layers of a {model.config.model_type} cannot be identified.", "Choose another kind of student."
    )
