"""What each client sent, kept for tests that ask the control: no socket, no clock."""

import struct
from array import array
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from transcribe_cli.emulator.hidden_secrets import (
    asked_by,
    headers_without_secrets,
    message_without_secrets,
    query_without_secrets,
    without_secrets,
)

MOST_RECORDS = 1000
_MOST_CHUNKS = 200_000  # of one session: almost three hours of 50 ms
_MOST_MESSAGES = 10_000
_MOST_AUDIO_BYTES = 256 << 20  # of all sessions
_WAV_FORMATS = {"pcm_s16le": (1, 2), "pcm_mulaw": (7, 1)}  # format tag, bytes of a sample


class SessionRecord:
    """What one client sent, in order; times are ms since its connection.

    Attributes:
        number: connections are counted from 0, refused ones too.
        id: of the session; None until it begins.
        path, query: of its URL, without secrets.
        parameters: as the service understood them, without secrets; of a refused session what is
            wrong is as it was sent.
        credential: how it says who it is: `KeyChecks.kind_of`.
        without_effect: what it asked for that changes nothing, also in mid-session.
        faults: those that happened to it.
        messages: each text frame with its time, up to `most_messages`.
        chunk_bytes, chunk_ms: the size of each binary frame, and when it came.
        audio: the bytes of all chunks; None where they are not kept, or no longer.
        ended: how it ended; None while it goes on.
    """

    def __init__(
        self,
        number: int,
        path: str,
        headers: Iterable[tuple[str, str]],
        store: "AudioStore | None" = None,
        credential: str = "none",
        most_messages: int = _MOST_MESSAGES,
    ) -> None:
        self.number = number
        self.path, _, query = path.partition("#")[0].partition("?")
        self.query = query_without_secrets(query)
        self.headers = headers_without_secrets(headers)
        self.credential = credential
        self.id: str | None = None
        self.parameters = asked_by(query)
        self.without_effect: set[str] = set()
        self.faults: list[str] = []
        self.messages: list[dict[str, Any]] = []
        self.chunk_bytes = array("I")
        self.chunk_ms = array("Q")
        self.audio = None if store is None else bytearray()
        self._store = store
        self._most_messages = most_messages
        self.ended: dict[str, Any] | None = None

    def opened(self, session_id: str, parameters: Mapping[str, Any], unused: Sequence[str]) -> None:
        """The session begins."""
        self.id, self.parameters = session_id, without_secrets(parameters)
        self.without_effect.update(unused)

    def frame(self, frame: str | bytes, at_ms: int) -> None:
        """Keep one frame of the client, as long as there is room for it."""
        if isinstance(frame, str):
            if len(self.messages) < self._most_messages:
                self.messages.append({"at_ms": at_ms, "text": message_without_secrets(frame)})
            return
        if len(self.chunk_bytes) < _MOST_CHUNKS:
            self.chunk_bytes.append(len(frame))
            self.chunk_ms.append(at_ms)
        if self._store is not None:
            self._store.keep(self, frame)

    def end(self, code: int, by: str, error: str | None = None) -> None:
        """The first end counts: the close code, and "client" or "service"."""
        if self.ended is None:
            self.ended = {"code": code, "by": by} | ({} if error is None else {"error": error})

    def arrival(self) -> dict[str, Any]:
        """What came with the connection."""
        return {"path": self.path, "parameters": self.parameters, "headers": self.headers}

    def summary(self) -> dict[str, Any]:
        """What a list of sessions says of it."""
        return {
            "number": self.number,
            "id": self.id,
            "path": self.path,
            "parameters": self.parameters,
            "ended": self.ended,
            "chunks": len(self.chunk_bytes),
            "audio_bytes": sum(self.chunk_bytes),
            "messages": len(self.messages),
        }

    def details(self) -> dict[str, Any]:
        """All of it but the audio."""
        chunks = zip(self.chunk_ms, self.chunk_bytes, strict=True)
        return self.summary() | {
            "query": self.query,
            "credential": self.credential,
            "headers": self.headers,
            "without_effect": sorted(self.without_effect),
            "faults": self.faults,
            "messages": self.messages,
            "chunks": [{"at_ms": at_ms, "bytes": size} for at_ms, size in chunks],
        }

    def wav(self) -> bytes | None:
        """The audio as a WAV; None where it was not kept, or is compressed."""
        form = _WAV_FORMATS.get(self.parameters.get("encoding", "pcm_s16le"))
        if self.audio is None or form is None:
            return None
        tag, width = form
        asked = self.parameters.get("sample_rate")
        rate = asked if isinstance(asked, int) else 16000  # a text: refused
        head = struct.pack("<4sIHHIIHH", b"fmt ", 16, tag, 1, rate, rate * width, width, 8 * width)
        head += struct.pack("<4sI", b"data", len(self.audio))
        return (
            struct.pack("<4sI4s", b"RIFF", 4 + len(head) + len(self.audio), b"WAVE")
            + head
            + (bytes(self.audio))
        )


class AudioStore:
    """Bounds what is kept of audio: where there is too much, the oldest session's goes."""

    def __init__(self, most_bytes: int = _MOST_AUDIO_BYTES) -> None:
        self._most = most_bytes
        self._bytes = 0
        self._holders: dict[SessionRecord, None] = {}  # the oldest first

    def keep(self, record: SessionRecord, chunk: bytes) -> None:
        """Keep one chunk, if its session's audio has not gone."""
        if record.audio is None:
            return
        self._holders[record] = None
        record.audio += chunk
        self._bytes += len(chunk)
        while self._bytes > self._most:
            self.drop(next(iter(self._holders)))

    def drop(self, record: SessionRecord) -> None:
        """Keep nothing of a session's audio any more."""
        self._holders.pop(record, None)
        self._bytes -= len(record.audio or b"")
        record.audio = None


class SessionRecords:
    """The records of a service's connections; the oldest ones go when there are too many.

    Args:
        can_be_asked: whether anybody can ask for them; else none is held, nor messages, nor audio.
    """

    def __init__(self, keep_audio: bool, can_be_asked: bool = True) -> None:
        self._keep_audio = keep_audio and can_be_asked
        self._most = MOST_RECORDS if can_be_asked else 0
        self._most_messages = _MOST_MESSAGES if can_be_asked else 0
        self.clear()

    def add(
        self,
        number: int,
        path: str,
        headers: Iterable[tuple[str, str]],
        credential: str = "none",
    ) -> SessionRecord:
        if self._store is not None and len(self._records) == self._most:
            self._store.drop(self._records[0])
        record = SessionRecord(number, path, headers, self._store, credential, self._most_messages)
        self._records.append(record)
        return record

    def find(self, name: str) -> SessionRecord | None:
        """By its number, its session's id, or "last"."""
        if name == "last":
            return self._records[-1] if self._records else None
        return next((r for r in self._records if name in (str(r.number), r.id)), None)

    def summaries(self) -> list[dict[str, Any]]:
        return [record.summary() for record in self._records]

    def clear(self) -> None:
        """Forget them all; what sessions still send is kept nowhere."""
        self._records: deque[SessionRecord] = deque(maxlen=self._most)
        self._store = AudioStore() if self._keep_audio else None
