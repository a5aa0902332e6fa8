"""Services that say far too much, each in a way of its own, and read nothing or next to nothing."""

import contextlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from websockets.frames import Opcode

from tests.hostile.raw_service import BEGIN, Client, frame, raw_service, text, turn
from tests.program import DEADLINE_S

_LEAST_BYTES = 1 << 16  # that are sent in one go
_MB = 1 << 20


def _some(*frames: bytes) -> bytes:
    data = b"".join(frames)
    return data * max(1, _LEAST_BYTES // len(data))


REPEATED = {
    "the same partial": _some(text(turn(0, 20))),
    "the same final": _some(text(turn(0, 20, final=True))),
    "unknown messages": _some(text({"type": "Surprise", "value": 7})),
    "no messages": _some(text("{not json")),
    "errors": _some(text({"type": "Error", "error_code": 3005, "error": "no"})),
    "warnings": _some(text({"type": "Warning", "warning_code": 1, "warning": "careful"})),
    "beginnings": _some(text(BEGIN)),
    "revisions": _some(text({"type": "SpeakerRevision", "revisions": [{"turn_order": 0}]})),
    "pings": _some(frame(Opcode.PING, b"x" * 125)),
    "pongs": _some(frame(Opcode.PONG)),
    "empty messages": _some(frame(Opcode.TEXT)),
    "binary messages": _some(frame(Opcode.BINARY, b"x")),
    "fragments of one byte": _some(frame(Opcode.CONT, b"x", final=False)),
    "empty fragments": _some(frame(Opcode.CONT, final=False)),
    "large messages": text({"type": "Surprise", "value": "x" * 3 * _MB}),
    "too large a message": frame(Opcode.TEXT, b"x" * 16 * _MB),
    "bytes that are no frames": b"\xff" * _LEAST_BYTES,
}
"""What is said again and again, by its name."""

FRAGMENTS = ("fragments of one byte", "empty fragments")


def new_turns(**fields: object) -> Iterator[bytes]:
    """Finals without end, each with words that nobody has said before."""
    order = 0
    while True:
        turns = (turn(order + n, 20, final=True, first=20 * (order + n)) for n in range(100))
        yield b"".join(text(said | fields) for said in turns)
        order += 100


def new_partials() -> Iterator[bytes]:
    """Turns without end of which none is ever final."""
    order = 0
    while True:
        yield b"".join(text(turn(order + n, 5)) for n in range(200))
        order += 200


def flood(name: str) -> Iterator[bytes]:
    """What a service says after `Begin`."""
    if name == "new turns":
        yield from new_turns()
    if name == "new raw finals":
        yield from new_turns(turn_is_formatted=False)
    if name == "new partials":
        yield from new_partials()
    if name in FRAGMENTS:
        yield frame(Opcode.TEXT, b"{", final=False)
    while True:
        yield REPEATED[name]


FLOODS = (*REPEATED, "new turns", "new raw finals", "new partials")


@dataclass
class Flooded:
    """What the service saw.

    Attributes:
        begun: a client has come, and is being flooded.
        said: so many bytes went out.
        terminated_at: when the client ended its session, on the monotonic clock.
    """

    url: str = ""
    begun: threading.Event = field(default_factory=threading.Event)
    said: int = 0
    terminated_at: list[float] = field(default_factory=list)


@contextmanager
def flooding_service(name: str, *, reads: bool = True) -> Iterator[Flooded]:
    """Begins a session, then says `name` without end; `reads`: it takes what its client sends."""
    seen = Flooded()

    def listen(client: Client) -> None:
        for said in client.texts():
            if "Terminate" in said:
                seen.terminated_at.append(time.monotonic())

    def talk(client: Client) -> None:
        client.socket.sendall(client.answer + text(BEGIN))
        listening = threading.Thread(target=listen, args=(client,), name="flooding-listens")
        if reads:
            listening.start()
        with contextlib.suppress(OSError):
            for data in flood(name):
                seen.begun.set()
                client.socket.sendall(data)
                seen.said += len(data)
        if reads:
            listening.join(DEADLINE_S)

    with raw_service(talk) as seen.url:
        yield seen
