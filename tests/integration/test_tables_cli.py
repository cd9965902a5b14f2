"""Tables in every form, through the commands that read them."""

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from sentiscore.cli.main import cli

HOW = ["--separator", "|", "--skip-rows", "1", "--comment", "#", "--encoding", "cp1252"]
TEXT = "Export|of|today\n# note\nid|headline|y\n1|café rises|1\n2|shares fall|0\n"


def run(*args: object) -> Result:
    return CliRunner().invoke(cli, [str(arg) for arg in args])


@pytest.fixture
def odd_csv(tmp_path: Path) -> Path:
    path = tmp_path / "news.csv"
    path.write_bytes(TEXT.encode("cp1252"))
    return path


def test_score_reads_an_odd_csv_and_writes_a_plain_one(odd_csv: Path, tiny_checkpoint: Path) -> None:
    output = odd_csv.with_name("out.csv")
    done = run("score", odd_csv, "--text-col", "headline", "-m", tiny_checkpoint, "-o", output, *HOW)
    assert done.exit_code == 0, done.output
    assert pl.read_csv(output).select("id", "headline", "status").rows() == [
        (1, "café rises", "ok"),
        (2, "shares fall", "ok"),
    ]
    told = json.loads(output.with_name("out.csv.provenance.json").read_text())["options"]
    assert {name: told[name] for name in ("separator", "skip_rows", "comment", "encoding")} == {
        "separator": "|", "skip_rows": 1, "comment": "#", "encoding": "cp1252"
    }  # fmt: skip


def test_features_and_monitor_read_an_odd_csv(odd_csv: Path, tiny_checkpoint: Path) -> None:
    scored = odd_csv.with_name("scored.csv")
    run("score", odd_csv, "--text-col", "headline", "-m", tiny_checkpoint, "-o", scored, *HOW)
    rows = pl.read_csv(scored).with_columns(at=pl.lit("2024-01-05T12:00:00Z"))
    odd = odd_csv.with_name("odd.csv")
    odd.write_bytes(("title\n" + rows.write_csv(separator="|").replace("id|", "# c\nid|", 1)).encode("cp1252"))
    done = run("features", odd, "--time-col", "at", "--text-col", "headline", *HOW)
    assert done.exit_code == 0, done.output
    assert pl.read_parquet(odd.with_name("odd.daily.parquet"))["n_docs"].to_list() == [2]
    done = run("monitor", odd, "--reference", odd, "--text-col", "headline", *HOW)
    assert "could be compared" in done.output or done.exit_code == 0, done.output
    done = run("monitor", odd, "--reference", odd)
    assert "--" in done.output
    assert done.exit_code == 1


def test_evaluate_reads_an_odd_csv(odd_csv: Path, tiny_checkpoint: Path) -> None:
    done = run("evaluate", tiny_checkpoint, "--eval-file", odd_csv, "--text-col", "headline", "--label-col", "y", *HOW)
    assert done.exit_code == 0, done.output
    assert "2 rows" in done.output


def test_sets_of_a_recipe_say_how_their_files_are_written(odd_csv: Path, tiny_checkpoint: Path) -> None:
    recipe = odd_csv.with_name("recipe.toml")
    how = 'separator = "|"\nskip_rows = 1\ncomment = "#"\nencoding = "cp1252"\n'
    recipe.write_text(
        f'[[sets]]\nvalidation = "{odd_csv}"\ntrain = "{odd_csv}"\ntext_col = "headline"\nlabel_col = "y"\n{how}'
    )
    done = run("evaluate", tiny_checkpoint, "--sets", recipe, "--resamples", 10)
    assert done.exit_code == 0, done.output
    assert run("evaluate", tiny_checkpoint, "--sets", recipe, "--separator", "|").exit_code == 2


@pytest.mark.parametrize("command", ["score", "features", "monitor", "train", "tune", "distill", "evaluate"])
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (["--separator", "||"], "not one ASCII character"),
        (["--separator", '"'], "cannot be a separator"),
        (["--separator", "\n"], "cannot be a separator"),
        (["--comment", ""], "cannot be comments"),
        (["--encoding", "cp1525"], "Near to it are"),
        (["--skip-rows", "-1"], "--skip-rows"),
    ],
)
def test_what_cannot_be_is_a_usage_error(command: str, wrong: list[str], words: str) -> None:
    done = run(command, *wrong)
    assert done.exit_code == 2
    assert words in " ".join(done.output.replace("│", " ").split())


