"""The options of `mic` and `file`, as typed: what was asked for, not yet what it means.

Each option is a field, so both commands have one list. The other modules of `settings` turn the
values into what was meant.
"""

from typing import Annotated, Any, get_args

from msgspec.structs import fields

from transcribe_cli.settings.model_options import ModelOptions
from transcribe_cli.settings.option_types import (
    AUDIO,
    OUTPUT,
    SAVING,
    SERVICE,
    STOPPING,
    Argument,
    Channels,
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
    UsdPerHourOption,
    option,
    output_files,
    stdout_format,
)


class RunOptions(ModelOptions, frozen=True, kw_only=True):
    """Options that `mic` and `file` share."""

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
        encoding = None if self.encoding is Encoding.PCM else self.encoding.value
        return {**self.model_parameters(), "encoding": encoding}


class MicOptions(RunOptions, frozen=True, kw_only=True):
    """Options of `mic`."""

    device: Annotated[
        str | None,
        option(
            AUDIO,
            "Microphone, by number, name or part of it; see 'aai-stream devices'.",
            "--device",
            metavar="NAME",
        ),
    ] = None
    device_fallback: Annotated[
        bool,
        option(
            AUDIO,
            "While the microphone is gone, the default one stands in for it.",
            "--device-fallback",
        ),
    ] = False
    system: Annotated[
        bool,
        option(AUDIO, "What this machine plays, in place of a microphone (Linux).", "--system"),
    ] = False
    with_system: Annotated[
        bool,
        option(
            AUDIO,
            "Both sides of a call: the microphone, and what this machine plays, on two tracks; "
            "each word is told as You or Them (Linux).",
            "--with-system",
        ),
    ] = False


class FileOptions(RunOptions, frozen=True, kw_only=True):
    """Options of `file`."""

    paths: Annotated[
        list[str] | None,
        Argument("Audio files, or folders of them; - is standard input.", "[PATH]..."),
    ] = None
    sample: Annotated[
        bool,
        option(AUDIO, "The packaged sample: 39 seconds of English, to try it with.", "--sample"),
    ] = False
    from_list: Annotated[
        str | None,
        option(
            AUDIO,
            "Also the files that this list names, one a line; - is standard input.",
            "--from-list",
            metavar="FILE",
        ),
    ] = None
    jobs: Annotated[
        int,
        option(
            AUDIO,
            "How many files at once, each with a session of its own.",
            "--jobs",
            least=1,
            most=1000,
            metavar="N",
        ),
    ] = 1
    shard: Annotated[
        str | None,
        option(
            AUDIO,
            "Only part I of N of the files, such as 2/3; other machines take the others.",
            "--shard",
            metavar="I/N",
        ),
    ] = None
    cluster: Annotated[
        str | None,
        option(
            AUDIO,
            "Have workers transcribe: 'local' starts some, or a Dask scheduler's address (needs "
            "the extra 'cluster').",
            "--cluster",
            metavar="local|ADDRESS",
        ),
    ] = None
    dashboard: Annotated[
        bool,
        option(
            AUDIO,
            "With '--cluster local': Dask's pages on its workers, for this machine (needs bokeh).",
            "--dashboard",
        ),
    ] = False
    start: Annotated[
        str | None,
        option(AUDIO, "Begin each file there: 90, 1m30s or 1:30.", "--start", metavar="T"),
    ] = None
    duration: Annotated[
        str | None, option(AUDIO, "Only so much of each file.", "--duration", metavar="T")
    ] = None
    track: Annotated[
        int | None,
        option(
            AUDIO,
            "Which audio track, from 1. [default: the one that the file calls so]",
            "--track",
            least=1,
            metavar="N",
        ),
    ] = None
    channels: Annotated[
        Channels, option(AUDIO, "Which side of a stereo recording.", "--channels")
    ] = Channels.MIX
    raw: Annotated[
        bool,
        option(AUDIO, "Standard input is bare 16-bit mono samples at --sample-rate.", "--raw"),
    ] = False
    again: Annotated[
        bool,
        option(AUDIO, "Of many files, also those that an earlier run has completed.", "--again"),
    ] = False
    pace: Annotated[
        str | None,
        option(
            AUDIO,
            "Speed: 1 is real time, 'max' as fast as it goes. [default: 1; max with --local]",
            "--pace",
            metavar="X",
        ),
    ] = None


def option_kinds() -> dict[str, Any]:
    """The type of each option of `mic` and `file`, by its field: what a `config.toml` may set."""
    both = (*fields(MicOptions), *fields(FileOptions))
    return {field.name: get_args(field.type)[0] for field in both}
