"""Clients of the local service that connect and connect, send and send, or never read."""

import base64
import contextlib
import socket
import struct
from collections.abc import Iterator
from functools import partial
from urllib.parse import urlsplit

import psutil
import pytest

from tests import program
from tests.emulator.protocol_client import next_message, session, silence, talk
from tests.program import DEADLINE_S
from transcribe_cli.emulator.http_connection import LEAST_PENDING
from transcribe_cli.emulator.local_service import LocalService

pytestmark = pytest.mark.long

MB = 1 << 20
FEW_MB = (
    30 * MB
)  # what a flood may cost; each of these would take hundreds where nothing is bounded
COUNTING = ("--engine", "counting")
FEW_SESSIONS = (*COUNTING, "--max-sessions", "100")  # so that few connections wait for one
REQUEST = (
    "GET /v3/ws?speech_model=u3-rt-pro&sample_rate=16000 HTTP/1.1\r\nHost: localhost\r\n"
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}\r\n\r\n"
).encode()


class Served:
    """A running service, and what it takes."""

    def __init__(self, service: LocalService) -> None:
        assert service.pid is not None
        self.url = service.url
        self.process = psutil.Process(service.pid)

    def connect(self) -> socket.socket:
        port = urlsplit(self.url).port
        assert port is not None
        return socket.create_connection(("127.0.0.1", port), DEADLINE_S)

    def upgraded(self) -> socket.socket:
        """A connection on which the service has said yes, and nothing more is read."""
        client = self.connect()
        client.sendall(REQUEST)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += client.recv(1)
        assert answer.startswith(b"HTTP/1.1 101 ")
        return client

    @property
    def memory(self) -> int:
        return int(self.process.memory_info().rss)

    @property
    def sockets(self) -> int:
        return len(self.process.net_connections("tcp"))

    def still_answers(self) -> None:
        assert talk(self.url, silence(500)).code == 1000


@contextlib.contextmanager
def serving(*arguments: str) -> Iterator[Served]:
    with LocalService(*arguments) as service:
        served = Served(service)
        served.still_answers()  # everything is imported
        yield served


wait_until = partial(program.wait_until, within_s=DEADLINE_S)


def is_cut(client: socket.socket) -> bool:
    """Whether the service has let a connection go; what it said before is passed over."""
    client.settimeout(DEADLINE_S)
    try:
        while client.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


def send_until_cut(client: socket.socket, data: bytes, most_bytes: int) -> int:
    """Send again and again without reading; how much went out until the service would have no more.

    A service that takes no more is one that stops reading: the sender waits then.
    """
    client.settimeout(2.0)
    sent = 0
    with contextlib.suppress(OSError):
        while sent < most_bytes:
            sent += client.send(data)
    return sent


def frame(opcode: int, payload: bytes, *, final: bool = True, claims: int | None = None) -> bytes:
    """A client's frame, masked with zeros; `claims`: a length that it only says it has."""
    length = len(payload) if claims is None else claims
    head = bytes([(0x80 if final else 0) | opcode])
    if length < 126:
        head += bytes([0x80 | length])
    elif length < 1 << 16:
        head += bytes([0x80 | 126]) + struct.pack("!H", length)
    else:
        head += bytes([0x80 | 127]) + struct.pack("!Q", length)
    return head + bytes(4) + payload


@pytest.mark.parametrize(
    "first_words", [b"", b"G", b"GET /v3/ws HTTP/1.1\r\nHost: localhost\r\nX-"]
)
def test_a_thousand_sockets_that_say_nothing_keep_nobody_out(first_words: bytes) -> None:
    with serving(*FEW_SESSIONS) as served, contextlib.ExitStack() as stack:
        before = served.memory
        for _ in range(1000):
            client = stack.enter_context(served.connect())
            client.sendall(first_words)
        served.still_answers()
        assert served.sockets <= LEAST_PENDING + 10
        assert served.memory - before < FEW_MB


def test_a_socket_that_says_nothing_is_cut_in_time() -> None:
    with serving(*COUNTING) as served, served.connect() as silent, served.connect() as slow:
        slow.sendall(b"GET / HT")
        assert is_cut(silent)
        assert is_cut(slow)


def test_faults_do_not_make_it_patient() -> None:
    with serving(*COUNTING, "--fault", "session=7:drop@60s") as served, served.connect() as silent:
        assert is_cut(silent)


@pytest.mark.parametrize(
    "endless",
    [b"X-Header: " + b"x" * 4000 + b"\r\n", b"x" * 4000, b"X: y\r\n" * 700, b"\0" * 4000],
)
def test_a_request_without_an_end_is_cut_after_a_megabyte(endless: bytes) -> None:
    with serving(*COUNTING) as served:
        before = served.memory
        for _ in range(20):
            with served.connect() as client:
                client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
                assert send_until_cut(client, endless, 100 * MB) < 10 * MB  # most of it on the way
                assert is_cut(client)
        assert served.memory - before < FEW_MB
        served.still_answers()


