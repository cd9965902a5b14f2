"""Fetching, claiming and publishing, in a bucket in memory."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sentiscore.errors import InputError, OutputError, SentiscoreWarning, StoppedError
from sentiscore.storage import client
from sentiscore.storage.address import Address, address_of
from sentiscore.storage.claims import claim, release
from sentiscore.storage.client import ObjectStore
from sentiscore.storage.fetching import fetch, is_fetched
from sentiscore.storage.options import StorageOptions
from sentiscore.storage.parts_manifest import PartsManifest, part_key
from sentiscore.storage.patterns import as_expression, matching
from sentiscore.storage.staging import Staging

OUT = Address("s3", "news", "out", is_folder=True)
Keys = Callable[[], list[str]]


def folder_of(path: Path, *contents: bytes) -> None:
    """A finished folder of parts, as a job writes it."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    for number, content in enumerate(contents):
        (path / f"part-{number:05}.parquet").write_bytes(content)
    (path / "provenance.json").write_text(json.dumps({"rows": len(contents)}, indent=2) + "\n")


def publish(storage: StorageOptions, *contents: bytes) -> None:
    with Staging(["s3://news/out/"], storage) as staging:
        path = Path(staging.path("s3://news/out/"))
        staging.claim([path])
        folder_of(path, *contents)
        staging.publish([path])


def fetched(address: str, storage: StorageOptions, **options: bool) -> dict[str, bytes]:
    """The files of an address, by their names in its folder."""
    with Staging([address], storage, reads_only=True) as staging:
        staging.fetch([address], **options)
        top = Path(staging.path(address))
        files = [path for path in top.rglob("*") if path.is_file() and path.name[0] != "."] if top.is_dir() else [top]
        return {path.relative_to(top if top.is_dir() else top.parent).as_posix(): path.read_bytes() for path in files}


def parts(bucket: ObjectStore) -> list[bytes]:
    """What a reader that follows the manifest reads."""
    manifest = PartsManifest.from_bytes(bucket.get("out/_manifest.json"), "")
    return [bucket.get(f"out/{part.key}") for part in manifest.parts]


def test_without_an_address_nothing_is_staged(tmp_path: Path) -> None:
    with Staging(["news.csv", None, 7], StorageOptions(staging=tmp_path / "staging")) as staging:
        assert staging.path("news.csv") == "news.csv"
        staging.fetch(["news.csv"])
        staging.claim([Path("news.csv")])
        staging.publish([Path("news.csv")])
        assert staging.shown(Path("news.csv")) == Path("news.csv")
    assert not (tmp_path / "staging").exists()


def test_a_folder_is_its_parts_and_then_its_manifest(bucket: ObjectStore, keys: Keys, storage: StorageOptions) -> None:
    publish(storage, b"one", b"two")
    assert parts(bucket) == [b"one", b"two"]
    assert [key.split("/")[1][:10] for key in keys()] == ["_manifest.", "part-00000", "part-00001"]
    publish(storage, b"three")
    assert parts(bucket) == [b"three"]
    assert len(keys()) == 2  # the parts of the job before are gone, for readers who do not know the manifest
    assert not storage.folder.exists() or list(storage.folder.iterdir()) == []


def test_a_folder_is_fetched_by_its_manifest(bucket: ObjectStore, keys: Keys, storage: StorageOptions) -> None:
    publish(storage, b"one", b"two")
    bucket.overwrite("out/part-00000-0123456789abcdef.parquet", b"of a job that was killed")
    for address in ("s3://news/out", "s3://news/out/"):
        assert fetched(address, storage) == {
            "part-00000.parquet": b"one",
            "part-00001.parquet": b"two",
            "provenance.json": b'{\n  "rows": 2\n}\n',
        }
    bucket.delete([keys()[-1]])
    with pytest.raises(InputError, match="vanished"):
        fetched("s3://news/out", storage)


def test_a_folder_of_anything_else_is_not_replaced(bucket: ObjectStore, keys: Keys, storage: StorageOptions) -> None:
    bucket.overwrite("out/mine.txt", b"1")
    with pytest.raises(OutputError, match=r"holds objects that sentiscore did not write, such as mine\.txt"):
        publish(storage, b"one")
    assert keys() == ["out/mine.txt"]


def test_a_plain_folder_is_fetched_without_hidden_names(bucket: ObjectStore, storage: StorageOptions) -> None:
    for key in ("in/a.csv", "in/k=1/b.csv", "in/_SUCCESS", "in/.hidden", "in/_k=2/c.csv", "in/_temporary/d.csv"):
        bucket.overwrite(key, key.encode())
    assert fetched("s3://news/in/", storage).keys() == {"a.csv", "k=1/b.csv", "_k=2/c.csv"}


