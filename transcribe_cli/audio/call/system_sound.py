"""Opens what the machine plays as a source: one door a system, or words why there is none."""

import sys

from transcribe_cli.audio.source import Source
from transcribe_cli.errors import AudioError

_ELSEWHERE = {
    "darwin": "install a loopback device such as BlackHole, and record it: mic --device BlackHole",
    "win32": "turn on 'Stereo Mix', or install VB-CABLE, and record it: mic --device 'Stereo Mix'",
}


def open_system_sound(rate_hz: int, block_ms: int) -> Source:
    """What the default loudspeaker plays, as s16le mono, also when another becomes the default.

    Raises:
        AudioError: it cannot be recorded here.
    """
    check_system_sound()
    from transcribe_cli.audio.devices import find_system_sound
    from transcribe_cli.audio.microphone import Microphone

    return Microphone(None, rate_hz, block_ms, opener=find_system_sound(rate_hz, block_ms))


def check_system_sound() -> None:
    """Find out whether there is a door here.

    Raises:
        AudioError: there is none.
    """
    hint = _ELSEWHERE.get(sys.platform)
    if hint is not None:
        raise AudioError("What this system plays cannot be recorded here yet.", hint)
