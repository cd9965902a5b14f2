"""The provenance of a job's outputs."""

from collections.abc import Sequence

from sentiscore.nightly.origins import ScoredFile, daily_options, daily_provenance
from sentiscore.scoring.facts import ScorerFacts
from sentiscore.scoring.planned import Plan
from sentiscore.tables.provenance import REJECTED_ROWS, SCORED_ROWS, ModelFacts, Provenance, SourceFacts


def provenance_of_rows(
    plan: Plan, scorer: ScorerFacts, *, sources: Sequence[SourceFacts], job_key: str, rows: int, rejects: bool = False
) -> Provenance:
    """The provenance of scored rows, or of rows that were set aside.

    Args:
        plan: The job.
        scorer: The scorer of the rows.
        sources: The files that were read.
        job_key: The hash of everything that the answers depend on, in hex.
        rows: The number of rows of the output.
        rejects: Whether the rows were set aside.
    """
    checkpoint, asked = scorer.checkpoint, plan.request.rows
    return Provenance(
        kind=REJECTED_ROWS if rejects else SCORED_ROWS,
        rows=rows,
        sources=tuple(sources),
        n_sources=len(sources),
        options={
            "text_col": plan.request.text_col,
            "target_col": asked.target_col,
            "targets": plan.request.names.sha256 or None,
            "columns": asked.columns,
            **plan.csv_options,
            "limit": asked.limit,
            "prefix": asked.prefix,
            "max_length": scorer.max_length,
            "overflow": scorer.overflow,
            "clean": scorer.clean,
            "bad_rows": asked.bad_rows,
            "csv_as_is": asked.csv_as_is,
        },
        job_key=job_key,
        model=ModelFacts(
            name=checkpoint.short_name,
            revision=checkpoint.revision,
            sha256=checkpoint.sha256,
            labels=checkpoint.labels,
            temperature=checkpoint.temperature,
            dtype=scorer.dtype,
            device=scorer.device,
        ),
    )


def provenance_of_days(plan: Plan, rows: Provenance, *, sha256: str, n_days: int) -> Provenance:
    """The provenance of the daily features that were made in the same pass.

    Args:
        plan: The job, with daily features.
        rows: The provenance of the scored rows.
        sha256: The hash of the output of scored rows.
        n_days: The number of rows of the daily features.
    """
    if plan.sums is None:
        raise RuntimeError("a job without daily features has no provenance of them")
    scored = ScoredFile(SourceFacts(file=plan.output.name, sha256=sha256, rows=rows.rows), rows)
    return daily_provenance(daily_options(plan.sums), [scored], n_days)
