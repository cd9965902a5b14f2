"""S3, Google Cloud Storage and Azure, by the library obstore: the only module that calls it.

obstore signs, retries (503, 429 and cut connections, as `_RETRY` says) and uploads large files in parts. Every call
goes through `_call`, in another thread, so that Ctrl-C ends the wait for it.
"""

import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from sentiscore.errors import InputError, OutputError, SentiscoreError, import_extra, is_installed
from sentiscore.storage.address import Address
from sentiscore.storage.options import StorageOptions
from sentiscore.storage.store import ConditionFailedError, ObjectFacts
from sentiscore.threads import Task

_CHUNK_BYTES: Final = 8 << 20
_MOST_CHUNKS: Final = 9_000
"""S3 takes 10,000 parts of an upload."""
_CLIENT: Final = {"connect_timeout": "10s", "read_timeout": "60s", "timeout": "1h"}
"""The library's own limit of 30 seconds counts the body of a response, and files are large. These are options like any
other, since what the library calls client options would replace those of the environment."""
_RETRY: Final = {
    "backoff": {"init_backoff": timedelta(seconds=0.1), "max_backoff": timedelta(seconds=15), "base": 4},
    "retry_timeout": timedelta(minutes=3),
    "max_retries": 1_000,
}
"""A pause is random, up to `base` times the one before: below a base of e they do not grow. The time ends the retries,
not their number; the library's own 10 retries are over after a few seconds."""
_ROLES: Final = ("169.254.169.254", 80)
"""Where machines in clouds are given the credentials of their role."""
_ROLES_WAIT_S: Final = 1.0
_CREDENTIALS: Final = ("key", "secret", "sas", "credentials", "service_account", "token", "skip_signature", "cli")
"""Words in the names of options and variables that make credentials known."""
_NOT_FOUND: Final = ("session.get_credentials", _ROLES[0], "metadata.google.internal", "Account must be specified")
"""What the library's errors say where it found no credentials."""
_WAYS: Final = {
    "s3": "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in with a profile of ~/.aws; for a public bucket, "
    "give --storage-option skip_signature=true.",
    "gs": "Set GOOGLE_APPLICATION_CREDENTIALS to the file of a service account, or log in with gcloud; for a public "
    "bucket, give --storage-option skip_signature=true.",
    "az": "Name the account with --storage-option account_name=NAME or AZURE_STORAGE_ACCOUNT_NAME, and set "
    "AZURE_STORAGE_ACCOUNT_KEY; for a public container, give --storage-option skip_signature=true.",
}
_VARIABLES: Final = {"s3": "AWS_", "gs": "GOOGLE_", "az": "AZURE_"}
_OWN_KEYS: Final = ("access_key_id", "skip_signature")
"""Options that make a search for credentials unnecessary."""

Result = TypeVar("Result")


