"""The options that `mic` and `file` share, as typed: not yet what they mean.

Each option is a field; `mic_options.py` and `file_options.py` add those of one command. The other
modules of `settings` turn the values into what was meant.
"""

from typing import Annotated, Any

from msgspec import Struct

from transcribe_cli.protocol.models import DEFAULT_MODEL
from transcribe_cli.settings.option_types import (
    AUDIO,
    MODEL,
    OUTPUT,
    SAVING,
    SERVICE,
    STOPPING,
    TURNS,
    Color,
    ColorOption,
    Encoding,
    EndpointOption,
    EngineOption,
    Format,
    FormatOption,
    NewSessionsOption,
    NoClobberOption,
    NonSpeech,
    NonSpeechOption,
    OutputOption,
    PartialsOption,
    Region,
    Texts,
    Turns,
    UsdPerHourOption,
    option,
    output_files,
    stdout_format,
)


class RunOptions(Struct, frozen=True, kw_only=True):
    """Options that `mic` and `file` share."""

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

    region: Annotated[Region, option(SERVICE, "Where the service processes.", "--region")] = (
        Region.DEFAULT
    )
    endpoint: EndpointOption = None
    local: Annotated[
        bool, option(SERVICE, "The embedded service: no key, no network, English.", "--local")
    ] = False
    engine: EngineOption = None
    new_sessions_per_minute: NewSessionsOption = None

    sample_rate: Annotated[
        int,
        option(
            AUDIO,
            "Rate of the audio that is sent and saved.",
            "--sample-rate",
            least=8000,
            most=96000,
            metavar="HZ",
        ),
    ] = 16000
    chunk_ms: Annotated[
        int,
        option(AUDIO, "Audio in one message.", "--chunk-ms", least=50, most=1000, metavar="MS"),
    ] = 50

    encoding: Annotated[
        Encoding,
        option(
            AUDIO,
            "How audio is sent: as it is, or as Opus, a tenth of the bytes (needs the extra "
            "'opus').",
            "--encoding",
        ),
    ] = Encoding.PCM

    probe: Annotated[
        bool,
        option(
            AUDIO,
            "Only show what 3 s are like, each channel: level, speech, clipping, telephone sound.",
            "--probe",
        ),
    ] = False

    jsonl: Annotated[
        bool, option(OUTPUT, "Every record as a line of JSON on stdout.", "--jsonl")
    ] = False
    text: Annotated[bool, option(OUTPUT, "Final turns as lines of text on stdout.", "--text")] = (
        False
    )
    output: OutputOption = None
    format: FormatOption = None
    no_clobber: NoClobberOption = False
    captions_file: Annotated[
        str | None,
        option(
            OUTPUT,
            "Keep the newest two caption lines in this file, for OBS.",
            "--captions-file",
            metavar="PATH",
        ),
    ] = None
    captions_port: Annotated[
        int | None,
        option(
            OUTPUT,
            "Show captions on a web page of this machine; 0 takes a free port.",
            "--captions-port",
            least=0,
            most=65535,
            metavar="N",
        ),
    ] = None
    partials: PartialsOption = True
    non_speech: NonSpeechOption = NonSpeech.DIM
    color: ColorOption = Color.AUTO
    quiet: Annotated[bool, option(OUTPUT, "Only errors on stderr.", "--quiet", "-q")] = False
    verbose: Annotated[
        bool, option(OUTPUT, "More on stderr; tracebacks for faults.", "--verbose", "-v")
    ] = False

    record: Annotated[
        str | None,
        option(SAVING, "Also leave the audio here: .wav or .flac.", "--record", metavar="PATH"),
    ] = None
    save_dir: Annotated[
        str | None, option(SAVING, "Where recordings go.", "--save-dir", metavar="DIR")
    ] = None
    no_save: Annotated[bool, option(SAVING, "Leave no recording behind.", "--no-save")] = False

    max_duration: Annotated[
        str | None,
        option(
            STOPPING, "Stop after so much audio: 90, 10m, 1h30m.", "--max-duration", metavar="T"
        ),
    ] = None
    max_cost: Annotated[
        float | None,
        option(STOPPING, "Stop when it has cost about this.", "--max-cost", least=0, metavar="USD"),
    ] = None
    usd_per_hour: UsdPerHourOption = None
    idle_stop: Annotated[
        str | None,
        option(STOPPING, "Stop after so long without words.", "--idle-stop", metavar="T"),
    ] = None

    @property
    def output_files(self) -> list[str]:
        """The files of `-o`."""
        return output_files(self.output)

    @property
    def stdout_format(self) -> Format | None:
        """The format that standard output is asked to have; None for the live view, or text.

        Raises:
            UsageError: two outputs would be mixed there.
        """
        rival = "--jsonl" if self.jsonl else "--text" if self.text else None
        plain = {"--jsonl": Format.JSONL, "--text": Format.TXT, None: None}[rival]
        return stdout_format(self.output, self.format, rival=rival) or plain

    def parameters(self) -> dict[str, Any]:
        """The values that become query parameters, by the parameter's name."""
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
            "encoding": None if self.encoding is Encoding.PCM else self.encoding.value,
        }
