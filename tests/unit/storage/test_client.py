"""How stores are opened: by which class, with which options and credentials."""

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
