"""Data sets of the hub, with a hub in memory in place of the library's client."""

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sentiscore.errors import InputError, OutputError
from sentiscore.storage.options import StorageOptions
from sentiscore.storage.staging import Staging

huggingface_hub = pytest.importorskip("huggingface_hub", reason="needs huggingface_hub")
OUT = "hf://datasets/me/news/out/"


class Hub:
    """What is used of the library: files by commit, and commits that may depend on the one before."""

    def __init__(self) -> None:
        self.commits: list[dict[str, bytes]] = [{}]
        self.denied = False
        self.before_commit: Any = None

    @property
    def files(self) -> dict[str, bytes]:
        return self.commits[-1]

    def repo_info(self, repo_id: str, *, repo_type: str, revision: str | None) -> Any:
        assert (repo_id, repo_type) == ("me/news", "dataset")
        return SimpleNamespace(sha=str(len(self.commits) - 1))

    def list_repo_tree(self, *, path_in_repo: str | None, revision: str, **_: Any) -> Any:
        found = [key for key in self.commits[int(revision)] if key.startswith(f"{path_in_repo}/")]
        return iter(self.get_paths_info(paths=found, revision=revision))

    def get_paths_info(self, *, paths: list[str], revision: str, **_: Any) -> list[Any]:
        at = self.commits[int(revision)]
        return [
            SimpleNamespace(path=key, size=len(at[key]), blob_id=str(hash(at[key])), lfs=None)
            for key in paths
            if key in at
        ]

    def create_commit(self, *, operations: list[Any], parent_commit: str | None = None, **_: Any) -> None:
        if self.before_commit is not None:
            self.before_commit()
        if self.denied or parent_commit not in (None, str(len(self.commits) - 1)):
            from httpx2 import Request, Response

            response = Response(403 if self.denied else 412, request=Request("POST", "https://hub"))
            raise huggingface_hub.errors.HfHubHTTPError("no", response=response)
        files = dict(self.files)
        for operation in operations:
            if isinstance(operation, huggingface_hub.CommitOperationDelete):
                del files[operation.path_in_repo]
            else:
                given = operation.path_or_fileobj
                files[operation.path_in_repo] = given if isinstance(given, bytes) else Path(given).read_bytes()
        self.commits.append(files)

    def open(self, name: str, mode: str, block_size: int) -> io.BytesIO:
        assert name.startswith("datasets/me/news@")
        commit, _, key = name.partition("@")[2].partition("/")
        return io.BytesIO(self.commits[int(commit)][key])


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    made = Hub()
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda **_: made)
    monkeypatch.setattr(huggingface_hub, "HfFileSystem", lambda **_: made)
    return made


def publish(tmp_path: Path, content: bytes) -> None:
    with Staging([OUT], StorageOptions(staging=tmp_path / "staging")) as staging:
        path = Path(staging.path(OUT))
        staging.claim([path])
        path.mkdir(exist_ok=True)
        (path / "part-00000.parquet").write_bytes(content)
        staging.publish([path])


def fetch(tmp_path: Path, address: str) -> bytes:
    with Staging([address], StorageOptions(staging=tmp_path / "staging"), reads_only=True) as staging:
        staging.fetch([address])
        path = Path(staging.path(address))
        return (path / "part-00000.parquet" if path.is_dir() else path).read_bytes()


def test_a_data_set_is_written_and_read_like_any_store(hub: Hub, tmp_path: Path) -> None:
    publish(tmp_path, b"one")
    publish(tmp_path, b"two")
    assert fetch(tmp_path, OUT) == b"two"
    assert fetch(tmp_path, next(f"hf://datasets/me/news@main/{key}" for key in hub.files if "part" in key)) == b"two"
    assert len(hub.files) == 2
    with pytest.raises(InputError, match="There is no object hf://datasets/me/news/no"):
        fetch(tmp_path, "hf://datasets/me/news/no")


def test_every_commit_has_a_manifest_whose_parts_are_there(hub: Hub, tmp_path: Path) -> None:
    import json

    publish(tmp_path, b"one")
    publish(tmp_path, b"two")
    with_manifest = [files for files in hub.commits if "out/_manifest.json" in files]
    assert len(with_manifest) > 3
    for files in with_manifest:
        assert all(f"out/{part['key']}" in files for part in json.loads(files["out/_manifest.json"])["parts"])


def test_a_commit_of_somebody_else_in_between_is_no_conflict_unless_it_is_of_the_same_file(
    hub: Hub, tmp_path: Path
) -> None:
    def other() -> None:
        hub.before_commit = None
        hub.commits.append(hub.files | {"README.md": b"1"})

    hub.before_commit = other
    publish(tmp_path, b"one")
    assert fetch(tmp_path, OUT) == b"one"
    hub.commits.append(hub.files | {".out.job": b'{"owner": "another"}'})
    with pytest.raises(OutputError, match="Another run is writing"):
        publish(tmp_path, b"two")


def test_what_may_not_be_written_and_options_that_do_not_exist_are_named(hub: Hub, tmp_path: Path) -> None:
    hub.denied = True
    with pytest.raises(OutputError, match="may not be written with this login"):
        publish(tmp_path, b"one")
    storage = StorageOptions(staging=tmp_path / "staging", options={"region": "x"})
    with pytest.raises(InputError, match="has no option 'region'"), Staging([OUT], storage) as staging:
        staging.fetch([OUT])


def test_a_hub_that_cannot_be_reached_is_one_clear_error(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tmp_path, b"one")
    base = next(each for each in huggingface_hub.errors.HfHubHTTPError.__bases__ if each is not OSError)

    class ConnectError(base):  # type: ignore[misc, valid-type] # that of the library's own client
        """As for a request of which no answer comes."""

    def fail(*_: Any, **__: Any) -> None:
        raise ConnectError("Name or service not known")

    with monkeypatch.context() as unreachable:
        unreachable.setattr(hub, "repo_info", fail)
        with pytest.raises(InputError, match="read: Name or service not known"):
            fetch(tmp_path, f"{OUT}_manifest.json")
    hub.before_commit = fail
    with pytest.raises(OutputError, match="written: Name or service not known"):
        publish(tmp_path, b"two")
