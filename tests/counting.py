"""Audio that carries its own count, and a service that reads it: every word and time is known.

Word N, 1 to 65535, is 60 ms of the constant sample N (16 bits, unsigned), then 40 ms of silence, so
the words of any stretch of audio are known exactly, and which of them a client lost, doubled or
moved. The service is written from the public pages "Streaming quickstart", "Message sequence" and
"Common session errors and closures" alone; it shares no code with the program.
"""

import json
import socket
import struct
import threading
import time
import wave
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from tests.program import DEADLINE_S, patience_s

RATE = 16000
WORD_MS = 100
_SAID_MS = 60
_LEAST_MS = 30  # of a word that was cut in two, one side at most is more
_LATE_S = 5.0  # a session is given beyond its time: a busy machine is no fault of the client's


def speak(words: int, first: int = 1) -> bytes:
    """s16le mono audio at `RATE` that says the words `first`, `first` + 1, ..."""
    said, silent = RATE * _SAID_MS // 1000, RATE * (WORD_MS - _SAID_MS) // 1000
    return b"".join(
        struct.pack("<H", number) * said + bytes(2 * silent)
        for number in range(first, first + words)
    )


def write_wav(path: Path, words: int, *, lead_s: float = 0.0, first: int = 1) -> Path:
    """A WAV file that says so many words, after some silence."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(bytes(2 * round(lead_s * RATE)) + speak(words, first))
    return path


def true_times(number: int) -> tuple[int, int]:
    """When word `number` is said, in ms from the first word's start."""
    start = (number - 1) * WORD_MS
    return start, start + _SAID_MS


class _Ear:
    """Reads words out of a session's audio, on the session's clock."""

    def __init__(self) -> None:
        self.position = 0
        self._value = 0
        self._began = 0

    def hear(self, samples: bytes) -> list[dict[str, Any]]:
        words = []
        for value in array("H", samples):
            if value != self._value:
                words += self.sounding()
                self._value, self._began = value, self.position
            self.position += 1
        return words

    def sounding(self) -> list[dict[str, Any]]:
        """The word at the end of the audio, as far as it was said: one or none."""
        if not self._value or (self.position - self._began) * 1000 <= _LEAST_MS * RATE:
            return []
        word = {
            "start": self._began * 1000 // RATE,
            "end": self.position * 1000 // RATE,
            "text": f"w{self._value}",
            "confidence": 0.9,
            "word_is_final": False,
        }
        return [word]


class Ear(Protocol):
    """Hears the words of a session; `position` counts the frames that it has heard."""

    position: int

    def hear(self, samples: bytes) -> list[dict[str, Any]]:
        """The words that end in what came in."""

    def sounding(self) -> list[dict[str, Any]]:
        """The word at the end of the audio, as far as it was said: one or none."""


@dataclass
class Seen:
    """What the service saw of one session."""

    query: dict[str, list[str]]
    headers: dict[str, str]
    opened: float
    chunks_ms: list[float] = field(default_factory=list)
    arrivals: list[float] = field(default_factory=list)
    terminated: bool = False
    terminated_at: float = 0.0
    expired: bool = False
    closed: bool = False
    audio: bytearray = field(default_factory=bytearray)
    texts: list[str] = field(default_factory=list)  # but for Terminate


Fault = Callable[["Session", int], None]


@dataclass
class Session:
    """One session of the service; faults are called with the number of words heard so far."""

    connection: ServerConnection
    number: int
    seen: Seen
    turn_words: int
    fault: Fault | None
    ear: Ear
    open_words: list[dict[str, Any]] = field(default_factory=list)
    heard: int = 0
    order: int = 0

    def send(self, message: dict[str, Any]) -> None:
        self.connection.send(json.dumps(message))

    def fail(self, code: int, text: str) -> None:
        """An Error message and the close that follows it."""
        self.send({"type": "Error", "error_code": code, "error": text})
        self.connection.close(code, "See Error message for details")

    def turn_message(self, *, end: bool) -> dict[str, Any]:
        """The Turn of what was said in it so far."""
        words = [word | {"word_is_final": end} for word in self.open_words]
        text = " ".join(word["text"] for word in words)
        return {
            "turn_order": self.order,
            "turn_is_formatted": end,
            "end_of_turn": end,
            "transcript": text,
            "end_of_turn_confidence": 1.0 if end else 0.0,
            "words": words,
            "utterance": text if end else "",
            "type": "Turn",
        }

    def turn(self, *, end: bool) -> None:
        self.send(self.turn_message(end=end))
        if end:
            self.order += 1
            self.open_words = []

    def hear(self, samples: bytes) -> None:
        self._say(self.ear.hear(samples))

    def _say(self, words: list[dict[str, Any]]) -> None:
        for word in words:
            self.open_words.append(word)
            self.heard += 1
            if self.fault is not None:
                self.fault(self, self.heard)
            self.turn(end=len(self.open_words) == self.turn_words)

    def finish(self) -> None:
        self._say(self.ear.sounding())
        if self.open_words:
            self.turn(end=True)
        seconds = self.ear.position // RATE
        self.send(
            {
                "type": "Termination",
                "audio_duration_seconds": seconds,
                "session_duration_seconds": round(time.monotonic() - self.seen.opened),
            }
        )
        self.connection.close(1000, "Session Ended")


