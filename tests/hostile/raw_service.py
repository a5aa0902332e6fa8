"""A service of which every byte is the test's: it upgrades, and then sends what it is told to."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from websockets.frames import Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from tests.program import DEADLINE_S

BEGIN = {"type": "Begin", "id": "hostile", "expires_at": 4102444800}
TERMINATION = {
    "type": "Termination",
    "audio_duration_seconds": 1,
    "session_duration_seconds": 1,
}


def text(message: object) -> bytes:
    """A message, framed."""
    data = message if isinstance(message, str) else json.dumps(message)
    return frame(Opcode.TEXT, data.encode())


def frame(opcode: int, payload: bytes = b"", *, final: bool = True) -> bytes:
    """One frame of a server."""
    size = len(payload)
    head = bytes(((0x80 if final else 0) | opcode,))
    if size < 126:
        return head + bytes((size,)) + payload
    if size < 1 << 16:
        return head + b"\x7e" + size.to_bytes(2, "big") + payload
    return head + b"\x7f" + size.to_bytes(8, "big") + payload


def turn(order: int, words: int, *, final: bool = False, first: int = 1) -> dict[str, object]:
    """A Turn of so many words, 100 ms each."""
    said = [
        {
            "start": 100 * number,
            "end": 100 * number + 60,
            "text": f"w{number}",
            "confidence": 0.9,
            "word_is_final": final,
        }
        for number in range(first, first + words)
    ]
    return {
        "type": "Turn",
        "turn_order": order,
        "end_of_turn": final,
        "turn_is_formatted": final,
        "transcript": " ".join(str(word["text"]) for word in said),
        "words": said,
    }


class Client:
    """A client that has asked for an upgrade.

    Attributes:
        answer: what accepts it; nothing has been sent yet.
    """

    def __init__(self, raw: socket.socket) -> None:
        self.socket = raw
        self._protocol = ServerProtocol()
        while not (events := self._protocol.events_received()):
            data = raw.recv(4096)
            if not data:
                raise ConnectionError("the client has gone")
            self._protocol.receive_data(data)
        (request,) = events
        assert isinstance(request, Request)
        self._protocol.send_response(self._protocol.accept(request))
        self.answer = b"".join(self._protocol.data_to_send())

    def texts(self) -> Iterator[str]:
        """Each text message that it sends, until it closes or goes away."""
        with contextlib.suppress(OSError):
            while data := self.socket.recv(1 << 16):
                self._protocol.receive_data(data)
                for event in self._protocol.events_received():
                    opcode = getattr(event, "opcode", None)
                    if opcode is Opcode.CLOSE:
                        return
                    if opcode is Opcode.TEXT:
                        yield bytes(getattr(event, "data", b"")).decode()


@contextmanager
def raw_service(talk: Callable[[Client], None]) -> Iterator[str]:
    """Serve each client that asks for an upgrade with a thread of its own; gives the address."""
    with raw_server(lambda raw: talk(Client(raw))) as url:
        yield url


@contextmanager
def raw_server(talk: Callable[[socket.socket], object]) -> Iterator[str]:
    """The same for each that connects."""
    threads: list[threading.Thread] = []
    clients: list[socket.socket] = []

    def serve(raw: socket.socket) -> None:
        with contextlib.suppress(OSError):
            raw.settimeout(DEADLINE_S)
            talk(raw)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                raw, _ = listener.accept()
                clients.append(raw)
                thread = threading.Thread(target=serve, args=(raw,), name="raw-server-client")
                threads.append(thread)
                thread.start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = threading.Thread(target=accept, name="raw-server")
        accepting.start()
        try:
            yield f"ws://localhost:{listener.getsockname()[1]}"
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            accepting.join(DEADLINE_S)
            for raw in clients:
                with contextlib.suppress(OSError):
                    raw.shutdown(socket.SHUT_RDWR)
                raw.close()
            for thread in threads:
                thread.join(DEADLINE_S)
                assert not thread.is_alive()
