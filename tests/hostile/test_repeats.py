"""Peers that repeat the key: a service in every message, a proxy, whoever answers `token`."""

import base64
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.counting import Session, counting_service, write_wav
from tests.hostile.foreign_recordings import KEY
from tests.program import Home

pytestmark = pytest.mark.long

SECRETS = {"ASSEMBLYAI_API_KEY": KEY}
IN_BASE64 = base64.b64encode(f"user:{KEY}".encode()).decode()


@pytest.fixture
def talk(home: Home) -> str:
    write_wav(home.work / "talk.wav", 3)
    return "talk.wav"


Say = Callable[[Session], None]


def says(message: dict[str, object]) -> Say:
    return lambda session: session.send(message)


EVERYWHERE: dict[str, Say] = {
    "Error": lambda session: session.fail(1008, f"Unauthorized Connection: '{KEY}' is no key"),
    "Error of an address": lambda session: session.fail(
        3006, f"wss://x/v3/ws?token={quote(KEY)}&a=b: no Authorization: Basic {IN_BASE64}"
    ),
    "reason of a close": lambda session: session.connection.close(1008, f"no {KEY}"),
    "reason of a close that is tried again": lambda session: session.connection.close(
        1011, f"no {KEY}"
    ),
    "Warning": says({"type": "Warning", "warning_code": 1, "warning": f"old key {KEY}"}),
    "Begin": says({"type": "Begin", "id": KEY, "expires_at": 1, "of_tomorrow": {KEY: [KEY]}}),
    "Turn": says(
        {
            "type": "Turn",
            "turn_order": 0,
            "end_of_turn": True,
            "transcript": f"it is {KEY}",
            "utterance": KEY,
            "words": [{"text": KEY, "start": 0, "end": 10, "confidence": 1, "word_is_final": True}],
        }
    ),
    "unknown message": says({"type": "Tomorrow", "echo": f"Basic {IN_BASE64}", "key": KEY}),
    "no message": lambda session: session.connection.send(f"not JSON: {KEY}"),
}


@pytest.mark.parametrize("what", EVERYWHERE)
@pytest.mark.parametrize("shown", ["--text", "--jsonl"])
def test_a_service_repeats_it(home: Home, talk: str, what: str, shown: str) -> None:
    def repeat(session: Session, heard: int) -> None:
        if heard == 1 and session.number == 0:
            EVERYWHERE[what](session)

    with counting_service(fault=repeat) as service:
        outcome = home.run(
            *("file", talk, "--endpoint", service.url, "--verbose", shown, "-o", "x.md"),
            env=SECRETS,
        )
    assert service.sessions[0].headers["authorization"] == KEY
    kept = "".join(path.read_text() for path in home.recordings.rglob("*.jsonl"))
    document = home.work / "x.md"
    assert KEY not in kept + outcome.out + outcome.err + document.read_text()
    assert IN_BASE64[8:40] not in kept + outcome.out + outcome.err
    if what != "no message":
        assert "[key]" in kept


@contextmanager
def answering(*lines: str, body: str = f"<p>{KEY}</p>") -> Iterator[str]:
    """A host that answers whatever it is asked with these lines; its address."""
    head = (*lines, f"Content-Length: {len(body)}", "Connection: close", "", body)

    class Answer(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1 << 16)
            self.request.sendall("\r\n".join(head).encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, name="test-answering")
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    "line",
    [
        f"HTTP/1.1 401 {KEY} is no key",
        f"HTTP/1.1 500 {KEY}",
        f"HTTP/1.1 {KEY}",
        f"{KEY}",
        "HTTP/1.1 101 Switching Protocols",
    ],
)
@pytest.mark.parametrize("command", ["file", "token", "doctor"])
def test_an_answer_over_http_repeats_it(home: Home, talk: str, command: str, line: str) -> None:
    with answering(line, f"X-Echo: {KEY}", f"Location: ws://127.0.0.1/{KEY}") as url:
        arguments = [talk] if command == "file" else []
        outcome = home.run(
            *(command, *arguments, "--endpoint", url),
            *(["--verbose"] if command == "file" else []),
            env=SECRETS,
        )
    assert outcome.code in (2, 4, 5), outcome.err
    assert KEY not in outcome.out + outcome.err
    for path in home.recordings.rglob("*.jsonl"):
        assert KEY not in path.read_text()


def test_a_proxy_repeats_it(home: Home, talk: str) -> None:
    with answering(f"HTTP/1.1 407 {KEY}") as url:
        outcome = home.run(
            *("file", talk, "--verbose"),
            env=SECRETS | {"https_proxy": url.replace("ws:", "http:")},
        )
    assert outcome.code == 5
    assert KEY not in outcome.out + outcome.err


@pytest.mark.parametrize("answer", [KEY, f"a {KEY}"])
def test_the_key_is_no_token(home: Home, answer: str) -> None:
    with answering("HTTP/1.1 200 OK", body=json.dumps({"token": answer})) as url:
        outcome = home.run("token", "--endpoint", url, env=SECRETS)
    assert (outcome.code, outcome.out) == (5, "")
    assert KEY not in outcome.err


def test_a_parameter_does_not_hold_it(home: Home, talk: str) -> None:
    with counting_service() as service:
        outcome = home.run(
            *("file", talk, "--endpoint", service.url, "--param", f"x={KEY}"), env=SECRETS
        )
    assert outcome.code == 2
    assert KEY not in outcome.err
    assert not service.sessions


def test_an_address_that_holds_it_is_kept_without(home: Home, talk: str) -> None:
    with counting_service() as service:
        outcome = home.run("file", talk, "--endpoint", f"{service.url}/{KEY}", env=SECRETS)
    assert outcome.code == 0, outcome.err
    (journal,) = Path(home.recordings).rglob("journal.jsonl")
    assert KEY not in journal.read_text()
