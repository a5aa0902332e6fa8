"""The connection's query parameters: types and ranges, encoding and decoding. Pure.

Booleans travel as `true` and `false` (read in any case), lists and objects as one parameter that
holds JSON; languages may also be one parameter each. Sources: page "Streaming API" reference, the
official SDKs' URL builders, and answers of the service that public clients report. The service
ignores an unknown name; it refuses a known name with a bad value before `Begin` with "User Input
Validation Error: Invalid '<name>': <reason>", close 3006.
"""

from collections.abc import Mapping
from math import isfinite
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

import msgspec

from transcribe_cli.protocol.languages import PRO_LANGUAGES
from transcribe_cli.protocol.models import MODELS, REDIRECTS

_LISTED = (
    "universal-streaming-english",
    "universal-streaming-multilingual",
    "whisper-rt",
    "u3-rt-pro",
    "u3-rt-pro-beta-1",
    "u3-rt-agent",
    "universal-3-5-pro",
    "universal-3-6-pro",
    "universal-3-6",
    "universal-3-7-preview",
    "_universal-3-5-notetaker",
)
SPEECH_MODELS = tuple(dict.fromkeys((*_LISTED, *MODELS, *REDIRECTS)))
"""Values of `speech_model`: those that the service's own error message lists (September 2026), and
the other names in the table of models."""

PII_POLICIES = tuple(
    """account_number banking_information blood_type corporate_action credit_card_cvv
    credit_card_expiration credit_card_number date date_interval date_of_birth day drivers_license
    drug duration effect email_address event filename financial_metric gender gender_sexuality
    healthcare_number injury ip_address language location location_address location_address_street
    location_city location_coordinate location_country location_state location_zip marital_status
    medical_code medical_condition medical_process money_amount month nationality number_sequence
    occupation organization organization_id organization_medical_facility passport_number password
    person_age person_name phone_number physical_attribute political_affiliation product project
    religion sexuality statistics time trend url us_social_security_number username vehicle_id year
    zodiac_sign""".split()
)
"""Values of `redact_pii_policies`, from the official JavaScript SDK."""

_LANGUAGES = (*PRO_LANGUAGES, "multi")
PCM_ENCODINGS = ("pcm_s16le", "pcm_mulaw")
MAX_TEXT = 1750  # characters of `prompt` and of `agent_context`
MANUAL = "manual"
"""The `mode` in which a turn ends when the client says so (livekit-plugins-assemblyai 1.9.0)."""


class Parameter(NamedTuple):
    """One query parameter.

    Attributes:
        kind: bool, int, float, str, list (of str) or dict (a JSON object).
        low, high: least and greatest number; `high` is also the greatest length of a list or text.
        choices: the only values allowed; empty: any.
    """

    name: str
    kind: type
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


_RECOGNITION = (
    Parameter("speech_model", str, choices=SPEECH_MODELS),
    Parameter("sample_rate", int, 8000, 96000),
    Parameter("encoding", str, choices=(*PCM_ENCODINGS, "opus", "ogg_opus", "aac")),
    Parameter("format_turns", bool),
    Parameter("end_of_turn_confidence_threshold", float, 0, 1),
    Parameter("min_turn_silence", int, 0),
    Parameter("min_end_of_turn_silence_when_confident", int, 0),
    Parameter("max_turn_silence", int, 0),
    Parameter("vad_threshold", float, 0, 1),
    Parameter("keyterms_prompt", list, high=100),
    Parameter("prompt", str, high=MAX_TEXT),
    Parameter("agent_context", str, high=MAX_TEXT),
    Parameter("previous_context_n_turns", int, 0, 100),
    Parameter("language", str),
    Parameter("language_code", str, choices=_LANGUAGES),
    Parameter("language_codes", list, high=10, choices=_LANGUAGES),
    Parameter("language_detection", bool),
    Parameter("filter_profanity", bool),
    Parameter("inactivity_timeout", int, 5, 3600),
    Parameter("speaker_labels", bool),
    Parameter("max_speakers", int, 1, 10),
    Parameter("speaker_labels_revision_interval_ms", int, 0, 86_400_000),
    Parameter("domain", str, choices=("medical-v1",)),
    Parameter("redact_pii", bool),
    Parameter("redact_pii_policies", list, choices=PII_POLICIES),
    Parameter("redact_pii_sub", str, choices=("hash", "entity_name")),
    Parameter("include_partial_turns", bool),
    Parameter("continuous_partials", bool),
    Parameter("interruption_delay", int, 0, 1000),
    Parameter("turn_left_pad_ms", int, 0),
    Parameter("voice_focus", str, choices=("near-field", "far-field")),
    Parameter("voice_focus_threshold", float, 0, 1),
    Parameter("mode", str, choices=("min_latency", "balanced", "max_accuracy", MANUAL)),
    Parameter("session_heartbeat", bool),
    Parameter("acknowledge_silence", bool),
)
_OTHERS = (  # the client's token, and what else is done with the transcript
    Parameter("token", str),
    Parameter("llm_gateway", dict),
    Parameter("webhook_url", str),
    Parameter("webhook_auth_header_name", str),
    Parameter("webhook_auth_header_value", str),
    Parameter("customer_support_audio_capture", bool),
)

