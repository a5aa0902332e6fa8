"""Runs yt-dlp for a page, in a process of its own, which `page.py` starts.

Whatever a page makes yt-dlp do, this process holds no key and can be killed. For a public page it
makes no connection to a private network, except to a proxy.
"""

import ipaddress
import json
import os
import socket
import sys
from typing import Any
from urllib.parse import urlsplit

_refused: list[str] = []  # hosts of private networks
_FORMAT = "ba[protocol!*=dash]/b[protocol!*=dash]/ba/b"  # no DASH: its fragments are not joined


def _proxies() -> set[str]:
    """The addresses of the proxies named in environment variables."""
    found: set[str] = set()
    for name, value in os.environ.items():
        if name.lower().endswith("_proxy") and name.lower() != "no_proxy" and value:
            try:
                parts = urlsplit(value if "://" in value else f"http://{value}")
                infos = socket.getaddrinfo(parts.hostname, parts.port)
            except (OSError, ValueError):
                continue
            found |= {str(info[4][0]) for info in infos}
    return found


def _stay_public() -> None:
    """Refuse connections to private networks from now on."""
    allowed = _proxies()

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        if event != "socket.connect" or not isinstance(arguments[1], tuple):
            return
        host = str(arguments[1][0]).partition("%")[0]
        place = ipaddress.ip_address(host)
        if not (getattr(place, "ipv4_mapped", None) or place).is_global and host not in allowed:
            _refused.append(host)
            raise PermissionError(f"{host} is of a private network")

    sys.addaudithook(look)
    sys.modules["curl_cffi"] = None  # type: ignore[assignment]  # its connections are not audited


def _find(address: str) -> dict[str, Any]:
    import yt_dlp

    options = {
        "quiet": True,
        "no_warnings": True,
        "noprogress": True,
        "noplaylist": True,
        "playlist_items": "1",
        "cachedir": False,
        "socket_timeout": 15,
        "format": _FORMAT,
        "logger": _Silent(),
    }
    try:
        with yt_dlp.YoutubeDL(options) as downloader:
            info = downloader.extract_info(address, download=False) or {}
    except yt_dlp.utils.YoutubeDLError as e:
        private = f"it leads to {_refused[0]}, of a private network" if _refused else ""
        return {"problem": private or str(e)}
    while info.get("entries"):
        info = next(iter(info["entries"])) or {}
    headers = {name: str(value) for name, value in (info.get("http_headers") or {}).items()}
    return {"url": info.get("url"), "title": info.get("title"), "headers": headers}


class _Silent:
    """A logger that ignores what yt-dlp reports while it works."""

    def debug(self, text: str) -> None: ...

    info = warning = error = debug


def main() -> None:
    """Read a request from standard input, and write what was found to standard output."""
    asked = json.load(sys.stdin)
    if asked["is_public"]:
        _stay_public()
    json.dump(_find(asked["address"]), sys.stdout)


if __name__ == "__main__":
    main()
