"""The worker process in which one session's recogniser runs.

Started as `python -m transcribe_cli.emulator.engine_worker`. It is a process because PocketSphinx
holds the interpreter's lock while it decodes, and because what crashes takes nobody along.

Orders arrive on standard input and answers go to standard output, each as a kind (one byte), a
length (four bytes, big-endian) and a body of that length. The process ends when its standard input
ends, so it cannot outlive the service.
"""

import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import IO

import msgspec

from transcribe_cli.emulator.actions import Send, ToClient
from transcribe_cli.emulator.engine_settings import EngineSettings
from transcribe_cli.emulator.engines.engine import Engine
from transcribe_cli.emulator.engines.registry import choose_engine

# Orders.
START = b"S"  # `WorkerStart` as JSON; always the first
AUDIO = b"A"
CONFIGURE = b"C"  # Settings as JSON
END_TURN = b"E"
FINISH = b"F"
# Answers.
MESSAGE = b"M"  # one text frame for the client
HEARD = b"H"  # an AUDIO order is done: greatest speech probability, in millionths, as text
DONE = b"D"  # FINISH is done

_LENGTH_BYTES = 4
HEADER_BYTES = 1 + _LENGTH_BYTES


class WorkerStart(msgspec.Struct):
    """What a worker recognises with: NAME or NAME:MODEL, and the session's settings."""

    engine: str
    settings: EngineSettings


def pack(kind: bytes, body: bytes = b"") -> bytes:
    """One order or answer as bytes."""
    return kind + len(body).to_bytes(_LENGTH_BYTES) + body


def unpack_header(header: bytes) -> tuple[bytes, int]:
    """The kind of what follows and its length in bytes."""
    return header[:1], int.from_bytes(header[1:])


def serve(orders: IO[bytes], answers: IO[bytes]) -> None:
    """Carry out orders until standard input ends."""
    # Read ahead, so that the engine can be told that more is waiting; bounded by `MAX_LAG_S` there.
    waiting: queue.Queue[tuple[bytes, bytes] | None] = queue.Queue()
    reader = threading.Thread(
        target=_read, args=(orders, waiting.put), name="aai-orders", daemon=True
    )
    reader.start()
    engine: Engine | None = None
    while (order := waiting.get()) is not None:
        kind, body = order
        if engine is None:
            start = msgspec.json.decode(body, type=WorkerStart)
            engine = choose_engine(start.engine).make(start.settings)
            continue
        answers.write(_messages(_obey(engine, kind, body, more_waiting=not waiting.empty())))
        if kind == AUDIO:
            heard = round(engine.take_speech_probability() * 1_000_000)
            answers.write(pack(HEARD, str(heard).encode()))
        elif kind == FINISH:
            answers.write(pack(DONE))
        answers.flush()


def _read(orders: IO[bytes], put: Callable[[tuple[bytes, bytes] | None], None]) -> None:
    """Read orders until standard input ends, which is None."""
    while len(header := orders.read(HEADER_BYTES)) == HEADER_BYTES:
        kind, length = unpack_header(header)
        body = orders.read(length)
        if len(body) < length:
            break
        put((kind, body))
    put(None)


def _obey(engine: Engine, kind: bytes, body: bytes, more_waiting: bool) -> Sequence[ToClient]:
    if kind == AUDIO:
        return engine.hear(body, more_waiting)
    if kind == CONFIGURE:
        return engine.configure(msgspec.json.decode(body, type=EngineSettings))
    if kind == END_TURN:
        return engine.end_turn()
    if kind == FINISH:
        return engine.finish()
    raise ValueError(f"no order of kind {kind!r}")


def _messages(actions: Sequence[ToClient]) -> bytes:
    """The engine's messages as answers; a recogniser only sends."""
    return b"".join(pack(MESSAGE, a.text.encode()) for a in actions if isinstance(a, Send))


def main() -> None:
    """Serve the standard streams, undisturbed by the terminal's Ctrl+C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What libraries print to standard output must not get between answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        serve(sys.stdin.buffer, answers)
    except BrokenPipeError:
        # The service has ended; unflushed answers have no reader.
        os._exit(0)


if __name__ == "__main__":
    main()
