"""One mother of processes for all tests that break them: it imports everything, which takes seconds."""

from collections.abc import Iterator

import pytest

from tests.faults.nursery import Nursery


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    with Nursery() as mother:
        yield mother
