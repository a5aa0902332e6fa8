"""How an option or an argument is typed: its names, help and bounds, as a value; and the choices.

A command's options are a class with a field for each, `Annotated` with how it is typed. What makes
parameters of a command line from that is `commands.typer_commands`.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, NamedTuple

from transcribe_cli.errors import UsageError


class Option(NamedTuple):
    """An option of the command line.

    Attributes:
        names: as they are typed, `--on/--off` for a pair; none: made from the field's name, but for
            a switch, which has some.
        panel: the heading that the help shows it under.
        metavar: what the help calls its value.
        least, most: of a number.
        variable: the setting whose variable of the environment sets it, a row of
            `settings.setting_origins`; None where none does.
        hidden: the help does not show it.
    """

    help: str
    names: tuple[str, ...] = ()
    panel: str | None = None
    metavar: str | None = None
    least: float | None = None
    most: float | None = None
    variable: str | None = None
    hidden: bool = False


class Argument(NamedTuple):
    """A word of the command line that has no name before it."""

    help: str
    metavar: str | None = None


def option(
    panel: str | None,
    help_text: str,
    *names: str,
    metavar: str | None = None,
    least: float | None = None,
    most: float | None = None,
) -> Option:
    """An option that its variable of the environment sets too, by its first long name."""
    long = next(name for name in names if name.startswith("--")).partition("/")[0]
    setting = long[2:].replace("-", "_")
    return Option(help_text, names, panel, metavar, least, most, setting)


class Region(StrEnum):
    """Where the service processes."""

    DEFAULT = "default"
    US = "us"
    EU = "eu"


class Encoding(StrEnum):
    """How audio travels to the service."""

    PCM = "pcm_s16le"
    OGG_OPUS = "ogg_opus"


class NonSpeech(StrEnum):
    """What becomes of `[Silence]`, `[Music]` and their like."""

    DIM = "dim"
    HIDE = "hide"
    KEEP = "keep"


class Channels(StrEnum):
    """Which of two channels to transcribe."""

    MIX = "mix"
    LEFT = "left"
    RIGHT = "right"
    EACH = "each"


class Sides(StrEnum):
    """What sessions hear of the sides of a call."""

    MIX = "mix"
    EACH = "each"


class Turns(StrEnum):
    """How soon a turn ends."""

    QUICK = "quick"
    BALANCED = "balanced"
    PATIENT = "patient"


class Format(StrEnum):
    """The formats of outputs, as their suffixes name them."""

    TXT = "txt"
    MD = "md"
    SRT = "srt"
    VTT = "vtt"
    ASS = "ass"
    LRC = "lrc"
    JSON = "json"
    JSONL = "jsonl"


class Color(StrEnum):
    """When to use colour."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


MODEL = "Model"
TURNS = "Turn detection"
SERVICE = "Service"
AUDIO = "Audio"
OUTPUT = "Output"
SAVING = "Saving"
STOPPING = "Stopping"

Texts = list[str] | None

STDOUT = "-"
"""The path of `-o` that is standard output."""

# Options that several commands take.
EndpointOption = Annotated[
    str | None,
    option(SERVICE, "Another service: ws:// or wss://.", "--endpoint", metavar="URL"),
]
EngineOption = Annotated[
    str | None,
    option(
        SERVICE,
        "What recognises speech on this machine; implies --local.",
        "--engine",
        metavar="NAME[:MODEL]",
    ),
]
NewSessionsOption = Annotated[
    int | None,
    option(
        SERVICE,
        "The account's limit. [default: 5; none on this machine]",
        "--new-sessions-per-minute",
        least=1,
        metavar="N",
    ),
]
UsdPerHourOption = Annotated[
    str | None,
    option(
        STOPPING,
        "What an hour of session costs, where the list of 'aai-stream models' is wrong or has "
        "no price: 0.45, or by model NAME=0.45,NAME=0.30.",
        "--usd-per-hour",
        metavar="USD",
    ),
]
ColorOption = Annotated[Color, option(OUTPUT, "When to use colour.", "--color")]
OutputOption = Annotated[
    Texts,
    option(
        OUTPUT,
        f"Write this file: {' '.join(f'.{kind}' for kind in Format)}, or .mkv .mp4 .mov: a "
        "copy of the video with subtitles; {stem} is the source's name, - stdout. Repeatable.",
        "--output",
        "-o",
        metavar="PATH",
    ),
]
FormatOption = Annotated[
    Format | None,
    option(OUTPUT, "What '-o -' writes to stdout. [default: txt]", "--format"),
]
NoClobberOption = Annotated[
    bool, option(OUTPUT, "Replace no file of -o or --record that is there.", "--no-clobber")
]
PartialsOption = Annotated[
    bool, option(OUTPUT, "Partial turns in JSON lines.", "--partials/--no-partials")
]
NonSpeechOption = Annotated[
    NonSpeech, option(OUTPUT, "[Silence], [Music] and their like.", "--non-speech")
]
RecordingArgument = Annotated[
    str, Argument("Its id, the beginning of it, or latest.", metavar="RECORDING")
]
RecordingsOption = Annotated[
    str | None, option(SAVING, "Where recordings are.", "--save-dir", metavar="DIR")
]


def stdout_format(
    outputs: Sequence[str] | None, named: Format | None, *, rival: str | None = None
) -> Format | None:
    """The format that standard output is asked to have; None where it is not.

    Args:
        outputs: the paths of `-o`.
        named: by `--format`, which alone asks for standard output too.
        rival: an option that has standard output already.

    Raises:
        UsageError: two outputs would be mixed there.

    >>> stdout_format(["x.md", "-"], None), stdout_format(None, Format.SRT)
    (<Format.TXT: 'txt'>, <Format.SRT: 'srt'>)
    """
    asked = (outputs or ()).count(STDOUT)
    if asked > 1:
        raise UsageError("-o - is there twice.", "leave one of them out")
    if asked and rival is not None:
        raise UsageError(
            f"-o - and {rival} cannot both have standard output.", "leave one of them out"
        )
    return named or (Format.TXT if asked else None)


def output_files(outputs: Sequence[str] | None) -> list[str]:
    """The paths of `-o` that are files."""
    return [path for path in outputs or () if path != STDOUT]
