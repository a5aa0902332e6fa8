"""A real WebSocket server in a thread, told by each test what to say; it keeps a logbook."""

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame
from websockets.http11 import Request, Response
from websockets.protocol import Protocol
from websockets.sync.server import Server, ServerConnection, serve

from tests.program import DEADLINE_S

BEGIN = '{"type":"Begin","id":"a","expires_at":1772570132}'
TERMINATE = '{"type":"Terminate"}'
TERMINATION = '{"type":"Termination","audio_duration_seconds":1,"session_duration_seconds":2}'


def turn(order: int, text: str) -> str:
    """A final Turn."""
    message = {"type": "Turn", "turn_order": order, "end_of_turn": True, "transcript": text}
    return json.dumps(message | {"words": []})


def payloads_heard(server: Protocol) -> list[bytes]:
    """Of the frames that are whole in what a server's end was given since it was asked last."""
    heard = server.events_received()
    return [bytes(event.data) for event in heard if isinstance(event, Frame)]


@dataclass
class Logbook:
    """What one session's client sent, in order."""

    path: str = ""
    headers: Headers = field(default_factory=Headers)
    chunks: list[bytes] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    close_code: int | None = None
    closed: threading.Event = field(default_factory=threading.Event)

    @property
    def audio(self) -> bytes:
        return b"".join(self.chunks)


class Conversation:
    """One session, from the service's side."""

    def __init__(self, connection: ServerConnection, logbook: Logbook) -> None:
        self.connection = connection
        self.logbook = logbook

    def say(self, *texts: str) -> None:
        for text in texts:
            self.connection.send(text)

    def listen(self, chunks: int | None = None) -> None:
        """Take audio up to Terminate, or that many chunks."""
        taken = 0
        while taken != chunks:
            message = self.connection.recv(timeout=DEADLINE_S)
            if isinstance(message, str):
                self.logbook.texts.append(message)
                return
            self.logbook.chunks.append(message)
            taken += 1

    def listen_on(self) -> None:
        """Take what comes until the client closes."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                self.connection.recv(timeout=DEADLINE_S)

    def close(self, code: int, reason: str = "") -> None:
        self.connection.close(code, reason)


Talk = Callable[[Conversation], None]


@dataclass
class Service:
    """The server of a test."""

    url: str
    logbooks: list[Logbook]

    @property
    def logbook(self) -> Logbook:
        """The only session's, complete."""
        (logbook,) = self.logbooks
        assert logbook.closed.wait(DEADLINE_S)
        return logbook


@contextmanager
def service(
    talk: Talk,
    *,
    answer: tuple[HTTPStatus, dict[str, str]] | None = None,
    tls: ssl.SSLContext | None = None,
) -> Iterator[Service]:
    """Serve on a free port; `answer` refuses every upgrade with that status and those headers."""
    logbooks: list[Logbook] = []

    def refuse(connection: ServerConnection, request: Request) -> Response | None:
        logbooks.append(Logbook(request.path, request.headers))
        if answer is None:
            return None
        response = connection.respond(answer[0], "no\n")
        for name, value in answer[1].items():
            response.headers[name] = value
        return response

    def handle(connection: ServerConnection) -> None:
        logbook = logbooks[-1]
        try:
            talk(Conversation(connection, logbook))
        except ConnectionClosed:
            pass
        finally:
            connection.close()
            received = connection.protocol.close_rcvd
            logbook.close_code = None if received is None else received.code
            logbook.closed.set()

    server: Server
    with serve(handle, "127.0.0.1", 0, process_request=refuse, ssl=tls, compression=None) as server:
        thread = threading.Thread(target=server.serve_forever, name="test-service")
        thread.start()
        scheme = "ws" if tls is None else "wss"
        port = server.socket.getsockname()[1]
        try:
            yield Service(f"{scheme}://127.0.0.1:{port}/v3/ws?sample_rate=16000", logbooks)
        finally:
            server.shutdown()
            thread.join(DEADLINE_S)
            assert not thread.is_alive()


@contextmanager
def plain_server(talk: Callable[[socket.socket], object]) -> Iterator[str]:
    """A TCP server that takes one client; returns a URL that names it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(DEADLINE_S)

        def run() -> None:
            with contextlib.suppress(OSError):
                client, _ = listener.accept()
                with client:
                    client.settimeout(DEADLINE_S)
                    talk(client)

        thread = threading.Thread(target=run, name="test-plain-server")
        thread.start()
        try:
            yield f"ws://127.0.0.1:{listener.getsockname()[1]}/v3/ws"
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(DEADLINE_S)
            assert not thread.is_alive()


def read_to_end(client: socket.socket) -> bytes:
    """Everything up to the client's end."""
    read = b""
    with contextlib.suppress(OSError):
        while part := client.recv(4096):
            read += part
    return read
