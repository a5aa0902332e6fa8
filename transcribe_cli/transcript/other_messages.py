"""The text of messages that are no Turns, for people. Pure; the text is data from outside.

Examples are a language model's answer, a translation, or a message of an unknown type.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from transcribe_cli.protocol.messages import LLMGatewayResponse, ServerMessage, UnknownMessage

MOST_CHARACTERS = 400
MOST_OF_FIELDS = 64  # one line of a window of 80 columns

# The fields in which messages have their text, the most likely first.
_FIELDS = ("content", "translation", "translated_text", "text", "message", "summary", "transcript")
_DEEPEST = 8


def other_message_text(message: ServerMessage, raw: Mapping[str, Any]) -> str | None:
    """One line of text; None for a message that is shown in another way, or is not for people.

    >>> raw = {"type": "Translation", "text": "Guten Tag."}
    >>> other_message_text(UnknownMessage("Translation"), raw)
    'Translation: Guten Tag.'
    """
    fields = {name: value for name, value in raw.items() if name != "type"}
    match message:
        case LLMGatewayResponse():
            label, told = "answer", raw.get("data", fields)
        case UnknownMessage():
            label, told = message.type or "message", fields
        case _:
            return None
    said = _said(told)
    text, most = f"{label}: {said}", MOST_CHARACTERS
    if not said:  # there is no text: show enough of the fields to recognise the message
        text, most = f"{label}: {msgspec.json.encode(told).decode()}", MOST_OF_FIELDS
    return text if len(text) <= most else f"{text[:most]}..."


def _said(value: Any, depth: int = 0) -> str:
    """The first text in one of the known fields; "" if there is none."""
    if depth > _DEEPEST:
        return ""
    if isinstance(value, list):
        return next((found for item in value if (found := _said(item, depth + 1))), "")
    if not isinstance(value, dict):
        return ""
    for name in _FIELDS:
        if isinstance(text := value.get(name), str) and text.strip():
            return text.strip()
    return next((found for item in value.values() if (found := _said(item, depth + 1))), "")
