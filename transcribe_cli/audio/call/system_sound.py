"""Opens what the machine plays as a source, by the module for this operating system."""

import sys

from transcribe_cli.audio.call.linux_sound import find_monitor
from transcribe_cli.audio.call.macos_sound import find_loopback_device
from transcribe_cli.audio.call.windows_sound import find_loopback
from transcribe_cli.audio.devices import DeviceOpener
from transcribe_cli.audio.microphone import Microphone
from transcribe_cli.audio.source import Source

_ELSEWHERE = {"darwin": find_loopback_device, "win32": find_loopback}


def open_system_sound(rate_hz: int, block_ms: int) -> Source:
    """What the default loudspeaker plays, as s16le mono; it follows a change of the default.

    Raises:
        AudioError: it cannot be recorded on this machine.
    """
    return Microphone(None, rate_hz, block_ms, opener=find_system_sound(rate_hz, block_ms))


def find_system_sound(rate_hz: int, block_ms: int, *, all_channels: bool = False) -> DeviceOpener:
    """How to open what the machine plays.

    Args:
        all_channels: open the device's own channels, instead of one mixed channel.

    Raises:
        AudioError: there is no device to open.
    """
    find = _ELSEWHERE.get(sys.platform, find_monitor)
    return find(rate_hz, block_ms, all_channels=all_channels)
