"""One WebSocket connection, against real sockets."""

import selectors
import socket
import ssl
import threading
import time
from http import HTTPStatus
from pathlib import Path
from weakref import WeakKeyDictionary

import pytest
from websockets.frames import Opcode

from tests.certificates import make_certificate
from tests.hostile.raw_service import Client, frame, raw_service, text
from tests.program import DEADLINE_S
from tests.session.server import (
    BEGIN,
    Conversation,
    plain_server,
    read_to_end,
    service,
)
from transcribe_cli.errors import ConnectionFailed
from transcribe_cli.session import handshake as module
from transcribe_cli.session.connection import FRAMES_A_READ, CloseFrame, Connection, Message

KEY = {"Authorization": "secret-key"}


def greet(talk: Conversation) -> None:
    talk.say(BEGIN)
    talk.listen_on()


def refusal(url: str, headers: dict[str, str] | None = None) -> ConnectionFailed:
    with pytest.raises(ConnectionFailed) as failed:
        Connection.open(url, headers or KEY)
    assert "secret-key" not in failed.value.message + failed.value.hint
    return failed.value


def readable(connection: Connection, timeout_s: float) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        return bool(selector.select(timeout_s))


_waiting: WeakKeyDictionary[Connection, list[Message]] = WeakKeyDictionary()


def next_frame(connection: Connection) -> Message:
    """The next message or close; other frames are passed over."""
    waiting = _waiting.setdefault(connection, [])
    deadline = time.monotonic() + DEADLINE_S
    while not waiting and time.monotonic() < deadline:
        readable(connection, 0.2)
        waiting += connection.receive(time.monotonic())
        if connection.broken is not None and not waiting:
            raise connection.broken
    return waiting.pop(0)


def sending(connection: Connection, chunks: list[bytes]) -> threading.Thread:
    """A thread that sends these chunks."""

    def send() -> None:
        for chunk in chunks:
            connection.send_audio(chunk)
            while connection.unsent:
                connection.flush()

    thread = threading.Thread(target=send, name="test-sender")
    thread.start()
    return thread


def test_headers_and_query_reach_the_service() -> None:
    with service(greet) as server:
        connection = Connection.open(server.url, KEY)
        next_frame(connection)
        connection.close()

        assert server.logbook.path == "/v3/ws?sample_rate=16000"
        assert server.logbook.headers["Authorization"] == "secret-key"
        assert "Origin" not in server.logbook.headers


def test_text_messages_come_whole() -> None:
    text = "ä" * 300_000

    def talk(conversation: Conversation) -> None:
        conversation.say(text)
        conversation.connection.send(["frag", "men", "ted"])
        conversation.listen_on()

    with service(talk) as server:
        connection = Connection.open(server.url, KEY)
        frames = [next_frame(connection), next_frame(connection)]
        connection.close()

    assert frames == [text.encode(), b"fragmented"]


def test_both_directions_work_at_the_same_time() -> None:
    heard: list[object] = []

    def echo(conversation: Conversation) -> None:
        for message in conversation.connection:
            heard.append(message)
            conversation.say(f"{len(message)}")

    with service(echo) as server:
        connection = Connection.open(server.url, KEY)
        sender = sending(connection, [bytes(n) for n in range(1, 201)])
        answers = [next_frame(connection) for _ in range(200)]
        sender.join(DEADLINE_S)
        connection.close()

    assert answers == [str(n).encode() for n in range(1, 201)]
    assert heard == [bytes(n) for n in range(1, 201)]


def test_audio_is_binary_and_terminate_is_text() -> None:
    heard: list[object] = []

    def take_two(conversation: Conversation) -> None:
        heard.extend(conversation.connection.recv(timeout=DEADLINE_S) for _ in range(2))

    with service(take_two) as server:
        connection = Connection.open(server.url, KEY)
        connection.send_audio(b"\x01\x02")
        connection.send_text("é")
        frame = next_frame(connection)
        connection.close()

    assert heard == [b"\x01\x02", "é"]
    assert frame == CloseFrame(1000, "")


def test_close_code_and_reason_are_seen() -> None:
    with service(lambda talk: talk.close(3008, "Session Expired: é")) as server:
        connection = Connection.open(server.url, KEY)

        assert next_frame(connection) == CloseFrame(3008, "Session Expired: é")
        connection.close()


def test_connection_that_breaks_is_a_failure() -> None:
    def vanish(talk: Conversation) -> None:
        talk.connection.socket.shutdown(socket.SHUT_RDWR)

    with service(vanish) as server:
        connection = Connection.open(server.url, KEY)
        with pytest.raises(ConnectionFailed) as failed:
            next_frame(connection)
        connection.close()

    assert failed.value.retry


def test_pong_is_a_sign_of_life_and_says_what_was_received() -> None:
    with service(greet) as server:
        connection = Connection.open(server.url, KEY)
        next_frame(connection)
        before = connection.heard_at
        connection.ping(1600)
        assert readable(connection, DEADLINE_S)
        assert connection.receive(time.monotonic()) == []

        assert connection.heard_at > before
        assert connection.answered == 1600
        connection.close()