PARAMETERS: dict[str, Parameter] = {
    parameter.name: parameter for parameter in (*_RECOGNITION, *_OTHERS)
}

# The service clamps these, and parses them in its own way.
_SILENCES = ("min_turn_silence", "min_end_of_turn_silence_when_confident", "max_turn_silence")

_NOUNS: dict[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "list",
    dict: "dictionary",
}

WEBHOOK_SECRET = "webhook_auth_header_value"  # nosec B105
SECRET_PARAMETERS = frozenset(("token", WEBHOOK_SECRET))

RECOGNITION_PARAMETERS = frozenset(parameter.name for parameter in _RECOGNITION)
"""Parameters about recognition; a journal may set only these when it is resumed."""


class BadParameter(ValueError):
    """A known parameter with a bad value; `str()` is the service's own wording."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"User Input Validation Error: Invalid '{name}': {reason}")
        self.name = name
        self.reason = reason


def encode_query(parameters: Mapping[str, object]) -> str:
    """Encode parameters as a query string; None is left out, values other than text become JSON.

    >>> encode_query({"sample_rate": 16000, "format_turns": True, "keyterms_prompt": ["Å b"]})
    'sample_rate=16000&format_turns=true&keyterms_prompt=%5B%22%C3%85+b%22%5D'
    """
    return urlencode({k: _encode_value(v) for k, v in parameters.items() if v is not None})


def _encode_value(value: object) -> str:
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()


def decode_query(query: str, table: Mapping[str, Parameter] = PARAMETERS) -> dict[str, Any]:
    """Read and check a query string as the service does; unknown names are dropped.

    Raises:
        BadParameter: the first known name whose value is bad.
    """
    read: dict[str, Any] = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        parameter = table.get(name)
        if parameter is None:
            continue
        value = _parse(parameter, text)
        if name in read and parameter.kind is list:
            if name != "language_codes":  # a part alone is no JSON array
                raise BadParameter(name, "Value error, Invalid JSON array")
            value = [*read[name], *value]
        read[name] = _checked(parameter, value)
    return read


def as_typed(name: str, value: Any) -> Any:
    """A value, which may be a query's text, converted to the parameter's kind if possible.

    >>> as_typed("speaker_labels", "True"), as_typed("min_turn_silence", "fast")
    (True, 'fast')
    """
    parameter = PARAMETERS.get(name)
    if parameter is None or not isinstance(value, str):
        return value
    try:
        return _decode_value(parameter, value)
    except BadParameter:
        return value


def checked_update(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an UpdateConfiguration, checked; null and unknown names are dropped.

    >>> checked_update({"max_turn_silence": "900", "type": "UpdateConfiguration"})
    {'max_turn_silence': 900}

    Raises:
        BadParameter: the first known name whose value is bad.
    """
    checked = {
        name: _checked(PARAMETERS[name], _from_json(PARAMETERS[name], value))
        for name, value in fields.items()
        if name in PARAMETERS and value is not None
    }
    check_languages(checked)
    return checked


def check_languages(parameters: Mapping[str, Any]) -> None:
    """Check that `multi` is the only language if it is one of them.

    Raises:
        BadParameter: there is another language beside `multi`.
    """
    codes = parameters.get("language_codes", ())
    if "multi" in codes and len(codes) > 1:
        reason = "Value error, 'multi' cannot be combined with other languages"
        raise BadParameter("language_codes", reason)


