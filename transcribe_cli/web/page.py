"""Finds the media in a page with yt-dlp (extra `web`)."""

import importlib.util
import json
import subprocess
from typing import NamedTuple

from transcribe_cli.errors import AudioError, shortened
from transcribe_cli.system.child_process import detached, module_command, module_environment

_COMMAND = module_command("transcribe_cli.web.page_worker")
_LIMIT_S = 120.0
_MOST_SAID = 60
_KEPT = ("user-agent", "referer", "origin", "accept-language")  # the headers that are passed on


class Found(NamedTuple):
    """Media in a page.

    Attributes:
        headers: headers that the media's server expects.
    """

    address: str
    title: str
    headers: dict[str, str]


def find_media(address: str, name: str, *, is_public: bool) -> Found:
    """Find the media in a page.

    Args:
        name: the page's name for people.
        is_public: refuse private networks.

    Raises:
        AudioError: yt-dlp is not installed, or finds no media.
    """
    if importlib.util.find_spec("yt_dlp") is None:
        raise AudioError(
            f"'{name}' is a page, not audio.",
            "pip install 'aai-stream[web]' finds the media in many pages",
        )
    asked = json.dumps({"address": address, "is_public": is_public})
    try:
        done = subprocess.run(
            _COMMAND,
            input=asked.encode(),
            capture_output=True,
            timeout=_LIMIT_S,
            env=module_environment(),
            **detached(),
        )
        found = json.loads(done.stdout)
    except subprocess.TimeoutExpired as e:
        raise AudioError(
            f"'{name}' is a page, and yt-dlp is not done with it within {_LIMIT_S:.0f} s.",
            "try again later",
        ) from e
    except (OSError, ValueError) as e:
        raise AudioError(
            "The package yt-dlp cannot be used.", "pip install --upgrade yt-dlp"
        ) from e
    url = found.get("url")
    if not isinstance(url, str):
        said = " ".join(str(found.get("problem") or "there is none").split())
        raise AudioError(
            f"'{name}' is a page without media that yt-dlp finds.",
            f"pip install --upgrade yt-dlp may help; it says: {_in_short(said)}",
        )
    headers = {k: v for k, v in found.get("headers", {}).items() if k.lower() in _KEPT}
    return Found(url, str(found.get("title") or ""), headers)


def _in_short(said: str) -> str:
    said = said.removeprefix("ERROR: ").partition("; please report")[0].rstrip(".")
    return shortened(said, _MOST_SAID)
