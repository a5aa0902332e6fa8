"""The captions page: a small web server on this machine that sends records as server-sent events.

Each reader reads the feed's history at its own position: a slow reader falls behind, and the run
never waits for it. The server is for this machine only. It listens on 127.0.0.1 and answers no page
of another origin (`protocol/web_origin.py`), since any web site could read along otherwise.

`/events` is a stream of server-sent events (WHATWG HTML, section 9.2): `id` is the record's `seq`,
`data` the record as in `--jsonl`, an event `end` the end of the run.
"""

import secrets
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs

from transcribe_cli.errors import UsageError
from transcribe_cli.outputs.caption_server_history import CaptionEvent, CaptionHistory
from transcribe_cli.outputs.jsonl_records import Record, encode_record
from transcribe_cli.outputs.live_captions import PAGE_NAME
from transcribe_cli.protocol.web_origin import why_refused

HOST = "127.0.0.1"
HEARTBEAT_S = 10.0  # a reader that has gone is noticed by then
_SEND_TIMEOUT_S = 10.0
_END_TIMEOUT_S = 1.0
_MOST_READERS = 64
_PART_BYTES = 1 << 16

_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
_FILES = {"/": "index.html", "/page.css": "page.css", "/page.js": "page.js"}
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class CaptionServer:
    """An output that a browser on this machine can show.

    Args:
        port: the port to listen on; 0 for any free port.
        non_speech: show turns that are only tags such as `[Music]`.
        heartbeat_s: how often idle readers get a comment line, which keeps the connection alive.

    Attributes:
        url: the page's address.

    Raises:
        UsageError: the port is taken.
    """

    name = PAGE_NAME

    def __init__(
        self, port: int, *, non_speech: bool = True, heartbeat_s: float = HEARTBEAT_S
    ) -> None:
        self._feed = CaptionFeed(heartbeat_s)
        try:
            self._server = _Server(port, self._feed, non_speech=non_speech)
        except OSError as e:
            raise UsageError(
                f"The captions page cannot have port {port}: {e.strerror or e}.",
                "choose another --captions-port; 0 takes a free one",
            ) from e
        self.url = f"http://{HOST}:{self._server.server_address[1]}/"
        self._thread = threading.Thread(target=self._server.serve, name="aai-captions", daemon=True)
        self._thread.start()

    def write(self, record: Record) -> None:
        """Add a record to the feed; waits for no reader."""
        if self._server.fault is not None:
            raise OSError(f"{self._server.fault}") from self._server.fault
        self._feed.add(record)

    def close(self) -> None:
        """Send the end event and stop listening, within a time limit. May be called twice."""
        self._feed.end()
        self._server.stop(_END_TIMEOUT_S)
        self._thread.join(_END_TIMEOUT_S)


