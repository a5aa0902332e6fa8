"""Which parameters have an effect here, and what is done to Turns because of them. Pure.

`docs/local-service.md` says of each parameter what becomes of it; a test holds it against this.
"""

import re
from collections.abc import Container, Iterable, Mapping
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from transcribe_cli.emulator.engine_settings import OF_SOME_MODELS, EngineSettings
from transcribe_cli.emulator.keyterms import Keyterm
from transcribe_cli.protocol.messages import SpeakerRevision, Turn, UpdateConfiguration
from transcribe_cli.protocol.models import MODELS, Family
from transcribe_cli.protocol.parameters import PARAMETERS

# Accepted where the service accepts them, and without effect on what any engine hears.
WITHOUT_EFFECT = frozenset(
    """prompt agent_context previous_context_n_turns language domain
    continuous_partials interruption_delay turn_left_pad_ms voice_focus voice_focus_threshold
    customer_support_audio_capture""".split()
)
# Of recognised speech only: a turn that is counted or said is certain, and in its own language.
OF_SPEECH = frozenset(
    """acknowledge_silence end_of_turn_confidence_threshold language_code language_codes
    vad_threshold""".split()
)
# Of a script, whose turns end where it says so, but in the mode `manual`.
OF_ENDS = frozenset(
    """min_turn_silence min_end_of_turn_silence_when_confident max_turn_silence""".split()
)
# Of a script of bare messages, which are sent as they stand.
OF_TURNS = frozenset(
    """filter_profanity format_turns include_partial_turns keyterms_prompt language_detection
    max_speakers mode redact_pii redact_pii_policies redact_pii_sub speaker_labels
    speaker_labels_revision_interval_ms""".split()
)
GATEWAY = frozenset(("llm_gateway",))  # without anything that answers
_NEEDS = {
    "max_speakers": "speaker_labels",
    "speaker_labels_revision_interval_ms": "speaker_labels",
    "redact_pii_policies": "redact_pii",
    "redact_pii_sub": "redact_pii",
    "webhook_auth_header_name": "webhook_url",
    "webhook_auth_header_value": "webhook_url",
}
_NAME = re.compile("[A-Za-z_][A-Za-z_0-9]*")
_MOST_UNKNOWN, _LONGEST_NAME = 10, 60  # that are told
_NO_NAME = "(no name)"
_PROFANITY = frozenset("ass asshole bastard bitch bullshit crap damn fuck fucking shit".split())
_STARS = "***"
# By policy; a word counts as such a thing when all of it matches.
_PII = {
    "email_address": re.compile(r"[^@\s]+@[^@\s]+\.\w+"),
    "url": re.compile(r"(https?://|www\.)\S+"),
    "ip_address": re.compile(r"\d{1,3}(\.\d{1,3}){3}"),
    "us_social_security_number": re.compile(r"\d{3}-\d{2}-\d{4}"),
    "credit_card_number": re.compile(r"(\d{4}[- ]?){3}\d{4}"),
    "phone_number": re.compile(r"\+?\(?\d[\d().-]{6,}\d"),
    "money_amount": re.compile(r"[$\u20ac\u00a3]\d[\d.,]*"),
    "number_sequence": re.compile(r"\d[\d.,-]*"),
}
_WORD = re.compile(r"(?P<before>\W*)(?P<word>.*?)(?P<after>[^\w\s]*)", re.DOTALL)


def without_effect(
    parameters: Mapping[str, Any], settings: EngineSettings, idle: frozenset[str] = WITHOUT_EFFECT
) -> list[str]:
    """The parameters that a client asked for and that change nothing here.

    Args:
        settings: of its engine, as they are now.
        idle: those that change nothing in such a session, whatever its model.
    """
    asked = {name for name, value in parameters.items() if value not in (None, False, "", [])}
    ends = OF_ENDS if settings.manual and "mode" not in idle else frozenset()
    unused = (idle - ends) | (OF_SOME_MODELS - MODELS[settings.like].takes)
    unused |= {name for name, needed in _NEEDS.items() if needed not in asked - unused}
    if settings.family is Family.PRO:  # whose text is always formatted
        unused |= {"format_turns"}
    return sorted(asked & unused)


