"""Fetches a model from the hub that has it: says what first, goes on where it broke off, checks it.

The hub is Hugging Face's, by its "Hub API endpoints"; `HF_ENDPOINT` names a mirror, as for its
other clients. Proxies are those of the environment.
"""

import base64
import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

import msgspec

from transcribe_cli import __version__
from transcribe_cli.emulator.engines.model_store import folder_for
from transcribe_cli.errors import ServiceError, StreamError, UsageError
from transcribe_cli.protocol.endpoint import without_credentials

HUB = "https://huggingface.co"
# Of a repository only these are the model.
FILES = frozenset(("model.bin", "config.json", "vocabulary.json", "vocabulary.txt"))
_BLOCK_BYTES = 1 << 18
_MOST_TOLD_BYTES = 1 << 22
_SILENT_S = 30.0
_HTTP_PARTIAL = 206


class RemoteFile(NamedTuple):
    """A file of the hub: its name, size and sum. Small files have the sum that git gives them."""

    name: str
    size_bytes: int
    sha256: str | None
    git_sha1: str | None


class Fetch(NamedTuple):
    """What would be fetched, from where, and where to."""

    repository: str
    revision: str
    hub: str
    files: tuple[RemoteFile, ...]
    folder: Path

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)

    def __str__(self) -> str:
        size = f"{self.size_bytes / 1e6:.0f} MB"
        hub = without_credentials(self.hub)
        return f"{self.repository} ({size}) from {hub} to {self.folder}"


class _ToldSum(msgspec.Struct):
    sha256: str | None = None


class _ToldFile(msgspec.Struct, rename={"blob_id": "blobId"}):
    rfilename: str
    size: int = 0
    blob_id: str | None = None
    lfs: _ToldSum | None = None


class _Told(msgspec.Struct):
    """What the hub tells of a repository."""

    sha: str
    siblings: list[_ToldFile]


def plan_fetch(repository: str) -> Fetch:
    """Ask the hub what there is.

    Raises:
        UsageError: the hub knows no such repository, or it holds no such model.
        ServiceError: the hub cannot be reached.
    """
    hub = os.environ.get("HF_ENDPOINT", "").rstrip("/") or HUB
    try:
        is_hub = urlsplit(hub).scheme in ("https", "http")
    except ValueError:  # brackets that are none
        is_hub = False
    if not is_hub:
        named = without_credentials(hub)
        raise UsageError(
            f"HF_ENDPOINT is no address of a hub: '{named}'.", "it begins with https://"
        )
    url = f"{hub}/api/models/{repository}/revision/main?blobs=true"
    with _asking(repository), _open(url) as answer:
        told = msgspec.json.decode(answer.read(_MOST_TOLD_BYTES), type=_Told)
    files = tuple(
        RemoteFile(f.rfilename, f.size, f.lfs.sha256 if f.lfs else None, f.blob_id)
        for f in told.siblings
        if f.rfilename in FILES
    )
    names = {file.name for file in files}
    if "model.bin" not in names or not names & {"vocabulary.json", "vocabulary.txt"}:
        raise UsageError(
            f"{repository} holds no model of Whisper for CTranslate2.",
            "it would have model.bin, config.json and vocabulary.json",
        )
    return Fetch(repository, told.sha, hub, files, folder_for(repository))


def fetch(plan: Fetch, tell: Callable[[int], None]) -> None:
    """Fetch a model; what came of it before is kept.

    Args:
        tell: called with the number of bytes that are here in addition.

    Raises:
        ServiceError: it broke off, or what came is not what the hub has.
        StreamError: it cannot be written.
    """
    # Of one revision: half of another one's file would not fit.
    revision = hashlib.sha256(plan.revision.encode()).hexdigest()[:12]
    part = plan.folder.with_name(f"{plan.folder.name}.{revision}.part")
    with _writing(part):
        part.mkdir(parents=True, exist_ok=True)
    for file in plan.files:
        _fetch_file(plan, file, part / file.name, tell)
    with _writing(plan.folder):
        part.rename(plan.folder)


def _fetch_file(plan: Fetch, file: RemoteFile, path: Path, tell: Callable[[int], None]) -> None:
    here = path.stat().st_size if path.exists() else 0
    if here < file.size_bytes:
        url = f"{plan.hub}/{plan.repository}/resolve/{plan.revision}/{file.name}"
        with _asking(plan.repository), _open(url, here) as answer:
            if answer.status != _HTTP_PARTIAL:
                here = 0
            tell(here)
            with _writing(path):
                out = path.open("r+b" if here else "wb")
            with out:
                out.seek(here)
                while here < file.size_bytes and (block := answer.read(_BLOCK_BYTES)):
                    with _writing(path):
                        out.write(block)
                    here += len(block)
                    tell(len(block))
            if here < file.size_bytes:
                raise ConnectionError(f"it broke off after {here} of {file.size_bytes} bytes")
    else:
        tell(here)
    if not _is_right(path, file):
        path.unlink()
        raise ServiceError(
            f"{file.name} of {plan.repository} came damaged from {without_credentials(plan.hub)}.",
            "try again",
        )


def _is_right(path: Path, file: RemoteFile) -> bool:
    """Whether a file has the size and the sum that the hub told."""
    if path.stat().st_size != file.size_bytes:
        return False
    wanted = file.sha256 or file.git_sha1
    if file.sha256:
        summed = hashlib.sha256()
    else:
        summed = hashlib.sha1(b"blob %d\0" % file.size_bytes, usedforsecurity=False)
    with path.open("rb") as data:
        while block := data.read(_BLOCK_BYTES):
            summed.update(block)
    return wanted is None or summed.hexdigest() == wanted


def _open(url: str, first: int = 0) -> Any:
    """The answer to a request, from that byte on if the hub can."""
    headers = {"User-Agent": f"aai-stream/{__version__}"}
    if first:
        headers["Range"] = f"bytes={first}-"
    parts = urlsplit(url)
    address, _, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(parts._replace(netloc=host).geturl(), headers=headers)
    if address:  # of a mirror that asks who it is; where it sends us on to is not told
        basic = base64.b64encode(unquote_to_bytes(address)).decode()
        request.add_unredirected_header("Authorization", f"Basic {basic}")
    return urllib.request.urlopen(request, timeout=_SILENT_S)  # nosec B310


@contextmanager
def _asking(repository: str) -> Iterator[None]:
    """Translate what goes wrong between here and the hub."""
    try:
        yield
    except urllib.error.HTTPError as e:
        e.close()
        if e.code in (401, 404):
            raise UsageError(
                f"The hub knows no model {repository}.", "see its name at the hub"
            ) from e
        raise _failed(repository, f"the hub answers {e.code}") from e
    except urllib.error.URLError as e:
        raise _failed(repository, str(e.reason)) from e
    except (OSError, HTTPException, msgspec.MsgspecError) as e:
        raise _failed(repository, str(e) or type(e).__name__) from e


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Translate what this machine refuses."""
    try:
        yield
    except OSError as e:
        raise StreamError(
            f"'{path}' cannot be written: {e.strerror or e}.", "free some space"
        ) from e


def _failed(repository: str, why: str) -> ServiceError:
    return ServiceError(
        f"{repository} could not be fetched: {why.rstrip('.')}.",
        "try again: what has come is kept; HF_ENDPOINT names a mirror",
    )
