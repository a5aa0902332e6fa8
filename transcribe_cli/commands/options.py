"""The options of `mic` and `file`, as typed: what was asked for, not yet what it means.

Each option is a field, so both commands have one list; `as_command` turns such a class into a
function that Typer understands. `config` turns the values into what was meant.
"""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from enum import StrEnum
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

from transcribe_cli.protocol.models import DEFAULT_MODEL
from transcribe_cli.settings.origins import variable_of

T = TypeVar("T")


class Region(StrEnum):
    """Where the service processes."""

    DEFAULT = "default"
    US = "us"
    EU = "eu"


class NonSpeech(StrEnum):
    """What becomes of `[Silence]`, `[Music]` and their like."""

    DIM = "dim"
    HIDE = "hide"
    KEEP = "keep"


class Color(StrEnum):
    """When to use colour."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


def _option(panel: str, help_text: str, *names: str, **extra: Any) -> Any:
    """An option that can be set as `AAI_STREAM_<OPTION>` too; `settings.origins` has its row."""
    long = next(name for name in names if name.startswith("--")).partition("/")[0]
    variable = variable_of(long[2:].replace("-", "_"))
    make: Any = typer.Option
    return make(
        *names,
        help=help_text,
        envvar=variable,
        show_envvar=False,
        rich_help_panel=panel,
        **extra,
    )


_MODEL = "Model"
_TURNS = "Turn detection"
_SERVICE = "Service"
_AUDIO = "Audio"
_OUTPUT = "Output"
_SAVING = "Saving"
_STOPPING = "Stopping"

Texts = list[str] | None

# Options that several commands take.
EndpointOption = Annotated[
    str | None,
    _option(_SERVICE, "Another service: ws:// or wss://.", "--endpoint", metavar="URL"),
]
NewSessionsOption = Annotated[
    int | None,
    _option(
        _SERVICE,
        "The account's limit. [default: 5; none on this machine]",
        "--new-sessions-per-minute",
        min=1,
        metavar="N",
    ),
]
ColorOption = Annotated[Color, _option(_OUTPUT, "When to use colour.", "--color")]
OutputOption = Annotated[
    Texts,
    _option(
        _OUTPUT,
        "Write this file: .txt .md .srt .vtt .jsonl .json; {stem} is the source's name. "
        "Repeatable.",
        "--output",
        "-o",
        metavar="PATH",
    ),
]
PartialsOption = Annotated[
    bool, _option(_OUTPUT, "Partial turns in JSON lines.", "--partials/--no-partials")
]
NonSpeechOption = Annotated[
    NonSpeech, _option(_OUTPUT, "[Silence], [Music] and their like.", "--non-speech")
]
RecordingArgument = Annotated[
    str, typer.Argument(help="Its id, the beginning of it, or latest.", metavar="RECORDING")
]
RecordingsOption = Annotated[
    str | None, _option(_SAVING, "Where recordings are.", "--save-dir", metavar="DIR")
]


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Options that `mic` and `file` share."""

    model: Annotated[
        str, _option(_MODEL, "Model; see 'aai-stream models'.", "--model", "-m", metavar="NAME")
    ] = DEFAULT_MODEL
    detect_language: Annotated[
        bool, _option(_MODEL, "Report the language of each turn.", "--detect-language")
    ] = False
    format_turns: Annotated[
        bool | None,
        _option(
            _MODEL,
            "Punctuation and capitals, where the model leaves the choice. [default: on]",
            "--format-turns/--no-format-turns",
        ),
    ] = None
    language_code: Annotated[
        Texts,
        _option(_MODEL, "Expect this language. Repeatable.", "--language-code", metavar="CODE"),
    ] = None
    keyterm: Annotated[
        Texts,
        _option(_MODEL, "Listen for this word or name. Repeatable.", "--keyterm", metavar="TEXT"),
    ] = None
    prompt: Annotated[
        str | None, _option(_MODEL, "Context for the model.", "--prompt", metavar="TEXT")
    ] = None
    speaker_labels: Annotated[bool, _option(_MODEL, "Tell speakers apart.", "--speaker-labels")] = (
        False
    )
    max_speakers: Annotated[
        int | None,
        _option(
            _MODEL, "At most this many speakers.", "--max-speakers", min=1, max=10, metavar="N"
        ),
    ] = None
    filter_profanity: Annotated[
        bool, _option(_MODEL, "Replace profanity with ***.", "--filter-profanity")
    ] = False
    redact_pii: Annotated[bool, _option(_MODEL, "Hide personal information.", "--redact-pii")] = (
        False
    )
    redact_pii_policy: Annotated[
        Texts,
        _option(
            _MODEL,
            "What to hide, such as person_name. Repeatable.",
            "--redact-pii-policy",
            metavar="NAME",
        ),
    ] = None
    redact_pii_sub: Annotated[
        str | None,
        _option(
            _MODEL, "Put hash or entity_name in its place.", "--redact-pii-sub", metavar="KIND"
        ),
    ] = None
    domain: Annotated[
        str | None, _option(_MODEL, "Field of speech: medical-v1.", "--domain", metavar="NAME")
    ] = None
    voice_focus: Annotated[
        str | None,
        _option(
            _MODEL, "Suppress noise: near-field or far-field.", "--voice-focus", metavar="KIND"
        ),
    ] = None
    mode: Annotated[
        str | None,
        _option(_MODEL, "min_latency, balanced or max_accuracy.", "--mode", metavar="NAME"),
    ] = None
    param: Annotated[
        Texts,
        _option(
            _MODEL,
            "Any query parameter, sent as given. Repeatable.",
            "--param",
            metavar="NAME=VALUE",
        ),
    ] = None

    min_turn_silence: Annotated[
        int | None,
        _option(_TURNS, "Silence that may end a turn.", "--min-turn-silence", min=0, metavar="MS"),
    ] = None
    max_turn_silence: Annotated[
        int | None,
        _option(_TURNS, "Silence that ends a turn.", "--max-turn-silence", min=0, metavar="MS"),
    ] = None
    end_of_turn_confidence: Annotated[
        float | None,
        _option(
            _TURNS,
            "How sure the end of a turn must be, 0 to 1.",
            "--end-of-turn-confidence",
            min=0,
            max=1,
            metavar="X",
        ),
    ] = None
    vad_threshold: Annotated[
        float | None,
        _option(
            _TURNS, "What counts as speech, 0 to 1.", "--vad-threshold", min=0, max=1, metavar="X"
        ),
    ] = None
    inactivity_timeout: Annotated[
        int | None,
        _option(
            _TURNS,
            "The service closes after so long without audio.",
            "--inactivity-timeout",
            min=5,
            max=3600,
            metavar="S",
        ),
    ] = None

    region: Annotated[Region, _option(_SERVICE, "Where the service processes.", "--region")] = (
        Region.DEFAULT
    )
    endpoint: EndpointOption = None
    local: Annotated[
        bool, _option(_SERVICE, "The embedded service: no key, no network, English.", "--local")
    ] = False
    new_sessions_per_minute: NewSessionsOption = None

    sample_rate: Annotated[
        int,
        _option(
            _AUDIO,
            "Rate of the audio that is sent and saved.",
            "--sample-rate",
            min=8000,
            max=96000,
            metavar="HZ",
        ),
    ] = 16000
    chunk_ms: Annotated[
        int,
        _option(_AUDIO, "Audio in one message.", "--chunk-ms", min=50, max=1000, metavar="MS"),
    ] = 50

    jsonl: Annotated[
        bool, _option(_OUTPUT, "Every record as a line of JSON on stdout.", "--jsonl")
    ] = False
    text: Annotated[bool, _option(_OUTPUT, "Final turns as lines of text on stdout.", "--text")] = (
        False
    )
    output: OutputOption = None
    captions_file: Annotated[
        str | None,
        _option(
            _OUTPUT,
            "Keep the newest two caption lines in this file, for OBS.",
            "--captions-file",
            metavar="PATH",
        ),
    ] = None
    captions_port: Annotated[
        int | None,
        _option(
            _OUTPUT,
            "Show captions on a web page of this machine; 0 takes a free port.",
            "--captions-port",
            min=0,
            max=65535,
            metavar="N",
        ),
    ] = None
    partials: PartialsOption = True
    non_speech: NonSpeechOption = NonSpeech.DIM
    color: ColorOption = Color.AUTO
    quiet: Annotated[bool, _option(_OUTPUT, "Only errors on stderr.", "--quiet", "-q")] = False
    verbose: Annotated[
        bool, _option(_OUTPUT, "More on stderr; tracebacks for faults.", "--verbose", "-v")
    ] = False

    record: Annotated[
        str | None,
        _option(_SAVING, "Also leave the audio here: .wav or .flac.", "--record", metavar="PATH"),
    ] = None
    save_dir: Annotated[
        str | None, _option(_SAVING, "Where recordings go.", "--save-dir", metavar="DIR")
    ] = None
    no_save: Annotated[bool, _option(_SAVING, "Leave no recording behind.", "--no-save")] = False

    max_duration: Annotated[
        str | None,
        _option(
            _STOPPING, "Stop after so much audio: 90, 10m, 1h30m.", "--max-duration", metavar="T"
        ),
    ] = None
    max_cost: Annotated[
        float | None,
        _option(_STOPPING, "Stop when it has cost about this.", "--max-cost", min=0, metavar="USD"),
    ] = None
    idle_stop: Annotated[
        str | None,
        _option(_STOPPING, "Stop after so long without words.", "--idle-stop", metavar="T"),
    ] = None

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
        }


