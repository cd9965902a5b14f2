"""Makes a small base model from scratch: its own tokenizer and random weights."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from sentiscore.disk.durable import make_folder, sync_contents
from sentiscore.engine.huggingface import quiet_transformers
from sentiscore.errors import OutputError
from sentiscore.local import local_path

END: Final = "<|endoftext|>"
PAD: Final = "<|padding|>"


def build_base(
    output: str | Path,
    texts: Iterable[str],
    *,
    vocab_size: int = 8192,
    hidden_size: int = 128,
    layers: int = 2,
    heads: int = 4,
    intermediate_size: int = 512,
    max_positions: int = 128,
    dropout: float = 0.1,
    seed: int = 0,
) -> Path:
    """Make a GPT-NeoX base with its own byte-level BPE tokenizer.

    It knows nothing until it is trained with `sentiscore train --base OUTPUT`.

    Args:
        output: The folder to create.
        texts: The texts from which the tokenizer learns its vocabulary.
        vocab_size: Size of the vocabulary, including special tokens.
        hidden_size: Width of the model.
        layers: Number of transformer layers.
        heads: Number of attention heads per layer.
        intermediate_size: Width of each layer's MLP.
        max_positions: Length of the longest text, in tokens.
        dropout: Dropout of hidden states and attention, only in training.
        seed: Seed of the random weights.

    Returns:
        The folder.
    """
    import torch
    from tokenizers import ByteLevelBPETokenizer

    transformers = quiet_transformers()
    output = local_path(output, OutputError)
    make_folder(output)
    bpe = ByteLevelBPETokenizer(add_prefix_space=True, lowercase=True)
    bpe.train_from_iterator(
        texts, vocab_size=vocab_size, min_frequency=2, special_tokens=[END, PAD], show_progress=False
    )
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=bpe._tokenizer,
        bos_token=END,
        eos_token=END,
        unk_token=END,
        pad_token=PAD,
        model_max_length=max_positions,
    )
    torch.manual_seed(seed)
    config = transformers.GPTNeoXConfig(
        vocab_size=vocab_size,
        hidden_size=hidden_size,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=intermediate_size,
        max_position_embeddings=max_positions,
        hidden_dropout=dropout,
        attention_dropout=dropout,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    transformers.GPTNeoXForSequenceClassification(config).save_pretrained(output)
    tokenizer.save_pretrained(output)
    sync_contents(output)
    return output
