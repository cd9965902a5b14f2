"""Chooses the crew of a job."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from sentiscore.checkpoint import load_checkpoint
from sentiscore.engine import torch
from sentiscore.engine.device import choose_device, choose_dtype
from sentiscore.errors import InputError, require_extra
from sentiscore.scoring.options import ALL_DEVICES, RAY, Parallel, ScorerOptions
from sentiscore.scoring.pickled import Origin, Reference
from sentiscore.scoring.scorer import Scorer
from sentiscore.scoring.workers.crew import Crew
from sentiscore.scoring.workers.local import LocalCrew
from sentiscore.scoring.workers.worker import Assignment

AUTO: Final = "auto"


def check_crew(parallel: Parallel, model: Scorer | ScorerOptions) -> None:
    """Check what can be checked before anything is read or started.

    Args:
        parallel: The processes that are asked for.
        model: The model.

    Raises:
        InputError: A device does not exist, or the device of the model contradicts them.
        MissingExtraError: Ray is not installed.
    """
    if parallel.is_here:
        return
    device = reference_to(model).asked.device if isinstance(model, Scorer) else model.device
    if parallel.engine == RAY:
        require_extra("ray", "ray")
        if device.startswith("cuda") and not parallel.gpus_per_worker:
            raise InputError(
                f"The device is {device}, and Ray gives a worker no GPU.", "Say --gpus-per-worker 1 (gpus_per_worker)."
            )
        return
    if device != AUTO:
        raise InputError(
            f"Both one device, {device}, and several are named.", "Leave out --device (device), or --devices (devices)."
        )
    for each in devices_of(parallel):
        choose_dtype(AUTO if isinstance(model, Scorer) else model.dtype, choose_device(each))


def devices_of(parallel: Parallel) -> list[str]:
    """The devices that have a process each.

    Raises:
        InputError: All GPUs are meant, and there is none.
    """
    if parallel.devices != (ALL_DEVICES,):
        return list(parallel.devices or ())
    if n := torch.cuda.device_count() if torch.cuda.is_available() else 0:
        return [f"cuda:{i}" for i in range(n)]
    raise InputError("There is no CUDA GPU on this machine.", "Leave out --devices (devices), or name what is there.")


def crew_of(parallel: Parallel, model: Scorer | ScorerOptions, names: Mapping[str, Sequence[str]]) -> Crew:
    """The crew of a job, not started yet.

    Args:
        parallel: The processes that are asked for.
        model: The model.
        names: The names of entities that texts may mention.

    Raises:
        CheckpointError: The model cannot be found, or is incomplete.
        InputError: The scorer has a store of answers.
    """
    assignment = Assignment(scorer=reference_to(model), names=names, cores=1, warns=not isinstance(model, Scorer))
    if parallel.engine == RAY:
        from sentiscore.scoring.workers.on_ray import RayCrew

        asked = assignment.scorer.asked
        if asked.device == AUTO and not parallel.gpus_per_worker:  # a GPU that Ray did not give it is for others
            assignment = replace(assignment, scorer=assignment.scorer.on("cpu"))
        return RayCrew(parallel, replace(assignment, cores=parallel.cpus_per_worker))
    devices = devices_of(parallel)
    cores = max(1, torch.get_num_threads() // len(devices))
    return LocalCrew(devices, replace(assignment, cores=cores))


def reference_to(model: Scorer | ScorerOptions) -> Reference:
    """A reference to a scorer that is loaded or described.

    Raises:
        CheckpointError: The model cannot be found, or is incomplete.
        InputError: The scorer has a store of answers.
    """
    if isinstance(model, Scorer):
        return model.reference()
    checkpoint = load_checkpoint(model.model, revision=model.revision, labels=model.labels)
    origin = Origin.of(checkpoint)
    return Reference(Scorer, origin, replace(model, model=origin.model, revision=origin.revision))
