"""The settings of an engine, from a session's parameters. Pure.

Only parameters that the local engines implement are here. All other known parameters are accepted
and ignored, as the service does.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from transcribe_cli.emulator.compressed_audio import COMPRESSED, DECODED_HZ
from transcribe_cli.protocol.messages import UpdateConfiguration
from transcribe_cli.protocol.models import MODELS, REDIRECTS, Family, Model
from transcribe_cli.protocol.parameters import MANUAL, PCM_ENCODINGS

MULTILINGUAL = "universal-streaming-multilingual"
FormattedFinals = Literal["one", "two"]

TURN_WORDS = 5  # of the counting engine
DEFAULT_MIN_TURN_SILENCE_MS = 400
DEFAULT_MAX_TURN_SILENCE_MS = 1280
NEVER_MS = 1 << 53  # no silence is so long
_SPEAKERS_SILENCE_MS = (640, 768)  # official streaming reference
_CLAMP_MS = (50, 10_000)  # the service's own clamp of min_turn_silence

SPEAKERS = frozenset(("speaker_labels", "max_speakers", "speaker_labels_revision_interval_ms"))
OF_SOME_MODELS = SPEAKERS | frozenset(
    """redact_pii redact_pii_policies redact_pii_sub keyterms_prompt language_detection
    acknowledge_silence end_of_turn_confidence_threshold vad_threshold mode
    language_codes""".split()
)
"""Parameters that change something on the models that take them, and nothing on the others."""


class Readings(NamedTuple):
    """What is sent where the public sources differ.

    Attributes:
        formatted_finals: whether `format_turns` on `universal-streaming-english` sends the
            formatted final as a second message; both have been documented behaviour.
        multilingual_flag: whether `format_turns` on `universal-streaming-multilingual` flags its
            finals, as today's clients expect; page "Multilingual streaming" shows them unflagged.
        formatted_partials: whether partials of the Pro models are flagged; None: as seen live on
            the models after `u3-rt-pro`, and as documented for that one, which does not.
    """

    formatted_finals: FormattedFinals = "two"
    multilingual_flag: bool = True
    formatted_partials: bool | None = None


DEFAULT_READINGS = Readings()
_UNFLAGGED_PARTIALS = ("u3-rt-pro",)  # page "Universal-3 Pro message sequence"


class EngineSettings(Struct, frozen=True):
    """The settings of one session's engine.

    Attributes:
        model: its name, as `Begin` says it.
        like: the row of the table of models that it behaves as.
        sample_rate_hz, encoding: of the audio that the engine gets; compressed audio is decoded
            before.
        formatted_finals, multilingual_flag, formatted_partials: as in `Readings`.
        min_turn_silence_ms: silence that ends a turn if the end is likely.
        max_turn_silence_ms: silence that always ends a turn.
        end_of_turn_confidence: least confidence, 0 to 1, for ending at the shorter silence.
        manual: a turn ends when the client says so, or after `max_turn_silence_ms`; no sooner.
        speaker_labels, max_speakers, revision_interval_ms: as the parameters of these names say;
            `revision_interval_ms` 0: at the end only.
        keyterms: terms that are written as they are here.
        language_codes: what is expected to be spoken; "multi": more than one language.
        vad_threshold: least share, 0 to 1, of speech in the last 300 ms for a turn to start.
    """

    model: str = "u3-rt-pro"
    like: str = "u3-rt-pro"
    family: Family = Family.PRO
    sample_rate_hz: int = 16000
    encoding: str = "pcm_s16le"
    format_turns: bool = False
    formatted_finals: FormattedFinals = "two"
    multilingual_flag: bool = True
    formatted_partials: bool = False
    language_detection: bool = False
    include_partial_turns: bool = True
    filter_profanity: bool = False
    speaker_labels: bool = False
    max_speakers: int | None = None
    revision_interval_ms: int = 0
    keyterms: tuple[str, ...] = ()
    acknowledge_silence: bool = False
    min_turn_silence_ms: int = DEFAULT_MIN_TURN_SILENCE_MS
    max_turn_silence_ms: int = DEFAULT_MAX_TURN_SILENCE_MS
    end_of_turn_confidence: float = 0.4
    manual: bool = False
    language_codes: tuple[str, ...] = ()
    vad_threshold: float = 0.4

    @property
    def is_multilingual(self) -> bool:
        """Whether other languages than English are to be recognised."""
        multilingual = self.family is Family.WHISPER or self.like == MULTILINGUAL
        expected = any(code != "en" for code in self.language_codes)
        return multilingual or self.language_detection or expected

    @property
    def least_turn_silence_ms(self) -> int:
        """No shorter silence ends a turn."""
        longest = self.max_turn_silence_ms
        return longest if self.manual else min(self.min_turn_silence_ms, longest)

    @property
    def bytes_per_second(self) -> int:
        """Bytes of one second of audio in the session's encoding, mono."""
        return self.sample_rate_hz * (1 if self.encoding == "pcm_mulaw" else 2)


