"""A release on a hub: uploaded as it is, in one commit, through Hugging Face's own client.

Needs the library `huggingface_hub`, which comes with Transformers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError

from ossamma.export.manifest import CARD_FILE, METADATA_FILE, SIGNATURE_FILE, resolve, verify
from ossamma.schema.errors import BundleError


@dataclass(frozen=True, kw_only=True, slots=True)
class PushRequest:
    """Which release goes where."""

    bundle: Path
    """A release; it is verified first."""
    repo: str
    """OWNER/NAME on the hub; made if it is not there."""
    private: bool = True
    """Whether a repository that is made here is private."""
    message: str | None = None
    """Of the commit; None names the weights' checksum."""
    endpoint: str | None = None
    """The hub's address; None means Hugging Face's, or that in $HF_ENDPOINT."""


def push_bundle(request: PushRequest) -> str:
    """Upload a release and return the address of its commit.

    The client finds the token where `hf auth login` or $HF_TOKEN has put it. Files that the
    repository holds beside those of the release are removed: a bundle must be exactly its files.

    Raises:
        BundleError: the bundle is not intact or no release, or the hub refuses it.
    """
    folder = resolve(request.bundle)
    metadata = verify(folder)
    if CARD_FILE not in metadata["files"]:
        raise BundleError(
            f"{folder} is no release: it has no model card; make one with "
            "`ossamma export RUN --out BUNDLE`"
        )
    api = HfApi(endpoint=request.endpoint, library_name="ossamma", library_version="0")
    names = sorted({*metadata["files"], METADATA_FILE, SIGNATURE_FILE})
    try:
        api.create_repo(request.repo, private=request.private, exist_ok=True)
        done = api.upload_folder(
            repo_id=request.repo,
            folder_path=folder,
            commit_message=request.message or f"Release {metadata['checksum'][:12]}",
            allow_patterns=names,
            delete_patterns=["*"],
        )
    except (HfHubHTTPError, HFValidationError, OSError, ValueError) as error:
        raise BundleError(f"cannot push {folder} to {request.repo}: {error}") from error
    return str(done.commit_url)
