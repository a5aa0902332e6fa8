"""A service that recognises nothing and answers at once; run in a process of its own.

    python -m bench.echo_server --every 1 --growing 0

It prints its URL, then after each session one line of JSON: when each chunk came in and when it
sent the Termination, both on the machine's monotonic clock, which all processes share.

It is a plain socket around the protocol of `websockets`, because an event loop would add more to
each latency than either client does, and its compression would be paid for by the SDK alone.
"""

import argparse
import contextlib
import functools
import json
import socket
import threading
import time
from typing import Any

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

TEXT = "and so the first thing that we would like to measure is"
STEPS = 25  # Turn messages in a turn; the last one is final
_TURN_MS = 5000


@functools.cache  # made at the start, so that an answer costs as little as it can
def turn_message(count: int, growing: bool) -> bytes:
    """The Turn number `count` of a session: of 12 words, or of more words each time."""
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
    return json.dumps(body).encode()


class Conversation:
    """One session, on a thread of its own: reads a socket, and answers before it reads again."""

    def __init__(self, connection: socket.socket, every: int, growing: bool) -> None:
        self._socket = connection
        self._protocol = ServerProtocol()
        self._every = every
        self._growing = growing
        self._arrivals: list[float] = []

    def run(self) -> None:
        """Converse until one of the two closes, or breaks off."""
        with self._socket, contextlib.suppress(OSError):
            while data := self._socket.recv(1 << 16):
                now = time.monotonic()
                self._protocol.receive_data(data)
                for event in self._protocol.events_received():
                    self._take(event, now)
                self._flush()

    def _take(self, event: object, now: float) -> None:
        if isinstance(event, Request):
            self._protocol.send_response(self._protocol.accept(event))
            expires = int(time.time()) + 3600
            self._send({"type": "Begin", "id": "bench", "expires_at": expires})
        elif isinstance(event, Frame) and event.opcode is Opcode.BINARY:
            self._arrivals.append(now)
            number, rest = divmod(len(self._arrivals), self._every)
            if rest == 0:
                self._protocol.send_text(turn_message(number - 1, self._growing))
        elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
            self._terminate()

    def _terminate(self) -> None:
        """Whatever the text was: clients of ours send none but Terminate."""
        ending = {"audio_duration_seconds": 1, "session_duration_seconds": 1}
        now = time.monotonic()
        self._send(ending | {"type": "Termination"})
        self._flush()
        report = {"arrivals": self._arrivals, "terminated_at": now}
        print(json.dumps(report), flush=True)
        self._protocol.send_close(1000, "Session Ended")

    def _send(self, body: dict[str, Any]) -> None:
        self._protocol.send_text(json.dumps(body).encode())

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._socket.sendall(data)
            else:  # what `websockets` asks for at the end of a connection
                self._socket.shutdown(socket.SHUT_WR)


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
