"""What sessions hear of an audio log of several channels, and whose the words are."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from transcribe_cli.audio.audio_log import AudioLog, ReadableLog
from transcribe_cli.audio.format import SYSTEM
from transcribe_cli.transcript.turns import TurnChannel, TurnUpdate

_SIDES = ("Left", "Right")


class Heard(NamedTuple):
    """Fields as of `RunParts`."""

    views: Sequence[ReadableLog] = ()
    with_channels: Callable[[TurnUpdate], TurnUpdate] | None = None


def heard_of(log: AudioLog, tracks: tuple[str, ...], *, each: bool) -> Heard:
    """What there is to hear of a log of a call, or of each of its channels; arguments as of
    `RunConfig`.
    """
    from transcribe_cli.transcript.turns_by_channel import of_one_channel, with_channels

    if each:
        from transcribe_cli.audio.call.channel_view import channel_views

        channels = [*map(TurnChannel, range(log.audio.channels), channel_names(log, tracks))]
        return Heard(
            channel_views(log),
            lambda update: of_one_channel(update, channels[update.session % len(channels)]),
        )
    if tracks == (SYSTEM,):
        return Heard((), lambda update: with_channels(update, lambda start_ms, end_ms: 1))
    from transcribe_cli.audio.call.mixed_view import MixedView

    mix = MixedView(log)
    return Heard((mix,), lambda update: with_channels(update, mix.channel_of))


def channel_names(log: AudioLog, tracks: tuple[str, ...]) -> Sequence[str]:
    """What the channels of a log are called before people."""
    if tracks:
        from transcribe_cli.transcript.turns_by_channel import NAMES

        return NAMES
    count = log.audio.channels
    return _SIDES if count == len(_SIDES) else [f"Channel {n + 1}" for n in range(count)]
