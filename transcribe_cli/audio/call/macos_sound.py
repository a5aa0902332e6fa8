"""Records what the machine plays, on macOS: by a loopback device, which PortAudio lists as input.

A Multi-Output Device plays the sound to both the loopback device and the loudspeaker. Somebody has
to create it once in Audio MIDI Setup: https://github.com/ExistentialAudio/BlackHole/wiki.
"""

from collections.abc import Sequence

from transcribe_cli.audio.devices import DeviceOpener, find_device
from transcribe_cli.audio.portaudio import portaudio_devices
from transcribe_cli.errors import AudioError

_LOOPBACKS = ("blackhole", "loopback", "soundflower", "vb-cable")
"""How the names of known loopback devices begin, the likeliest first."""


def choose_loopback(names: Sequence[str]) -> str | None:
    """The input device that records what the machine plays; None: there is none.

    >>> choose_loopback(["MacBook Pro Microphone", "Soundflower (2ch)", "BlackHole 2ch"])
    'BlackHole 2ch'
    """
    for known in _LOOPBACKS:
        for name in names:
            if name.casefold().startswith(known):
                return name
    return None


def find_loopback_device(
    rate_hz: int, block_ms: int, *, all_channels: bool = False
) -> DeviceOpener:
    """How to open what the machine plays: a loopback device, opened like a microphone.

    Args:
        all_channels: ignored: all channels are opened, since the first of two would be no mix.

    Raises:
        AudioError: there is no loopback device, or PortAudio is missing.
    """
    name = choose_loopback([device.name for device in portaudio_devices()])
    if name is None:
        raise AudioError(
            "No loopback device hears what this system plays.",
            "brew install blackhole-2ch, and play to it too by a Multi-Output Device",
        )
    return find_device(name, rate_hz, block_ms, all_channels=True)
