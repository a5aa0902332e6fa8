"""Completes the Turns of a script, so that they have the fields that are always there. Pure.

Sources: pages "Streaming messages" and "Multilingual streaming". `utterance` alone may be missing,
as in the example of page "Streaming quickstart".
"""

from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from transcribe_cli.protocol.messages import Turn

WORD_MS = 300  # of what is said, and of a word without times
_CONFIDENCE = 0.9


class _Word(Struct):
    """The fields that a word always has."""

    start: int | UnsetType = UNSET
    end: int | UnsetType = UNSET
    text: str | UnsetType = UNSET
    confidence: float | UnsetType = UNSET
    word_is_final: bool | UnsetType = UNSET


class _Turn(Struct):
    """The fields that a Turn always has."""

    turn_order: int | UnsetType = UNSET
    turn_is_formatted: bool | UnsetType = UNSET
    end_of_turn: bool | UnsetType = UNSET
    transcript: str | UnsetType = UNSET
    end_of_turn_confidence: float | UnsetType = UNSET
    words: list[_Word] | UnsetType = UNSET
    utterance: str | UnsetType = UNSET


_OPTIONAL = frozenset(("utterance",))


class BareTurns:
    """The Turns of one script, which are told one after the other."""

    def __init__(self) -> None:
        self._order = 0  # of the open turn, or the next one
        self._begins_ms: dict[int, int] = {}  # by order
        self._ends_ms = 0  # of the last word so far

    def said(self, ends_ms: int) -> None:
        """Take notice of a turn that is said, and when its last word ends."""
        self._order += 1
        self._ends_ms = max(self._ends_ms, ends_ms)

    def completed(self, raw: dict[str, Any], now_ms: int) -> dict[str, Any] | None:
        """The Turn with the fields that it lacks; None if it lacks none.

        A final has what it says in each text, a confidence of 1, and counts as formatted; words
        without times follow what came before, 300 ms each.

        Args:
            now_ms: where the line before it ends.

        Raises:
            msgspec.ValidationError: a field is not what it always is.
        """
        given = msgspec.convert(raw, type=_Turn)
        order = self._order if given.turn_order is UNSET else given.turn_order
        final = given.end_of_turn is True
        self._order = order + final
        begins_ms = self._begins_ms.setdefault(order, max(now_ms, self._ends_ms))
        words = _words(raw, given, begins_ms, final)
        if words:
            self._ends_ms = max(self._ends_ms, words[-1]["end"])
        text = " ".join(word["text"] for word in words if word["text"])
        transcript = text if given.transcript is UNSET else given.transcript
        always: dict[str, Any] = {
            "turn_order": order,
            "turn_is_formatted": final,
            "end_of_turn": final,
            "transcript": transcript,
            "end_of_turn_confidence": 1.0 if final else 0.0,
            "words": words,
            "utterance": transcript if final else "",
        }
        if always.keys() - raw.keys() <= _OPTIONAL and words == raw["words"]:
            return None
        others = {name: raw[name] for name in raw if name != "type"}
        return always | others | {"words": words, "type": Turn.type}


def _words(raw: dict[str, Any], given: _Turn, begins_ms: int, final: bool) -> list[dict[str, Any]]:
    """The words of a Turn with all their fields; those of its text where it has none."""
    if given.words is UNSET:
        said = given.transcript or given.utterance or ""
        asked: list[dict[str, Any]] = [{"text": text} for text in said.split()]
    else:
        asked = raw["words"]
    words: list[dict[str, Any]] = []
    for word in asked:
        start = words[-1]["end"] if words else begins_ms
        if "end" in word:
            start = min(start, word["end"])
        start = word.get("start", start)
        always = {"start": start, "end": start + WORD_MS, "text": "", "confidence": _CONFIDENCE}
        words.append(always | {"word_is_final": final} | word)
    return words