def _from_json(parameter: Parameter, value: Any) -> Any:
    """A JSON value converted to the parameter's kind; a number or boolean may be given as text."""
    name, kind = parameter.name, parameter.kind
    if isinstance(value, str) and kind in (bool, int, float):
        return _parse(parameter, value)
    if kind is list and isinstance(value, list):
        for index, item in enumerate(value):
            if not isinstance(item, str):
                raise BadParameter(f"{name}.{index}", "Input should be a valid string")
        return value
    if kind in (int, float) and isinstance(value, float) and not isfinite(value):
        raise BadParameter(name, "Input should be a finite number")
    if kind is int and isinstance(value, float):
        if not value.is_integer():
            reason = "Input should be a valid integer, got a number with a fractional part"
            raise BadParameter(name, reason)
        return int(value)
    fits = (int, float) if kind is float else kind
    if not isinstance(value, fits) or (isinstance(value, bool) and kind is not bool):
        raise BadParameter(name, f"Input should be a valid {_NOUNS[kind]}")
    return value


def _decode_value(parameter: Parameter, text: str) -> Any:
    return _checked(parameter, _parse(parameter, text))


def _checked(parameter: Parameter, value: Any) -> Any:
    """The value, after checking its range, length and choices."""
    if isinstance(value, bool | dict):
        return value
    if isinstance(value, int | float):
        _check_range(parameter, value)
        return value
    if isinstance(value, list):
        if parameter.high is not None and len(value) > parameter.high:
            raise BadParameter(parameter.name, f"Value error, Max {parameter.high:.0f} items")
        for index, item in enumerate(value):
            _check_choice(parameter, item, f"{parameter.name}.{index}")
        return value
    if parameter.high is not None and len(value) > parameter.high:
        limit = f"{parameter.high:.0f} characters (got {len(value)})"
        raise BadParameter(
            parameter.name, f"Value error, {parameter.name} exceeds maximum length of {limit}"
        )
    # The service reads one language as a list of one.
    place = f"{parameter.name}.0" if parameter.name == "language_code" else parameter.name
    _check_choice(parameter, value, place)
    return value


def _parse(parameter: Parameter, text: str) -> Any:
    name = parameter.name
    if parameter.kind is bool:
        lowered = text.lower()
        if lowered not in ("true", "false"):
            reason = "Input should be a valid boolean, unable to interpret input"
            raise BadParameter(name, reason)
        return lowered == "true"
    if parameter.kind in (int, float):
        try:
            return parameter.kind(text)
        except ValueError:
            if name in _SILENCES:
                reason = f"Value error, invalid literal for int() with base 10: '{text}'"
                raise BadParameter(name, reason) from None
            noun = _NOUNS[parameter.kind]
            article = "an" if parameter.kind is int else "a"
            reason = f"Input should be a valid {noun}, unable to parse string as {article} {noun}"
            raise BadParameter(name, reason) from None
    if parameter.kind is list:
        if name == "redact_pii_policies" and not text.startswith("["):
            return [part.strip() for part in text.split(",")]
        if name == "language_codes" and not text.startswith("["):
            return [text]
        try:
            return msgspec.json.decode(text, type=list[str])
        except msgspec.DecodeError:
            raise BadParameter(name, "Value error, Invalid JSON array") from None
    if parameter.kind is dict:
        try:
            return msgspec.json.decode(text, type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError):  # a thousand nested objects
            raise BadParameter(name, "Value error, Invalid JSON object") from None
    return text


def _check_range(parameter: Parameter, value: float) -> None:
    if parameter.name == "sample_rate" and parameter.low is not None and value < parameter.low:
        least = f"{parameter.low:,.0f}"
        raise BadParameter("sample_rate", f"Value error, sample_rate must be at least {least} Hz")
    # `not value >= low`, because NaN compares false with everything.
    if parameter.low is not None and not value >= parameter.low:
        raise BadParameter(
            parameter.name, f"Input should be greater than or equal to {parameter.low:.0f}"
        )
    if parameter.high is not None and not value <= parameter.high:
        raise BadParameter(
            parameter.name, f"Input should be less than or equal to {parameter.high:.0f}"
        )


def _check_choice(parameter: Parameter, value: str, place: str) -> None:
    if parameter.choices and value not in parameter.choices:
        if parameter.name == "encoding":
            raise BadParameter(place, f"'{value}' is not a valid Encoding")
        *most, last = (f"'{choice}'" for choice in parameter.choices)
        listed = f"{', '.join(most)} or {last}" if most else last
        raise BadParameter(place, f"Input should be {listed}")
