"""The options of `mic`, as typed."""

from typing import Annotated

from transcribe_cli.settings.option_types import AUDIO, Sides, option
from transcribe_cli.settings.run_options import RunOptions


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
        option(AUDIO, "What this machine plays, in place of a microphone.", "--system"),
    ] = False
    with_system: Annotated[
        bool,
        option(
            AUDIO,
            "Both sides of a call: the microphone, and what this machine plays, on two tracks; "
            "each word is told as You or Them.",
            "--with-system",
        ),
    ] = False
    channels: Annotated[
        Sides,
        option(
            AUDIO,
            "With --with-system: 'each' opens two sessions, one a side, which are two bills, and "
            "hears more of what is said at once.",
            "--channels",
        ),
    ] = Sides.MIX
