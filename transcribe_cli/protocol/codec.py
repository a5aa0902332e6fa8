"""Encodes and decodes text frames, for client and service. Pure.

Decoding accepts any JSON object of a service: `raw` keeps all fields, the typed message takes those
that fit, and each missing or odd field is an entry of `problems`.
"""

from collections.abc import Mapping
from operator import attrgetter
from typing import Any, TypeVar

import msgspec
from msgspec.structs import astuple

from transcribe_cli.protocol.messages import (
    CLIENT_MESSAGES,
    SERVER_MESSAGES,
    ClientMessage,
    Error,
    Revision,
    ServerMessage,
    Turn,
    UnknownMessage,
    UpdateConfiguration,
    Word,
)

S = TypeVar("S", bound=msgspec.Struct)


class _SoundTurn(Turn, tag="Turn", kw_only=True):
    """A Turn with all required fields; a Turn without one of them fails to decode."""

    turn_order: int
    end_of_turn: bool
    transcript: str
    words: list[Word]


_SOUND_TURN = msgspec.json.Decoder(_SoundTurn)
# The required fields of each type; a message without one of them has a problem.
_EXPECTED: dict[str, tuple[str, ...]] = {
    "Begin": ("id", "expires_at"),
    "Turn": tuple(_SoundTurn.__annotations__),
    "Termination": ("audio_duration_seconds", "session_duration_seconds"),
    "Error": ("error",),
}
_NESTED: dict[str, type[msgspec.Struct]] = {"words": Word, "revisions": Revision}
MOST_PROBLEMS = 5
"""The most problems listed of one message; of the others only the number is given."""

_TURN_BEGINS, _TURN_ENDS = '{"type":"Turn",', ',"type":"Turn"}'


