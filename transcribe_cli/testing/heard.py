"""What a client sent to the local service, with asserting helpers. Pure.

A helper that fails says what was expected and what came, each on a line of its own.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# A test that fails shows its own line, and none of these.
__tracebackhide__ = True
_WAV_HEAD_BYTES = 44
_SHOWN_CHARACTERS = 60


@dataclass(frozen=True)
class HeardSession:
    """What one client sent.

    Attributes:
        number: connections are counted from 0, refused ones too.
        id: the session's, as `Begin` said; None if there was none.
        path: of its URL, without the query.
        parameters: of its URL, as the service understood them, without secrets; of a refused one
            what is wrong is as it was sent.
        query: all of it as it was sent, misspelt names too; secrets are replaced.
        credential: how it says who it is: "none"; in the header Authorization "Bearer", "token" for
            one that this service has made, else "key"; "token in the URL".
        headers: of its upgrade; secrets are replaced.
        without_effect: what it asked for that changed nothing, misspelt names too.
        faults: what went wrong on purpose, in order.
        messages: its JSON messages, in order; what is no JSON is a string.
        chunks: the size of each binary message in bytes, and when it came, in ms.
        ended: `{"code": ..., "by": "client" or "service"}`, perhaps with `error`; None: still open.
        wav: its audio; None where it is compressed.
    """

    number: int
    id: str | None
    path: str
    parameters: Mapping[str, Any]
    query: str
    credential: str
    headers: Mapping[str, str] = field(repr=False)
    without_effect: Sequence[str]
    faults: Sequence[str]
    messages: Sequence[Any]
    chunks: Sequence[Mapping[str, int]] = field(repr=False)
    ended: Mapping[str, Any] | None
    wav: bytes | None = field(repr=False)  # minutes of it would hide the rest

    @property
    def audio(self) -> bytes:
        """The samples that came, without a header."""
        return b"" if self.wav is None else self.wav[_WAV_HEAD_BYTES:]

    @property
    def types(self) -> list[str]:
        """The `type` of each JSON message."""
        return [str(m.get("type")) for m in self.messages if isinstance(m, dict)]

    def assert_parameters(self, **expected: object) -> None:
        """It asked for these parameters; others may be there too."""
        sent = self.parameters
        wrong = [name for name in expected if name not in sent or sent[name] != expected[name]]
        pairs = {name: _around(expected[name], sent[name]) for name in wrong if name in sent}
        missing = [name for name in wrong if name not in sent]
        if wrong:
            came = {name: came for name, (_, came) in pairs.items()}
            told = {name: pairs[name][0] if name in pairs else expected[name] for name in wrong}
            raise AssertionError(
                f"the parameters of session {self.number}\n"
                f"  expected: {told!r}\n  came:     {came!r}"
                + (f"\n  not sent: {', '.join(missing)}" if missing else "")
            )

    def assert_messages(self, *types: str) -> None:
        """It sent JSON messages of exactly these types, in this order."""
        _compare(f"the messages of session {self.number}", list(types), self.types)

    def assert_terminated(self) -> None:
        """It sent Terminate, and waited until the service had closed."""
        _compare(f"the last message of session {self.number}", ["Terminate"], self.types[-1:])
        expected = {"code": 1000, "by": "service"}
        _compare(f"the end of session {self.number}", expected, dict(self.ended or {}))

    def assert_audio(self, samples: bytes) -> None:
        """It sent exactly these samples."""
        came = self.audio
        if came == samples:
            return
        pairs = enumerate(zip(came, samples, strict=False))
        differs = next((at for at, (a, b) in pairs if a != b), min(len(came), len(samples)))
        shown = slice(differs, differs + 16)
        raise AssertionError(
            f"the audio of session {self.number}, from byte {differs} on\n"
            f"  expected: {samples[shown].hex(' ')} ... ({len(samples)} bytes in all)\n"
            f"  came:     {came[shown].hex(' ')} ... ({len(came)} bytes in all)"
        )


def read_heard(details: Mapping[str, Any], wav: bytes | None) -> HeardSession:
    """The session that the control describes."""
    return HeardSession(
        number=details["number"],
        id=details["id"],
        path=details["path"],
        parameters=details["parameters"],
        query=details["query"],
        credential=details["credential"],
        headers=dict(details["headers"]),
        without_effect=details["without_effect"],
        faults=details["faults"],
        messages=[_read(message["text"]) for message in details["messages"]],
        chunks=details["chunks"],
        ended=details["ended"],
        wav=wav,
    )


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _around(expected: object, came: object) -> tuple[object, object]:
    """Both; of long texts what is around the first difference.

    >>> _around("a" * 100 + "b", "a" * 100 + "c")
    ('...aaaaaaaaaaaaaaaaaaaab', '...aaaaaaaaaaaaaaaaaaaac')
    """
    if not (isinstance(expected, str) and isinstance(came, str)):
        return expected, came
    pairs = enumerate(zip(expected, came, strict=False))
    shortest = min(len(expected), len(came))
    first = max(0, next((at for at, (a, b) in pairs if a != b), shortest) - 20)

    def shown(text: str) -> str:
        if len(text) <= _SHOWN_CHARACTERS:
            return text
        kept = text[first : first + _SHOWN_CHARACTERS]
        behind = "..." if first + len(kept) < len(text) else ""
        return f"{'...' if first else ''}{kept}{behind}"

    return shown(expected), shown(came)


def _compare(what: str, expected: object, came: object) -> None:
    if expected != came:
        raise AssertionError(f"{what}\n  expected: {expected!r}\n  came:     {came!r}")
