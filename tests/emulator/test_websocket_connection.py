"""A WebSocket connection of the service's, with bare sockets and clients of others on it."""

import asyncio
import itertools
import json
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import websocket
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame as TheirFrame
from websockets.frames import Opcode
from websockets.protocol import CLIENT
from websockets.protocol import Protocol as TheirProtocol

from tests.certificates import make_certificate
from tests.counting import speak
from tests.program import DEADLINE_S
from transcribe_cli.emulator import websocket_connection
from transcribe_cli.emulator.local_service import LocalService
from transcribe_cli.emulator.websocket_connection import Nobody, WebSocketConnection

UPGRADE = (
    "GET /v3/ws?speech_model=u3-rt-pro&sample_rate=16000 HTTP/1.1\r\nHost: localhost\r\n"
    "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Protocol: chat\r\n\r\n"
)
TERMINATE = TheirFrame(Opcode.TEXT, b'{"type":"Terminate"}').serialize(mask=True)


@pytest.fixture(scope="module")
def service() -> Iterator[LocalService]:
    with LocalService("--engine", "counting", "--quiet") as started:
        yield started


def ask(url: str, request: str) -> socket.socket:
    """A connection on which a request was sent."""
    parts = urlsplit(url)
    client = socket.create_connection((parts.hostname, parts.port or 0), DEADLINE_S)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.sendall(request.encode())
    return client


def head_of(client: socket.socket) -> str:
    """The head of the answer; nothing behind it is read."""
    head = b""
    while not head.endswith(b"\r\n\r\n") and (byte := client.recv(1)):
        head += byte
    return head.decode()


@contextmanager
def upgraded(url: str) -> Iterator[socket.socket]:
    """A connection on which nothing but the answer to the upgrade was read."""
    with ask(url, UPGRADE) as client:
        assert head_of(client).startswith("HTTP/1.1 101 ")
        yield client


class Said:
    """What the service says up to the end of the connection, as `websockets` reads it."""

    def __init__(self, client: socket.socket) -> None:
        reader = TheirProtocol(CLIENT)
        with suppress(ConnectionError):
            while data := client.recv(65536):
                reader.receive_data(data)
                if reader.close_rcvd:
                    client.sendall(frame(Opcode.CLOSE, b""))
        frames = [event for event in reader.events_received() if isinstance(event, TheirFrame)]
        self.texts = [bytes(f.data).decode() for f in frames if f.opcode is Opcode.TEXT]
        self.pongs = [bytes(f.data) for f in frames if f.opcode is Opcode.PONG]
        self.close = reader.close_rcvd

    @property
    def code(self) -> int | None:
        return self.close.code if self.close else None

    @property
    def words(self) -> list[str]:
        turns = [json.loads(text) for text in self.texts]
        return [w["text"] for turn in turns if turn.get("end_of_turn") for w in turn["words"]]


def frame(opcode: Opcode, payload: bytes, *, fin: bool = True) -> bytes:
    return TheirFrame(opcode, payload, fin=fin).serialize(mask=True)


def test_the_answer_to_an_upgrade_agrees_to_nothing_else(service: LocalService) -> None:
    with ask(service.url, UPGRADE) as client:
        lines = head_of(client).splitlines()
    assert lines[0] == "HTTP/1.1 101 Switching Protocols"
    headers = dict(line.split(": ") for line in lines[1:-1])
    assert headers == {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    }


@pytest.mark.parametrize(
    ("was", "instead", "status"),
    [
        ("Upgrade: WebSocket\r\n", "", 426),
        ("keep-alive, Upgrade", "keep-alive", 426),
        ("Version: 13", "Version: 8", 426),
        ("HTTP/1.1", "HTTP/1.0", 426),
        ("Key: dGhlIHNhbXBsZSBub25jZQ==", "Key: c2hvcnQ=", 400),
        ("Key: dGhlIHNhbXBsZSBub25jZQ==", "Key: ", 400),
        ("Host: localhost", "Host: localhost\r\nContent-Length: 3", 400),
        ("Host: localhost", "Host : localhost", 400),
        ("Host: localhost", "Host: localhost\r\n folded", 400),
        ("GET /", "\0GET /", 400),
        ("GET /", "get /", 400),
        ("GET", "POST", 405),
        ("GET", "HEAD", 426),
    ],
)
def test_what_opens_no_websocket_is_told_so(
    service: LocalService, was: str, instead: str, status: int
) -> None:
    with ask(service.url, UPGRADE.replace(was, instead, 1)) as client:
        head = head_of(client)
    assert head.startswith(f"HTTP/1.1 {status} ")
    assert ("Upgrade: websocket" in head or "Sec-WebSocket-Version: 13" in head) == (status == 426)
    assert ("Allow: GET, HEAD\r\n" in head) == (status == 405)