class CaptionFeed:
    """The events of a run: one thread adds them, any number of threads wait for them."""

    def __init__(self, heartbeat_s: float) -> None:
        self.run = secrets.token_hex(8)  # tells this run from an earlier one at the same port
        self._heartbeat_s = heartbeat_s
        self._history = CaptionHistory()
        self._seq = 0
        self._ended = False
        self._changed = threading.Condition()  # guards all of these

    def add(self, record: Record) -> None:
        """Number a record and wake the readers."""
        update = record.update
        turn = None if update is None else (record.body.get("source"), update.turn)
        with self._changed:
            line = encode_record(record, self._seq)
            data = b"id: %d\ndata: %s\n" % (self._seq, line)  # the line ends with a line feed
            is_partial = update is not None and not update.final
            self._history.append(CaptionEvent(self._seq, data, turn, is_partial))
            self._seq += 1
            self._changed.notify_all()

    def end(self) -> None:
        """Nothing more comes."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def events(self, last_id: int | None) -> Iterator[bytes]:
        """The bytes for one reader, until the end event; blocks while there is nothing to send.

        Args:
            last_id: the last event that the reader has received; None for a new reader.
        """
        yield b"retry: 1000\n\n"
        with self._changed:
            if last_id is None or last_id >= self._seq:  # not an id of this run
                entries = self._history.current()
            else:
                entries = self._history.after(last_id)
            position = self._history.last_seq
        while True:
            yield from _parts(entry.data for entry in entries)
            with self._changed:
                news = self._changed.wait_for(partial(self._has_news, position), self._heartbeat_s)
                entries = self._history.after(position)
                position = self._history.last_seq
                ended = self._ended
            if not news:
                yield b": still here\n\n"
            elif ended and not entries:
                yield b"event: end\ndata: {}\n\n"
                return

    def _has_news(self, position: int) -> bool:
        return self._ended or self._history.last_seq > position


def _parts(events: Iterable[bytes]) -> Iterator[bytes]:
    """Joins events into parts of about `_PART_BYTES`: the history may have megabytes."""
    part = bytearray()
    for event in events:
        part += event
        if len(part) >= _PART_BYTES:
            yield bytes(part)
            part.clear()
    if part:
        yield bytes(part)


class _Server(socketserver.TCPServer):
    """Accepts on one thread, and answers each reader on its own thread.

    Attributes:
        fault: an unexpected exception of a thread.
    """

    allow_reuse_address = sys.platform != "win32"  # there it would share the port with others
    request_queue_size = 32

    def __init__(self, port: int, feed: CaptionFeed, *, non_speech: bool) -> None:
        self.feed = feed
        self.fault: BaseException | None = None
        self._stopping = threading.Event()
        self._readers: dict[threading.Thread, socket.socket] = {}
        self._lock = threading.Lock()  # guards `_readers`
        self.contents = {path: _load(name) for path, name in _FILES.items()}
        self.contents["/"] = (
            self.contents["/"]
            .replace(b"{run}", feed.run.encode())
            .replace(b"{non-speech}", b"keep" if non_speech else b"hide")
        )
        super().__init__((HOST, port), _Reader)

    def serve(self) -> None:
        """Accept readers until told to stop."""
        while not self._stopping.is_set():
            self.handle_request()

    def stop(self, timeout_s: float) -> None:
        """Stop accepting; cut off readers that have not finished after `timeout_s`."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        with suppress(OSError):  # wakes the accepting thread
            socket.create_connection((HOST, self.server_address[1]), timeout_s).close()
        with self._lock:
            readers = dict(self._readers)
        self._await(readers, timeout_s)
        for request in readers.values():
            with suppress(OSError):  # it may be closed
                request.shutdown(socket.SHUT_RDWR)
        self._await(readers, timeout_s)
        self.server_close()

    @staticmethod
    def _await(threads: Iterable[threading.Thread], timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def get_request(self) -> tuple[socket.socket, Any]:
        try:
            return super().get_request()
        except OSError:  # most likely no more file descriptors: do not retry at once
            self._stopping.wait(0.1)
            raise

    def verify_request(self, request: Any, client_address: Any) -> bool:
        return not self._stopping.is_set() and len(self._readers) < _MOST_READERS

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(
            target=self._answer,
            args=(request, client_address),
            name="aai-captions-reader",
            daemon=True,
        )
        with self._lock:  # a thread in `_readers` has been started and can be joined
            thread.start()
            self._readers[thread] = request

    def _answer(self, request: Any, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except OSError:
            pass  # the reader has gone, or does not read
        except Exception as e:
            self.fault = e  # raised by the next `write`, on the main thread
        finally:
            self.shutdown_request(request)
            with self._lock:
                del self._readers[threading.current_thread()]


class _Reader(BaseHTTPRequestHandler):
    """One request."""

    server: _Server
    timeout = _SEND_TIMEOUT_S
    server_version = "aai-stream"
    sys_version = ""
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if refused := why_refused(self.headers, linked=path == "/"):
            self._send(403, "text/plain", f"{refused}\n".encode())
        elif path == "/events":
            self._stream(parse_qs(query).get("run", []))
        elif (content := self.server.contents.get(path)) is not None:
            kind = _TYPES[_FILES[path].rpartition(".")[2]]
            self._send(200, f"{kind}; charset=utf-8", content)
        else:
            self._send(404, "text/plain", b"There is nothing here.\n")

    def _stream(self, runs: list[str]) -> None:
        if runs and self.server.feed.run not in runs:
            # A page of an earlier run; 204 makes its EventSource stop reconnecting.
            self._begin(204, {})
            return
        self._begin(200, {"Content-Type": "text/event-stream; charset=utf-8"})
        for part in self.server.feed.events(_event_number(self.headers.get("Last-Event-ID", ""))):
            self.wfile.write(part)

    def _send(self, status: int, kind: str, content: bytes) -> None:
        self._begin(status, {"Content-Type": kind, "Content-Length": str(len(content))})
        self.wfile.write(content)

    def _begin(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in (_HEADERS | headers | {"Connection": "close"}).items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass  # readers are not logged


def _event_number(header: str) -> int | None:
    """The number in a Last-Event-ID header; None if it is not one of ours."""
    return int(header) if header.isascii() and header.isdecimal() and len(header) < 16 else None


def _load(name: str) -> bytes:
    return (files("transcribe_cli.outputs") / "caption_page_files" / name).read_bytes()
