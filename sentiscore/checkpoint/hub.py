"""Fetches a hub id to a folder in the local cache, without weights that could run code.

Nothing else in sentiscore asks the hub for a model, and this is done before the first text is scored.
"""

from pathlib import Path
from typing import Any

from sentiscore.checkpoint.lock import command, is_commit, pinned
from sentiscore.errors import CheckpointError, import_extra, is_installed, missing_extra

_WANTED = ["*.json", "*.safetensors", "*.txt", "*.model"]


def fetch(model: str, revision: str | None = None, *, must_be_pinned: bool, ask_lock: bool = True) -> tuple[Path, str]:
    """Fetch a model from the hub, or find it in the cache, at the commit to which it is pinned.

    Args:
        model: A hub id such as "EleutherAI/pythia-70m".
        revision: A branch, tag or commit.
        must_be_pinned: Whether the revision must be a commit, or the lock file must name one.
        ask_lock: Whether to read the lock file.

    Returns:
        The folder in the cache and the commit it holds.

    Raises:
        CheckpointError: No commit is pinned, or it is neither on the hub nor in the cache, or the hub cannot be
            reached.
    """
    commit = pinned(model, revision) if ask_lock else None
    if commit is None and must_be_pinned:
        what = f"{revision!r} is a name that can move" if revision else "its owner can change it"
        raise CheckpointError(
            f"The hub model {model!r} needs a fixed commit, and none is recorded for it here: {what}.",
            f"Record it once: {command(model, revision)}\n"
            "or name the commit, all 40 digits of it, with --revision (revision).\n"
            f"If a folder is meant: there is none at {model}.",
        )
    return download(model, commit or revision)


def download(model: str, revision: str | None = None) -> tuple[Path, str]:
    """Fetch a model from the Hugging Face hub, or find it in the cache.

    Args:
        model: A hub id such as "EleutherAI/pythia-70m".
        revision: A branch, tag or commit. A commit that is complete in the cache is not requested again.

    Returns:
        The folder in the cache and the commit it holds.

    Raises:
        CheckpointError: It is neither on the hub nor in the cache, or the hub cannot be reached.
        MissingExtraError: The hub's library is not installed.
    """
    if not is_installed("huggingface_hub"):
        raise missing_extra(
            f"There is no folder {model!r}, and to look on the hub this needs huggingface_hub, which is not installed.",
            "hub",
        )
    huggingface_hub, errors = _hub()
    try:
        folder = _in_cache(huggingface_hub, model, revision) if is_commit(revision) else None
        if folder is None:
            folder = Path(huggingface_hub.snapshot_download(model, revision=revision, allow_patterns=_WANTED))
    except errors.GatedRepoError as error:
        raise CheckpointError(
            f"The hub wants you to accept the terms of {model!r} first.",
            "Do so on its page, then: hf auth login",
        ) from error
    except errors.RevisionNotFoundError as error:
        raise CheckpointError(f"{model!r} has no revision {revision!r}.", "See the model's page for them.") from error
    except (errors.HFValidationError, errors.RepositoryNotFoundError) as error:
        raise CheckpointError(
            f"There is no folder and no hub model {model!r}.",
            "Give a folder, a hub id such as distilbert/distilbert-base-uncased-finetuned-sst-2-english, or leave it "
            "out for the embedded default.",
        ) from error
    except (errors.LocalEntryNotFoundError, errors.HfHubHTTPError, OSError) as error:
        raise CheckpointError(
            f"There is no folder {model!r}; as a hub id it is not in the local cache, and the hub cannot be reached.",
            "Name a folder instead (--model FOLDER, or --base FOLDER to train), or try again with a connection.",
        ) from error
    if not is_commit(folder.name):
        raise CheckpointError(f"The hub does not say which commit of {model!r} it gave.", "Update huggingface_hub.")
    return folder, folder.name


def find_in_cache(model: str, commit: str | None) -> Path | None:
    """Find the folder of a base in the hub's cache, without a request to the hub.

    Args:
        model: A hub id.
        commit: The full commit, with all 40 digits.

    Returns:
        The folder; None if the cache lacks that commit, or its config or weights.
    """
    huggingface_hub, errors = _hub()
    try:
        return _in_cache(huggingface_hub, model, commit, is_base=True) if is_commit(commit) else None
    except errors.HFValidationError:
        return None


def _hub() -> tuple[Any, Any]:
    """Import the hub's library and its errors."""
    return import_extra("huggingface_hub", "hub"), import_extra("huggingface_hub.errors", "hub")


def _in_cache(hub: Any, model: str, commit: str | None, *, is_base: bool = False) -> Path | None:
    """The folder of a commit in the cache, if all files for loading are there; a base needs no tokenizer."""
    from sentiscore.checkpoint.config import CONFIG
    from sentiscore.checkpoint.tokenizer_files import tokenizer_sources
    from sentiscore.checkpoint.weights_header import weight_files

    try:
        folder = Path(hub.snapshot_download(model, revision=commit, allow_patterns=_WANTED, local_files_only=True))
        needed = [CONFIG, *weight_files(folder)]
    except (_hub()[1].LocalEntryNotFoundError, CheckpointError):
        return None
    has_tokenizer = is_base or bool(tokenizer_sources(folder))
    return folder if has_tokenizer and all((folder / name).exists() for name in needed) else None
