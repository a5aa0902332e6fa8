"""Completes the Turns of a script, so that they have the fields that are always there. Pure.

Sources: pages "Streaming messages" and "Multilingual streaming". `utterance` alone may be missing,
as in the example of page "Streaming quickstart". What is there stays as it is, null too.
"""

from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, Struct, UnsetType

from transcribe_cli.emulator.actions import Send
from transcribe_cli.emulator.text_formatting import unwritten
from transcribe_cli.protocol.messages import Turn

WORD_MS = 300  # of what is said, and of a word without times
_CONFIDENCE = 0.9


class _Word(Struct):
    """The fields that a word always has."""

    start: float | UnsetType | None = UNSET
    end: float | UnsetType | None = UNSET
    text: str | UnsetType | None = UNSET
    confidence: float | UnsetType | None = UNSET
    word_is_final: bool | UnsetType | None = UNSET


class _Turn(Struct):
    """The fields that a Turn always has."""

    turn_order: float | UnsetType | None = UNSET
    turn_is_formatted: bool | UnsetType | None = UNSET
    end_of_turn: bool | UnsetType | None = UNSET
    transcript: str | UnsetType | None = UNSET
    end_of_turn_confidence: float | UnsetType | None = UNSET
    words: list[_Word] | UnsetType | None = UNSET
    utterance: str | UnsetType | None = UNSET


_OPTIONAL = frozenset(("utterance",))


class UnnumberedTurn(NamedTuple):
    """A Turn whose `turn_order` the session knows once it is played.

    Attributes:
        fields: all the others.
        again: it is the formatted version of the final before it, and has its order.
    """

    fields: dict[str, Any]
    again: bool

    def numbered(self, next_order: int) -> tuple[int, Send]:
        """Its order and how it is sent; `next_order` is of the open turn, or the next one."""
        order = next_order - self.again
        return order, Send(msgspec.json.encode({"turn_order": order} | self.fields).decode())


class BareTurns:
    """The Turns of one script, which are told one after the other."""

    def __init__(self) -> None:
        self._order = 0  # of the open turn, or the next one, as if the lines were all there is
        self._begins_ms: dict[int, int] = {}  # by order
        self._raw: list[str] | None = None  # the words of an unformatted final that was the last

    def said(self) -> None:
        """Take notice of a turn that is said."""
        self._order += 1
        self._raw = None

    def completed(
        self, raw: dict[str, Any], line: str, now_ms: int
    ) -> tuple[Send | UnnumberedTurn, int]:
        """The Turn with the fields that it lacks, and when its last word ends.

        A final has what it says in each text, a confidence of 1, and counts as formatted; words
        without times follow the line before, 300 ms each.

        Args:
            line: how it stands there, and is sent if it lacks nothing.
            now_ms: where the line before it ends.

        Raises:
            msgspec.ValidationError: a field is not what it always is.
        """
        given = msgspec.convert(raw, type=_Turn)
        final = given.end_of_turn is True
        words = _words(raw, given, final)
        texts = [word["text"] for word in words if word["text"]]
        transcript = " ".join(texts) if given.transcript is UNSET else given.transcript
        formatted = final if given.turn_is_formatted is UNSET else given.turn_is_formatted
        plain = [unwritten(text) for text in (transcript or "").split()]
        again = final and bool(formatted) and self._raw == plain
        self._raw = plain if final and not formatted else None
        order = self._order - again
        if isinstance(given.turn_order, int | float):
            order = round(given.turn_order)
        self._order = order + final
        ends_ms = _set_times(words, self._begins_ms.setdefault(order, now_ms))
        always: dict[str, Any] = {
            "turn_is_formatted": final,
            "end_of_turn": final,
            "transcript": transcript,
            "end_of_turn_confidence": 1.0 if final else 0.0,
            "utterance": transcript if final else "",
        }
        told = {"words": words if raw.get("words", words) is not None else None}
        whole = always | {name: raw[name] for name in raw if name != "type"} | told
        whole["type"] = Turn.type
        if given.turn_order is UNSET:
            return UnnumberedTurn(whole, again), ends_ms
        if whole.keys() - raw.keys() <= _OPTIONAL and whole["words"] == raw["words"]:
            return Send(line), ends_ms
        return Send(msgspec.json.encode(whole).decode()), ends_ms


def _words(raw: dict[str, Any], given: _Turn, final: bool) -> list[dict[str, Any]]:
    """The words of a Turn with all their fields but times; those of its text where it has none."""
    if given.words is UNSET:
        said = given.transcript or given.utterance or ""
        asked: list[dict[str, Any]] = [{"text": text} for text in said.split()]
    else:
        asked = raw["words"] or []
    always = {"text": "", "confidence": _CONFIDENCE, "word_is_final": final}
    return [always | word for word in asked]


def _set_times(words: list[dict[str, Any]], now_ms: float) -> int:
    """Give words the times that they lack, from `now_ms` on; returns when the last one ends."""
    for word in words:
        start, end = word.get("start"), word.get("end")
        if start is None:
            start = now_ms if end is None else min(now_ms, end)
        now_ms = start + WORD_MS if end is None else end
        word.setdefault("start", start)
        word.setdefault("end", now_ms)
    return round(now_ms)