def test_as_many_may_come_at_once_as_there_may_be_sessions() -> None:
    crowd = 2 * LEAST_PENDING
    with (
        serving(*COUNTING, "--max-sessions", str(crowd)) as served,
        contextlib.ExitStack() as stack,
    ):
        clients = [stack.enter_context(served.connect()) for _ in range(crowd)]
        for client in clients:
            client.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert all(client.recv(12) == b"HTTP/1.1 200" for client in clients)


def test_those_who_are_refused_and_stay_are_cut_too() -> None:
    with (
        serving(*COUNTING, "--max-sessions", "1") as served,
        session(served.url) as first,
        contextlib.ExitStack() as stack,
    ):
        assert next_message(first)["type"] == "Begin"
        before = served.memory
        for _ in range(400):
            stack.enter_context(served.upgraded())
        assert served.sockets <= LEAST_PENDING + 10
        assert served.memory - before < FEW_MB
        wait_until(lambda: served.sockets <= 10, "refused ones are kept")
        first.send(silence(100))
        first.send('{"type":"Terminate"}')
        assert next_message(first)["type"] == "Termination"


@pytest.mark.parametrize(
    "flood",
    [
        frame(2, b"", claims=1 << 62),
        frame(2, bytes(200_000)),
        frame(1, b"x" * 100_000, final=False) + frame(0, b"x" * 100_000, final=False),
        frame(1, b"", final=False) + frame(0, bytes(1000), final=False) * 200,
        frame(1, b"[" * 100_000),
        frame(1, b'{"type":' * 10_000),
        frame(9, bytes(126)),  # a ping longer than a ping may be
    ],
    ids=[
        "a claim",
        "one frame",
        "two parts",
        "many parts",
        "nested lists",
        "nested objects",
        "ping",
    ],
)
def test_a_giant_message_ends_that_session_alone(flood: bytes) -> None:
    with serving(*COUNTING) as served, session(served.url) as other:
        assert next_message(other)["type"] == "Begin"
        before = served.memory
        for _ in range(4):  # the service waits 3 s for an answer to its close
            with served.upgraded() as client:
                with contextlib.suppress(OSError):
                    client.sendall(flood)
                assert is_cut(client)
        assert served.memory - before < FEW_MB
        other.send('{"type":"Terminate"}')
        assert next_message(other)["type"] == "Termination"


@pytest.mark.parametrize("kind", ["pings", "words", "empty parts"])
def test_a_client_that_sends_for_ever_and_never_reads_takes_no_memory(kind: str) -> None:
    sound = b"".join(struct.pack("<H", n) * 960 + bytes(1280) for n in range(1, 11))
    data = {
        "pings": frame(9, b"x" * 125) * 1000,
        "words": frame(2, sound) * 4,
        "empty parts": frame(1, b"", final=False) + frame(0, b"", final=False) * 10_000,
    }[kind]
    with serving(*COUNTING) as served, served.upgraded() as client:
        before = served.memory
        send_until_cut(client, data, 200 * MB)
        assert served.memory - before < FEW_MB
        served.still_answers()


def test_a_client_that_never_reads_has_its_session_no_longer_than_others() -> None:
    limits = ("--max-sessions", "1", "--max-session-s", "8")
    sound = b"".join(struct.pack("<H", n) * 960 + bytes(1280) for n in range(1, 11))
    with serving(*COUNTING, *limits) as served, served.upgraded() as client:
        assert talk(served.url).code == 1008  # it has the only place
        send_until_cut(client, frame(2, sound) * 4, 200 * MB)
        wait_until(lambda: talk(served.url).code == 1000, "its session has no end")


def test_as_many_at_once_as_there_is_room_for_get_a_recogniser() -> None:
    with (
        LocalService("--engine", "pocketsphinx", "--max-sessions", "2") as service,
        contextlib.ExitStack() as stack,
    ):
        served = Served(service)
        # All upgraded before any of them is answered.
        clients = [stack.enter_context(served.connect()) for _ in range(12)]
        for client in clients:
            client.sendall(REQUEST)
        answers = [_all_that_is_said_at_first(client) for client in clients]
        begun = [b'"Begin"' in answer for answer in answers]
        assert begun.count(True) == 2
        refused = [answer for answer, begins in zip(answers, begun, strict=True) if not begins]
        words = b'"error":"Unauthorized Connection: Too many concurrent sessions"'
        assert all(words in answer and b"See Error message" in answer for answer in refused)
        assert len(served.process.children(recursive=True)) == 2


def _all_that_is_said_at_first(client: socket.socket) -> bytes:
    client.settimeout(DEADLINE_S)
    said = b""
    while b'"Begin"' not in said and b"See Error message" not in said:
        part = client.recv(65536)
        if not part:
            break
        said += part
    return said