def test_pong_that_was_not_asked_for_says_nothing() -> None:
    def lie(client: Client) -> None:
        client.socket.sendall(client.answer + frame(Opcode.PONG, b"\xff" * 8) + text("a"))

    with raw_service(lie) as url:
        connection = Connection.open(url, {})
        while not connection.receive(time.monotonic()):
            assert connection.broken is None
        assert connection.answered == 0
        connection.close()


def test_receiving_never_waits() -> None:
    with service(lambda talk: talk.listen_on()) as server:
        connection = Connection.open(server.url, KEY)

        assert connection.receive(time.monotonic()) == []
        connection.close()


def test_closing_twice_is_harmless() -> None:
    with service(greet) as server:
        connection = Connection.open(server.url, KEY)
        connection.close()
        connection.close()

        assert server.logbook.close_code == 1000


def test_closed_connection_gives_and_takes_nothing() -> None:
    with service(greet) as server:
        connection = Connection.open(server.url, KEY)
        connection.close()
        connection.send_audio(b"x")

        assert connection.receive(time.monotonic()) == []
        assert connection.broken is not None
        assert connection.send_failure is not None


def test_last_words_reach_a_service_whose_own_are_unread() -> None:
    heard: list[object] = []
    said = threading.Event()

    def babble(talk: Conversation) -> None:
        for _ in range(20):
            talk.say("x" * 1000)
        said.set()
        heard.append(talk.connection.recv(timeout=DEADLINE_S))

    with service(babble) as server:
        connection = Connection.open(server.url, KEY)
        assert said.wait(DEADLINE_S)
        connection.close("goodbye")
        assert server.logbook.closed.wait(DEADLINE_S)

    assert heard == ["goodbye"]


def test_service_that_does_not_read_makes_nobody_wait() -> None:
    done = threading.Event()

    def read_nothing(talk: Conversation) -> None:
        done.wait(DEADLINE_S)
        talk.connection.socket.shutdown(socket.SHUT_RDWR)

    with service(read_nothing) as server:
        connection = Connection.open(server.url, KEY)
        for _ in range(100):
            connection.send_audio(bytes(100_000))
        waiting = len(connection.unsent)
        began = time.monotonic()
        connection.close()
        took = time.monotonic() - began
        done.set()

    assert waiting > 1_000_000
    assert took < DEADLINE_S / 2


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_http_answer_is_told(status: int) -> None:
    with service(greet, answer=(HTTPStatus(status), {})) as server:
        failed = refusal(server.url)

    assert failed.http_status == status
    assert f"HTTP {status}" in failed.message


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed_so_the_key_stays_here(status: int) -> None:
    with (
        service(greet) as other,
        service(greet, answer=(HTTPStatus(status), {"Location": other.url})) as server,
    ):
        failed = refusal(server.url)

        assert other.logbooks == []

    assert not failed.retry
    assert "redirect" in failed.message.lower()


def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]

    failed = refusal(f"ws://127.0.0.1:{port}/v3/ws")

    assert failed.retry
    assert failed.message == f"Nothing listens at 127.0.0.1:{port}."


def test_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT_TIMEOUT_S", 0.2)

    with plain_server(read_to_end) as url:
        failed = refusal(url)

    assert failed.retry
    assert "did not answer" in failed.message


@pytest.mark.parametrize(
    "banner",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"220 mail.example.com ESMTP\r\n",
        b"\x00\xff\xfe\r\n\r\n",
        b"\r\n\r\n",
    ],
)
def test_server_that_speaks_no_http_is_no_service(banner: bytes) -> None:
    def talk(client: socket.socket) -> None:
        client.sendall(banner)
        read_to_end(client)

    with plain_server(talk) as url:
        failed = refusal(url)

    assert not failed.retry
    assert "does not speak WebSocket" in failed.message


def test_server_that_upgrades_to_something_else_is_no_service() -> None:
    def talk(client: socket.socket) -> None:
        client.recv(4096)
        client.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n")
        read_to_end(client)

    with plain_server(talk) as url:
        assert not refusal(url).retry


def test_server_that_hangs_up_may_be_tried_again() -> None:
    with plain_server(lambda client: None) as url:
        assert refusal(url).retry


def test_name_that_does_not_exist_is_told() -> None:
    failed = refusal("ws://no-such-host.invalid/v3/ws")

    assert failed.retry
    assert "no-such-host.invalid" in failed.message


def test_this_machine_is_reached_without_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with service(greet) as proxy, service(greet) as server:
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, proxy.url.replace("ws://", "http://"))
        Connection.open(server.url, KEY).close()
        Connection.open(server.url.replace("127.0.0.1", "localhost"), KEY).close()

        assert proxy.logbooks == []
        assert len(server.logbooks) == 2


@pytest.mark.parametrize("host", ["127.0.0.2", "[::1]"])
def test_other_names_of_this_machine_are_not_proxied_either(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with service(greet) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("ws://", "http://"))
        refusal(f"ws://{host}:1/v3/ws")  # nothing listens there

        assert proxy.logbooks == []


