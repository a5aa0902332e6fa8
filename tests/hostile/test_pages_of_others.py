"""Web pages of anybody's, and names that point here, at the local service: they get nothing."""

import http.server
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.browser import Browser, Tab, browser
from tests.emulator.protocol_client import next_message, session
from tests.program import DEADLINE_S
from transcribe_cli.emulator.local_service import LocalService

UPGRADE = (
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
)
SESSION = "/v3/ws?speech_model=u3-rt-pro&sample_rate=16000"
PATHS = (SESSION, "/v3/token?expires_in_seconds=60", "/v3/ws/health", "/", "/anything")


@pytest.fixture(scope="module")
def service() -> Iterator[LocalService]:
    with LocalService("--engine", "counting") as started:
        yield started


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as running:
        yield running


def port_of(service: LocalService) -> int:
    port = urlsplit(service.url).port
    assert port is not None
    return port


def ask(
    service: LocalService, path: str, *headers: tuple[str, str], method: str = "GET"
) -> tuple[int, bytes]:
    """What comes back for a request with just these headers: the status, and all after it."""
    with socket.create_connection(("127.0.0.1", port_of(service)), DEADLINE_S) as client:
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
        client.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode())
        answer = b""
        while part := client.recv(65536):
            answer += part
            if b" 101 " in answer.split(b"\r\n")[0]:
                break
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), head + body


OWN_HOST = ("Host", "127.0.0.1:8765")
OTHERS = {
    "a page of another origin": (OWN_HOST, ("Origin", "https://evil.example")),
    "a page of no origin": (OWN_HOST, ("Origin", "null")),
    "a page on another machine": (OWN_HOST, ("Origin", "http://192.0.2.7:8765")),
    "a page that calls itself so": (OWN_HOST, ("Origin", "http://localhost.evil.example")),
    "a page with two origins": (
        OWN_HOST,
        ("Origin", "http://localhost"),
        ("Origin", "https://evil.example"),
    ),
    "a page with a name of its own": (
        ("Host", "evil.example:8765"),
        ("Origin", "http://evil.example:8765"),
    ),
    "a name of its own, without origin": (("Host", "evil.example"),),
    "two hosts": (OWN_HOST, ("Host", "evil.example")),
    "no host": (),
    "an image on another page": (OWN_HOST, ("Sec-Fetch-Site", "cross-site")),
}


@pytest.mark.parametrize("headers", OTHERS.values(), ids=OTHERS)
def test_they_are_refused_on_every_path(
    service: LocalService, headers: tuple[tuple[str, str], ...]
) -> None:
    for path in PATHS:
        status, answer = ask(service, path, *headers, *UPGRADE)
        assert status == 403, path
        assert b'{"error":"This ' in answer
        assert b"token" not in answer.lower()
        assert b"access-control" not in answer.lower()
        assert ask(service, path, *headers)[0] == 403, path


def test_what_is_no_path_is_refused(service: LocalService) -> None:
    assert ask(service, "http://[::/v3/ws", OWN_HOST, *UPGRADE)[0] == 400


def test_a_subprotocol_helps_nobody(service: LocalService) -> None:
    protocol = ("Sec-WebSocket-Protocol", "localhost, chat")
    status, _ = ask(service, SESSION, *OTHERS["a page of another origin"], protocol, *UPGRADE)
    assert status == 403
    own = ("Origin", "http://localhost:3000")
    assert ask(service, SESSION, OWN_HOST, own, protocol, *UPGRADE)[0] == 101


def test_programs_and_pages_of_this_machine_are_welcome(service: LocalService) -> None:
    assert ask(service, SESSION, OWN_HOST, *UPGRADE)[0] == 101
    for origin in ("http://localhost:3000", "http://127.0.0.1:8765", "HTTPS://LOCALHOST"):
        for host in ("localhost:8765", "LOCALHOST", "127.0.0.1", "[::1]:8765"):
            headers = (("Host", host), ("Origin", origin), ("Sec-Fetch-Site", "cross-site"))
            assert ask(service, SESSION, *headers, *UPGRADE)[0] == 101
            assert ask(service, "/v3/ws/health", *headers)[0] == 200
    with session(service.url) as connection:
        assert next_message(connection)["type"] == "Begin"


def test_a_key_changes_nothing_on_this_machine() -> None:
    with LocalService("--engine", "counting", "--key", "swordfish") as service:
        key = ("Authorization", "swordfish")
        for headers in OTHERS.values():
            assert ask(service, SESSION, *headers, key, *UPGRADE)[0] == 403
            assert ask(service, "/v3/token?expires_in_seconds=60", *headers, key)[0] == 403
        assert ask(service, "/v3/token?expires_in_seconds=60", OWN_HOST, key)[0] == 200


