"""A bucket in memory, which behaves as stores do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sentiscore.storage import client
from sentiscore.storage.address import Address
from sentiscore.storage.client import ObjectStore
from sentiscore.storage.options import StorageOptions


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The library's store in memory, which every address leads to."""
    stores = pytest.importorskip("obstore.store", reason="needs obstore")
    store = stores.MemoryStore()
    monkeypatch.setattr(client, "_open", lambda *_: store)
    return store


@pytest.fixture
def bucket(memory: Any) -> ObjectStore:
    return ObjectStore(Address("s3", "news", "x"), StorageOptions())


@pytest.fixture
def keys(memory: Any) -> Callable[[], list[str]]:
    """All keys, sorted."""
    import obstore

    return lambda: sorted(each["path"] for chunk in obstore.list(memory) for each in chunk)


@pytest.fixture
def storage(tmp_path: Path) -> StorageOptions:
    return StorageOptions(staging=tmp_path / "staging")
