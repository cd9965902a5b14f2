"""Publishes two parts, in this process or in one that is killed before a request: a module that imports little."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, Final

from sentiscore.storage.client import ObjectStore
from sentiscore.storage.options import StorageOptions
from sentiscore.storage.staging import Staging

ADDRESS: Final = "s3://news/out/"


def publish(content: str, storage: StorageOptions) -> None:
    """Publish two parts."""
    with Staging([ADDRESS], storage) as staging:
        path = Path(staging.path(ADDRESS))
        staging.claim([path])
        path.mkdir(exist_ok=True)
        for number in range(2):
            (path / f"part-0000{number}.parquet").write_text(f"{content} {number}")
        staging.publish([path])


def main(options: str, staging: str, number: str) -> None:
    """Publish "new", and die before the request of this number."""
    left, call = int(number), ObjectStore._call

    def counted(self: ObjectStore, *args: Any, **others: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(self, *args, **others)

    ObjectStore._call = counted  # type: ignore[method-assign] # in this process alone
    publish("new", StorageOptions(options=json.loads(options), staging=staging))


if __name__ == "__main__":
    main(*sys.argv[1:])
