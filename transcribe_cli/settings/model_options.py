"""The options of `mic` and `file` that become parameters of a session, as typed."""

from typing import Annotated, Any

from msgspec import Struct

from transcribe_cli.protocol.models import DEFAULT_MODEL
from transcribe_cli.settings.option_types import MODEL, TURNS, Texts, Turns, option


class ModelOptions(Struct, frozen=True, kw_only=True):
    """What the model is to do, and when a turn ends."""

    model: Annotated[
        str, option(MODEL, "Model; see 'aai-stream models'.", "--model", "-m", metavar="NAME")
    ] = DEFAULT_MODEL
    detect_language: Annotated[
        bool, option(MODEL, "Report the language of each turn.", "--detect-language")
    ] = False
    format_turns: Annotated[
        bool | None,
        option(
            MODEL,
            "Punctuation and capitals, where the model leaves the choice. [default: on]",
            "--format-turns/--no-format-turns",
        ),
    ] = None
    language_code: Annotated[
        Texts,
        option(MODEL, "Expect this language. Repeatable.", "--language-code", metavar="CODE"),
    ] = None
    keyterm: Annotated[
        Texts,
        option(MODEL, "Listen for this word or name. Repeatable.", "--keyterm", metavar="TEXT"),
    ] = None
    keyterms_file: Annotated[
        str | None,
        option(
            MODEL,
            "Key terms from a file, one a line; read again whenever it changes.",
            "--keyterms-file",
            metavar="PATH",
        ),
    ] = None
    prompt: Annotated[
        str | None, option(MODEL, "Context for the model.", "--prompt", metavar="TEXT")
    ] = None
    speaker_labels: Annotated[bool, option(MODEL, "Tell speakers apart.", "--speaker-labels")] = (
        False
    )
    max_speakers: Annotated[
        int | None,
        option(
            MODEL, "At most this many speakers.", "--max-speakers", least=1, most=10, metavar="N"
        ),
    ] = None
    filter_profanity: Annotated[
        bool, option(MODEL, "Replace profanity with ***.", "--filter-profanity")
    ] = False
    redact_pii: Annotated[bool, option(MODEL, "Hide personal information.", "--redact-pii")] = False
    redact_pii_policy: Annotated[
        Texts,
        option(
            MODEL,
            "What to hide, such as person_name. Repeatable.",
            "--redact-pii-policy",
            metavar="NAME",
        ),
    ] = None
    redact_pii_sub: Annotated[
        str | None,
        option(MODEL, "Put hash or entity_name in its place.", "--redact-pii-sub", metavar="KIND"),
    ] = None
    domain: Annotated[
        str | None, option(MODEL, "Field of speech: medical-v1.", "--domain", metavar="NAME")
    ] = None
    voice_focus: Annotated[
        str | None,
        option(MODEL, "Suppress noise: near-field or far-field.", "--voice-focus", metavar="KIND"),
    ] = None
    mode: Annotated[
        str | None,
        option(
            MODEL,
            "min_latency, balanced, max_accuracy, or manual: the key e ends a turn.",
            "--mode",
            metavar="NAME",
        ),
    ] = None
    param: Annotated[
        Texts,
        option(
            MODEL,
            "Any query parameter, sent as given. Repeatable.",
            "--param",
            metavar="NAME=VALUE",
        ),
    ] = None

    turns: Annotated[
        Turns | None,
        option(
            TURNS,
            "How soon a turn ends, by the model's official values; see 'aai-stream models "
            "--verbose'.",
            "--turns",
        ),
    ] = None
    min_turn_silence: Annotated[
        int | None,
        option(TURNS, "Silence that may end a turn.", "--min-turn-silence", least=0, metavar="MS"),
    ] = None
    max_turn_silence: Annotated[
        int | None,
        option(TURNS, "Silence that ends a turn.", "--max-turn-silence", least=0, metavar="MS"),
    ] = None
    end_of_turn_confidence: Annotated[
        float | None,
        option(
            TURNS,
            "How sure the end of a turn must be, 0 to 1.",
            "--end-of-turn-confidence",
            least=0,
            most=1,
            metavar="X",
        ),
    ] = None
    vad_threshold: Annotated[
        float | None,
        option(
            TURNS, "What counts as speech, 0 to 1.", "--vad-threshold", least=0, most=1, metavar="X"
        ),
    ] = None
    inactivity_timeout: Annotated[
        int | None,
        option(
            TURNS,
            "The service closes after so long without audio.",
            "--inactivity-timeout",
            least=5,
            most=3600,
            metavar="S",
        ),
    ] = None

    def model_parameters(self) -> dict[str, Any]:
        """Their values, by the parameter's name."""
        return {
            "language_detection": self.detect_language,
            "language_codes": self.language_code,
            "keyterms_prompt": self.keyterm,
            "prompt": self.prompt,
            "speaker_labels": self.speaker_labels,
            "max_speakers": self.max_speakers,
            "filter_profanity": self.filter_profanity,
            "redact_pii": self.redact_pii,
            "redact_pii_policies": self.redact_pii_policy,
            "redact_pii_sub": self.redact_pii_sub,
            "domain": self.domain,
            "voice_focus": self.voice_focus,
            "mode": self.mode,
            "min_turn_silence": self.min_turn_silence,
            "max_turn_silence": self.max_turn_silence,
            "end_of_turn_confidence_threshold": self.end_of_turn_confidence,
            "vad_threshold": self.vad_threshold,
            "inactivity_timeout": self.inactivity_timeout,
        }
