"""How object stores are used: their options, and the folder for what is fetched from them and written to them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from sentiscore.errors import InputError
from sentiscore.local import local_path
from sentiscore.settings import Settings


@dataclass(frozen=True, kw_only=True)
class StorageOptions(Settings):
    """How s3://, gs://, az:// and hf:// addresses are read and written.

    Attributes:
        options: Options of the store by name, such as endpoint, region or access_key_id for S3. Without them the usual
            environment variables, configuration files and roles of the machine count. They are not shown in a repr,
            since they may hold secrets.
        staging: The folder for inputs that were fetched, outputs that are not published yet, and unfinished work; by
            default sentiscore/staging in the user's cache folder.

    Raises:
        InputError: A value has the wrong type.
    """

    what: ClassVar[str] = "choice of storage"
    hint: ClassVar[str] = "docs/how-to/use-object-stores.md describes it."

    options: dict[str, str] = field(default_factory=dict, repr=False)
    staging: str | Path | None = None

    @property
    def folder(self) -> Path:
        """The staging folder, which need not exist."""
        if self.staging is not None:
            return local_path(self.staging)
        caches = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME")
        return Path(caches or Path.home() / ".cache") / "sentiscore" / "staging"


def parse_options(given: Mapping[str, str] | tuple[str, ...]) -> dict[str, str]:
    """Parse options that were written as KEY=VALUE.

    Raises:
        InputError: One has no KEY=, or a key is given twice.
    """
    if isinstance(given, Mapping):
        return dict(given)
    options: dict[str, str] = {}
    for text in given:
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise InputError("A storage option has no name.", "Write KEY=VALUE, such as region=eu-west-1.")
        if name in options:
            raise InputError(f"The storage option {name!r} is given twice.", "Give it once.")
        options[name] = value
    return options