def drops_at(word: int) -> Fault:
    """The first session's connection breaks when so many words were heard."""

    def drop(session: Session, heard: int) -> None:
        if session.number == 0 and heard == word:
            session.connection.socket.shutdown(socket.SHUT_RDWR)

    return drop


class CountingService:
    """The service; `sessions` is its logbook."""

    def __init__(
        self,
        turn_words: int = 5,
        fault: Fault | None = None,
        expires_in_s: float | None = None,
        ear: Callable[[], Ear] = _Ear,
    ) -> None:
        self._ear = ear
        self.sessions: list[Seen] = []
        self.turn_words = turn_words
        self.expires_in_s = expires_in_s
        self.fault = fault
        self.began = threading.Event()
        self.heard_words = 0
        self._heard_more = threading.Condition()
        self._server: Server | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}"

    def wait_for_close(self) -> None:
        """Wait until every session so far is over on this side too."""
        with self._heard_more:
            done = self._heard_more.wait_for(
                lambda: all(s.closed for s in self.sessions), patience_s()
            )
        assert done, "a session is still open"

    def wait_for_words(self, count: int) -> None:
        """Wait until so many words were heard over all sessions."""
        with self._heard_more:
            done = self._heard_more.wait_for(lambda: self.heard_words >= count, patience_s())
        assert done, f"only {self.heard_words} words were heard"

    def _handle(self, connection: ServerConnection) -> None:
        request = connection.request
        assert request is not None
        seen = Seen(parse_qs(urlsplit(request.path).query), dict(request.headers), time.monotonic())
        with self._heard_more:  # two may come at once
            number = len(self.sessions)
            self.sessions.append(seen)
        session = Session(*(connection, number, seen, self.turn_words, self.fault), self._ear())
        try:
            if self.fault is not None:
                self.fault(session, -1)
            expires = int(time.time() + (self.expires_in_s or 10800))
            session.send({"type": "Begin", "id": f"s{session.number}", "expires_at": expires})
            if self.expires_in_s is not None:
                life_s = self.expires_in_s + _LATE_S
                expiry = threading.Timer(life_s, self._expire, [session])
                expiry.daemon = True
                expiry.start()
            self.began.set()
            if self.fault is not None:
                self.fault(session, 0)
            for message in connection:
                if isinstance(message, bytes):
                    seen.chunks_ms.append(len(message) / 2 * 1000 / RATE)
                    seen.arrivals.append(time.monotonic())
                    seen.audio += message
                    with self._counted(session):
                        session.hear(message)
                elif json.loads(message) == {"type": "Terminate"}:
                    seen.terminated = True
                    seen.terminated_at = time.monotonic()
                    with self._counted(session):
                        session.finish()
                else:
                    seen.texts.append(message)
        except ConnectionClosed:
            pass  # by a fault, or by the client
        finally:
            with self._heard_more:
                seen.closed = True
                self._heard_more.notify_all()

    @contextmanager
    def _counted(self, session: Session) -> Iterator[None]:
        """Tell who waits for words how many more were heard."""
        before = session.heard
        try:
            yield
        finally:
            with self._heard_more:
                self.heard_words += session.heard - before
                self._heard_more.notify_all()

    @staticmethod
    def _expire(session: Session) -> None:
        """The session has had its time; the documentation has this close come without an Error."""
        if not session.seen.closed:
            session.seen.expired = True
            session.connection.close(3008, "Session Expired: Maximum session duration exceeded")


@contextmanager
def counting_service(
    turn_words: int = 5,
    fault: Fault | None = None,
    expires_in_s: float | None = None,
    *,
    pings: bool = True,
    ear: Callable[[], Ear] = _Ear,
) -> Iterator[CountingService]:
    """A running service on a free port of this machine.

    `expires_in_s`: each session says so in its Begin, and is closed with 3008 some seconds later.
    `pings`: it asks every 20 s for a sign of life, and closes with 1011 when none has come after 20
    more. `ear`: what hears each session, where its audio is no counting.
    """
    every_s = 20.0 if pings else None
    service = CountingService(turn_words, fault, expires_in_s, ear)
    with serve(service._handle, "127.0.0.1", 0, compression=None, ping_interval=every_s) as server:
        service._server = server
        thread = threading.Thread(target=server.serve_forever, name="counting-service")
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join(DEADLINE_S)