@given(st.lists(st.integers(0, len(UPGRADE) + 700), max_size=8))
def test_request_and_frames_may_come_in_any_pieces_also_before_the_answer(
    service: LocalService, cuts: list[int]
) -> None:
    audio = frame(Opcode.BINARY, speak(1)[:640]) + frame(Opcode.PING, b"p") + TERMINATE
    data = UPGRADE.encode() + audio
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    with ask(service.url, "") as client:
        for start, end in itertools.pairwise(places):
            client.sendall(data[start:end])
        assert head_of(client).startswith("HTTP/1.1 101 ")
        said = Said(client)
    assert (said.pongs, said.code) == ([b"p"], 1000)
    assert [json.loads(text)["type"] for text in said.texts] == ["Begin", "Termination"]


def test_fragments_are_one_chunk_and_a_ping_between_them_is_answered(service: LocalService) -> None:
    audio = speak(10)
    with upgraded(service.url) as client:
        for start in range(0, len(audio), 3200):
            chunk = audio[start : start + 3200]
            client.sendall(frame(Opcode.BINARY, chunk[:1], fin=False))
            client.sendall(frame(Opcode.PING, b"here?") + frame(Opcode.CONT, chunk[1:]))
        client.sendall(TERMINATE)
        said = Said(client)
    assert said.words == [f"w{n}" for n in range(1, 11)]
    assert said.pongs == [b"here?"] * 10


def test_a_client_s_close_is_answered_with_its_code(service: LocalService) -> None:
    for payload, code in ((b"", None), (b"\x03\xe8bye", 1000), (b"\x0f\xa0", 4000)):
        with upgraded(service.url) as client:
            client.sendall(frame(Opcode.CLOSE, payload) + frame(Opcode.BINARY, speak(1)))
            said = Said(client)
        assert said.close is not None and (said.code == code or code is None)
        assert code is not None or said.code == 1005


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (TheirFrame(Opcode.BINARY, b"x").serialize(mask=False), 1002),
        (b"\xc2\x80\0\0\0\0", 1002),
        (frame(Opcode.CONT, b"x"), 1002),
        (frame(Opcode.TEXT, b"\xff"), 1007),
        (frame(Opcode.BINARY, bytes(131_073)), 1009),
        (b"\x82\xff" + (1 << 62).to_bytes(8), 1009),
    ],
    ids=[
        "no mask",
        "a bit",
        "a fragment",
        "no UTF-8",
        "too long",
        "a claim",
    ],  # masks are of chance
)
def test_what_a_client_may_not_send_ends_its_connection_and_what_follows_is_dropped(
    service: LocalService, data: bytes, code: int
) -> None:
    with upgraded(service.url) as client:
        client.sendall(data)
        with suppress(OSError):
            client.sendall(bytes(1 << 20))
        said = Said(client)
    assert said.close is not None and said.code == code and said.close.reason


def test_what_is_said_before_a_wrong_frame_is_answered(service: LocalService) -> None:
    audio = speak(5)
    with upgraded(service.url) as client:
        chunks = [audio[start : start + 3200] for start in range(0, len(audio), 3200)]
        data = b"".join(frame(Opcode.BINARY, chunk) for chunk in chunks)
        client.sendall(data + b"\xff\xff")
        said = Said(client)
    assert (said.words, said.code) == ([f"w{n}" for n in range(1, 6)], 1002)


def test_a_client_that_only_stops_sending_is_let_go(service: LocalService) -> None:
    with upgraded(service.url) as client:
        client.shutdown(socket.SHUT_WR)
        assert Said(client).code is None


def test_another_client_has_a_session(service: LocalService) -> None:
    client = websocket.create_connection(
        f"{service.url}?speech_model=u3-rt-pro&sample_rate=16000", timeout=DEADLINE_S
    )
    client.ping("here?")
    audio = speak(7)
    for start in range(0, len(audio), 3200):
        client.send_binary(audio[start : start + 3200])
    client.send('{"type":"Terminate"}')
    said = []
    while (received := client.recv_data(control_frame=True))[0] != websocket.ABNF.OPCODE_CLOSE:
        said.append(received)
    assert client.sock is not None
    client.sock.close()
    assert (websocket.ABNF.OPCODE_PONG, b"here?") in said
    assert json.loads(said[-1][1])["type"] == "Termination"
    assert received[1][:2] == (1000).to_bytes(2)


