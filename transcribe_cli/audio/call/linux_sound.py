"""Records what the machine plays, on Linux: the sound server's monitor of the default sink."""

import contextlib

from transcribe_cli.audio.capture import Capture
from transcribe_cli.audio.devices import DeviceOpener
from transcribe_cli.audio.sound_server import NoSoundServer, SourceStream, sources
from transcribe_cli.errors import AudioError

_LEAST_VOLUME = 0.2  # of a sink, -42 dB: a monitor that follows a lower one records no speech


def find_monitor(rate_hz: int, block_ms: int, *, all_channels: bool = False) -> DeviceOpener:
    """How to open what the machine plays: the monitor of the sink that is the default at the time.

    Args:
        all_channels: open the monitor's own channels, instead of one mixed channel.
    """

    def open_monitor(name: str | None) -> Capture:
        try:
            monitor = sources().default_monitor
            if not monitor:
                raise AudioError(
                    "The sound server has no loudspeaker to listen to.",
                    "see 'pactl list short sinks', and choose one with 'pactl set-default-sink'",
                )
            return SourceStream(monitor, "system", rate_hz, block_ms, all_channels=all_channels)
        except NoSoundServer as e:
            raise AudioError(
                "The sound server does not give what the system plays.",
                "start PulseAudio or PipeWire; 'pactl info' shows whether it runs",
            ) from e

    def best(capture: Capture, stands_in: bool) -> str | None:
        assert isinstance(capture, SourceStream)
        with contextlib.suppress(NoSoundServer):
            return capture.sources().default_monitor or None
        return None

    def silenced(capture: Capture) -> str:
        assert isinstance(capture, SourceStream)
        source = capture.source()
        if source is None or (not source.is_muted and source.volume >= _LEAST_VOLUME):
            return ""
        how = "muted" if source.is_muted else "turned down"
        return f"the loudspeaker is {how}: what the system plays is not heard; turn it up"

    return DeviceOpener(None, open_monitor, best, 1, silenced)
