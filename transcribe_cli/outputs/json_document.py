"""Encodes a document as JSON: one object for a recording (`docs/documents.md`). Pure.

Each turn and each word is a line of its own, so that a person, `grep` and `diff` can read it too.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from transcribe_cli.outputs.document_contents import RecordingContents
from transcribe_cli.outputs.jsonl_records import VERSION, encode_json, timestamp
from transcribe_cli.outputs.turn_cache import TurnCache
from transcribe_cli.transcript.turn_text import read_turn_text
from transcribe_cli.transcript.turns import TurnUpdate


class JsonEncoder:
    """Encodes documents; each turn is encoded once.

    Args:
        non_speech: keep turns that are only tags such as `[Silence]`.
        several: write a list of objects, because several recordings share the file.
    """

    def __init__(self, *, non_speech: bool, several: bool) -> None:
        self._several = several
        self._turns = TurnCache(lambda update: _turn_lines(update, non_speech=non_speech))

    def encode(self, contents: Sequence[RecordingContents]) -> bytes:
        """The whole file. Without a recording: `[]` for a list, else an empty file."""
        objects = [self._object(recording) for recording in contents]
        if self._several:
            return b"[\n" + b",\n".join(objects) + b"\n]\n" if objects else b"[]\n"
        return b"".join(made + b"\n" for made in objects)

    def _object(self, recording: RecordingContents) -> bytes:
        turns, words = [], []
        for update in recording.turns:
            turn, its_words = self._turns.of(update)
            turns += turn
            words += its_words
        fields = {
            "v": b"%d" % VERSION,
            "recording": encode_json(_recording(recording)),
            "turns": _list(turns),
            "words": _list(words),
            "marks": _list(map(encode_json, recording.marks)),
            "gaps": _list(map(encode_json, recording.gaps)),
            "error": encode_json(recording.error or None),
            "summary": encode_json(recording.summary or None),
        }
        lines = (b'"%s": %s' % (name.encode(), value) for name, value in fields.items())
        return b"{\n" + b",\n".join(lines) + b"\n}"


def _recording(recording: RecordingContents) -> dict[str, Any]:
    started = None if recording.started is None else timestamp(recording.started)
    return {"source": recording.source, "started": started} | recording.start


def _turn_lines(update: TurnUpdate, *, non_speech: bool) -> tuple[list[bytes], list[bytes]]:
    """The line of a turn, of a call one for each part, and those of its words; none without any."""
    message = update.message
    said = read_turn_text(message)
    if not said.whole or (said.non_speech and not non_speech):
        return [], []
    turns = [_turn(part) for part in update.parts()]
    words = [] if said.non_speech else map(encode_json, _words(update))
    return list(map(encode_json, turns)), list(words)


def _turn(update: TurnUpdate) -> dict[str, Any]:
    message = update.message
    said = read_turn_text(message)
    words = message.words
    of_call = {"channel": words[0].channel} if words and words[0].channel is not None else {}
    return {
        "turn": update.turn,
        "start": update.start_ms,
        "end": update.end_ms,
        "text": said.whole,
        "speaker": message.speaker_label,
        "language": message.language_code,
        "language_confidence": message.language_confidence,
        "non_speech": said.non_speech,
        **of_call,
    }


def _words(update: TurnUpdate) -> Iterator[dict[str, Any]]:
    words = update.message.words
    given = any(word.confidence for word in words)  # all zeros: the model gives no confidences
    for word in words:
        if text := word.text.strip():
            yield {
                "turn": update.turn,
                "start": word.start,
                "end": word.end,
                "text": text,
                "speaker": word.speaker,
                "confidence": word.confidence if given else None,
                **({} if word.channel is None else {"channel": word.channel}),
            }


def _list(items: Iterable[bytes]) -> bytes:
    lines = b",\n".join(items)
    return b"[\n" + lines + b"\n]" if lines else b"[]"
