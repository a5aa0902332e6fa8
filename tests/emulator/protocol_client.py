"""A plain client for the tests of the local service: real sockets, real audio, deadlines."""

import json
import re
import threading
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.program import DEADLINE_S
from transcribe_cli.jobs.sources import SAMPLE

REPOSITORY = Path(__file__).parents[2]
TRACES = REPOSITORY / "tests" / "data" / "traces"
RATE_HZ = 16000
TERMINATE = '{"type":"Terminate"}'


class Heard(NamedTuple):
    """Everything one session said, and how it was closed."""

    texts: list[str]
    code: int
    reason: str

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self.texts]

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == kind]

    @property
    def finals(self) -> list[dict[str, Any]]:
        """Turns that ended and say something."""
        return [t for t in self.of_type("Turn") if t["end_of_turn"] and t["transcript"]]

    @property
    def spoken(self) -> list[str]:
        """The finals' words, raw, one text a final."""
        return [bare(turn["transcript"]) for turn in self.finals]

    @property
    def error(self) -> str:
        (error,) = self.of_type("Error")
        assert error["error_code"] == self.code
        assert self.reason == "See Error message for details"
        return str(error["error"])


def bare(text: str) -> str:
    """A text without capitals and punctuation."""
    return re.sub("[.,]", "", text.lower())


def meeting_lines() -> list[str]:
    """What is said in the packaged sample, as it is written."""
    return (REPOSITORY / "samples" / "meeting.txt").read_text(encoding="utf-8").splitlines()


def meeting(start_ms: int = 0, end_ms: int | None = None) -> bytes:
    """A stretch of the packaged sample; its first line is spoken from 0.8 s to 3.7 s."""
    with wave.open(str(SAMPLE)) as file:
        samples: bytes = file.readframes(file.getnframes())
    return samples[start_ms * 32 : None if end_ms is None else end_ms * 32]


def silence(ms: int) -> bytes:
    """16 kHz 16-bit digital silence."""
    return bytes(ms * 32)


@contextmanager
def session(url: str, key: str | None = None, **parameters: object) -> Iterator[ClientConnection]:
    """An open connection; a `speech_model` is added unless it is given, as None to leave it out."""
    asked = {"speech_model": "u3-rt-pro", "sample_rate": RATE_HZ} | parameters
    query = urlencode({k: v for k, v in asked.items() if v is not None})
    headers = {} if key is None else {"Authorization": key}
    with connect(
        f"{url}?{query}",
        additional_headers=headers,
        proxy=None,
        open_timeout=DEADLINE_S,
        close_timeout=DEADLINE_S,
        # The service reads no faster than its recogniser hears: a pong waits behind the audio.
        ping_interval=None,
    ) as connection:
        yield connection


def next_message(connection: ClientConnection) -> dict[str, Any]:
    """The next message, within the deadline."""
    message: dict[str, Any] = json.loads(connection.recv(timeout=DEADLINE_S))
    return message


def until_close(connection: ClientConnection, deadline_s: float = DEADLINE_S) -> Heard:
    """All that still comes, no message later than `deadline_s` after the one before."""
    texts: list[str] = []
    try:
        while True:
            frame = connection.recv(timeout=deadline_s)
            assert isinstance(frame, str)
            texts.append(frame)
    except ConnectionClosed as e:
        if e.rcvd is None:
            return Heard(texts, 1006, "")
        return Heard(texts, e.rcvd.code, e.rcvd.reason)


def talk(
    url: str,
    audio: bytes = b"",
    chunk_bytes: int = 3200,
    last: str | None = TERMINATE,
    key: str | None = None,
    deadline_s: float = DEADLINE_S,
    **parameters: object,
) -> Heard:
    """One whole session: the audio as fast as it goes, then `last`, and all that comes back."""
    with session(url, key, **parameters) as connection:
        sender = threading.Thread(
            target=_send, args=(connection, audio, chunk_bytes, last), name="test-sender"
        )
        sender.start()
        try:
            return until_close(connection, deadline_s)
        finally:
            sender.join(deadline_s)


def _send(connection: ClientConnection, audio: bytes, chunk_bytes: int, last: str | None) -> None:
    try:
        for start in range(0, len(audio), chunk_bytes):
            connection.send(audio[start : start + chunk_bytes])
        if last is not None:
            connection.send(last)
    except ConnectionClosed:
        pass  # the service had reason to close; the test looks at it