def test_a_wrong_frame_in_tls_is_told_before_the_end(
    serve: Callable[..., str], tmp_path: Path
) -> None:
    cert, key = make_certificate(tmp_path)
    url = serve("--engine", "counting", "--certfile", str(cert), "--keyfile", str(key))
    context = ssl.create_default_context(cafile=str(cert))
    raw = ask(url, "")
    with context.wrap_socket(raw, server_hostname="127.0.0.1") as client:
        client.sendall(UPGRADE.encode())
        assert head_of(client).startswith("HTTP/1.1 101 ")
        client.sendall(frame(Opcode.TEXT, b"\xff") + frame(Opcode.CLOSE, b"\x03\xef"))
        assert Said(client).code == 1007


# Without a socket.


class Written(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__({"socket": socket.socket()})
        self.reader = TheirProtocol(CLIENT)
        self.is_closed = self.is_cut = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.reader.receive_data(bytes(data))

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def is_closing(self) -> bool:
        return self.is_closed or self.is_cut

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_cut = True

    def frames(self) -> list[tuple[Opcode, bytes]]:
        """What was written since this was last asked."""
        events = self.reader.events_received()
        return [(f.opcode, bytes(f.data)) for f in events if isinstance(f, TheirFrame)]


@pytest.fixture
def written() -> Iterator[Written]:
    transport = Written()
    yield transport
    transport.get_extra_info("socket").close()


def test_of_pings_that_a_client_leaves_no_room_for_the_last_is_answered(written: Written) -> None:
    async def scene() -> None:
        connection = WebSocketConnection(written)
        connection.hand_to(Nobody())
        connection.feed(frame(Opcode.PING, b"1"))
        assert written.frames() == [(Opcode.PONG, b"1")]
        connection.pause_writing()
        connection.feed(frame(Opcode.PING, b"2") + frame(Opcode.PING, b"3"))
        assert written.frames() == []
        connection.resume_writing()
        assert written.frames() == [(Opcode.PONG, b"3")]

    asyncio.run(scene())


def test_a_client_that_leaves_no_room_for_long_is_cut(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        connection = WebSocketConnection(written)
        connection.pause_writing()
        connection.resume_writing()
        await asyncio.sleep(0.01)
        assert not written.is_cut
        connection.pause_writing()
        while not written.is_cut:
            await asyncio.sleep(0.001)

    monkeypatch.setattr(websocket_connection, "_ROOM_WITHIN_S", 0.0)
    asyncio.run(scene())


def test_a_client_that_stops_sending_and_reads_only_some_is_cut(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        connection = WebSocketConnection(written)
        connection.pause_writing()
        connection.eof_received()
        written.close()  # as asyncio does then
        connection.resume_writing()
        while not written.is_cut:
            await asyncio.sleep(0.001)

    monkeypatch.setattr(websocket_connection, "CLOSE_TIMEOUT_S", 0.0)
    asyncio.run(asyncio.wait_for(scene(), DEADLINE_S))


def test_an_idle_client_is_pinged_again_and_again(written: Written) -> None:
    async def scene() -> None:
        WebSocketConnection(written).ping_every(0.001)
        pings: list[object] = []
        while len(pings) < 3:
            await asyncio.sleep(0.001)
            pings += written.frames()
        assert set(pings) == {(Opcode.PING, b"")}

    asyncio.run(scene())


def test_nothing_is_read_while_nobody_takes_it(written: Written) -> None:
    class Taker(Nobody):
        def __init__(self) -> None:
            self.is_ready = True
            self.taken: list[str | bytes] = []

        def take(self, message: str | bytes) -> None:
            self.taken.append(message)
            self.is_ready = False

    async def scene() -> None:
        connection = WebSocketConnection(written, frame(Opcode.TEXT, b"1"))
        connection.feed(frame(Opcode.TEXT, b"2") + frame(Opcode.PING, b"3"))
        taker = Taker()
        for taken in (["1"], ["1", "2"], ["1", "2"]):
            taker.is_ready = True
            connection.hand_to(taker)
            assert taker.taken == taken
        assert written.frames() == [(Opcode.PONG, b"3")]

    asyncio.run(scene())
