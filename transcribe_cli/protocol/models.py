"""The table of models: parameters, languages and prices, for validation, help and billing. Pure.

Sources: page "Model selection" (names, languages, features), "Whisper streaming" and "Multilingual
streaming" (formatting, language detection), "Streaming API" reference (which parameter has an
effect on which model), "Models" in the documentation's "Getting started" and page "Pricing"
(prices), "Voice agents" (the newest model).
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from transcribe_cli.protocol.languages import PRO_LANGUAGES, SIX_LANGUAGES, WHISPER_LANGUAGES

DEFAULT_MODEL = "u3-rt-pro"
PRICES_OF = "October 2026"
"""When the table's prices were last compared with the service's."""

# List prices per hour that are charged in addition, from the official streaming reference.
_EXTRAS_USD_PER_HOUR = {"voice_focus": 0.10, "redact_pii": 0.12}
_KEYTERMS_USD_PER_HOUR = 0.04  # on the Universal-Streaming models only
_NOT_ASKED = ("", "false")

REDIRECTS = {"u3-pro-rt": "universal-3-5-pro"}
"""Names that the service answers with another model (its changelog, 2 September 2026)."""


class Family(StrEnum):
    """Models with the same message behaviour."""

    UNIVERSAL_STREAMING = "universal-streaming"  # words become final one by one
    WHISPER = "whisper"
    PRO = "pro"  # the whole turn is written anew each time; exactly one final


class Cancels(NamedTuple):
    """A parameter that leaves another one without effect.

    Attributes:
        says: the effect in words, for when the other one is on by default.
    """

    setting: str
    other: str
    says: str = ""


class Model(NamedTuple):
    """One row of the table.

    Attributes:
        name: the value of `speech_model`.
        takes: connection parameters that have an effect on the model.
        always_formats: punctuation and capitals come without `format_turns`.
        languages: codes of the languages that it transcribes.
        usd_per_hour: list price for an hour of open session; extras are added. None: not found.
        min_turn_silence_ms, max_turn_silence_ms: the service's defaults; None: not documented.
        turns: the official values of the parameters that end a turn, by preset; empty if there
            are none.
        mode_silence_ms: least and greatest silence that end a turn, by `mode`; empty if that is
            not documented.
        cancels: which of its parameters leave others without effect.
    """

    name: str
    title: str
    family: Family
    takes: frozenset[str]
    always_formats: bool
    languages: tuple[str, ...]
    usd_per_hour: float | None
    non_speech_tags: bool
    min_turn_silence_ms: int | None
    max_turn_silence_ms: int | None
    source: str
    cancels: tuple[Cancels, ...] = ()
    turns: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
    mode_silence_ms: Mapping[str, tuple[int, int]] = MappingProxyType({})


_ALL = frozenset(
    """speech_model sample_rate encoding token inactivity_timeout filter_profanity domain
    session_heartbeat include_partial_turns llm_gateway""".split()
)
_SILENCE = frozenset(("min_turn_silence", "max_turn_silence"))
_SPEAKERS = frozenset(
    ("speaker_labels", "max_speakers", "speaker_labels_revision_interval_ms"),
)
_REDACTION = frozenset(("redact_pii", "redact_pii_policies", "redact_pii_sub"))
_WEBHOOK = frozenset(
    ("webhook_url", "webhook_auth_header_name", "webhook_auth_header_value"),
)
_UNIVERSAL = (
    _ALL
    | _SILENCE
    | _SPEAKERS
    | _REDACTION
    | _WEBHOOK
    | {"end_of_turn_confidence_threshold", "vad_threshold", "keyterms_prompt"}
)
_PRO = (
    _ALL
    | _SILENCE
    | _SPEAKERS
    | {
        "vad_threshold",
        "keyterms_prompt",
        "prompt",
        "language_detection",
        "language_code",
        "mode",
        "acknowledge_silence",
    }
)
_UNIVERSAL_3_5 = (
    (_PRO - {"language_code"})
    | _REDACTION
    | frozenset(
        """language_codes agent_context previous_context_n_turns continuous_partials
    interruption_delay voice_focus voice_focus_threshold""".split()
    )
)

# Page "Turn detection": aggressive, balanced and conservative.
_UNIVERSAL_TURNS: dict[str, dict[str, Any]] = {
    preset: {
        "end_of_turn_confidence_threshold": confidence,
        "min_turn_silence": shortest_ms,
        "max_turn_silence": longest_ms,
    }
    for preset, confidence, shortest_ms, longest_ms in (
        ("quick", 0.4, 160, 400),
        ("balanced", 0.4, 400, 1280),
        ("patient", 0.7, 800, 3600),
    )
}
# Page "Streaming API": for these models the service itself has the values, by `mode`.
_PRO_TURNS = {
    "quick": {"mode": "min_latency"},
    "balanced": {"mode": "balanced"},
    "patient": {"mode": "max_accuracy"},
}
_MODE_SILENCE_MS = {
    "min_latency": (128, 640),
    "balanced": (128, 1280),
    "max_accuracy": (512, 2560),
}
_REDACTED_FINALS = Cancels(
    "redact_pii", "include_partial_turns", "text comes when a turn has ended, and no sooner"
)
_SPEAKERS_PRESET = (  # speaker labels use silences and partials of their own
    Cancels("speaker_labels", "mode"),
    Cancels("speaker_labels", "continuous_partials"),
)

_SELECTION = "page 'Model selection'"
_PRICES = "page 'Models' (March 2026)"

_UNIVERSAL_3_5_PRO = Model(
    name="universal-3-5-pro",
    title="Universal-3.5 Pro Streaming",
    family=Family.PRO,
    takes=_UNIVERSAL_3_5,
    always_formats=True,
    languages=PRO_LANGUAGES,
    usd_per_hour=0.45,
    non_speech_tags=False,
    min_turn_silence_ms=128,
    max_turn_silence_ms=1280,
    source="official streaming reference (September 2026)",
    turns=_PRO_TURNS,
    cancels=(_REDACTED_FINALS, *_SPEAKERS_PRESET),
    mode_silence_ms=_MODE_SILENCE_MS,
)
# Later models differ in name, price and source only.
_NEWER_PRO = (
    _UNIVERSAL_3_5_PRO,
    _UNIVERSAL_3_5_PRO._replace(name="universal-3-6-pro", title="Universal-3.6 Pro Streaming"),
    _UNIVERSAL_3_5_PRO._replace(
        name="assemblyai-stt-3-7-realtime-agent",
        title="Universal-3.7 Realtime Agent",
        usd_per_hour=None,
        source="pages 'Voice agents: LiveKit' and 'Voice agents: Pipecat' (November 2026)",
    ),
)

MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        Model(
            name="u3-rt-pro",
            title="Universal-3 Pro Streaming",
            family=Family.PRO,
            takes=_PRO | _WEBHOOK,
            always_formats=True,
            languages=SIX_LANGUAGES,
            usd_per_hour=0.45,
            non_speech_tags=False,
            min_turn_silence_ms=100,
            max_turn_silence_ms=1000,
            source=f"{_SELECTION}; {_PRICES}",
            turns=_PRO_TURNS,
        ),
        Model(
            name="universal-streaming-english",
            title="Universal-Streaming English",
            family=Family.UNIVERSAL_STREAMING,
            takes=_UNIVERSAL | {"format_turns"},
            always_formats=False,
            languages=("en",),
            usd_per_hour=0.15,
            non_speech_tags=False,
            min_turn_silence_ms=400,
            max_turn_silence_ms=1280,
            source=f"{_SELECTION}; {_PRICES}",
            turns=_UNIVERSAL_TURNS,
            cancels=(_REDACTED_FINALS,),
        ),
        Model(
            name="universal-streaming-multilingual",
            title="Universal-Streaming Multilingual",
            family=Family.UNIVERSAL_STREAMING,
            takes=_UNIVERSAL | {"language_detection"},
            always_formats=True,
            languages=SIX_LANGUAGES,
            usd_per_hour=0.15,
            non_speech_tags=False,
            min_turn_silence_ms=400,
            max_turn_silence_ms=1280,
            source=f"{_SELECTION}; page 'Multilingual streaming'; {_PRICES}",
            turns=_UNIVERSAL_TURNS,
            cancels=(_REDACTED_FINALS,),
        ),
        Model(
            name="whisper-rt",
            title="Whisper Streaming",
            family=Family.WHISPER,
            # Which silence parameters it obeys is not documented, so all are allowed.
            takes=_ALL | _SILENCE | {"format_turns", "language_detection"},
            always_formats=False,
            languages=tuple(WHISPER_LANGUAGES),
            usd_per_hour=0.30,
            non_speech_tags=True,
            min_turn_silence_ms=None,
            max_turn_silence_ms=None,
            source=f"{_SELECTION}; page 'Whisper streaming'; {_PRICES}",
        ),
        *_NEWER_PRO,
    )
}


def find_model(name: str) -> Model | None:
    """The row of the model that runs if this name is requested; None for an unknown name."""
    return MODELS.get(REDIRECTS.get(name, name))


def models_that_take(parameter: str) -> list[str]:
    """Names of the models on which a connection parameter has an effect, in the table's order."""
    return [model.name for model in MODELS.values() if parameter in model.takes]