def test_a_folder_of_partitions_is_scored_like_one_file(tmp_path: Path, tiny_checkpoint: Path) -> None:
    for ticker in ("007", "BRK%20B"):
        for day in ("2024-01-05", "2024-01-08"):
            folder = tmp_path / "news" / f"ticker={ticker}" / f"date={day}"
            folder.mkdir(parents=True)
            pl.DataFrame({"headline": [f"shares fall {day}", "up"]}).write_parquet(folder / "part-0.parquet")
    (tmp_path / "news" / "_SUCCESS").write_text("")
    columns = ["--text-col", "headline", "--time-col", "date", "--entity-col", "ticker", "--tz", "UTC"]
    done = run("score", tmp_path / "news", *columns, "-m", tiny_checkpoint)
    assert done.exit_code == 0, done.output
    assert pl.read_parquet(tmp_path / "news.scored.parquet").columns[:3] == ["headline", "ticker", "date"]
    daily = pl.read_parquet(tmp_path / "news.daily.parquet").filter(pl.col("n_docs") > 0)
    assert daily.select("unique_id", "ds", "n_docs").rows() == [
        (ticker, date(2024, 1, day), 2) for ticker in ("007", "BRK B") for day in (5, 8)
    ]


def test_dates_count_for_the_same_session_however_arrow_wrote_them(tmp_path: Path, tiny_checkpoint: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    found = []
    for kind in (pa.date32(), pa.date64()):
        table = pa.table({"headline": ["shares fall", "up"], "day": pa.array([date(2024, 1, 5)] * 2, kind)})
        parquet.write_table(table, tmp_path / "t.parquet")
        done = run(
            "score", tmp_path / "t.parquet", "--text-col", "headline", "--time-col", "day", "-m", tiny_checkpoint,
            "--calendar", sessions(tmp_path), "--tz", "UTC",
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        found.append(pl.read_parquet(tmp_path / "t.daily.parquet"))
        assert pl.read_parquet(tmp_path / "t.scored.parquet").schema["day"] == pl.Date
    assert found[0].equals(found[1])
    assert found[1].filter(pl.col("n_docs") > 0)["ds"].to_list() == [date(2024, 1, 8)]


def sessions(folder: Path) -> Path:
    path = folder / "sessions.csv"
    days = ["2024-01-04", "2024-01-05", "2024-01-08", "2024-01-09"]
    lines = [f"{day},{day}T14:30:00Z,{day}T21:00:00Z" for day in days]
    path.write_text("\n".join(["ds,open,close", *lines]) + "\n")
    return path


def test_text_as_bytes_is_scored_and_other_bytes_are_kept(tmp_path: Path, tiny_checkpoint: Path) -> None:
    rows = {"headline": [b"up", b"caf\xe9"], "ticker": [b"A", b"B"], "raw": [b"\xff", b"x"]}
    pl.DataFrame({**rows, "at": [date(2024, 1, 5)] * 2}).write_parquet(tmp_path / "t.parquet")
    command = ["score", tmp_path / "t.parquet", "--text-col", "headline", "-m", tiny_checkpoint]
    done = run(*command, "--time-col", "at", "--entity-col", "ticker", "--tz", "UTC")
    assert done.exit_code == 0, done.output
    assert "1 row holds bytes that are not UTF-8: 1 in 'headline', not scored" in " ".join(done.output.split())
    scored = pl.read_parquet(tmp_path / "t.scored.parquet")
    assert scored.select("headline", "ticker", "raw", "status").rows() == [
        ("up", "A", b"\xff", "ok"),
        ("caf\ufffd", "B", b"x", "undecodable"),
    ]
    done = run(*command, "-o", tmp_path / "t.ndjson")
    assert "raw (Binary)" in done.output


def test_a_job_that_was_stopped_is_not_taken_up_with_another_dialect(tmp_path: Path, tiny_checkpoint: Path) -> None:
    from sentiscore import Scorer
    from sentiscore.scoring.facts import facts_of
    from sentiscore.scoring.job_windows import Bounds
    from sentiscore.scoring.options import RowOptions
    from sentiscore.scoring.output_job import job_key
    from sentiscore.scoring.plan import make_plan
    from sentiscore.scoring.planned import JobRequest
    from sentiscore.tables.dialect import CsvDialect

    path = tmp_path / "t.csv"
    path.write_text("headline\n# up\n")
    scorer = Scorer.from_pretrained(tiny_checkpoint)
    keys = []
    for csv in (CsvDialect(), CsvDialect(comment="#"), CsvDialect(encoding="latin-1"), CsvDialect(separator=";")):
        request = JobRequest(text_col="headline", rows=RowOptions(dialect=csv))
        plan = make_plan([path], request, output=None, between=lambda: None, bounds=Bounds(9, 1000))
        keys.append(job_key(plan, facts_of(scorer), ["0"]))
    assert len({tuple(key.items()) for key in keys}) == 4
