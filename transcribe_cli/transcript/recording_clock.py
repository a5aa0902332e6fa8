"""Times on the recording's clock: moves a message's times to it, and formats them. Pure.

A session's clock starts at the first sample sent to it, the recording's clock at its own first
sample. A session's offset is the recording's time, in ms, of the first sample sent.
"""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from transcribe_cli.protocol.codec import Decoded
from transcribe_cli.protocol.messages import Silence, SpeakerRevision, SpeechStarted, Turn, Word

_TIMES = ("timestamp", "start_ms", "end_ms")
_WORD_TIMES = ("start", "end")


def to_recording_clock(decoded: Decoded, offset_ms: int) -> Decoded:
    """A copy of the message with its times on the recording's clock."""
    if offset_ms == 0:
        return decoded
    message = decoded.message
    if isinstance(message, Turn):
        message = replace(message, words=_shift_words(message.words, offset_ms))
    elif isinstance(message, SpeechStarted):
        message = replace(message, timestamp=message.timestamp + offset_ms)
    elif isinstance(message, Silence):
        message = replace(
            message, start_ms=message.start_ms + offset_ms, end_ms=message.end_ms + offset_ms
        )
    elif isinstance(message, SpeakerRevision):
        message = replace(
            message,
            revisions=[
                replace(revision, words=_shift_words(revision.words, offset_ms))
                for revision in message.revisions
            ],
        )
    return Decoded(message, _shift_raw(decoded.raw, offset_ms), decoded.problems)


def _shift_words(words: list[Word], offset_ms: int) -> list[Word]:
    return [replace(word, start=word.start + offset_ms, end=word.end + offset_ms) for word in words]


def _shift_raw(raw: Mapping[str, Any], offset_ms: int) -> dict[str, Any]:
    shifted = dict(raw)
    for name in _TIMES:
        if name in shifted:
            shifted[name] = _later(shifted[name], offset_ms)
    if isinstance(raw.get("words"), list):
        shifted["words"] = [_shift_raw_word(word, offset_ms) for word in raw["words"]]
    if isinstance(raw.get("revisions"), list):
        shifted["revisions"] = [
            _shift_raw(revision, offset_ms) if isinstance(revision, dict) else revision
            for revision in raw["revisions"]
        ]
    return shifted


def _shift_raw_word(word: Any, offset_ms: int) -> Any:
    if not isinstance(word, dict):
        return word
    return word | {name: _later(word[name], offset_ms) for name in _WORD_TIMES if name in word}


def _later(value: Any, offset_ms: int) -> Any:
    """The value plus the offset. An odd value stays: decoding has warned about it."""
    odd = isinstance(value, bool) or not isinstance(value, int | float)
    return value if odd else value + offset_ms


def format_time(ms: int) -> str:
    """A time in the recording as `m:ss`, from one hour on as `h:mm:ss`.

    >>> format_time(4_000), format_time(3_600_000)
    ('0:04', '1:00:00')
    """
    minutes, seconds = divmod(max(ms, 0) // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