def _as_sent(cls: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """The same fields, of which the encoder leaves out the optional ones that are not there."""
    fields = (
        (spec.name, spec.type) if spec.default is not None else (spec.name, spec.type, None)
        for spec in msgspec.structs.fields(cls)
    )
    return msgspec.defstruct(
        cls.__name__, fields, tag=cls.__struct_config__.tag, omit_defaults=True
    )


_SENT_TURN, _SENT_WORD = _as_sent(Turn), _as_sent(Word)
_in_order = attrgetter(*Turn.__struct_fields__)  # by name: a `_SoundTurn` has another order
_WORDS = Turn.__struct_fields__.index("words")
_INVALID = "User Input Validation Error: "
NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises; a thousand nested brackets the last."""


class Decoded(msgspec.Struct, eq=False):  # many a second are made
    """One decoded text frame of the service.

    Attributes:
        message: the typed message; an `UnknownMessage` for unknown types.
        fields: the content of `raw`, or the undecoded frame until `raw` is read.
        problems: what is missing or odd, in words; empty for a sound message.
    """

    message: ServerMessage
    fields: Mapping[str, Any] | bytes
    problems: list[str] = []

    @property
    def raw(self) -> Mapping[str, Any]:
        """All fields as they arrived, known or not."""
        if isinstance(self.fields, bytes):
            self.fields = msgspec.json.decode(self.fields, type=dict[str, Any])
        return self.fields

    def __eq__(self, other: object) -> bool:
        # The comparison decodes `raw` if it has not been decoded.
        return isinstance(other, Decoded) and (self.message, self.raw, self.problems) == (
            other.message,
            other.raw,
            other.problems,
        )


class BadMessage(ValueError):
    """A text frame that is not a message; `text`: why not, in the service's words."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def decode_server_message(data: str | bytes) -> Decoded:
    """Read one text frame from a service.

    Raises:
        BadMessage: the frame is not a JSON object, so nothing of it can be kept.
    """
    if isinstance(data, str):
        data = data.encode()
    # Fast path for sound Turns, many a second: `raw` is decoded only when it is read.
    if data.rfind(b'"type":') >= 0:  # the Turn decoder accepts a missing type; `type` comes last
        try:
            sound = _SOUND_TURN.decode(data)
            data.decode()  # the decoder skips unknown fields, so check that all of it is UTF-8
            return Decoded(sound, data)
        except (msgspec.MsgspecError, *NOT_JSON):
            pass
    try:
        raw = msgspec.json.decode(data)
    except NOT_JSON as e:
        raise BadMessage(f"not JSON: {e}") from e
    if not isinstance(raw, dict):
        raise BadMessage(f"not a JSON object but {type(raw).__name__}")
    return read_server_object(raw)


def read_server_object(raw: dict[str, Any]) -> Decoded:
    """Decode an object that is parsed already, such as a record of a journal."""
    kind = raw.get("type")
    if kind is None and "error" in raw:
        # SDK test suites and older services send errors without a type.
        kind = Error.type
    cls = SERVER_MESSAGES.get(kind) if isinstance(kind, str) else None
    if cls is None:
        if isinstance(kind, str):
            return Decoded(UnknownMessage(kind), raw)
        return Decoded(UnknownMessage(""), raw, ["a message without a type"])
    problems = [
        f"{kind} without {name}" for name in _EXPECTED.get(str(kind), ()) if name not in raw
    ]
    try:
        return Decoded(msgspec.convert(raw, cls), raw, problems)
    except msgspec.ValidationError:
        message, odd = _convert_leniently(raw, cls, str(kind))
        problems += odd
        if len(problems) > MOST_PROBLEMS:
            problems[MOST_PROBLEMS:] = [f"{len(problems) - MOST_PROBLEMS:,} more of its kind"]
        return Decoded(message, raw, problems)


def _convert_leniently(raw: Mapping[str, Any], cls: type[S], where: str) -> tuple[S, list[str]]:
    """Take every field that fits; the others keep their defaults and are listed."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    for spec in msgspec.structs.fields(cls):
        if spec.name not in raw:
            continue
        value = raw[spec.name]
        nested = _NESTED.get(spec.name)
        if nested is not None and isinstance(value, list):
            items = []
            for index, item in enumerate(value):
                place = f"{where}.{spec.name}[{index}]"
                if not isinstance(item, dict):
                    problems.append(f"{place} is {_shown(item)}")
                    continue
                kept, odd = _convert_leniently(item, nested, place)
                items.append(kept)
                problems += odd
            values[spec.name] = items
            continue
        try:
            values[spec.name] = _convert_value(value, spec.type)
        except (msgspec.ValidationError, ValueError, OverflowError):
            problems.append(f"{where}.{spec.name} is {_shown(value)}")
    return cls(**values), problems


def _convert_value(value: Any, kind: Any) -> Any:
    """`value` as `kind`; a fractional time is rounded, because times are whole ms."""
    if kind is int and isinstance(value, float):
        return round(value)
    return msgspec.convert(value, kind)


def _shown(value: Any) -> str:
    """A value's type, for a warning; not its content, which may be transcript."""
    return "null" if value is None else f"a {type(value).__name__}"


def encode_server_message(message: ServerMessage) -> str:
    """One text frame as the service writes it: without absent optional fields, `type` last."""
    if isinstance(message, Turn):
        return _encode_turn(message)
    body = {k: v for k, v in msgspec.to_builtins(message).items() if v is not None}
    for holder in body.get("revisions", ()):
        for word in holder.get("words", ()):
            for name in ("speaker", "speaker_confidence", "channel"):
                if word[name] is None:
                    del word[name]
    body.pop("type", None)  # a tagged type has it first
    body["type"] = message.type
    return msgspec.json.encode(body).decode()


def _encode_turn(turn: Turn) -> str:
    """As `encode_server_message`, for Turns only, which are sent most."""
    values = [*_in_order(turn)]
    values[_WORDS] = [_SENT_WORD(*astuple(word)) for word in turn.words]
    frame = msgspec.json.encode(_SENT_TURN(*values))
    return f"{{{frame[len(_TURN_BEGINS) : -1].decode()}{_TURN_ENDS}"


def client_object(data: str | bytes) -> dict[str, Any]:
    """The JSON object in a client's text frame; its `type` is a string.

    Raises:
        BadMessage: the frame holds no such object.
    """
    try:
        raw = msgspec.json.decode(data)
    except NOT_JSON:
        raw = _decode_as_python(data)
    shown = data if isinstance(data, str) else data.decode(errors="replace")
    if not isinstance(raw, dict) or not isinstance(raw.get("type"), str):
        raise BadMessage(f"Invalid Message: {shown!r}")
    return raw


def read_client_object(raw: Mapping[str, Any]) -> ClientMessage:
    """The typed message of a client's object.

    Raises:
        BadMessage: its type is unknown, or a field is wrong.
    """
    cls = CLIENT_MESSAGES.get(raw["type"])
    if cls is None:
        raise BadMessage(f"Invalid Message Type: {raw['type']}")
    if cls is not UpdateConfiguration:
        return cls()
    from transcribe_cli.protocol.parameters import BadParameter, checked_update

    # Parameters that can only be set at the start are ignored, whatever their values.
    fields = {name: raw[name] for name in UpdateConfiguration.__struct_fields__ if name in raw}
    try:
        return msgspec.convert(checked_update(fields), UpdateConfiguration)
    except BadParameter as e:
        raise BadMessage(str(e)) from e


def _decode_as_python(data: str | bytes) -> Any:
    """A text as Python's `json` reads it, because the service uses that: it accepts NaN, and half
    of a surrogate pair, which is replaced.

    Raises:
        BadMessage: the text is not JSON; the reason is in the service's words.
    """
    import json

    try:
        told = json.dumps(json.loads(data), ensure_ascii=False)
        return json.loads(told.encode(errors="replace"))
    except (ValueError, RecursionError) as e:
        raise BadMessage(f"{_INVALID}Invalid JSON: {e}") from e


def encode_client_message(message: ClientMessage) -> str:
    """One text frame for the service, such as `{"type":"Terminate"}`."""
    body = {"type": message.type}
    body |= {k: v for k, v in msgspec.to_builtins(message).items() if v is not None}
    return msgspec.json.encode(body).decode()
