"""Data sets of the Hugging Face hub, hf://datasets/USER/NAME/FILE: the only module that writes to the hub.

Everything is read at one commit, so that no input changes while it is read. Every write is a commit, which is atomic
and can depend on the commit before it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from sentiscore.errors import InputError, OutputError, SentiscoreError, import_extra
from sentiscore.storage.address import Address
from sentiscore.storage.options import StorageOptions
from sentiscore.storage.store import ConditionFailedError, ObjectFacts
from sentiscore.threads import Task

_TYPE: Final = "dataset"
_CHUNK_BYTES: Final = 8 << 20
_OPTIONS: Final = ("token", "endpoint")
_TRIES: Final = 5
"""How often a write is tried again because somebody committed something else meanwhile."""
_DENIED: Final = (401, 403)
_MOVED: Final = (409, 412)

Result = TypeVar("Result")


class HubStore:
    """The files of a data set; see `Store`.

    Args:
        address: Any address in the data set.
        storage: The options: token and endpoint; by default those of the user's login.

    Raises:
        MissingExtraError: huggingface_hub is not installed.
        InputError: An option does not exist.
    """

    def __init__(self, address: Address, storage: StorageOptions) -> None:
        if unknown := sorted(set(storage.options) - set(_OPTIONS)):
            raise InputError(f"The hub has no option {unknown[0]!r}.", f"Options are: {', '.join(_OPTIONS)}.")
        self._hub = import_extra("huggingface_hub", "hub")
        self._errors = import_extra("huggingface_hub.errors", "hub")
        self._transport = self._errors.HfHubHTTPError.__bases__  # of no connection too; their library has changed
        self._where = Address(address.scheme, address.bucket, "")
        name, _, self._branch = address.bucket.removeprefix("datasets/").partition("@")
        self._of = {"repo_id": name, "repo_type": _TYPE}
        self._options = dict(storage.options)
        self._api = self._hub.HfApi(**self._options)
        self._commit = ""

    def head(self, key: str) -> ObjectFacts:
        """See `Store`."""
        with self._translated(self._at(key), InputError, "read"):
            found = self._call(self._api.get_paths_info, paths=[key], revision=self._pinned(), **self._of)
        facts = [_facts(each) for each in found if each.path == key and hasattr(each, "blob_id")]
        if not facts:
            raise FileNotFoundError(str(self._at(key)))
        return facts[0]

    def list(self, prefix: str) -> Sequence[ObjectFacts]:
        """See `Store`."""
        listed: list[Any] = []
        try:
            with self._translated(self._at(prefix), InputError, "listed"):
                options = {"path_in_repo": prefix or None, "recursive": True, "revision": self._pinned(), **self._of}
                listed = self._call(lambda: list(self._api.list_repo_tree(**options)))
        except FileNotFoundError:
            return []
        return sorted((_facts(each) for each in listed if hasattr(each, "blob_id")), key=lambda each: each.key)

    def read(self, facts: ObjectFacts, offset: int) -> Iterator[bytes]:
        """See `Store`."""
        if self.head(facts.key) != facts:
            raise ConditionFailedError(facts.key)
        with self._translated(self._at(facts.key), InputError, "read"):
            name = f"datasets/{self._of['repo_id']}@{self._pinned()}/{facts.key}"
            files = self._hub.HfFileSystem(**self._options)
            with self._call(files.open, name, "rb", block_size=_CHUNK_BYTES) as file:
                file.seek(offset)
                while chunk := self._call(file.read, _CHUNK_BYTES):
                    yield chunk

    def get(self, key: str) -> bytes:
        """See `Store`."""
        return b"".join(self.read(self.head(key), 0))

    def upload(self, files: Mapping[str, Path]) -> None:
        """See `Store`."""
        self._write([self._hub.CommitOperationAdd(key, str(path)) for key, path in files.items()], next(iter(files)))

    def put(self, key: str, content: bytes, *, instead_of: ObjectFacts | None) -> None:
        """See `Store`."""
        for left in reversed(range(_TRIES)):
            self._commit = ""
            before = self._pinned()
            try:
                found: ObjectFacts | None = self.head(key)
            except FileNotFoundError:
                found = None
            if found != instead_of:
                raise ConditionFailedError(str(self._at(key)))
            try:
                self._write([self._hub.CommitOperationAdd(key, content)], key, parent_commit=before)
            except ConditionFailedError:
                if not left:
                    raise
            else:
                return

    def overwrite(self, key: str, content: bytes) -> None:
        """See `Store`."""
        self._write([self._hub.CommitOperationAdd(key, content)], key)

    def delete(self, keys: Sequence[str]) -> None:
        """See `Store`."""
        there = [key for key in keys if self._exists(key)]
        if there:
            self._write([self._hub.CommitOperationDelete(key) for key in there], there[0])

    def _exists(self, key: str) -> bool:
        try:
            self.head(key)
        except FileNotFoundError:
            return False
        return True

    def _write(self, operations: Sequence[Any], key: str, **options: Any) -> None:
        """Make one commit."""
        options |= {"revision": self._branch or None, **self._of}
        with self._translated(self._at(key), OutputError, "written"):
            self._call(
                self._api.create_commit, operations=list(operations), commit_message=f"sentiscore: {key}", **options
            )
        self._commit = ""

    def _pinned(self) -> str:
        """The commit at which everything is read, until this store writes something."""
        if not self._commit:
            with self._translated(self._where, InputError, "read"):
                found = self._call(self._api.repo_info, revision=self._branch or None, **self._of)
            self._commit = str(found.sha)
        return self._commit

    def _at(self, key: str) -> Address:
        return self._where.inside(key)

    def _call(self, function: Callable[..., Result], *args: Any, **options: Any) -> Result:
        task = Task(lambda: function(*args, **options))
        task.begin()
        return task.result()

    @contextmanager
    def _translated(self, address: Address, kind: type[SentiscoreError], done: str) -> Iterator[None]:
        """Translate the library's errors about a file; FileNotFoundError stays."""
        try:
            yield
        except self._errors.EntryNotFoundError as error:
            raise FileNotFoundError(str(address)) from error
        except (*self._transport, self._errors.HFValidationError, OSError, ValueError) as error:
            if type(error) is FileNotFoundError:
                raise
            status = getattr(getattr(error, "response", None), "status_code", None)
            if status in _MOVED:
                raise ConditionFailedError(str(address)) from error
            if status in _DENIED or isinstance(error, self._errors.RepositoryNotFoundError):
                raise kind(
                    f"{self._where} does not exist, or {address} may not be {done} with this login.",
                    "Log in with: hf auth login, or give --storage-option token=...",
                ) from error
            reason = " ".join(str(error).split()).rstrip(".")
            raise kind(
                f"{address} could not be {done}: {reason}.", "What was finished is kept: give the same command again."
            ) from error


def _facts(found: Any) -> ObjectFacts:
    lfs = found.lfs
    return ObjectFacts(key=found.path, size=found.size, etag=found.blob_id if lfs is None else lfs.sha256)
