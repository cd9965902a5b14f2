"""Probes which inputs a transformers network accepts: how long a text may be, and which texts may be batched.

Kinds of networks differ in both, and no config states it. Some ignore the mask (convolutions, Fourier transforms,
pooling of neighbours), some use the last position of a row whatever it holds, some reserve rows of their table of
positions. A few tiny inputs show this once, when the network is loaded.
"""

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import Any, Final, NoReturn

import torch
from torch import Tensor, nn

from sentiscore.engine.products import first_line, is_machines

Ask = Callable[[Tensor, Tensor | None], Tensor]
"""Maps token ids, shape (rows, tokens), and the end of each row or None, to logits, shape (rows, labels)."""

REFUSALS: Final = (
    *(OSError, ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError),
)
"""The errors of transformers and torch for settings, weights and inputs that do not match."""

_SHORT: Final = 5
_MORE: Final = 7
_MOST_SHORT: Final = 64
_LOUD: Final = 8.0
_TOLERANCE: Final = {torch.float32: 1e-4}
_COARSE: Final = 0.1
"""The share of the largest logit that rounding alone may change when a text is in another batch. In fp32 a thousand
times what was observed; the other number types round so coarsely that only a large difference is detectable."""


class _SeenEnough(Exception):  # noqa: N818 - a signal, not an error
    """The first block of the network has accepted the text."""


def longest_text(model: nn.Module, ask: Ask, wanted: int) -> int:
    """Find the maximum number of tokens that a network can read, up to a wanted number.

    If its blocks can be identified, only its embeddings and first block are run, since these depend on positions.

    Args:
        model: The network, on the CPU.
        ask: Runs the network.
        wanted: The maximum number of tokens of a text that would be read.

    Returns:
        `wanted`, or the largest number below it that the network accepts.

    Raises:
        ValueError: It accepts no text at all; the message says why.
    """
    reason = ""

    def takes(tokens: int) -> bool:
        nonlocal reason
        try:
            with _first_block_alone(model):
                ask(_rows_of(model, [tokens]), None)
        except _SeenEnough:
            return True
        except REFUSALS as error:
            if is_machines(error):
                raise
            reason = first_line(error)
            return False
        return True

    if takes(wanted):
        return wanted
    least, most = 0, wanted
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (middle, most) if takes(middle) else (least, middle)
    if least == 0:
        raise ValueError(f"its network takes no text: {reason}")
    return least


def shortest_text(model: nn.Module, ask: Ask, longest: int) -> int:
    """Find the minimum number of tokens that a network accepts: one that pools neighbours may need several.

    Args:
        model: The network, on the CPU.
        ask: Runs the network.
        longest: The maximum number of tokens that it reads.

    Raises:
        ValueError: It accepts no short text; the message says why.
    """
    reason = ""
    for tokens in range(1, min(_MOST_SHORT, longest) + 1):
        try:
            ask(_rows_of(model, [tokens]), None)
        except REFUSALS as error:
            if is_machines(error):
                raise
            reason = reason or first_line(error)
        else:
            return tokens
    raise ValueError(f"its network takes no text: {reason}")


def can_be_padded(model: nn.Module, ask: Ask, pad_id: int | None, shortest: int, longest: int) -> bool:
    """Whether a text has the same answer when padded on the right and batched with longer ones.

    The content of the padding may not change a bit of the answer, and its length no more than rounding does.

    Args:
        model: The network, on the CPU.
        ask: Runs the network.
        pad_id: The id of padding; None if padding is not possible.
        shortest: The minimum number of tokens that it accepts.
        longest: The maximum number of tokens that it reads.

    Returns:
        False if only texts of equal length may be batched.

    Raises:
        ValueError: Even then, an answer depends on other texts in the batch or on earlier inputs.
    """
    short = max(shortest, min(_SHORT, longest - 1))
    long = max(short, min(short + _MORE, longest))
    lengths = [short, short, long]
    ids = _rows_of(model, lengths)
    if pad_id is not None:
        for row, length in enumerate(lengths):
            ids[row, length:] = pad_id
    alone = torch.cat([ask(ids[i : i + 1, :length], None) for i, length in enumerate(lengths)])
    if not _same(ask(ids[:1, :short], None), alone[:1]):
        raise ValueError("its answer to a text depends on the texts that it read before")
    if not _close(ask(ids[:2, :short], None), alone[:2]):
        raise ValueError("its answer to a text depends on the texts beside it")
    if pad_id is None or short == long:
        return False
    ends = torch.tensor(lengths) - 1
    try:
        padded = ask(ids, ends)
        with _other_padding(model, pad_id):
            other = ask(ids, ends)
    except REFUSALS:
        return False
    return _same(padded, other) and _close(padded, alone)


def _rows_of(model: Any, lengths: Sequence[int]) -> Tensor:
    """Token ids, none of them special except the last of each row: networks with a decoder need an end token there."""
    config, vocabulary = model.config, model.get_input_embeddings().num_embeddings
    ends = config.eos_token_id if isinstance(getattr(config, "eos_token_id", None), list | tuple) else None
    end = ends[0] if ends else getattr(config, "eos_token_id", None)
    names = ("pad_token_id", "bos_token_id", "sep_token_id", "cls_token_id", "mask_token_id", "decoder_start_token_id")
    special = {getattr(config, name, None) for name in names} | set(ends or [end])
    special |= {module.padding_idx for module in model.modules() if isinstance(module, nn.Embedding)}
    plain = torch.tensor([i for i in range(min(vocabulary, 4_096)) if i not in special] or [0])
    chosen = torch.randint(len(plain), (len(lengths), max(lengths)), generator=torch.Generator().manual_seed(0))
    ids = plain[chosen]
    if isinstance(end, int) and 0 <= end < vocabulary:
        ids[torch.arange(len(lengths)), torch.tensor(lengths) - 1] = end
    return ids


def _close(found: Tensor, expected: Tensor) -> bool:
    scale = float(expected.float().abs().max().nan_to_num())
    tolerance = _TOLERANCE.get(expected.dtype, _COARSE) * scale + 1e-6
    return torch.allclose(found.float(), expected.float(), rtol=0, atol=tolerance, equal_nan=True)


def _same(found: Tensor, expected: Tensor) -> bool:
    return torch.equal(found.nan_to_num(), expected.nan_to_num())


@contextmanager
def _first_block_alone(model: nn.Module) -> Any:
    """Stop before the second of a network's repeated blocks, if it has a list of them."""
    lists = [module for module in model.modules() if isinstance(module, nn.ModuleList) and len(module) > 1]
    if not lists:
        yield
        return

    def stop(*_: Any) -> NoReturn:
        raise _SeenEnough

    handle = max(lists, key=len)[1].register_forward_pre_hook(stop)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def _other_padding(model: Any, pad_id: int) -> Any:
    """Replace the embedding of padding temporarily by one far from the original."""

    def change(_: nn.Module, inputs: tuple[Any, ...], embedded: Tensor) -> Tensor:
        noise = torch.linspace(-_LOUD, _LOUD, embedded.shape[-1]).to(embedded)
        return torch.where((inputs[0] == pad_id).unsqueeze(-1), noise, embedded)

    handle = model.get_input_embeddings().register_forward_hook(change)
    try:
        yield
    finally:
        handle.remove()
