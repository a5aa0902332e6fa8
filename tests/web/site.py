"""A real HTTP server of this machine that gives files, and does what servers do with them."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.certificates import Certificate

_WAIT_S = 30.0


@dataclass
class Site:
    """What is at which path; the query says what else is done with it.

    `?cut=N` ends the connection after so many bytes, the first time; `?cut=N&always` each time;
    `/to/?URL` redirects; `?status=N` refuses.

    Attributes:
        ranges, marks: parts are given; an ETag is.
        cuts: the next answers are cut after so many bytes, if that is before their end.
        plays: what is at a path and is no file.
        asked: path with query, and headers, of each request.
    """

    folder: Path
    ranges: bool = True
    marks: bool = True
    cuts: list[int] = field(default_factory=list)
    plays: dict[str, Callable[["Handler"], object]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    port: int = 0
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    site: Site

    def do_GET(self) -> None:
        site = self.site
        again = self.path in site.paths()
        site.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
        path, _, query = self.path.partition("?")
        asked = dict(part.partition("=")[::2] for part in query.split("&"))
        if path == "/to/":
            self.answer(302, {"Location": query.encode().decode("latin-1") or self.path})
        elif "status" in asked:
            self.answer(int(asked["status"]), {"Content-Length": "0"})
        elif path in site.plays:
            site.plays[path](self)
        elif not (site.folder / path[1:]).is_file():
            self.answer(404, {"Content-Length": "0"})
        else:
            self._give((site.folder / path[1:]).read_bytes(), asked, again=again)

    def answer(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def give(self, data: bytes, **headers: str) -> None:
        self.answer(200, {"Content-Length": str(len(data))} | headers)
        self.wfile.write(data)

    def _give(self, data: bytes, asked: dict[str, str], *, again: bool) -> None:
        first, headers = 0, {"ETag": f'"{len(data)}"'}
        part = self.headers["Range"]
        if part and self.site.ranges:
            start, _, last = part.removeprefix("bytes=").partition("-")
            first, whole = int(start), len(data)
            data = data[: int(last) + 1 if last else None]
            headers["Content-Range"] = f"bytes {first}-{len(data) - 1}/{whole}"
        if not self.site.marks:
            del headers["ETag"]
        headers["Content-Length"] = str(len(data) - first)
        self.answer(206 if "Content-Range" in headers else 200, headers)
        sent = data[first:]
        if self.site.cuts and self.site.cuts[0] < len(sent):
            sent = sent[: self.site.cuts.pop(0)]
        elif "cut" in asked and ("always" in asked or not again):
            sent = sent[: int(asked["cut"])]
        self.wfile.write(sent)

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A client that goes away is no fault."""


@contextmanager
def running(site: Site, certificate: Certificate | None = None) -> Iterator[Site]:
    """The site, in TLS if there is a certificate, until the block ends."""
    server = _Server(("127.0.0.1", 0), type("Bound", (Handler,), {"site": site}))
    site.port = server.server_port
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.cert, certificate.key)
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        site.scheme = "https"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield site
    finally:
        site.over.set()
        server.shutdown()
        thread.join(_WAIT_S)
        server.server_close()