def test_beyond_this_machine_any_name_is_asked_by_and_the_key_guards() -> None:
    options = ("--engine", "counting", "--host", "0.0.0.0", "--key", "swordfish")
    with LocalService(*options) as service:
        key = ("Authorization", "swordfish")
        for host in ("192.168.1.20:8765", "stt.lan:8765", "stt"):
            assert ask(service, SESSION, ("Host", host), key, *UPGRADE)[0] == 101
            assert ask(service, "/v3/token?expires_in_seconds=60", ("Host", host))[0] != 200
            page = ("Origin", f"http://{host.partition(':')[0]}:3000")
            assert ask(service, SESSION, ("Host", host), page, *UPGRADE)[0] == 101
            other = ("Origin", "https://evil.example")
            assert ask(service, SESSION, ("Host", host), other, key, *UPGRADE)[0] == 403


def test_those_who_are_refused_do_not_count(tmp_path: Path) -> None:
    logbook = tmp_path / "logbook.jsonl"
    options = ("--new-sessions-per-minute", "1", "--fault", "session=1:refuse=503")
    with LocalService("--engine", "counting", *options, "--logbook", str(logbook)) as service:
        for _ in range(5):
            headers = OTHERS["a page of another origin"]
            assert ask(service, SESSION, *headers, *UPGRADE)[0] == 403
        with session(service.url) as connection:
            assert next_message(connection)["type"] == "Begin"
        assert ask(service, SESSION, OWN_HOST, *UPGRADE)[0] == 503
    events = [json.loads(line) for line in logbook.read_text().splitlines()]
    refused = [event for event in events if event["event"] == "refused"]
    assert [event["code"] for event in refused] == [403] * 5
    assert "evil.example" not in logbook.read_text()


# In a real browser.

TRIES = """new Promise((resolve) => {
  const socket = new WebSocket("ws://%s:%d/v3/ws?speech_model=u3-rt-pro&sample_rate=16000");
  socket.onmessage = (event) => { resolve(JSON.parse(event.data).type); socket.close(); };
  socket.onerror = () => resolve("refused");
})"""
FETCHES = """fetch("http://%s:%d/v3/token?expires_in_seconds=60")
  .then((answer) => answer.text()).catch(() => "refused")"""


@contextmanager
def page_server(address: str) -> Iterator[int]:
    """A web server with an empty page, at that address; its port."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>page</title><p>page</p>")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with http.server.ThreadingHTTPServer((address, 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), name="page-server")
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join(DEADLINE_S)


@pytest.fixture(scope="module")
def page() -> Iterator[Callable[[str], str]]:
    """The address of a page by a host of that name, which is on this machine in truth."""
    with page_server("127.0.0.1") as port:
        yield lambda host: f"http://{host}:{port}/"


@pytest.fixture(scope="module")
def pointed_here() -> Iterator[Browser]:
    """A browser for which `evil.example` is on this machine: what a name server can do."""
    with browser("--host-resolver-rules=MAP evil.example 127.0.0.1") as running:
        yield running


@pytest.mark.browser
@pytest.mark.long
@pytest.mark.parametrize("asked", ["127.0.0.1", "localhost", "evil.example"])
def test_a_browser_s_page_of_another_origin_opens_no_session(
    pointed_here: Browser, service: LocalService, page: Callable[[str], str], asked: str
) -> None:
    tab = pointed_here.tab()
    tab.open(page("evil.example"))
    assert tab.value(TRIES % (asked, port_of(service))) == "refused"
    assert tab.value(FETCHES % (asked, port_of(service))) == "refused"


@pytest.mark.browser
@pytest.mark.long
def test_a_page_that_has_become_the_service_s_own_origin_opens_none(
    pointed_here: Browser, service: LocalService
) -> None:
    # The name points here from the start; with DNS rebinding it would after a while.
    tab = pointed_here.tab()
    tab.open(f"http://evil.example:{port_of(service)}/v3/ws/health")
    assert "status" not in tab.value("document.body.innerText")
    assert tab.value(TRIES % ("evil.example", port_of(service))) == "refused"
    assert "token" not in tab.value(FETCHES % ("evil.example", port_of(service)))


@pytest.mark.browser
@pytest.mark.long
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest.mark.parametrize("asked", ["localhost", "127.0.0.1"])
def test_a_page_of_this_machine_opens_sessions(
    chromium: Browser, service: LocalService, page: Callable[[str], str], host: str, asked: str
) -> None:
    tab: Tab = chromium.tab()
    tab.open(page(host))
    assert tab.value(TRIES % (asked, port_of(service))) == "Begin"


@pytest.mark.browser
@pytest.mark.long
def test_a_frame_without_an_origin_opens_none(
    chromium: Browser, service: LocalService, page: Callable[[str], str]
) -> None:
    tab = chromium.tab()
    tab.open(page("localhost"))
    script = TRIES % ("127.0.0.1", port_of(service))
    frame = f"<script>{script}.then((said) => parent.postMessage(said, '*'))</script>"
    tried = """new Promise((resolve) => {
      addEventListener("message", (event) => resolve(`${event.origin} ${event.data}`));
      const frame = document.createElement("iframe");
      frame.sandbox = "allow-scripts";
      frame.srcdoc = %s;
      document.body.append(frame);
    })"""
    assert tab.value(tried % json.dumps(frame)) == "null refused"
