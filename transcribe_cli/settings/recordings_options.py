"""The options of `recordings resume` and `recordings export`, as typed."""

from typing import Annotated

from msgspec import Struct

from transcribe_cli.settings.option_types import (
    OUTPUT,
    SERVICE,
    Color,
    ColorOption,
    EndpointOption,
    EngineOption,
    FormatOption,
    NewSessionsOption,
    NoClobberOption,
    NonSpeech,
    NonSpeechOption,
    Option,
    OutputOption,
    PartialsOption,
    RecordingArgument,
    RecordingsOption,
    Region,
    Texts,
    UsdPerHourOption,
    option,
)


class ResumeOptions(Struct, frozen=True, kw_only=True):
    """Options of `recordings resume`: the service's, by default those of the recording."""

    recording: RecordingArgument
    save_dir: RecordingsOption = None
    region: Annotated[
        Region | None, option(SERVICE, "Where the service processes.", "--region")
    ] = None
    endpoint: EndpointOption = None
    local: Annotated[bool, option(SERVICE, "The embedded service.", "--local")] = False
    engine: EngineOption = None
    new_sessions_per_minute: NewSessionsOption = None
    usd_per_hour: UsdPerHourOption = None
    param: Annotated[  # not from the environment: by default the parameters are the recording's
        Texts,
        Option(
            "A query parameter in place of the recording's, or one that its journal alone may "
            "not ask for. Repeatable.",
            ("--param",),
            SERVICE,
            metavar="NAME=VALUE",
        ),
    ] = None
    jsonl: Annotated[bool, option(OUTPUT, "New records as lines of JSON on stdout.", "--jsonl")] = (
        False
    )
    text: Annotated[bool, option(OUTPUT, "New turns as lines of text on stdout.", "--text")] = False
    color: ColorOption = Color.AUTO
    quiet: Annotated[bool, option(OUTPUT, "Only errors on stderr.", "--quiet", "-q")] = False
    verbose: Annotated[bool, option(OUTPUT, "More on stderr.", "--verbose", "-v")] = False


class ExportOptions(Struct, frozen=True, kw_only=True):
    """Options of `recordings export`: those of a run that say what its outputs hold."""

    recording: RecordingArgument
    save_dir: RecordingsOption = None
    output: OutputOption = None
    format: FormatOption = None
    no_clobber: NoClobberOption = False
    partials: PartialsOption = True
    non_speech: NonSpeechOption = NonSpeech.DIM
