"""What a job records and reports about the scorer of its rows, in this process or in others."""

from dataclasses import dataclass, field

from sentiscore.checkpoint import Checkpoint
from sentiscore.scoring.scorer import Scorer


@dataclass(frozen=True, kw_only=True)
class ScorerFacts:
    """A scorer without its network; pickled, it can be sent from the process that holds the scorer.

    Attributes:
        checkpoint: The model.
        columns: The columns that scoring adds, in order.
        max_length: Tokens of a text that are read.
        overflow: What to do with a text that is too long.
        clean: What is taken out of texts before they are read.
        device: The device on which it computes.
        dtype: The number type of its computation.
        identity: Everything that its answers depend on except the text, by name.
    """

    checkpoint: Checkpoint = field(repr=False)
    columns: tuple[str, ...]
    max_length: int
    overflow: str
    clean: str
    device: str
    dtype: str
    identity: dict[str, str] = field(repr=False)


def facts_of(scorer: Scorer) -> ScorerFacts:
    """The facts about a loaded scorer."""
    return ScorerFacts(
        checkpoint=scorer.checkpoint,
        columns=tuple(scorer.columns),
        max_length=scorer.max_length,
        overflow=scorer.overflow,
        clean=scorer.clean,
        device=scorer.device,
        dtype=scorer.dtype,
        identity=scorer.identity(),
    )