def test_an_object_that_does_not_exist_is_a_clear_error(memory: Any, storage: StorageOptions) -> None:
    with pytest.raises(InputError, match=r"There is no object s3://news/no\.csv"):
        fetched("s3://news/no.csv", storage)
    assert list(storage.folder.iterdir()) == []


def test_paths_in_errors_are_addresses(bucket: ObjectStore, storage: StorageOptions) -> None:
    bucket.overwrite("in/a.csv", b"x")

    def fail() -> None:
        with Staging(["s3://news/in/a.csv"], storage) as staging:
            staging.fetch(["s3://news/in/a.csv"])
            path = staging.path("s3://news/in/a.csv")
            raise InputError(f"{path} is odd.", f"See {path}.")

    with pytest.raises(InputError) as caught:
        fail()
    assert str(caught.value) == "s3://news/in/a.csv is odd.\nSee s3://news/in/a.csv."
    assert caught.value.args == ("s3://news/in/a.csv is odd.", "See s3://news/in/a.csv.")


def test_a_fetch_that_was_cut_goes_on_where_it_ended(
    bucket: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.overwrite("a.csv", bytes(range(100)))
    facts, path, offsets = bucket.head("a.csv"), tmp_path / "a.csv", []
    read = ObjectStore.read

    def cut(self: ObjectStore, facts: Any, offset: int) -> Iterator[bytes]:
        offsets.append(offset)
        content = b"".join(read(self, facts, offset))
        yield content[:30]
        if offset == 0:
            raise InputError("cut")
        yield content[30:]

    monkeypatch.setattr(ObjectStore, "read", cut)
    address = Address("s3", "news", "a.csv")
    with pytest.raises(InputError, match="cut"):
        fetch(bucket, address, facts, path)
    assert not path.exists()
    fetch(bucket, address, facts, path)
    assert path.read_bytes() == bytes(range(100))
    fetch(bucket, address, facts, path)
    assert offsets == [0, 30]


def test_the_beginning_of_another_content_is_not_gone_on_with(bucket: ObjectStore, tmp_path: Path) -> None:
    path, address = tmp_path / "a.csv", Address("s3", "news", "a.csv")
    bucket.overwrite("a.csv", b"old old old")
    fetch(bucket, address, bucket.head("a.csv"), path)
    (tmp_path / ".a.csv.fetching").write_bytes(b"old")
    old = bucket.head("a.csv")
    bucket.overwrite("a.csv", b"new new new")
    assert is_fetched(path, old)
    with pytest.raises(InputError, match="was changed while it was read"):
        fetch(bucket, address, bucket.head("a.csv").__class__(key="a.csv", size=11, etag="other"), path)
    fetch(bucket, address, bucket.head("a.csv"), path)
    assert path.read_bytes() == b"new new new"


def test_too_little_room_is_refused_before_anything_is_fetched(
    bucket: ObjectStore, storage: StorageOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.overwrite("a.csv", b"x" * 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1900))
    fetched("s3://news/a.csv", storage)
    with pytest.raises(OutputError, match=r"1.9 kB free, and up to 2 kB are needed.*"):
        fetched("s3://news/a.csv", storage, to_publish=True)


def test_one_run_at_a_time_has_a_claim(bucket: ObjectStore, keys: Keys) -> None:
    claim(bucket, OUT, "me", take_over=False)
    assert keys() == [".out.job"]
    claim(bucket, OUT, "me", take_over=False)  # after a kill
    with pytest.raises(OutputError, match="Another run is writing s3://news/out/ since 20"):
        claim(bucket, OUT, "you", take_over=False)
    claim(bucket, OUT, "you", take_over=True)
    release(bucket, OUT, "me")
    assert keys() == [".out.job"]
    release(bucket, OUT, "you")
    assert keys() == []


def test_a_second_run_is_refused_on_another_machine_and_on_this_one(
    memory: Any, storage: StorageOptions, tmp_path: Path
) -> None:
    elsewhere = StorageOptions(staging=tmp_path / "elsewhere")
    with Staging(["s3://news/out/"], storage) as first:
        first.claim([Path(first.path("s3://news/out/"))])
        for other in (storage, elsewhere):
            with pytest.raises(OutputError, match="Another run is writing s3://news/out/"):
                publish(other, b"two")
        with Staging(["s3://news/out/"], storage, reads_only=True):
            assert fetched("s3://news/.out.job", storage)  # readers are in nobody's way
    publish(elsewhere, b"one")


def test_what_another_run_wrote_meanwhile_is_not_replaced(bucket: ObjectStore, storage: StorageOptions) -> None:
    publish(storage, b"one")

    def work(address: str) -> None:
        bucket.overwrite("a.csv", b"before")
        with Staging([address], storage) as staging:
            path = Path(staging.path(address))
            staging.claim([path])
            bucket.overwrite("out/_manifest.json", bucket.get("out/_manifest.json") + b" ")
            bucket.overwrite("a.csv", b"theirs")
            if address.endswith("/"):
                folder_of(path, b"two")
            else:
                path.write_bytes(b"ours")
            staging.publish([path])

    for address in ("s3://news/out/", "s3://news/a.csv"):
        with pytest.raises(OutputError, match="was written by another run"):
            work(address)
    assert (bucket.get("a.csv"), parts(bucket)) == (b"theirs", [b"one"])


@pytest.mark.parametrize("how", ["ignored", "refused"])
def test_a_store_without_conditions_is_warned_about(
    how: str, memory: Any, storage: StorageOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    import obstore
    from obstore import exceptions

    put = obstore.put

    def unconditional(*args: Any, mode: Any = None, **options: Any) -> Any:
        if mode is not None and how == "refused":
            raise exceptions.NotSupportedError("no")
        return put(*args, **options)

    monkeypatch.setattr(obstore, "put", unconditional)
    with pytest.warns(SentiscoreWarning, match="does not support conditional writes"):
        publish(storage, b"one")


def test_a_source_that_changes_after_it_was_fetched_is_warned_about(
    bucket: ObjectStore, storage: StorageOptions
) -> None:
    bucket.overwrite("a.csv", b"old")
    with Staging(["s3://news/a.csv"], storage) as staging:
        staging.fetch(["s3://news/a.csv"])
        staging.warn_of_changes()
        bucket.overwrite("a.csv", b"new")
        with pytest.warns(SentiscoreWarning, match="was changed after it was fetched"):
            staging.warn_of_changes()


def test_what_was_fetched_stays_if_a_run_is_stopped_and_goes_if_it_fails(
    bucket: ObjectStore, storage: StorageOptions
) -> None:
    bucket.overwrite("a.csv", b"a")

    def work(error: BaseException) -> None:
        with Staging(["s3://news/a.csv"], storage) as staging:
            staging.fetch(["s3://news/a.csv"])
            raise error

    for error, stays in ((StoppedError("stop"), True), (KeyboardInterrupt(), True), (InputError("no column"), False)):
        with pytest.raises(type(error)):
            work(error)
        assert bool(list(storage.folder.rglob("a.csv"))) is stays


@pytest.mark.parametrize("damage", [b"", b"{}", b"[]", b'{"format": 2}', b"PATH", b"KEY"])
def test_a_damaged_manifest_is_a_clear_error_and_names_no_file_elsewhere(
    damage: bytes, bucket: ObjectStore, storage: StorageOptions
) -> None:
    publish(storage, b"one")
    manifest = bucket.get("out/_manifest.json")
    if damage == b"PATH":
        damage = manifest.replace(b'"part-00000.parquet"', b'"../../part-00000.parquet"')
    elif damage == b"KEY":
        damage = manifest.replace(b'"part-00000-', b'"../part-00000-')
    bucket.overwrite("out/_manifest.json", damage)
    with pytest.raises(InputError, match=r"s3://news/out/_manifest.json cannot be read"):
        fetched("s3://news/out/", storage)


def test_patterns_are_those_of_files(bucket: ObjectStore, storage: StorageOptions) -> None:
    for key in ("in/a.csv", "in/b.csv", "in/.c.csv", "in/deep/d.csv", "in/a+1.csv", "top.csv"):
        bucket.overwrite(key, b"")

    def found(pattern: str) -> list[str]:
        return [address.key for address in matching(f"s3://news/{pattern}", storage)]

    assert found("in/*.csv") == ["in/a+1.csv", "in/a.csv", "in/b.csv"]
    assert found("in/[ab].csv") == ["in/a.csv", "in/b.csv"]
    assert found("in/[!a].csv") == ["in/b.csv"]
    assert found("in/a+?.csv") == ["in/a+1.csv"]
    assert found("**/*.csv") == ["in/a+1.csv", "in/a.csv", "in/b.csv", "in/deep/d.csv", "top.csv"]
    assert found("in/**") == ["in/a+1.csv", "in/a.csv", "in/b.csv", "in/deep/d.csv"]
    assert found("*.csv") == ["top.csv"]
    with pytest.raises(InputError, match="No object matches"):
        found("in/*.parquet")
    with pytest.raises(InputError, match="is a pattern"):
        matching("s3://new*/a.csv", storage)
    assert as_expression("a/b[").fullmatch("a/b[")


def test_a_missing_library_names_its_extra(storage: StorageOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(module: str, extra: str) -> Any:
        raise InputError(f"{module} of {extra}")

    monkeypatch.setattr(client, "import_extra", absent)
    with pytest.raises(InputError, match="obstore of storage"):
        fetched("s3://news/a.csv", storage)


def test_the_name_of_a_part_has_its_hash() -> None:
    assert part_key("part-00012.parquet", "ab" * 32) == "part-00012-abababababababab.parquet"
    assert address_of("s3://news/out/") == OUT
