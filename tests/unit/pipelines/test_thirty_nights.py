"""Thirty nights of an unattended job: what it leaves is one run over everything, and each night can be rebuilt.

The nights run in this process, and one of them in a process of its own, which is killed.
"""

import json
import random
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import nightly
from sentiscore import features, score_file
from tests.faults.nursery import Nursery, Sabotage
from tests.faults.test_nightly_recipe import CODE, CONFIG

FIRST: Final = datetime(2024, 1, 26, 21, 5, tzinfo=UTC)
NIGHTS: Final = 30
EMPTY, LATE, CORRECTED, KILLED, DRIFTING = 7, 11, 15, 18, 22
OVERLAPPING: Final = {3: 2, 4: 3, 12: 11, 16: 13, 20: 19}
"""Nights whose export has that of an earlier night again; one of them what has been corrected since."""
MORE: Final = 'id_col = "id"\nmidnight = "instant"\n[daily.config]'
NO_STOP: Final = cast("nightly.Stop", type("Never", (), {"__call__": lambda _: False, "check": lambda _: None})())


TYPES: Final[dict[str, Any]] = {
    "id": pl.String(),
    "published_at": pl.Datetime("us", "UTC"),
    "ticker": pl.String(),
    "headline": pl.String(),
    "came": pl.Datetime("us", "UTC"),
}


def instant(number: int) -> datetime:
    """The instant of a night's export."""
    return FIRST + timedelta(days=number)


def new_stories(number: int) -> pl.DataFrame:
    """The stories of a night, with when they came: null, or later than they were published."""
    rng = random.Random(number)  # noqa: S311
    n = {0: 60, EMPTY: 0, DRIFTING: 90}.get(number, 12)  # most nights are too short to compare
    words = ("profit", "demand", "margin", "debt", "output", "guidance")
    texts = [f"{rng.choice(words)} {rng.choice(('rises', 'falls'))} at company {rng.randrange(400)}" for _ in range(n)]
    if number == DRIFTING:
        texts = ["" if i % 3 else text for i, text in enumerate(texts)]
    minutes = [rng.randrange(1, 24 * 60) for _ in range(n)]
    rows = pl.DataFrame(
        {
            "id": [f"{number}-{i}" for i in range(n)],
            "published_at": [instant(number) - timedelta(minutes=m) for m in minutes],
            "ticker": [rng.choice("ABC") for _ in range(n)],
            "headline": texts,
            "came": [None] * n,
        },
        schema=TYPES,
    )
    if number == LATE:  # published three nights ago, and nobody had it
        late = rows.head(1).with_columns(id=pl.lit("late"), published_at=pl.col("published_at") - timedelta(days=3))
        rows = pl.concat([rows, late.with_columns(came=pl.lit(instant(number), dtype=rows.schema["came"]))])
    return rows


def correction() -> pl.DataFrame:
    """Another text of a story that was published two nights before."""
    return new_stories(CORRECTED - 2).head(1).with_columns(headline=pl.lit("profit falls after all at company 7"))


def deliver(desk: Path, number: int) -> None:
    """Write the export of a night."""
    again = [new_stories(OVERLAPPING[number])] if number in OVERLAPPING else []
    rows = pl.concat([*again, new_stories(number)])
    if number == CORRECTED:
        rows = pl.concat([rows, correction()])
    name = f"{instant(number):%Y-%m-%dT%H%M%SZ}"
    if number == EMPTY:  # as a writer of ndjson leaves it
        (desk / "exports" / f"{name}.ndjson").touch()
    else:
        rows.drop("came").write_parquet(desk / "exports" / f"{name}.parquet")


@pytest.fixture
def desk(tmp_path: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the job."""
    (tmp_path / "exports").mkdir()
    config = CONFIG.replace("MODEL", str(tiny_checkpoint)).replace("[daily.config]", MORE)
    (tmp_path / "nightly.toml").write_text(f'late = "arrival"\nrevise = true\n{config}')
    days = [FIRST.date() + timedelta(days=i) for i in range(-40, NIGHTS + 10)]
    sessions = [f"{d},{d}T14:30:00Z,{d}T21:00:00Z" for d in days if d.weekday() < 5]
    (tmp_path / "sessions.csv").write_text("\n".join(["ds,open,close", *sessions]) + "\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def whole(desk: Path, model: Path) -> pl.DataFrame:
    """One run over everything that arrived, each story as it was last, from when it came."""
    rows = pl.concat([new_stories(number) for number in range(NIGHTS)])
    rows = pl.concat([rows.filter(~pl.col("id").is_in(correction()["id"].implode())), correction()])
    rows.write_parquet(desk / "all.parquet")
    score_file("all.parquet", text_col="headline", model=model, dtype="fp32", device="cpu", cache="answers")
    job = nightly.Job.from_toml(desk / "nightly.toml")
    options: dict[str, Any] = {**job.daily.options, "config": job.daily.config, "as_of": instant(NIGHTS - 1)}
    scored = pl.read_parquet(desk / "all.scored.parquet")
    return features.daily(scored, **options | {"arrived_col": "came"})


@pytest.mark.filterwarnings("ignore::sentiscore.SentiscoreWarning")
def test_thirty_nights_end_as_one_run_and_what_was_known_each_night_can_be_rebuilt(
    desk: Path, tiny_checkpoint: Path
) -> None:
    known: dict[int, pl.DataFrame] = {}
    for number in range(NIGHTS):
        deliver(desk, number)
        if number == KILLED:
            with Nursery() as nursery:
                killed = nursery.run(desk, sabotage=Sabotage(code=CODE, kill_before_change=25))
            assert killed.code == -signal.SIGKILL, killed
        job = nightly.Job.from_toml(desk / "nightly.toml")
        assert nightly.run(job, NO_STOP) == (3 if number == DRIFTING else 0), number
        known[number] = pl.read_parquet("daily.parquet")
    last = known[NIGHTS - 1]
    assert_frame_equal(last, whole(desk, tiny_checkpoint), check_exact=True)
    revisions = pl.read_parquet("daily.revisions.parquet")
    for number, seen in known.items():
        assert_frame_equal(features.as_published(last, revisions, instant(number)), seen, check_exact=True)
    report = json.loads(Path("reports", f"{instant(EMPTY):%Y-%m-%dT%H%M%SZ}.json").read_text())
    assert (report["rows"], report["passed"], report["drift"]) == (0, True, None)
    assert len(list(Path("reports").iterdir())) == NIGHTS
