"""A Hugging Face classifier as a module whose inputs and output are plain tensors, for the exporters."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


class _Logits(nn.Module):
    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network
        network.config.use_cache = False

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        logits: Tensor = self.network(input_ids=input_ids, attention_mask=attention_mask).logits
        return logits


def masked_network(folder: Path) -> tuple[nn.Module, int]:
    """The classifier over ids and a mask, and its padding id."""
    network = _load(folder, "sdpa")
    return _Logits(network).eval(), int(network.config.pad_token_id)


def maskless_network(folder: Path) -> nn.Module:
    """The classifier over ids alone, for batches without padding.

    transformers makes no mask for a kind of attention that it knows no mask function for, and a causal network
    then asks torch for causal attention, which is both the fastest and the easiest to export.
    """
    from transformers import AttentionInterface
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    AttentionInterface.register("sdpa_without_mask", sdpa_attention_forward)
    return _Logits(_load(folder, "sdpa_without_mask")).eval()


def _load(folder: Path, attention: str) -> Any:
    from transformers import AutoModelForSequenceClassification

    return AutoModelForSequenceClassification.from_pretrained(
        folder, dtype=torch.float32, attn_implementation=attention, local_files_only=True, use_safetensors=True
    ).eval()
