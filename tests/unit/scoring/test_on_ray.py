"""What is asked of Ray, and what becomes of its answers, with a Ray that only notes what it is asked."""

import os
import signal
import sys
from typing import Any

import pytest

from sentiscore import InputError, Parallel
from sentiscore.scoring.workers import on_ray
from sentiscore.scoring.workers.on_ray import RayCrew
from sentiscore.scoring.workers.worker import Assignment


class FakeRay:
    """A cluster with so many cores and GPUs, whose workers never get ready unless they are said to be lost."""

    class exceptions:  # noqa: N801 - the name of Ray's module
        class RayError(Exception):
            pass

        class RayActorError(RayError):
            pass

        class ObjectLostError(RayError):
            pass

        class WorkerCrashedError(RayError):
            pass

    def __init__(self, cores: float = 8, gpus: float = 0) -> None:
        self.resources = {"CPU": cores, "GPU": gpus}
        self.connected = False
        self.asked: dict[str, Any] = {}
        self.environment: dict[str, str] = {}
        self.workers: list[dict[str, Any]] = []
        self.killed: list[Any] = []
        self.lost = False

    def init(self, **asked: Any) -> None:
        self.connected, self.asked, self.environment = True, asked, dict(os.environ)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def shutdown(self) -> None:
        self.connected = False

    def is_initialized(self) -> bool:
        return self.connected

    def cluster_resources(self) -> dict[str, float]:
        return self.resources

    def remote(self, _kind: type) -> "FakeRay":
        return self

    def options(self, **given: Any) -> Any:
        fake = self

        class Made:
            def remote(self, *_: Any) -> Any:
                fake.workers.append(given)
                made: Any = self
                made.begin = type("Begin", (), {"remote": staticmethod(lambda: f"begun {len(fake.workers)}")})
                return made

        return Made()

    def wait(self, references: list[Any], timeout: float) -> tuple[list[Any], list[Any]]:
        return (references[:1], references[1:]) if self.lost else ([], references)

    def get(self, _reference: Any) -> Any:
        raise self.exceptions.RayActorError("The actor died.\nIts node was lost.")

    def kill(self, actor: Any) -> None:
        self.killed.append(actor)


ASSIGNMENT = Assignment(scorer=None, names={}, cores=2, warns=False)  # type: ignore[arg-type] # nothing loads it


def crew(monkeypatch: pytest.MonkeyPatch, fake: FakeRay, **given: Any) -> RayCrew:
    monkeypatch.setitem(sys.modules, "ray", fake)
    return RayCrew(Parallel(engine="ray", **given), ASSIGNMENT)


def test_a_cluster_of_this_machine_is_quiet_and_ends_with_the_crew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_USAGE_STATS_ENABLED", raising=False)
    fake, before = FakeRay(), signal.getsignal(signal.SIGTERM)
    with crew(monkeypatch, fake, workers=3, cpus_per_worker=2):
        assert (fake.asked["address"], fake.asked["log_to_driver"], fake.asked["include_dashboard"]) == (
            *("local", False),
            False,
        )
        assert fake.environment["RAY_USAGE_STATS_ENABLED"] == "0"
        assert "RAY_USAGE_STATS_ENABLED" not in os.environ
        assert signal.getsignal(signal.SIGTERM) == before
        assert [(each["num_cpus"], each["num_gpus"], each["max_restarts"]) for each in fake.workers] == [(2, 0, 0)] * 3
    assert not fake.connected
    assert len(fake.killed) == 3


def test_the_connection_of_the_program_is_used_and_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeRay()
    fake.connected = True
    with crew(monkeypatch, fake):
        assert fake.asked == {}
    assert fake.connected


@pytest.mark.parametrize(
    ("given", "n"),
    [
        ({}, 8),
        ({"cpus_per_worker": 3}, 2),
        ({"gpus_per_worker": 1}, 2),
        ({"gpus_per_worker": 0.5}, 4),
        ({"gpus_per_worker": 1, "cpus_per_worker": 8}, 1),
        ({"workers": 5}, 5),
    ],
)
def test_there_are_as_many_workers_as_have_room(given: dict[str, Any], n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeRay(cores=8, gpus=2)
    with crew(monkeypatch, fake, **given) as made:
        assert (made.size, len(fake.workers)) == (n, n)


@pytest.mark.parametrize("given", [{"cpus_per_worker": 9}, {"gpus_per_worker": 1}])
def test_a_worker_larger_than_this_machine_is_refused(given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeRay(cores=8)
    with pytest.raises(InputError, match="more than the 8 cores and 0 GPUs"), crew(monkeypatch, fake, **given):
        pass
    assert not fake.connected


def test_a_cluster_without_room_is_one_message_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_ray, "_PATIENCE_S", 0.0)
    with (
        crew(monkeypatch, FakeRay(), workers=1) as made,
        pytest.raises(InputError, match="no machine of the cluster has 1 cores and 0 GPUs free"),
    ):
        made.wait(lambda: None)


def test_workers_that_are_lost_as_they_start_end_the_job_with_what_ray_says(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeRay()
    fake.lost = True
    with (
        crew(monkeypatch, fake, workers=1) as made,
        pytest.warns(match="another one takes over"),
        pytest.raises(InputError, match=r"the last one on the cluster was lost \(The actor died\.\)"),
    ):
        made.wait(lambda: None)


def test_whatever_ray_raises_as_it_starts_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeRay()

    def init(**_: Any) -> None:
        raise Exception("The current node timed out during startup.")  # noqa: TRY002 - as Ray does

    monkeypatch.setattr(fake, "init", init)
    with (
        pytest.raises(InputError, match="Ray does not start on this machine: The current node timed out"),
        crew(monkeypatch, fake),
    ):
        pass


def test_a_sigterm_while_ray_starts_reaches_the_handler_of_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeRay()

    def init(**_: Any) -> None:
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(number))  # as Ray does
        signal.raise_signal(signal.SIGTERM)

    def stop(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fake, "init", init)
    before = signal.signal(signal.SIGTERM, stop)
    try:
        with pytest.raises(KeyboardInterrupt), crew(monkeypatch, fake):
            pass
    finally:
        signal.signal(signal.SIGTERM, before)
