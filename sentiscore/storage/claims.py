"""A claim on an output in a store: a small object that one run at a time can make, since the store makes it only once.

While a run writes NAME, `.NAME.job` next to it says who does. It also finds out, before any work is done, whether
something can be written there. A run that ends removes it; a run that was killed leaves it, and the same command on the
same machine takes it over.
"""

import json
import warnings
from datetime import UTC, datetime
from typing import Any

from sentiscore.errors import OutputError, SentiscoreWarning
from sentiscore.storage.address import Address
from sentiscore.storage.store import ConditionFailedError, Store


def claim_key(output: Address) -> str:
    """The key of the claim on an output."""
    return output.beside(f".{output.name}.job").key


def claim(store: Store, output: Address, owner: str, *, take_over: bool) -> None:
    """Claim an output.

    Args:
        store: The store.
        output: The output, a file or a folder.
        owner: What marks claims of this job.
        take_over: Whether to take the claim of a run that was killed elsewhere.

    Raises:
        OutputError: Nothing can be written there, or another run has claimed it.
    """
    key = claim_key(output)
    content = json.dumps({"owner": owner, "begun": datetime.now(UTC).isoformat(timespec="seconds")}).encode()
    try:
        store.put(key, content, instead_of=None)
    except ConditionFailedError as error:
        found = _read(store, key)
        if found.get("owner") == owner:
            return
        if not take_over:
            since = f" since {found['begun']}" if "begun" in found else ""
            raise OutputError(
                f"Another run is writing {output}{since}.",
                "Wait until it has ended. If it was killed on another machine, --no-resume (resume=False) takes over.",
            ) from error
        store.overwrite(key, content)
    except FileNotFoundError as error:
        raise OutputError(
            f"{output.scheme}://{output.bucket} does not exist.", "Check the name, or make the bucket first."
        ) from error
    else:
        _check_conditions(store, output, key)


def release(store: Store, output: Address, owner: str) -> None:
    """Remove a claim, unless another run has taken it over."""
    key = claim_key(output)
    if _read(store, key).get("owner") == owner:
        store.delete([key])


def _check_conditions(store: Store, output: Address, key: str) -> None:
    """Warn if the store makes an object that exists, though it was asked not to."""
    try:
        store.put(key, store.get(key) + b"\n", instead_of=None)
    except ConditionFailedError:
        return
    warnings.warn(
        f"The store of {output} does not support conditional writes, so two runs could write it at the same time.",
        SentiscoreWarning,
        stacklevel=2,
    )


def _read(store: Store, key: str) -> dict[str, Any]:
    try:
        found = json.loads(store.get(key))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
