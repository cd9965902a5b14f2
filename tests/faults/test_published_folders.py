"""SIGKILL of jobs on a store: before every request with which a folder is published, and while rows are scored."""

import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from sentiscore.storage.options import StorageOptions
from tests.buckets import Bucket, Rule, needs_server, serving
from tests.doc_blocks import ROOT
from tests.faults.nursery import Nursery, Sabotage
from tests.faults.published_parts import publish

pytestmark = needs_server


@pytest.fixture(scope="module")
def server() -> Iterator[Bucket]:
    with serving() as started:
        yield started


@pytest.fixture
def bucket(server: Bucket) -> Bucket:
    server.empty()
    return server


def read(bucket: Bucket) -> list[str]:
    """What a reader that follows the manifest reads."""
    parts = json.loads(bucket.get("out/_manifest.json"))["parts"]
    contents = [bucket.get(f"out/{part['key']}") for part in parts]
    assert [hashlib.sha256(content).hexdigest() for content in contents] == [part["sha256"] for part in parts]
    return [content.decode() for content in contents]


def test_a_kill_before_any_request_leaves_the_old_manifest_or_the_new_one(bucket: Bucket, tmp_path: Path) -> None:
    storage = StorageOptions(options=bucket.options, staging=tmp_path / "staging")
    old, new = ["old 0", "old 1"], ["new 0", "new 1"]
    found = []
    for number in range(1, 100):
        publish("old", storage)
        assert read(bucket) == old
        arguments = [json.dumps(bucket.options), str(tmp_path / "staging"), str(number)]
        command = [sys.executable, "-m", "tests.faults.published_parts", *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
        found.append(read(bucket))
        assert found[-1] in (old, new)
        if done.returncode == 0:
            break
        assert done.returncode == -9, done.stderr
        publish("new", storage)  # the same command
        assert read(bucket) == new
        assert [key.partition("-")[0] for key in bucket.listed()] == ["out/_manifest.json", "out/part", "out/part"]
    assert done.returncode == 0
    assert len(found) > 12
    assert found == [old] * found.count(old) + [new] * found.count(new)
    assert min(found.count(old), found.count(new)) > 3  # kills before the manifest, and after it
    assert list((tmp_path / "staging").iterdir()) == []


def test_a_job_that_is_killed_goes_on_by_the_same_command(
    bucket: Bucket, nursery: Nursery, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    news = pl.DataFrame({"headline": [f"profit rises {number}" for number in range(300)]})
    news.write_parquet(tmp_path / "news.parquet")
    bucket.put("in/news.parquet", (tmp_path / "news.parquet").read_bytes())
    common = ("--text-col", "headline", "-m", tiny_checkpoint)
    assert nursery.run(tmp_path, "score", "news.parquet", "-o", "local/", *common).code == 0
    staged = ("--staging", tmp_path / "staging", *bucket.arguments, "--log-json")
    command = ("score", "s3://news/in/news.parquet", "-o", "s3://news/killed/", *common, *staged)
    kill = Sabotage(signal_after_windows=2, signal_number=signal.SIGKILL)
    assert nursery.run(tmp_path, *command, sabotage=kill).code == -signal.SIGKILL
    assert ".killed.job" in bucket.listed()
    before = len(bucket.requests)
    done = nursery.run(tmp_path, *command)
    assert done.code == 0, done.stderr
    assert min(done.positions_scored) >= 128
    assert ("GET", "/news/in/news.parquet") not in bucket.requests[before:]
    local = [path.read_bytes() for path in sorted((tmp_path / "local").glob("*.parquet"))]
    keys = [key for key in bucket.listed() if key.startswith("killed/part-")]
    assert [bucket.get(key) for key in keys] == local
    assert ".killed.job" not in bucket.listed()


def test_ctrl_c_ends_a_command_that_waits_for_a_store(
    bucket: Bucket, nursery: Nursery, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    (tmp_path / "news.csv").write_text("headline\nprofit rises\n")
    staged = ("--staging", tmp_path / "staging", *bucket.arguments)
    bucket.rules = [Rule("hang", "PUT")]
    sabotage = Sabotage(signals=((4.0, signal.SIGINT),))
    command = ("score", "news.csv", "--text-col", "headline", "-m", tiny_checkpoint, "-o", "s3://news/hangs/", *staged)
    done = nursery.run(tmp_path, *command, sabotage=sabotage)
    bucket.rules = []
    assert done.code == 130, done.stderr
    assert any(path == "/news/.hangs.job" for _, path in bucket.requests)