def unknown_names(asked: Iterable[str], known: Container[str]) -> list[str]:
    """The first names that nobody knows, such as misspelt ones: the service ignores them.

    >>> unknown_names(["speechModel", "speech_model", "a b"], {"speech_model"})
    ['(no name)', 'speechModel']
    """
    unknown = {name for name in asked if name not in known}
    told = {name[:_LONGEST_NAME] if _NAME.fullmatch(name) else _NO_NAME for name in unknown}
    return sorted(told)[:_MOST_UNKNOWN]


def unknown_parameters(query: str) -> list[str]:
    """The same of a query; what has no value is no name, but perhaps a key without its `token=`.

    >>> unknown_parameters("0123456789abcdef&speechModel=u3-rt-pro&speech_model=u3-rt-pro")
    ['(no name)', 'speechModel']
    """
    parts = (part.rstrip("=").partition("=") for part in query.split("&") if part)
    asked = {unquote_plus(name): bool(equals) for name, equals, _ in parts}
    names = (name if has_value or name in PARAMETERS else "" for name, has_value in asked.items())
    return unknown_names(names, PARAMETERS)


def unused_of_update(
    fields: Mapping[str, Any], settings: EngineSettings, idle: frozenset[str] = WITHOUT_EFFECT
) -> list[str]:
    """The fields of an UpdateConfiguration that change nothing, unknown ones too.

    Args:
        idle: as for `without_effect`.
    """
    known = {name: fields[name] for name in UpdateConfiguration.__struct_fields__ if name in fields}
    unknown = unknown_names(fields, {*known, "type"})
    return without_effect(known, settings, idle) + unknown


class TurnEffects:
    """What is done to the Turns of one session before they are sent: terms, profanity, redaction.

    Args:
        parameters: what the client asked for.
        settings: of its engine; may change while the session is open.
    """

    def __init__(self, parameters: Mapping[str, Any], settings: EngineSettings) -> None:
        self.configure(settings)
        policies = parameters.get("redact_pii_policies") or list(_PII)
        redacts = parameters.get("redact_pii") and "redact_pii" in MODELS[settings.like].takes
        self._pii = {name: _PII[name] for name in policies if name in _PII} if redacts else {}
        self._names_entities = parameters.get("redact_pii_sub") == "entity_name"

    def configure(self, settings: EngineSettings) -> None:
        """Take new settings."""
        self._filters_profanity = settings.filter_profanity
        self._keyterms = [term for text in settings.keyterms if (term := Keyterm.of(text))]

    def __bool__(self) -> bool:
        return bool(self._filters_profanity or self._pii or self._keyterms)

    def applied(self, frame: str) -> str:
        """A text frame, as it is sent."""
        if not self:
            return frame
        raw = msgspec.json.decode(frame)
        if raw.get("type") == Turn.type:
            self._change(raw, raw["end_of_turn"])
        elif raw.get("type") == SpeakerRevision.type:
            for turn in raw["revisions"]:
                self._change(turn, True)
        else:
            return frame
        return msgspec.json.encode(raw).decode()

    def _change(self, turn: dict[str, Any], final: bool) -> None:
        """Change a turn, or the words of a revision; only finals are redacted."""
        for term in self._keyterms:
            term.write_into(turn)
        for word in turn["words"]:
            word["text"] = self._word(word["text"], final)
        for name in turn.keys() & {"transcript", "utterance"}:
            turn[name] = " ".join(self._word(word, final) for word in turn[name].split(" "))

    def _word(self, text: str, final: bool) -> str:
        found = _WORD.fullmatch(text)
        if found is None or not found["word"]:
            return text
        if self._filters_profanity and found["word"].lower() in _PROFANITY:
            return f"{found['before']}{_STARS}{found['after']}"
        for policy, form in self._pii.items() if final else ():
            for bare in (text, found["word"], text.rstrip(".,;:!?")):
                if form.fullmatch(bare):
                    hidden = f"[{policy.upper()}]" if self._names_entities else "#" * len(bare)
                    return text.replace(bare, hidden)
        return text
