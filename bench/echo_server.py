"""A service that recognises nothing and answers at once; run in a process of its own.

    python -m bench.echo_server --every 1 --growing 0

It prints its URL, then after each session one line of JSON: when each chunk came in and when it
sent the Termination, both on the machine's monotonic clock, which all processes share.

Every client's latency contains the server's own, so it does next to nothing: answers are made
before the first client comes, audio is counted and never unmasked, and there is no event loop. Only
the upgrade is left to `websockets`; its compression would be paid for by the SDK alone.
"""

import argparse
import contextlib
import functools
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.utils import apply_mask

TEXT = "and so the first thing that we would like to measure is"
STEPS = 25  # Turn messages in a turn; the last one is final
_TURN_MS = 5000


@functools.cache  # made at the start, so that an answer costs as little as it can
def turn_message(count: int, growing: bool) -> bytes:
    """The Turn number `count` of a session, framed: of 12 words, or of more words each time."""
    order, step = divmod(count, STEPS)
    words = TEXT.split()
    words = words[: 1 + step // 2] if growing else words
    final = step == STEPS - 1
    start = order * _TURN_MS
    body: dict[str, Any] = {
        "turn_order": order,
        "turn_is_formatted": final,
        "end_of_turn": final,
        "transcript": " ".join(words),
        "end_of_turn_confidence": 0.991195 if final else 0.017454,
        "words": [
            {
                "start": start + 400 * index,
                "end": start + 400 * index + 320,
                "text": word,
                "confidence": 0.979445,
                "word_is_final": final or index < len(words) - 1,
            }
            for index, word in enumerate(words)
        ],
        "utterance": " ".join(words) if final else "",
        "type": "Turn",
    }
    return framed(body)


def framed(body: dict[str, Any]) -> bytes:
    """A message as a frame."""
    return Frame(Opcode.TEXT, json.dumps(body).encode()).serialize(mask=False)


class Conversation:
    """One session, on a thread of its own: reads a socket, and answers before it reads again."""

    def __init__(self, connection: socket.socket, every: int, growing: bool) -> None:
        self._socket = connection
        self._every = every
        self._growing = growing
        self._arrivals: list[float] = []
        self._began_at = 0.0

    def run(self) -> None:
        """Converse until one of the two closes, or breaks off."""
        with self._socket, contextlib.suppress(OSError, EOFError):
            self._upgrade()
            self._began_at = time.monotonic()
            expires = int(time.time()) + 3600
            self._socket.sendall(framed({"type": "Begin", "id": "bench", "expires_at": expires}))
            for opcode, mask, payload in self._frames():
                if opcode == Opcode.BINARY:
                    self._answer()
                elif opcode == Opcode.TEXT:  # clients of ours send none but Terminate
                    self._terminate()
                elif opcode == Opcode.PING:
                    pong = Frame(Opcode.PONG, apply_mask(payload, mask))
                    self._socket.sendall(pong.serialize(mask=False))
                elif opcode == Opcode.CLOSE:
                    return

    def _upgrade(self) -> None:
        protocol = ServerProtocol()
        requests: list[Any] = []
        while not requests:
            protocol.receive_data(self._read())
            requests = protocol.events_received()
        assert isinstance(requests[0], Request)
        protocol.send_response(protocol.accept(requests[0]))
        self._socket.sendall(b"".join(protocol.data_to_send()))

    def _frames(self) -> Iterator[tuple[int, bytes, bytes]]:
        """Opcode, mask and masked payload of each frame; no client of ours fragments."""
        data = b""
        while True:
            size = data[1] & 0x7F if len(data) > 1 else 0
            at = 2
            if size == 126:
                size, at = int.from_bytes(data[2:4], "big"), 4
            end = at + 4 + size
            if len(data) < end:
                data += self._read()
                continue
            yield data[0] & 0x0F, data[at : at + 4], data[at + 4 : end]
            data = data[end:]

    def _read(self) -> bytes:
        data = self._socket.recv(1 << 16)
        if not data:
            raise EOFError
        return data

    def _answer(self) -> None:
        self._arrivals.append(time.monotonic())
        number, rest = divmod(len(self._arrivals), self._every)
        if rest == 0:
            self._socket.sendall(turn_message(number - 1, self._growing))

    def _terminate(self) -> None:
        ending = {"audio_duration_seconds": 1, "session_duration_seconds": 1}
        now = time.monotonic()
        close = Frame(Opcode.CLOSE, (1000).to_bytes(2, "big") + b"Session Ended")
        self._socket.sendall(framed(ending | {"type": "Termination"}) + close.serialize(mask=False))
        report = {"began_at": self._began_at, "arrivals": self._arrivals, "terminated_at": now}
        print(f"{json.dumps(report)}\n", end="", flush=True)  # in one piece: others end too


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--every", type=int, default=1, help="answer each Nth chunk")
    parser.add_argument("--growing", type=int, default=0, help="1: a turn's words come one by one")
    options = parser.parse_args()
    for count in range(2000):
        turn_message(count, bool(options.growing))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"ws://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            conversation = Conversation(connection, options.every, bool(options.growing))
            threading.Thread(target=conversation.run, daemon=True).start()


if __name__ == "__main__":
    main()
