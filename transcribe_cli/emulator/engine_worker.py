"""The worker process in which recognisers run: one session's, or those of several at once.

Started as `python -m transcribe_cli.emulator.engine_worker`. It is a process because PocketSphinx
holds the interpreter's lock while it decodes, and because what crashes does not take the service
along. Engines that let go of that lock share a worker and its models: a thread each.

Orders arrive on standard input and answers go to standard output, each as a kind (one byte), the
session and a length (four bytes each, big-endian) and a body of that length. The process ends when
its standard input ends, so it cannot outlive the service.
"""

import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import IO, NamedTuple

import msgspec

from transcribe_cli.emulator.actions import Send, ToClient
from transcribe_cli.emulator.engine_settings import EngineSettings
from transcribe_cli.emulator.engines.engine import Engine
from transcribe_cli.emulator.engines.registry import choose_engine
from transcribe_cli.errors import InternalError, StreamError, explain_unexpected

# Orders.
START = b"S"  # `WorkerStart` as JSON; always a session's first
AUDIO = b"A"
CONFIGURE = b"C"  # Settings as JSON
END_TURN = b"E"
FINISH = b"F"
CLOSE = b"X"  # the session is over; what it was doing is dropped
# Answers.
MESSAGE = b"M"  # one text frame for the client
HEARD = b"H"  # an AUDIO order is done: greatest speech probability, in millionths, as text
DONE = b"D"  # FINISH is done
FAILED = b"!"  # the session's engine cannot go on: why, as text

_NUMBER_BYTES = 4
HEADER_BYTES = 1 + 2 * _NUMBER_BYTES


class WorkerStart(msgspec.Struct):
    """What a session is recognised with: NAME or NAME:MODEL, and its settings."""

    engine: str
    settings: EngineSettings


# Made here, in one thread: two that decode a type for the first time at once end the process.
_DECODE_START = msgspec.json.Decoder(WorkerStart).decode
_DECODE_SETTINGS = msgspec.json.Decoder(EngineSettings).decode


class Header(NamedTuple):
    """What comes before a body of `length` bytes."""

    kind: bytes
    session: int
    length: int


def pack(kind: bytes, session: int, body: bytes = b"") -> bytes:
    """One order or answer as bytes."""
    return kind + session.to_bytes(_NUMBER_BYTES) + len(body).to_bytes(_NUMBER_BYTES) + body


def unpack_header(header: bytes) -> Header:
    """The kind of what follows, whose it is and its length in bytes."""
    session, length = header[1 : 1 + _NUMBER_BYTES], header[1 + _NUMBER_BYTES :]
    return Header(header[:1], int.from_bytes(session), int.from_bytes(length))


def serve(orders: IO[bytes], answers: IO[bytes]) -> None:
    """Hand orders to their sessions until standard input ends."""
    writing = threading.Lock()

    def answer(data: bytes) -> None:
        with writing:
            answers.write(data)
            answers.flush()

    sessions: dict[int, _Session] = {}
    while len(raw := orders.read(HEADER_BYTES)) == HEADER_BYTES:
        kind, number, length = unpack_header(raw)
        body = orders.read(length)
        if kind == START:
            sessions[number] = _Session(number, body, answer)
        elif kind == CLOSE:
            sessions.pop(number).close()
        else:
            sessions[number].waiting.put((kind, body))


class _Session:
    """One session's engine, in a thread of its own.

    Attributes:
        waiting: its orders; the service sees to it that they are few.
    """

    def __init__(self, number: int, start: bytes, answer: Callable[[bytes], None]) -> None:
        self.waiting: queue.Queue[tuple[bytes, bytes]] = queue.Queue()
        self._number = number
        self._answer = answer
        self._closed = False
        threading.Thread(
            target=self._run, args=(start,), name=f"aai-engine-{number}", daemon=True
        ).start()

    def close(self) -> None:
        self._closed = True
        self.waiting.put((CLOSE, b""))

    def _run(self, start: bytes) -> None:
        try:
            with_settings = _DECODE_START(start)
            engine = choose_engine(with_settings.engine).make(with_settings.settings)
            while not self._closed:
                self._carry_out(engine, *self.waiting.get())
        except BrokenPipeError:
            os._exit(0)  # the service has ended, and nobody reads the answers
        except StreamError as e:
            self._fail(f"{e}")
        except Exception as e:
            traceback.print_exc()
            told = explain_unexpected(e)  # the text of a fault may hold what was said
            self._fail(
                type(e).__name__ if isinstance(told, InternalError) else told.message.rstrip(".")
            )

    def _fail(self, why: str) -> None:
        self._answer(pack(FAILED, self._number, why.encode(errors="replace")))

    def _carry_out(self, engine: Engine, kind: bytes, body: bytes) -> None:
        if self._closed:
            return
        said = _obey(engine, kind, body, more_waiting=not self.waiting.empty())
        found = [pack(MESSAGE, self._number, a.text.encode()) for a in said if isinstance(a, Send)]
        if kind == AUDIO:
            heard = round(engine.take_speech_probability() * 1_000_000)
            found.append(pack(HEARD, self._number, str(heard).encode()))
        elif kind == FINISH:
            found.append(pack(DONE, self._number))
        self._answer(b"".join(found))


def _obey(engine: Engine, kind: bytes, body: bytes, more_waiting: bool) -> Sequence[ToClient]:
    if kind == AUDIO:
        return engine.hear(body, more_waiting)
    if kind == CONFIGURE:
        return engine.configure(_DECODE_SETTINGS(body))
    if kind == END_TURN:
        return engine.end_turn()
    if kind == FINISH:
        return engine.finish()
    raise ValueError(f"no order of kind {kind!r}")


def main() -> None:
    """Serve the standard streams, undisturbed by the terminal's Ctrl+C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What libraries print to standard output must not get between answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)
    # At once: a thread may be inside a recogniser, which Python's own end would wait for.
    os._exit(0)


if __name__ == "__main__":
    main()
