"""Tells speech from everything else: the best detector that is installed."""

import importlib.util
from typing import Protocol, cast

from transcribe_cli.emulator.engines.pcm_reader import RATE_HZ
from transcribe_cli.emulator.engines.speech_detector import FRAME_MS


class VoiceActivity(Protocol):
    """Tells speech from everything else, in one session's audio."""

    def is_speech(self, frame: bytes) -> bool:
        """Whether this frame, the session's next, is speech: 30 ms of 16-bit samples at 16 kHz."""


def make_voice_activity() -> VoiceActivity:
    """Moonshine's detector, to which noise and music are no speech, or the one of PocketSphinx."""
    if importlib.util.find_spec("moonshine_voice") is not None:
        from transcribe_cli.emulator.engines.moonshine_vad import MoonshineVoiceActivity

        return MoonshineVoiceActivity()
    from pocketsphinx import Vad

    return cast(VoiceActivity, Vad(Vad.MEDIUM_LOOSE, RATE_HZ, FRAME_MS / 1000))
