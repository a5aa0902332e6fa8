"""The service's log for tests: one JSON object a line, without keys, tokens and transcripts."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import msgspec

from transcribe_cli.errors import UsageError
from transcribe_cli.protocol.parameters import SECRET_PARAMETERS

_WEBHOOK = "webhook_url"
_SECRET = "[secret]"  # nosec B105
_URL = re.compile(
    r"(?P<scheme>[a-z]+://)?+(?P<user>[^/?#]*@)?(?P<host>(\[[^\]@]*\]|[^@/?#:]*)(:\d*)?)"
    r"(?P<path>/[^?#]*)?(?P<query>[?#].*)?",
    re.IGNORECASE | re.DOTALL,
)


def without_secrets(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a session without its credentials, those in a webhook's address too."""
    kept = {name: value for name, value in parameters.items() if name not in SECRET_PARAMETERS}
    if _WEBHOOK in kept:
        kept[_WEBHOOK] = _without_userinfo_and_query(kept[_WEBHOOK])
    return kept


def _without_userinfo_and_query(url: str) -> str:
    """A URL whose user, password and query are replaced.

    >>> _without_userinfo_and_query("https://ann:pw@example.com/hook?token=x")
    'https://[secret]@example.com/hook?[secret]'
    """
    found = _URL.fullmatch(url)
    if found is None or "@" in (found["path"] or ""):  # a password may hold what it should not
        return _SECRET
    user = f"{_SECRET}@" if found["user"] else ""
    query = f"?{_SECRET}" if found["query"] else ""
    return f"{found['scheme'] or ''}{user}{found['host']}{found['path'] or ''}{query}"


class Logbook:
    """Writes events to a file as they happen; without a path it writes nothing.

    Events: `open` (session, parameters, and those without effect here), `refused` (code, error),
    `message` (session, audio_ms, text: what the client sent), `terminate` (session, audio_ms),
    `fault` (session, audio_ms, fault), `close` (session, audio_ms, code, by "client" or "service",
    perhaps error, and without_effect: of UpdateConfigurations), `webhook` (session, taken).

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

    def write(self, event: str, **fields: object) -> None:
        """Write one event."""
        if self._file is not None:
            self._file.write(msgspec.json.encode({"event": event, **fields}) + b"\n")

    def opened(self, session: str, parameters: Mapping[str, Any], unused: Sequence[str]) -> None:
        """Write the `open` event, without secret parameters.

        Args:
            unused: the parameters that have no effect.
        """
        told = {"without_effect": unused} if unused else {}
        self.write("open", session=session, parameters=without_secrets(parameters), **told)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
