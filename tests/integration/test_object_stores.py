"""Jobs on a real S3-compatible server, which a proxy can spoil."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result
from polars.testing import assert_frame_equal

from sentiscore.cli.main import cli
from sentiscore.scoring import job
from tests.buckets import BUCKET, Bucket, Rule, needs_server, serving
from tests.doc_blocks import ROOT, blocks_of

pytestmark = needs_server


@pytest.fixture(scope="module")
def server() -> Iterator[Bucket]:
    with serving() as bucket:
        yield bucket


@pytest.fixture
def bucket(server: Bucket, news: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """A bucket with some news, which are in the working folder too."""
    server.empty()
    monkeypatch.chdir(tmp_path)
    news.write_parquet("news.parquet")
    server.put("in/news.parquet", Path("news.parquet").read_bytes())
    return server


Run = Callable[..., Result]


@pytest.fixture
def run(bucket: Bucket, tiny_checkpoint: Path, tmp_path: Path) -> Run:
    """Run a command with the options of the bucket."""

    def command(name: str, *args: object, code: int = 0) -> Result:
        model = ["--text-col", "headline", "-m", tiny_checkpoint] if name == "score" else []
        staging = [*bucket.arguments, "--staging", tmp_path / "staging"]
        done = CliRunner().invoke(cli, [name, *map(str, [*args, *model, *staging])])
        assert done.exit_code == code, done.output
        return done

    return command


def parts_of(bucket: Bucket, folder: str) -> list[bytes]:
    """The parts that a manifest names."""
    manifest = json.loads(bucket.get(f"{folder}/_manifest.json"))
    return [bucket.get(f"{folder}/{part['key']}") for part in manifest["parts"]]


def of_text(done: Result) -> str:
    return " ".join(done.output.split())


def test_a_job_writes_to_a_store_what_it_writes_to_a_disk(
    bucket: Bucket, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sentiscore.tables.sink.PART_ROWS", 2)
    monkeypatch.setattr(job, "WINDOW_ROWS", 2)
    options = ("--time-col", "published_at", "--entity-col", "ticker", "--bad-rows", "drop")
    for output in ("out.parquet", "parts/"):
        run("score", "news.parquet", "-o", output, *options)
        done = run("score", f"s3://{BUCKET}/in/news.parquet", "-o", f"s3://{BUCKET}/{output}", *options)
        assert f"s3://{BUCKET}/{output}" in done.output
    for name in ("out.parquet", "out.rejected.parquet", "out.daily.parquet"):
        assert bucket.get(name) == Path(name).read_bytes()
        here, there = Path(f"{name}.provenance.json").read_text(), bucket.get(f"{name}.provenance.json").decode()
        at = re.compile(r'"created_at": ".*"')
        assert at.sub("", there) == at.sub("", here)
    local = sorted(Path("parts").glob("*.parquet"))
    assert len(local) > 1
    assert parts_of(bucket, "parts") == [path.read_bytes() for path in local]
    assert not [key for key in bucket.listed() if key.endswith(".job")]
    assert list((tmp_path / "staging").iterdir()) == []


def test_every_command_reads_what_is_in_a_store(bucket: Bucket, run: Run, news: pl.DataFrame) -> None:
    pl.concat([news] * 10).with_columns(ticker=pl.int_range(60).cast(pl.String)).write_parquet("many.parquet")
    bucket.put("in/news.parquet", Path("many.parquet").read_bytes())
    run("score", "s3://news/in/*.parquet", "-o", "s3://news/parts/")
    run("score", "s3://news/in/news.parquet")
    for output in ("s3://news/parts/", "s3://news/parts", "s3://news/in/news.scored.parquet"):
        assert "as it was when it was made" in run("inspect", output).output
        assert "Nothing is past its limit" in run("monitor", output, "--reference", "s3://news/parts/").output
    run("features", "s3://news/parts/", "--time-col", "published_at", "-o", "s3://news/daily/again.parquet")
    run("features", "s3://news/in/news.scored.parquet", "--time-col", "published_at")
    again, daily = (pl.read_parquet(bucket.get(key)) for key in ("daily/again.parquet", "in/news.daily.parquet"))
    assert_frame_equal(again, daily)
    run("inspect", "s3://news/in/news.daily.parquet")
    changed = bucket.get("in/news.scored.parquet.provenance.json").replace(b'"sha256": "', b'"sha256": "0')
    bucket.put("in/news.scored.parquet.provenance.json", changed)
    assert "another sha256" in run("inspect", "s3://news/in/news.scored.parquet", code=1).output


def test_the_parts_are_one_table_for_readers_that_do_not_know_the_manifest(bucket: Bucket, run: Run) -> None:
    for limit in (6, 3):
        run("score", "s3://news/in/news.parquet", "-o", "s3://news/parts/", "--limit", limit)
        options = {name.replace("endpoint", "endpoint_url"): value for name, value in bucket.options.items()}
        options = {f"aws_{name}": value for name, value in options.items()}
        found = pl.read_parquet("s3://news/parts/*.parquet", storage_options=options)
        assert found.height == limit
        assert_frame_equal(
            found["headline", "ticker"], pl.read_parquet("news.parquet")["headline", "ticker"].head(limit)
        )


@pytest.mark.parametrize("fault", ["503", "429", "cut"])
def test_a_store_that_fails_now_and_then_changes_nothing(fault: str, bucket: Bucket, run: Run) -> None:
    run("score", "news.parquet", "-o", "parts/")
    rules = [Rule(fault, "GET", "news.parquet", 3), Rule(fault, "HEAD", "", 2)]  # type: ignore[arg-type]
    if fault != "cut":
        rules += [Rule(fault, "PUT", "", 3), Rule(fault, "GET", "list-type", 2), Rule(fault, "POST", "", 2)]  # type: ignore[arg-type]
    bucket.rules = rules
    run("score", "s3://news/in/news.parquet", "-o", "s3://news/parts/")
    assert sum(rule.times for rule in rules) < len(rules)
    assert parts_of(bucket, "parts") == [path.read_bytes() for path in Path("parts").glob("*.parquet")]


def test_a_write_whose_answer_was_lost_is_no_conflict(bucket: Bucket, run: Run) -> None:
    done: list[str] = []

    def lose(method: str, path: str) -> None:
        if method == "PUT" and path not in done:
            done.append(path)
            bucket.rules = [Rule("cut", "PUT", re.escape(path), 1)]

    bucket.before = lose
    run("score", "s3://news/in/news.parquet", "-o", "s3://news/parts/")
    assert any("_manifest.json" in path for path in done)
    assert len(parts_of(bucket, "parts")) == 1


def test_a_denied_write_is_reported_before_anything_is_fetched(bucket: Bucket, run: Run) -> None:
    bucket.rules = [Rule("denied", "PUT")]
    for output in ("s3://news/parts/", "s3://news/out.parquet"):
        done = run("score", "s3://news/in/news.parquet", "-o", output, code=1)
        assert f"s3://news/.{output.strip('/').rpartition('/')[2]}.job" in of_text(done)
        assert "may not be written with these credentials" in of_text(done)
    assert not [path for method, path in bucket.requests if method == "GET" and "in/news" in path]
    assert bucket.listed() == ["in/news.parquet"]


def test_a_bucket_and_an_object_that_do_not_exist_are_named(bucket: Bucket, run: Run) -> None:
    assert "s3://no does not exist" in run("score", "news.parquet", "-o", "s3://no/out.parquet", code=1).output
    for address in ("s3://no/in/", "s3://no/in/a.csv"):
        assert f"There is no object {address.rstrip('/')}" in run("inspect", address, code=1).output
    assert "No object matches" in run("score", "s3://no/*.csv", code=1).output
    assert "There is no object s3://news/in/no.csv" in run("score", "s3://news/in/no.csv", code=1).output
    assert bucket.listed() == ["in/news.parquet"]


def test_an_option_that_does_not_exist_is_named(bucket: Bucket, run: Run) -> None:
    done = run("inspect", "s3://news/in/news.parquet", "--storage-option", "nonsense=1", code=1)
    assert "nonsense" in done.output
    assert "--storage-option" in done.output
    assert run("inspect", "s3://news/in/news.parquet", "--storage-option", "nonsense", code=2)


def test_a_key_that_vanishes_after_it_was_listed_is_a_clear_error(bucket: Bucket, run: Run) -> None:
    bucket.put("in/other.parquet", Path("news.parquet").read_bytes())

    def vanish(method: str, path: str) -> None:
        if method == "GET" and "in/other.parquet" in path:
            bucket.delete("in/other.parquet")

    bucket.before = vanish
    done = run("score", "s3://news/in/", "-o", "s3://news/parts/", code=1)
    assert "s3://news/in/other.parquet has vanished since it was listed" in of_text(done)
    bucket.before = None
    run("score", "s3://news/in/", "-o", "s3://news/parts/")
    assert len(parts_of(bucket, "parts")) == 1


def test_an_input_that_changes_while_it_is_fetched_is_never_half_of_each(bucket: Bucket, run: Run) -> None:
    other = pl.read_parquet("news.parquet").with_columns(headline=pl.lit("shares fall"))
    other.write_parquet("other.parquet")
    bucket.rules = [Rule("cut", "GET", "in/news.parquet", 1)]

    def change(method: str, path: str) -> None:
        if method == "GET" and "in/news.parquet" in path and not bucket.rules[0].times:
            bucket.put("in/news.parquet", Path("other.parquet").read_bytes())

    bucket.before = change
    done = run("score", "s3://news/in/news.parquet", "-o", "s3://news/out.parquet", code=1)
    assert "s3://news/in/news.parquet was changed while it was read" in of_text(done)
    bucket.before = None
    run("score", "s3://news/in/news.parquet", "-o", "s3://news/out.parquet")
    assert set(pl.read_parquet(bucket.get("out.parquet"))["headline"]) == {"shares fall"}


def test_a_job_that_was_stopped_goes_on_and_is_refused_another_input(
    bucket: Bucket, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(job, "WINDOW_ROWS", 2)
    command = ("score", "s3://news/in/news.parquet", "-o", "s3://news/parts/")
    monkeypatch.setattr("sentiscore.cli.signals.was_asked", iter([False] * 3 + [True] * 9).__next__)
    assert "are finished and kept" in of_text(run(*command, code=130))
    assert bucket.listed() == ["in/news.parquet"]
    assert list((tmp_path / "staging").rglob("rows-*.parquet"))
    monkeypatch.setattr("sentiscore.cli.signals.was_asked", lambda: False)
    news = bucket.get("in/news.parquet")
    pl.read_parquet("news.parquet").reverse().write_parquet("other.parquet")
    bucket.put("in/news.parquet", Path("other.parquet").read_bytes())
    done = of_text(run(*command, code=1))
    assert "s3://news/parts has a job that was stopped, and that this one is not: input was" in done
    bucket.put("in/news.parquet", news)
    assert "finished before" in run(*command).output
    assert list((tmp_path / "staging").iterdir()) == []


def test_publishing_that_failed_is_given_again_without_scoring_again(bucket: Bucket, run: Run) -> None:
    bucket.rules = [Rule("denied", "PUT", "_manifest")]
    assert "may not be written" in run("score", "s3://news/in/news.parquet", "-o", "s3://news/parts/", code=1).output
    bucket.rules = []
    requests = len(bucket.requests)
    done = run("score", "s3://news/in/news.parquet", "-o", "s3://news/parts/")
    assert "finished before 6 rows" in of_text(done)
    later = bucket.requests[requests:]
    assert not [path for method, path in later if method == "GET" and "in/news" in path]  # it was fetched
    assert not [path for method, path in later if method == "PUT" and "part-" in path]  # it was there


def test_two_jobs_do_not_write_one_output(bucket: Bucket, run: Run) -> None:
    bucket.put(".parts.job", json.dumps({"owner": "another", "begun": "2026-01-05T01:00:00+00:00"}).encode())
    done = run("score", "s3://news/in/news.parquet", "-o", "s3://news/parts/", code=1)
    assert "Another run is writing s3://news/parts/ since 2026-01-05T01:00:00+00:00" in of_text(done)
    run("score", "s3://news/in/news.parquet", "-o", "s3://news/parts/", "--no-resume")
    assert ".parts.job" not in bucket.listed()
    assert len(parts_of(bucket, "parts")) == 1


def test_events_name_addresses(bucket: Bucket, run: Run) -> None:
    done = run("score", "s3://news/in/news.parquet", "-o", "s3://news/out.parquet", "--log-json")
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert {event["output"] for event in events if "output" in event} == {"s3://news/out.parquet"}
    assert {event["source"] for event in events if "source" in event} == {"s3://news/in/news.parquet"}
    assert events[-1]["outputs"] == ["s3://news/out.parquet"]


def test_the_guide_runs_as_it_stands(bucket: Bucket, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    page = ROOT / "docs" / "how-to" / "use-object-stores.md"
    names = {"AWS_ENDPOINT_URL": bucket.endpoint, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1"}
    for name, value in {**names, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(Path.cwd() / "cache"))
    space: dict[str, object] = {"__name__": "__main__"}
    for block in blocks_of(page):
        if block.language == "python":
            exec(compile(block.code, str(page), "exec"), space)  # noqa: S102 - the page's own code
        elif block.language == "sh":
            for line in block.code.replace("\\\n", "").splitlines():
                done = CliRunner().invoke(cli, [word.strip("'") for word in line.split()[1:]])
                assert done.exit_code == 0, (line, done.output)
    assert parts_of(bucket, "scored")
