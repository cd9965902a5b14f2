"""SIGKILL before every request with which a folder is published to a store."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from sentiscore.storage.options import StorageOptions
from sentiscore.storage.staging import Staging
from tests.buckets import Bucket, needs_server, serving

pytestmark = needs_server
ADDRESS: Final = "s3://news/out/"
KILLED: Final = """
import json, os, signal, sys
from sentiscore.storage.client import ObjectStore
from sentiscore.storage.options import StorageOptions
from tests.faults.test_published_folders import publish

before, call = int(sys.argv[3]), ObjectStore._call

def counted(self, *args, **options):
    global before
    before -= 1
    if before == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return call(self, *args, **options)

ObjectStore._call = counted
publish("new", StorageOptions(options=json.loads(sys.argv[1]), staging=sys.argv[2]))
"""


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    with serving() as started:
        yield started


def publish(content: str, storage: StorageOptions) -> None:
    """Publish two parts."""
    with Staging([ADDRESS], storage) as staging:
        path = Path(staging.path(ADDRESS))
        staging.claim([path])
        path.mkdir(exist_ok=True)
        for number in range(2):
            (path / f"part-0000{number}.parquet").write_text(f"{content} {number}")
        staging.publish([path])


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
        done = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False, capture_output=True, text=True)
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