@dataclass(frozen=True, kw_only=True)
class MicOptions(RunOptions):
    """Options of `mic`."""

    device: Annotated[
        str | None,
        _option(
            _AUDIO,
            "Microphone, by number, name or part of it; see 'aai-stream devices'.",
            "--device",
            metavar="NAME",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class FileOptions(RunOptions):
    """Options of `file`."""

    paths: Annotated[
        list[str] | None,
        typer.Argument(help="Audio files, or folders of them; - is standard input."),
    ] = None
    from_list: Annotated[
        str | None,
        _option(
            _AUDIO,
            "Also the files that this list names, one a line; - is standard input.",
            "--from-list",
            metavar="FILE",
        ),
    ] = None
    jobs: Annotated[
        int,
        _option(
            _AUDIO,
            "How many files at once, each with a session of its own.",
            "--jobs",
            min=1,
            max=1000,
            metavar="N",
        ),
    ] = 1
    start: Annotated[
        str | None,
        _option(_AUDIO, "Begin each file there: 90, 1m30s or 1:30.", "--start", metavar="T"),
    ] = None
    duration: Annotated[
        str | None, _option(_AUDIO, "Only so much of each file.", "--duration", metavar="T")
    ] = None
    again: Annotated[
        bool,
        _option(_AUDIO, "Of many files, also those that an earlier run has completed.", "--again"),
    ] = False
    pace: Annotated[
        str | None,
        _option(
            _AUDIO,
            "Speed: 1 is real time, 'max' as fast as it goes. [default: 1; max with --local]",
            "--pace",
            metavar="X",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class ResumeOptions:
    """Options of `recordings resume`: the service's, by default those of the recording."""

    recording: RecordingArgument
    save_dir: RecordingsOption = None
    region: Annotated[
        Region | None, _option(_SERVICE, "Where the service processes.", "--region")
    ] = None
    endpoint: EndpointOption = None
    local: Annotated[bool, _option(_SERVICE, "The embedded service.", "--local")] = False
    new_sessions_per_minute: NewSessionsOption = None
    param: Annotated[  # not from the environment: by default the parameters are the recording's
        Texts,
        typer.Option(
            "--param",
            help="A query parameter in place of the recording's, or one that its journal alone may "
            "not ask for. Repeatable.",
            metavar="NAME=VALUE",
            rich_help_panel=_SERVICE,
        ),
    ] = None
    jsonl: Annotated[
        bool, _option(_OUTPUT, "New records as lines of JSON on stdout.", "--jsonl")
    ] = False
    text: Annotated[bool, _option(_OUTPUT, "New turns as lines of text on stdout.", "--text")] = (
        False
    )
    color: ColorOption = Color.AUTO
    quiet: Annotated[bool, _option(_OUTPUT, "Only errors on stderr.", "--quiet", "-q")] = False
    verbose: Annotated[bool, _option(_OUTPUT, "More on stderr.", "--verbose", "-v")] = False


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """Options of `recordings export`: those of a run that say what its outputs hold."""

    recording: RecordingArgument
    save_dir: RecordingsOption = None
    output: OutputOption = None
    partials: PartialsOption = True
    non_speech: NonSpeechOption = NonSpeech.DIM


def as_command(options: type[T], run: Callable[[T], int]) -> Callable[..., int]:
    """A function with one parameter for each field of `options`, which calls `run` with them."""
    hints = get_type_hints(options, include_extras=True)

    def command(**values: Any) -> int:
        return run(options(**values))

    command.__doc__ = run.__doc__
    command.__annotations__ = {field.name: hints[field.name] for field in fields(options)}  # type: ignore[arg-type]
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if field.default is MISSING else field.default,
                annotation=hints[field.name],
            )
            for field in fields(options)  # type: ignore[arg-type]
        ]
    )
    return command
