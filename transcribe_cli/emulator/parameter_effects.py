"""Which parameters have an effect here, and what is done to Turns because of them. Pure.

`docs/local-service.md` says of each parameter what becomes of it; a test holds it against this.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from transcribe_cli.protocol.messages import Turn

# Accepted where the service accepts them, and without effect on what any engine hears.
WITHOUT_EFFECT = frozenset(
    """keyterms_prompt prompt agent_context previous_context_n_turns language language_code
    language_codes speaker_labels max_speakers speaker_labels_revision_interval_ms domain
    continuous_partials interruption_delay turn_left_pad_ms voice_focus voice_focus_threshold
    llm_gateway customer_support_audio_capture""".split()
)
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


def without_effect(parameters: Mapping[str, Any]) -> list[str]:
    """The parameters that a client asked for and that change nothing here."""
    asked = (name for name, value in parameters.items() if value not in (None, False, "", []))
    return sorted(WITHOUT_EFFECT.intersection(asked))


class TurnEffects:
    """What is done to the Turns of one session before they are sent.

    Attributes:
        filters_profanity: may change while the session is open.
    """

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        self.filters_profanity: bool = parameters.get("filter_profanity", False)
        policies = parameters.get("redact_pii_policies") or list(_PII)
        redacts = parameters.get("redact_pii", False)
        self._pii = {name: _PII[name] for name in policies if name in _PII} if redacts else {}
        self._names_entities = parameters.get("redact_pii_sub") == "entity_name"

    def __bool__(self) -> bool:
        return bool(self.filters_profanity or self._pii)

    def applied(self, frame: str) -> str:
        """A text frame, as it is sent."""
        if not self:
            return frame
        raw = msgspec.json.decode(frame)
        if raw.get("type") != Turn.type:
            return frame
        final = raw["end_of_turn"]  # only finals are redacted
        for word in raw["words"]:
            word["text"] = self._word(word["text"], final)
        for name in ("transcript", "utterance"):
            raw[name] = " ".join(self._word(word, final) for word in raw[name].split(" "))
        return msgspec.json.encode(raw).decode()

    def _word(self, text: str, final: bool) -> str:
        found = _WORD.fullmatch(text)
        if found is None or not found["word"]:
            return text
        if self.filters_profanity and found["word"].lower() in _PROFANITY:
            return f"{found['before']}{_STARS}{found['after']}"
        for policy, form in self._pii.items() if final else ():
            for bare in (text, found["word"], text.rstrip(".,;:!?")):
                if form.fullmatch(bare):
                    hidden = f"[{policy.upper()}]" if self._names_entities else "#" * len(bare)
                    return text.replace(bare, hidden)
        return text
