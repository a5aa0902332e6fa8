"""The service's log for tests: one JSON object a line, without keys, tokens and transcripts."""

from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import msgspec

from transcribe_cli.errors import UsageError


class Logbook:
    """Writes events to a file as they happen; without a path it writes nothing.

    Each has its `time` (UTC, ISO 8601, ms), and all but those of plain HTTP their `connection`, by
    its number from 0. Events: `open` (session, path, parameters, headers, and without_effect: what
    changes nothing here), `refused` (code, error; of a session its path, parameters and headers
    too), `message` (session, audio_ms, text: what the client sent), `terminate` (session,
    audio_ms), `fault` (fault; session and audio_ms too once there is a session), `close` (session,
    audio_ms, code, by "client" or "service", perhaps error, without_effect: of
    UpdateConfigurations, chunk_bytes and chunk_ms: the size of each binary message, and when it
    came), `webhook` (session, taken).

    Raises:
        UsageError: the file cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self._file: IO[bytes] | None = None
        if path is not None:
            try:
                self._file = path.open("ab", buffering=0)
            except OSError as e:
                raise UsageError(
                    f"The logbook '{path}' cannot be written: {e.strerror or e}.",
                    "choose another --logbook",
                ) from e

    @property
    def is_kept(self) -> bool:
        """Whether anything is written."""
        return self._file is not None

    def write(self, event: str, **fields: object) -> None:
        """Write one event."""
        if self._file is not None:
            now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            self._file.write(msgspec.json.encode({"event": event, "time": now, **fields}) + b"\n")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