def test_other_machines_are_reached_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []

    def refuse(client: socket.socket) -> None:
        asked.append(client.recv(4096))
        client.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")

    with plain_server(refuse) as proxy:
        monkeypatch.setenv("http_proxy", proxy.replace("ws://", "http://"))
        failed = refusal("ws://service.invalid/v3/ws")

    assert asked[0].startswith(b"CONNECT service.invalid:80 ")
    assert b"secret-key" not in asked[0]
    assert "proxy" in failed.message


# More than is given at a time.


def test_many_messages_that_come_at_once_are_given_in_parts_and_in_order() -> None:
    many = [str(number) for number in range(500)]

    def babble(client: Client) -> None:
        end = frame(Opcode.CLOSE, (3005).to_bytes(2, "big"))
        client.socket.sendall(client.answer + b"".join(map(text, many)) + end)
        for _ in client.texts():
            pass

    with raw_service(babble) as url:
        connection = Connection.open(url, {})
        heard: list[Message] = []
        while not heard or not isinstance(heard[-1], CloseFrame):
            assert connection.unread or readable(connection, DEADLINE_S)
            given = connection.receive(time.monotonic())
            assert len(given) <= FRAMES_A_READ
            heard += given
        connection.close()

    assert heard == [*(text.encode() for text in many), CloseFrame(3005, "")]


def test_what_came_before_the_end_is_given_before_it() -> None:
    def say_and_go(client: Client) -> None:
        client.socket.sendall(client.answer + b"".join(map(text, ["a"] * 50)))
        client.socket.shutdown(socket.SHUT_WR)

    with raw_service(say_and_go) as url:
        connection = Connection.open(url, {})
        heard: list[Message] = []
        while connection.broken is None or connection.unread:
            heard += connection.receive(time.monotonic())
        connection.close()

    assert heard == [b"a"] * 50


def test_what_came_before_a_frame_that_cannot_be_read_is_given_too() -> None:
    def say_and_babble(client: Client) -> None:
        client.socket.sendall(client.answer + text("a") + b"\xff" * 100)
        for _ in client.texts():
            pass

    with raw_service(say_and_babble) as url:
        connection = Connection.open(url, {})
        heard: list[Message] = []
        while connection.broken is None or connection.unread:
            heard += connection.receive(time.monotonic())
        connection.close()

    assert heard == [b"a"]
    assert "no frame of a server" in connection.broken.message


def test_who_pings_without_end_and_reads_nothing_is_not_answered_without_end() -> None:
    def ping(client: Client) -> None:
        client.socket.sendall(client.answer)
        client.socket.sendall(frame(Opcode.PING, b"x" * 125) * 200_000 + text("done"))
        for _ in client.texts():
            pass

    with raw_service(ping) as url:
        connection = Connection.open(url, {})
        most = 0
        while not connection.receive(time.monotonic()):
            most = max(most, len(connection.unsent))
        connection.close()

    assert most < 1000
    assert connection.heard_frames == 200_001


# TLS.


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A certificate for 127.0.0.1 that nobody vouches for, and a server's context with it."""
    cert, key = make_certificate(tmp_path_factory.mktemp("tls"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return cert, context


def test_certificate_that_does_not_verify_is_refused(
    certificate: tuple[Path, ssl.SSLContext],
) -> None:
    with service(greet, tls=certificate[1]) as server:
        failed = refusal(server.url)

        assert server.logbooks == []

    assert not failed.retry
    assert "certificate" in failed.message
    assert "SSL_CERT_FILE" in failed.hint


def test_certificate_of_ssl_cert_file_is_trusted(
    certificate: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))

    with service(greet, tls=certificate[1]) as server:
        connection = Connection.open(server.url, KEY)

        assert next_frame(connection) == BEGIN.encode()
        connection.close()
        assert server.logbook.headers["Authorization"] == "secret-key"


def test_tls_connection_is_read_and_written_at_the_same_time(
    certificate: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))

    def echo(conversation: Conversation) -> None:
        for message in conversation.connection:
            conversation.say(f"{len(message)}" * 100)

    with service(echo, tls=certificate[1]) as server:
        connection = Connection.open(server.url, KEY)
        sender = sending(connection, [bytes(3200)] * 500)
        answers = [next_frame(connection) for _ in range(500)]
        sender.join(DEADLINE_S)
        connection.close()

    assert answers == [b"3200" * 100] * 500


def test_plain_connection_to_a_tls_port_is_no_service(
    certificate: tuple[Path, ssl.SSLContext],
) -> None:
    with service(greet, tls=certificate[1]) as server:
        refusal(server.url.replace("wss://", "ws://"))

        assert server.logbooks == []


def test_tls_to_a_plain_port_says_what_to_check() -> None:
    def complain(client: socket.socket) -> None:
        client.recv(4096)
        client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        read_to_end(client)

    with plain_server(complain) as url:
        failed = refusal(url.replace("ws://", "wss://"))

    assert not failed.retry
    assert "TLS" in failed.message
