"""Make the base of the embedded default model: a small GPT-NeoX with random weights and its own tokenizer.

python pipelines/default_model/build_base.py SST2_TRAIN.tsv bases/tiny-neox
"""

import sys

from sentiscore import build_base, read_labelled

_, train_file, output = sys.argv
build_base(
    output,
    read_labelled(train_file).texts,
    vocab_size=8192,
    hidden_size=128,
    layers=2,
    heads=4,
    intermediate_size=512,
    max_positions=128,
    dropout=0.2,
    seed=0,
)
