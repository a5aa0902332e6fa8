"""What sessions hear of an audio log of several channels, and whose the words are."""

from collections.abc import Iterator, Sequence

from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.audio.format import SYSTEM
from transcribe_cli.run.parts import HeardChannels
from transcribe_cli.transcript.turns import TurnChannel

_SIDES = ("Left", "Right")


def heard_of(log: AudioLog, tracks: tuple[str, ...], *, each: bool) -> HeardChannels:
    """What there is to hear of a log of a call, or of each of its channels; arguments as of
    `RunConfig`.
    """
    from transcribe_cli.transcript.turns_by_channel import of_one_channel, with_channels

    if each:
        from transcribe_cli.audio.call.channel_view import channel_views

        channels = [*map(TurnChannel, range(log.audio.channels), channel_names(log, tracks))]
        return HeardChannels(
            channel_views(log),
            lambda update: of_one_channel(update, channels[update.session % len(channels)]),
        )
    if tracks == (SYSTEM,):
        return HeardChannels((), lambda update: with_channels(update, lambda start_ms, end_ms: 1))
    from transcribe_cli.audio.call.mixed_view import MixedView

    mix = MixedView(log)
    return HeardChannels((mix,), lambda update: with_channels(update, mix.channel_of))


def channel_names(log: AudioLog, tracks: tuple[str, ...]) -> Sequence[str]:
    """What the channels of a log are called before people."""
    if tracks:
        from transcribe_cli.transcript.turns_by_channel import NAMES

        return NAMES
    count = log.audio.channels
    return _SIDES if count == len(_SIDES) else [f"Channel {n + 1}" for n in range(count)]


def notes_on_sessions(
    channels: int, usd_per_hour: float | None, per_minute: int | None
) -> Iterator[str]:
    """What sessions of each channel cost, said before they are opened.

    Args:
        usd_per_hour: of one session; None where that is not known.
        per_minute: how many may be opened; None: any number.

    >>> list(notes_on_sessions(6, 0.45, 5))[0]
    '6 channels are 6 sessions, about $2.70 an hour'
    """
    cost = "" if usd_per_hour is None else f", about ${channels * usd_per_hour:.2f} an hour"
    yield f"{channels} channels are {channels} sessions{cost}"
    if per_minute is not None and channels > per_minute:
        yield f"{per_minute} sessions begin in a minute, and are billed while the others wait"