class ObjectStore:
    """The objects of a bucket; see `Store`.

    Args:
        address: Any address in the bucket.
        storage: The options of the store.

    Raises:
        MissingExtraError: obstore is not installed.
        InputError: An option does not exist, or there are no credentials.
    """

    def __init__(self, address: Address, storage: StorageOptions) -> None:
        self._obstore = import_extra("obstore", "storage")
        self._errors = import_extra("obstore.exceptions", "storage")
        self._where = Address(address.scheme, address.bucket, "")
        with self._translated(address, InputError, "opened"):
            self._store = _open(address, dict(storage.options))

    def head(self, key: str) -> ObjectFacts:
        """See `Store`."""
        with self._translated(self._at(key), InputError, "read"):
            return _facts(self._call(self._obstore.head, self._store, key))

    def list(self, prefix: str) -> Sequence[ObjectFacts]:
        """See `Store`."""
        try:
            with self._translated(self._at(prefix), InputError, "listed"):
                found = self._call(lambda: self._obstore.list(self._store, prefix or None, chunk_size=1000).collect())
        except FileNotFoundError:  # there is no such bucket
            return []
        below = [_facts(each) for each in found if not prefix or each["path"].startswith(f"{prefix}/")]
        return sorted(below, key=lambda each: each.key)

    def read(self, facts: ObjectFacts, offset: int) -> Iterator[bytes]:
        """See `Store`."""
        options: dict[str, Any] = {"if_match": facts.etag} if facts.etag else {}
        if offset:
            options["range"] = {"offset": offset}
        with self._translated(self._at(facts.key), InputError, "read"):
            chunks = self._call(self._obstore.get, self._store, facts.key, options=options).stream(_CHUNK_BYTES)
            while (chunk := self._call(next, chunks, None)) is not None:
                yield bytes(chunk)

    def upload(self, files: Mapping[str, Path]) -> None:
        """See `Store`."""
        for key, path in files.items():
            size = path.stat().st_size
            chunk = max(_CHUNK_BYTES, -(-size // _MOST_CHUNKS))
            with self._translated(self._at(key), OutputError, "written"):
                self._call(self._obstore.put, self._store, key, path, chunk_size=chunk, max_concurrency=4)
            if self.head(key).size != size:
                raise OutputError(
                    f"{self._at(key)} has another size in the store than the file that was sent.",
                    "Give the same command again: what was finished is kept.",
                )

    def put(self, key: str, content: bytes, *, instead_of: ObjectFacts | None) -> None:
        """See `Store`."""
        named = {} if instead_of is None else {"e_tag": instead_of.etag, "version": instead_of.version}
        mode = {name: value for name, value in named.items() if value} or ("create" if instead_of is None else None)
        try:
            with self._translated(self._at(key), OutputError, "written"):
                self._call(self._obstore.put, self._store, key, content, mode=mode)
        except NotImplementedError:
            self.overwrite(key, content)
        except ConditionFailedError:
            if self.get(key) != content:  # or an answer was lost, and the second try met the first
                raise

    def get(self, key: str) -> bytes:
        """Read a small object as a whole; raises FileNotFoundError if there is none."""
        with self._translated(self._at(key), InputError, "read"):
            return bytes(self._call(lambda: self._obstore.get(self._store, key).bytes()))

    def overwrite(self, key: str, content: bytes) -> None:
        """See `Store`."""
        with self._translated(self._at(key), OutputError, "written"):
            self._call(self._obstore.put, self._store, key, content)

    def delete(self, keys: Sequence[str]) -> None:
        """See `Store`."""
        for key in keys:
            try:
                with self._translated(self._at(key), OutputError, "removed"):
                    self._call(self._obstore.delete, self._store, key)
            except FileNotFoundError:
                continue

    def _at(self, key: str) -> Address:
        return self._where.inside(key)

    def _call(self, function: Callable[..., Result], *args: Any, **options: Any) -> Result:
        task = Task(lambda: function(*args, **options))
        task.begin()
        return task.result()

    @contextmanager
    def _translated(self, address: Address, kind: type[SentiscoreError], done: str) -> Iterator[None]:
        """Translate the library's errors about an object; FileNotFoundError stays."""
        errors = self._errors
        try:
            yield
        except (errors.AlreadyExistsError, errors.PreconditionError) as error:
            raise ConditionFailedError(str(address)) from error
        except errors.NotSupportedError as error:
            raise NotImplementedError(str(address)) from error
        except (errors.PermissionDeniedError, errors.UnauthenticatedError) as error:
            raise kind(
                f"{address} may not be {done} with these credentials.",
                "Check them and what they allow; docs/how-to/use-object-stores.md says what is needed.",
            ) from error
        except (errors.UnknownConfigurationKeyError, errors.InvalidPathError) as error:
            raise kind(f"{address} could not be {done}: {_reason(error)}.", "Check --storage-option.") from error
        except (errors.BaseError, ValueError, OSError) as error:
            if isinstance(error, FileNotFoundError):
                raise
            if "404 Not Found" in str(error):  # of a list in a bucket that does not exist
                raise FileNotFoundError(str(address)) from error
            if "501 Not Implemented" in str(error):
                raise NotImplementedError(str(address)) from error
            if any(words in str(error) for words in _NOT_FOUND):
                raise kind(f"There are no credentials for {self._where}.", _WAYS[self._where.scheme]) from error
            raise kind(
                f"{address} could not be {done}: {_reason(error)}.",
                "What was finished is kept: give the same command again, or check the options and credentials.",
            ) from error


def _open(address: Address, options: dict[str, str]) -> Any:
    """Open the library's store of a bucket."""
    stores = import_extra("obstore.store", "storage")
    retry = {"retry_config": _RETRY} if _is_known(address.scheme, options) or _is_role_possible() else {}
    kind = {"s3": stores.S3Store, "gs": stores.GCSStore, "az": stores.AzureStore}[address.scheme]
    found = {"credential_provider": _of_boto3()} if address.scheme == "s3" and _needs_boto3(options) else {}
    return kind(address.bucket, config=_CLIENT | options, **found, **retry)


def _is_known(scheme: str, options: Mapping[str, str]) -> bool:
    """Whether something names credentials, which need not be right."""
    variables = [name for name in os.environ if name.startswith(_VARIABLES[scheme])]
    if any(word in name.lower() for name in (*options, *variables) for word in _CREDENTIALS):
        return True
    if scheme == "s3":
        return _needs_boto3(options)
    return scheme == "gs" and (Path.home() / ".config/gcloud/application_default_credentials.json").exists()


def _is_role_possible() -> bool:
    """Whether this machine can ask for a role; otherwise it would be asked for in vain, as often as anything else."""
    try:
        socket.create_connection(_ROLES, _ROLES_WAIT_S).close()
    except OSError:
        return False
    return True


def _needs_boto3(options: Mapping[str, str]) -> bool:
    """Whether credentials of S3 may be in configuration files, which boto3 reads and obstore does not."""
    given = {name.lower().removeprefix("aws_") for name in options}
    of_environment = "AWS_ACCESS_KEY_ID" in os.environ and "AWS_PROFILE" not in os.environ
    return not of_environment and given.isdisjoint(_OWN_KEYS) and is_installed("boto3")


def _of_boto3() -> Any:
    """The chain of credentials of AWS: profiles, single sign-on, roles of containers and machines."""
    return import_extra("obstore.auth.boto3", "storage").Boto3CredentialProvider()


def _facts(found: Mapping[str, Any]) -> ObjectFacts:
    return ObjectFacts(key=found["path"], size=found["size"], etag=found["e_tag"], version=found["version"])


def _reason(error: Exception) -> str:
    """The first line of an error: obstore appends its own debugging output."""
    return " ".join(str(error).partition("\n\nDebug source")[0].split()).rstrip(".")