def engine_settings_of(
    parameters: Mapping[str, Any],
    readings: Readings = DEFAULT_READINGS,
    like: str | None = None,
) -> EngineSettings:
    """The settings from checked query parameters, with the model's defaults.

    Args:
        like: the model of the table that this one behaves as; None: the one that it is.
    """
    name = parameters["speech_model"]
    model = _row_of(like or name)
    partials = readings.formatted_partials
    parameters = {name: parameters[name] for name in parameters if _is_taken(name, model)}
    mode = parameters.get("mode", "balanced")
    speakers = parameters.get("speaker_labels", False)
    shortest, longest = _silence_ms(model, mode, speakers)
    shortest = parameters.get("min_end_of_turn_silence_when_confident", shortest)
    shortest = parameters.get("min_turn_silence", shortest)
    longest = parameters.get("max_turn_silence", longest)
    encoding = parameters.get("encoding", PCM_ENCODINGS[0])
    decoded = encoding in COMPRESSED
    codes = [parameters["language_code"]] if parameters.get("language_code") else []
    return EngineSettings(
        model=name,
        like=model.name,
        family=model.family,
        sample_rate_hz=DECODED_HZ if decoded else parameters.get("sample_rate", 16000),
        encoding=PCM_ENCODINGS[0] if decoded else encoding,
        format_turns=parameters.get("format_turns", False),
        formatted_finals=readings.formatted_finals,
        multilingual_flag=readings.multilingual_flag,
        formatted_partials=model.name not in _UNFLAGGED_PARTIALS if partials is None else partials,
        language_detection=parameters.get("language_detection", False),
        include_partial_turns=parameters.get(
            "include_partial_turns", not parameters.get("redact_pii", False)
        ),
        filter_profanity=parameters.get("filter_profanity", False),
        speaker_labels=speakers,
        max_speakers=parameters.get("max_speakers"),
        revision_interval_ms=parameters.get("speaker_labels_revision_interval_ms", 0),
        keyterms=tuple(parameters.get("keyterms_prompt", ())),
        acknowledge_silence=parameters.get("acknowledge_silence", False),
        min_turn_silence_ms=_clamped(shortest),
        max_turn_silence_ms=longest,
        manual=mode == MANUAL,
        language_codes=tuple(parameters.get("language_codes") or codes),
        end_of_turn_confidence=parameters.get("end_of_turn_confidence_threshold", 0.4),
        vad_threshold=parameters.get("vad_threshold", 0.3 if model.family is Family.PRO else 0.4),
    )


def redirected(parameters: Mapping[str, Any], model: str | None) -> dict[str, Any]:
    """The parameters with which a session runs, without what only the model asked for takes.

    Args:
        model: the one that runs; None: the one asked for, or what the service makes of its name.
    """
    asked = parameters["speech_model"]
    runs = model or REDIRECTS.get(asked, asked)
    wanted, running = MODELS.get(asked), MODELS.get(runs)
    lost = wanted.takes - running.takes if wanted and running else frozenset[str]()
    kept = {name: value for name, value in parameters.items() if name not in lost}
    return kept | {"speech_model": runs}


def updated(settings: EngineSettings, update: UpdateConfiguration) -> EngineSettings:
    """The settings after an UpdateConfiguration; what it leaves out stays as it was."""
    model = MODELS[settings.like]
    lost = [name for name in update.__struct_fields__ if not _is_taken(name, model)]
    update = replace(update, **dict.fromkeys(lost))
    if update.mode is not None:
        shortest, longest = _silence_ms(model, update.mode, settings.speaker_labels)
        settings = replace(
            settings,
            manual=update.mode == MANUAL,
            min_turn_silence_ms=_clamped(shortest),
            max_turn_silence_ms=longest,
        )
    codes = update.language_codes
    given = update.min_turn_silence
    if given is None:
        given = update.min_end_of_turn_silence_when_confident
    terms = update.keyterms_prompt
    changes: dict[str, Any] = {
        "format_turns": update.format_turns,
        "filter_profanity": update.filter_profanity,
        "acknowledge_silence": update.acknowledge_silence,
        "keyterms": None if terms is None else tuple(terms),
        "min_turn_silence_ms": None if given is None else _clamped(given),
        "max_turn_silence_ms": update.max_turn_silence,
        "end_of_turn_confidence": update.end_of_turn_confidence_threshold,
        "language_codes": None if codes is None else tuple(codes),
        "vad_threshold": update.vad_threshold,
    }
    return replace(settings, **{name: v for name, v in changes.items() if v is not None})


def _row_of(name: str) -> Model:
    """A model's row; names that the service lists and `MODELS` lacks are all of the Pro family."""
    return MODELS.get(name, MODELS["universal-3-5-pro"])


def _is_taken(name: str, model: Model) -> bool:
    return name in model.takes or name not in OF_SOME_MODELS


def _silence_ms(model: Model, mode: str, speakers: bool) -> tuple[int, int]:
    """The least and the greatest silence, in ms, that end a turn where a client sets neither."""
    if mode == MANUAL:
        return NEVER_MS, NEVER_MS
    if speakers and model.mode_silence_ms:  # with speakers told apart, in place of every mode
        return _SPEAKERS_SILENCE_MS
    if mode in model.mode_silence_ms:
        return model.mode_silence_ms[mode]
    shortest, longest = model.min_turn_silence_ms, model.max_turn_silence_ms
    return (
        DEFAULT_MIN_TURN_SILENCE_MS if shortest is None else shortest,
        DEFAULT_MAX_TURN_SILENCE_MS if longest is None else longest,
    )


def _clamped(silence_ms: int) -> int:
    least, most = _CLAMP_MS
    return min(max(silence_ms, least), most)
