"""How stores are opened: by which class, with which options and credentials."""

import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sentiscore.errors import InputError
from sentiscore.storage import client
from sentiscore.storage.address import Address
from sentiscore.storage.client import ObjectStore
from sentiscore.storage.options import StorageOptions

stores = pytest.importorskip("obstore.store", reason="needs obstore")
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE")


@pytest.mark.parametrize(
    ("scheme", "kind", "options"),
    [
        ("s3", "S3Store", {"access_key_id": "a", "secret_access_key": "b", "region": "eu-west-1"}),
        ("s3", "S3Store", {"aws_skip_signature": "true"}),
        ("gs", "GCSStore", {"skip_signature": "true"}),
        ("az", "AzureStore", {"account_name": "me", "account_key": "a2V5"}),
    ],
)
def test_each_scheme_opens_its_store(scheme: str, kind: str, options: dict[str, str]) -> None:
    opened = client._open(Address(scheme, "news", "a.csv"), options)
    assert type(opened) is getattr(stores, kind)


def test_a_wrong_option_is_an_error_that_names_it() -> None:
    with pytest.raises(InputError, match="nonsense") as caught:
        ObjectStore(Address("gs", "news", "a.csv"), StorageOptions(options={"nonsense": "1"}))
    assert "--storage-option" in caught.value.hint


def test_keys_of_a_profile_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("boto3", reason="needs boto3")
    (tmp_path / "credentials").write_text("[nightly]\naws_access_key_id = me\naws_secret_access_key = secret\n")
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "nightly")
    assert client._needs_boto3({"region": "eu-west-1"})
    assert client._of_boto3()()["access_key_id"] == "me"
    for options in ({"access_key_id": "a"}, {"AWS_ACCESS_KEY_ID": "a"}, {"skip_signature": "true"}):
        assert not client._needs_boto3(options)
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    assert not client._needs_boto3({})


N_FAILURES = 25
"""More than the library tries again on its own account."""


@pytest.fixture
def busy() -> Iterator[str]:
    """The endpoint of a store that is busy for a while."""
    left = [N_FAILURES]

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            left[0] -= 1
            self.send_response(503 if left[0] >= 0 else 200)
            self.send_header("Content-Length", "7")
            self.send_header("Last-Modified", "Fri, 05 Jan 2024 10:00:00 GMT")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_request_is_tried_again_until_the_time_is_over(busy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = {"init_backoff": timedelta(milliseconds=1), "max_backoff": timedelta(milliseconds=2)}
    monkeypatch.setattr(client, "_RETRY", client._RETRY | {"backoff": tiny})
    options = {"endpoint": busy, "allow_http": "true", "region": "us-east-1", "skip_signature": "true"}
    store = ObjectStore(Address("s3", "news", "a.csv"), StorageOptions(options=options))
    assert store.head("a.csv").size == 7


def test_pauses_grow_for_three_minutes() -> None:
    given = client._open(Address("s3", "news", "a.csv"), {"skip_signature": "true"}).retry_config
    pauses = given["backoff"]
    assert given["retry_timeout"] == timedelta(minutes=3)
    assert pauses["base"] > 2.72, "the logarithm of a pause grows by that of base, less 1, on average"
    assert given["max_retries"] * pauses["max_backoff"] > 10 * given["retry_timeout"]


def test_a_role_that_this_machine_cannot_have_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("AZURE_"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(client, "_is_role_possible", lambda: False)
    nothing, key = ({"account_name": "me"}, {"account_name": "me", "account_key": "a2V5"})
    assert client._open(Address("az", "news", "a.csv"), nothing).retry_config is None
    assert client._open(Address("az", "news", "a.csv"), key).retry_config is not None
    monkeypatch.setattr(client, "_is_role_possible", lambda: True)
    assert client._open(Address("az", "news", "a.csv"), nothing).retry_config is not None


@pytest.mark.parametrize(
    ("scheme", "reason", "named"),
    [
        ("s3", "Received None from session.get_credentials", ("AWS_ACCESS_KEY_ID", "~/.aws", "skip_signature=true")),
        ("s3", "Error performing PUT http://169.254.169.254/latest/api/token", ("AWS_ACCESS_KEY_ID",)),
        ("gs", "Error performing GET http://metadata.google.internal/x", ("GOOGLE_APPLICATION_CREDENTIALS",)),
        ("az", "Generic MicrosoftAzure error: Account must be specified", ("account_name=",)),
    ],
)
def test_credentials_that_are_not_there_are_named(
    scheme: str, reason: str, named: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError(reason)

    monkeypatch.setattr(client, "_open", fail)
    with pytest.raises(InputError, match=f"no credentials for {scheme}://news") as caught:
        ObjectStore(Address(scheme, "news", "a.csv"), StorageOptions())
    assert all(words in caught.value.hint for words in named)


def test_no_account_on_azure_is_found_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("AZURE_"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(client, "_is_role_possible", lambda: False)
    with pytest.raises(InputError, match="no credentials"):
        ObjectStore(Address("az", "news", "a.csv"), StorageOptions())
