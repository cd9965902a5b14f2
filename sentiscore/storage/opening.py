"""Opens the store of an address."""

from sentiscore.storage.address import Address
from sentiscore.storage.client import ObjectStore
from sentiscore.storage.hub import HubStore
from sentiscore.storage.options import StorageOptions
from sentiscore.storage.store import Store


def open_store(address: Address, storage: StorageOptions) -> Store:
    """The store of an address.

    Raises:
        MissingExtraError: The library that reads it is not installed.
        InputError: An option does not exist, or there are no credentials.
    """
    return HubStore(address, storage) if address.scheme == "hf" else ObjectStore(address, storage)