def usd_per_hour(parameters: Mapping[str, Any]) -> float | None:
    """List price of an hour of session with these parameters; None if it is not known."""
    model = find_model(str(parameters.get("speech_model")))
    if model is None or model.usd_per_hour is None:
        return None
    price = model.usd_per_hour
    for name, extra in _EXTRAS_USD_PER_HOUR.items():
        if str(parameters.get(name) or "").lower() not in _NOT_ASKED:
            price += extra
    if model.family is Family.UNIVERSAL_STREAMING and parameters.get("keyterms_prompt"):
        price += _KEYTERMS_USD_PER_HOUR
    return price


class Tariff(NamedTuple):
    """The prices of a run's sessions.

    Attributes:
        asked: the parameters that the sessions are opened with.
        said: USD an hour by model, extras included; they replace the list prices.
        is_free: the sessions are those of a local service.
    """

    asked: Mapping[str, Any]
    said: Mapping[str, float] = {}
    is_free: bool = False

    def usd_per_hour(self, running: Mapping[str, Any] | None = None) -> float | None:
        """The price of a session in USD an hour; None if it is not known.

        Args:
            running: the parameters that it runs with, if the service has reported them. If a model
                of unknown price replaces one of known price, it counts as the dearest of all, so
                that a limit of the cost still holds.
        """
        if self.is_free:
            return 0.0
        asked = self._price_of(self.asked)
        if running is None:
            return asked
        price = self._price_of(running)
        if price is None and asked is not None:
            known = (model.usd_per_hour for model in MODELS.values())
            price = max(asked, *(usd for usd in known if usd is not None), *self.said.values())
        return price

    def is_known(self, running: Mapping[str, Any]) -> bool:
        """Whether the price of a session with these parameters is known and not estimated."""
        return self.is_free or self._price_of(running) is not None

    def _price_of(self, parameters: Mapping[str, Any]) -> float | None:
        said = self.said.get(str(parameters.get("speech_model")))
        return usd_per_hour(parameters) if said is None else said
