"""The options of `file`, as typed."""

from typing import Annotated

from transcribe_cli.settings.option_types import AUDIO, Argument, Channels, option
from transcribe_cli.settings.run_options import RunOptions


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
        Channels,
        option(
            AUDIO,
            "Which side of a stereo recording; 'each' keeps the sides apart: a session for each, "
            "and a bill for each.",
            "--channels",
        ),
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
