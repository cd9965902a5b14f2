from pathlib import Path

import pytest

from sentiscore.errors import InputError, OutputError
from sentiscore.storage.address import Address, address_of, is_address, local_or_address
from sentiscore.storage.options import StorageOptions, parse_options


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://news/2026/a.parquet", Address("s3", "news", "2026/a.parquet")),
        ("S3://news/a.csv", Address("s3", "news", "a.csv")),
        ("gs://news/out/", Address("gs", "news", "out", is_folder=True)),
        ("az://box/a=1/b.parquet", Address("az", "box", "a=1/b.parquet")),
        ("hf://datasets/me/news/data/a.parquet", Address("hf", "datasets/me/news", "data/a.parquet")),
        ("hf://datasets/me/news@v1/a.parquet", Address("hf", "datasets/me/news@v1", "a.parquet")),
    ],
)
def test_an_address_has_a_bucket_and_a_key(text: str, expected: Address) -> None:
    assert address_of(text) == expected
    assert str(expected) == text.replace("S3", "s3")
    if not expected.is_folder:
        assert address_of(Path(text)) == expected  # a Path has lost one of the slashes


@pytest.mark.parametrize("text", ["news.csv", "https://a/b.csv", "file:///a", "C:/a.csv", "s3:", "./s3://a/b", 7, None])
def test_anything_else_is_no_address(text: object) -> None:
    assert address_of(text) is None
    assert not is_address(text)


BAD_PARTS = ["", ".", "..", "a\\b", "x" * 201, "a\0"]


@pytest.mark.parametrize(
    "text",
    [
        "s3://news",
        "s3://news/",
        "s3:///a",
        "hf://me/model",
        "hf://datasets/me",
        *(f"s3://b/{each}/c" for each in BAD_PARTS),
    ],
)
def test_a_key_that_no_file_can_be_called_is_refused(text: str) -> None:
    with pytest.raises(OutputError):
        address_of(text, OutputError)


def test_names_next_to_an_address_and_below_it() -> None:
    folder = Address("s3", "news", "a/out", is_folder=True)
    assert str(folder.inside("part.parquet")) == "s3://news/a/out/part.parquet"
    assert str(folder.beside(".out.job")) == "s3://news/a/.out.job"
    assert str(Address("s3", "news", "out").beside(".out.job")) == "s3://news/.out.job"


def test_an_address_that_was_made_a_path_has_its_slashes_again() -> None:
    assert local_or_address(Path("s3://news/a.parquet")) == "s3://news/a.parquet"
    assert local_or_address("a.parquet") == "a.parquet"


def test_options_are_written_as_key_and_value() -> None:
    assert parse_options(("region=eu-west-1", "secret=a=b")) == {"region": "eu-west-1", "secret": "a=b"}
    for wrong in (("region",), ("=x",), ("a=1", "a=2")):
        with pytest.raises(InputError) as caught:
            parse_options(wrong)
        assert "x" not in caught.value.message.replace("option", "")


def test_secrets_are_not_shown() -> None:
    assert "hunter2" not in repr(StorageOptions(options={"secret_access_key": "hunter2"}))


def test_the_staging_folder_is_in_the_cache_folder_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert StorageOptions().folder == tmp_path / "sentiscore" / "staging"
    assert StorageOptions(staging=tmp_path / "x").folder == tmp_path / "x"
