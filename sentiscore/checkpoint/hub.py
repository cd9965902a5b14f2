"""A hub id -> a folder in the local cache, without weights that could run code."""

from pathlib import Path

from sentiscore.errors import CheckpointError

_WANTED = ["*.json", "*.safetensors", "*.txt", "*.model"]


def download(model: str, revision: str | None = None) -> tuple[Path, str]:
    """Fetch a model from the Hugging Face hub, or find it in the cache.

    Args:
        model: A hub id such as "EleutherAI/pythia-70m".
        revision: A branch, tag or commit.

    Returns:
        The folder in the cache and the commit it holds.

    Raises:
        CheckpointError: It is neither on the hub nor in the cache, or the hub cannot be reached.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        folder = Path(snapshot_download(model, revision=revision, allow_patterns=_WANTED))
    except GatedRepoError as error:
        raise CheckpointError(
            f"The hub wants you to accept the terms of {model!r} first.",
            "Do so on its page, then: hf auth login",
        ) from error
    except RevisionNotFoundError as error:
        raise CheckpointError(f"{model!r} has no revision {revision!r}.", "See the model's page for them.") from error
    except (HFValidationError, RepositoryNotFoundError) as error:
        raise CheckpointError(
            f"There is no folder and no hub model {model!r}.",
            "Give a folder, a hub id such as ProsusAI/finbert, or leave it out for the embedded default.",
        ) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise CheckpointError(
            f"There is no folder {model!r}; as a hub id it is not in the local cache, and the hub cannot be reached.",
            "Name a folder instead (--model FOLDER, or --base FOLDER to train), or try again with a connection.",
        ) from error
    return folder, folder.name
