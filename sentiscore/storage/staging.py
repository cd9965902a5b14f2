"""Gives addresses in object stores paths of this machine, for as long as something works with them.

A job knows only files. Inputs in a store are fetched to files first; outputs are written to files, by the same code and
with the same journal as ever, and then published. A `Staging` without any address does nothing.
"""

import json
import os
import warnings
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from sentiscore.disk.durable import write_text
from sentiscore.errors import InputError, SentiscoreError, SentiscoreWarning, StoppedError
from sentiscore.storage.address import Address, address_of
from sentiscore.storage.claims import claim, release
from sentiscore.storage.fetching import fetch, is_fetched, vanished
from sentiscore.storage.opening import open_store
from sentiscore.storage.options import StorageOptions
from sentiscore.storage.parts_manifest import MANIFEST_NAME, PartsManifest
from sentiscore.storage.publishing import facts_before, publish_file, publish_folder
from sentiscore.storage.store import ObjectFacts, Store
from sentiscore.storage.work_area import WorkArea

_PROVENANCE: Final = "provenance.json"
_LOGS: Final = ("_delta_log", ".hoodie")
"""Folders of tables that cannot be read file by file, which the reader of folders has to see."""


class Staging:
    """The paths of addresses; use it as a context manager.

    Leaving the block removes what was fetched and published. If there is unfinished work, it stays, and the same
    command goes on with it. In errors that pass through, paths of the staging folder become addresses.

    Args:
        named: Everything that the user named, outputs first; what is not an address is ignored.
        storage: The options of the stores.
        take_over: Whether to take the claims of a run that was killed elsewhere.
        reads_only: Whether nothing will be published, so that several runs may do the same.
    """

    def __init__(
        self,
        named: Iterable[object],
        storage: StorageOptions | None,
        *,
        take_over: bool = False,
        reads_only: bool = False,
    ) -> None:
        self._storage = storage or StorageOptions()
        self._take_over = take_over
        paths = [each for each in named if isinstance(each, str | os.PathLike)]
        self._addresses = [address for each in paths if (address := address_of(each)) is not None]
        self._area = None
        if self._addresses:
            first = address_of(paths[0]) or Path(paths[0]).absolute()
            self._area = WorkArea(self._storage.folder, str(first), shared=reads_only)
        self._stores: dict[tuple[str, str], Store] = {}
        self._folders: set[Path] = set()
        self._inputs: list[tuple[Address, dict[Path, ObjectFacts]]] = []
        self._in_transit = False
        self._claims: dict[Path, tuple[Address, ObjectFacts | None]] = {}

    def __enter__(self) -> Self:
        for address in self._addresses:
            self._store(address)  # fails before a folder is made
        if self._area is not None:
            self._area.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._area is None:
            return
        try:
            self._release(self._area.owner if self._claims else "")
            if isinstance(error, SentiscoreError):
                error.message, error.hint = self._area.shown(error.message), self._area.shown(error.hint)
                error.args = (error.message, error.hint)
            if not (self._in_transit or _is_stopped(error) or self._area.has_unfinished_work):
                self._area.remove()
        finally:
            self._area.__exit__(kind, error, trace)

    def path(self, named: str | Path) -> str | Path:
        """The path of an address, with a slash at its end if the address has one; anything else as it is."""
        address = address_of(named)
        if address is None or self._area is None:
            return named
        path = self._area.path_of(address)
        if not address.is_folder:
            return path
        self._folders.add(path)
        return f"{path}/"

    def shown(self, path: Path | str) -> Path | str:
        """The address whose path this is, or the path itself."""
        address = self._address_at(Path(path))
        return path if address is None else str(address)

    def fetch(self, named: Iterable[object], *, to_publish: bool = False, provenance: bool = False) -> None:
        """Fetch everything that is an address: an object, or all objects of a folder.

        Args:
            named: What the user named.
            to_publish: Whether about as much will be written and published.
            provenance: Whether to fetch the provenance next to a file too, if there is one.

        Raises:
            InputError: It does not exist, or cannot be read.
            OutputError: There is not enough room for it.
        """
        if self._area is None:
            return
        wanted: list[tuple[Address, dict[Path, ObjectFacts]]] = []
        for address in filter(None, map(address_of, named)):
            wanted.append((address, self._objects(address)))
            if provenance and not address.is_folder:
                wanted.append((address, self._accompanying(address)))
        missing = [facts.size for _, all_of in wanted for path, facts in all_of.items() if not is_fetched(path, facts)]
        self._area.check_room(sum(missing) * (2 if to_publish else 1))
        self._in_transit = True
        for address, all_of in wanted:
            for path, facts in all_of.items():
                fetch(self._store(address), replace(address, key=facts.key, is_folder=False), facts, path)
        self._inputs += wanted
        self._in_transit = False

    def claim(self, outputs: Sequence[Path]) -> None:
        """Claim outputs, unless that is done: no other run may write them until this one ends.

        Raises:
            OutputError: One may not be written, is being written by another run, or is a folder of other objects.
        """
        for path in outputs:
            address = self._address_at(path)
            if address is None or self._area is None or path in self._claims:
                continue
            store = self._store(address)
            claim(store, address, self._area.owner, take_over=self._take_over)
            self._claims[path] = (address, None)
            self._claims[path] = (address, facts_before(store, address))

    def publish(self, paths: Sequence[Path]) -> None:
        """Publish finished outputs, in order; those on this machine are where they belong already.

        Raises:
            OutputError: One cannot be written, or was written by another run meanwhile.
        """
        self._in_transit = True
        for path in paths:
            address = self._address_at(path)
            if address is None or not path.exists():
                continue
            store = self._store(address)
            if path in self._claims:
                before = self._claims[path][1]
                if path.is_dir():
                    publish_folder(store, address, path, before, self._sources())
                else:
                    publish_file(store, address, path, before)
            else:  # it belongs to an output that is claimed
                store.upload({address.key: path})
        self._in_transit = False

    def warn_of_changes(self) -> None:
        """Warn if an input is another one in its store by now than what was fetched of it."""
        for address, fetched in self._inputs:
            store = self._store(address)
            is_one = [facts.key for facts in fetched.values()] == [address.key]
            try:
                now = {facts.key: facts for facts in ([store.head(address.key)] if is_one else store.list(address.key))}
            except (FileNotFoundError, SentiscoreError):
                now = {}
            if any(now.get(facts.key, facts).content != facts.content for facts in fetched.values()):
                warnings.warn(
                    f"{address} was changed after it was fetched; the output is made of what was fetched.",
                    SentiscoreWarning,
                    stacklevel=2,
                )

    def _release(self, owner: str) -> None:
        """Remove the claims; what was published stays, whatever becomes of them."""
        for address, _ in self._claims.values():
            try:
                release(self._store(address), address, owner)
            except SentiscoreError as error:
                warnings.warn(
                    f"{error.message} It only says that a run is writing {address}: remove it before the next one.",
                    SentiscoreWarning,
                    stacklevel=2,
                )

    def _address_at(self, path: Path) -> Address | None:
        if self._area is None:
            return None
        address = self._area.address_at(path)
        if address is None or not (path in self._folders or path.is_dir()):
            return address
        return Address(address.scheme, address.bucket, address.key, is_folder=True)

    def _objects(self, address: Address) -> dict[Path, ObjectFacts]:
        """The objects of an input, each with the path that it is fetched to.

        Raises:
            InputError: There are none.
        """
        assert self._area is not None  # noqa: S101 - for mypy: there is an address
        store = self._store(address)
        if not address.is_folder:
            with suppress(FileNotFoundError):
                return {self._area.path_of(address): store.head(address.key)}
        found = store.list(address.key)
        if not found:
            raise InputError(f"There is no object {address}.", "Check the address; a folder is a prefix of keys.")
        folder = self._area.path_of(address)
        if any(facts.key == address.inside(MANIFEST_NAME).key for facts in found):
            return self._of_manifest(address, folder, found)
        objects = {}
        for facts in found:
            names = facts.key.removeprefix(f"{address.key}/").split("/")
            if logs := set(names) & set(_LOGS):
                folder.joinpath(logs.pop()).mkdir(parents=True, exist_ok=True)
            elif names[-1] and not any(
                name.startswith(".") or (name.startswith("_") and "=" not in name) for name in names
            ):
                inside = address_of(str(address.inside("/".join(names)))) or address  # refuses .. and the like
                objects[self._area.path_of(inside)] = facts
        self._forget_others(folder, objects.keys())
        return objects

    def _accompanying(self, address: Address) -> dict[Path, ObjectFacts]:
        """The provenance next to a file, if there is one."""
        assert self._area is not None  # noqa: S101 - for mypy: there is an address
        beside = address.beside(f"{address.name}.{_PROVENANCE}")
        with suppress(FileNotFoundError):
            return {self._area.path_of(beside): self._store(beside).head(beside.key)}
        return {}

    def _of_manifest(self, address: Address, folder: Path, found: Sequence[ObjectFacts]) -> dict[Path, ObjectFacts]:
        """The parts that the manifest of a folder names; its provenance is written."""
        there = {facts.key: facts for facts in found}
        at = address.inside(MANIFEST_NAME)
        manifest = PartsManifest.from_bytes(self._store(address).get(at.key), str(at))
        objects = {}
        for part in manifest.parts:
            inside = address.inside(part.key)
            if inside.key not in there:
                raise vanished(inside)
            objects[folder / part.name] = there[inside.key]
        self._forget_others(folder, objects.keys())
        folder.mkdir(exist_ok=True)
        if manifest.provenance is not None:
            write_text(folder / _PROVENANCE, json.dumps(manifest.provenance, indent=2) + "\n")
        return objects

    def _forget_others(self, folder: Path, kept: Collection[Path]) -> None:
        """Remove files that were fetched to a folder earlier and are not in it any more."""
        for path in folder.rglob("*") if folder.is_dir() else ():
            is_hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
            if path.is_file() and path not in kept and not is_hidden:
                path.unlink()

    def _sources(self) -> list[dict[str, Any]]:
        return [
            {"address": str(replace(address, key=facts.key, is_folder=False)), **facts.content}
            for address, fetched in self._inputs
            for facts in fetched.values()
        ]

    def _store(self, address: Address) -> Store:
        of = (address.scheme, address.bucket)
        if of not in self._stores:
            self._stores[of] = open_store(address, self._storage)
        return self._stores[of]


def _is_stopped(error: BaseException | None) -> bool:
    """Whether work was stopped, so that the same command goes on with what is there."""
    return error is not None and (isinstance(error, StoppedError) or not isinstance(error, SentiscoreError))
