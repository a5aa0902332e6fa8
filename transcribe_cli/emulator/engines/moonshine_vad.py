"""The detector of speech in `moonshine-voice`: noise and music are none to it."""

import ctypes
from pathlib import Path
from typing import Any

import moonshine_voice
import numpy as np
from moonshine_voice.errors import check_error
from moonshine_voice.moonshine_api import ModelArch, TranscriptC
from moonshine_voice.transcriber import Transcriber

from transcribe_cli.emulator.engines.pcm_reader import RATE_HZ
from transcribe_cli.emulator.engines.speech_detector import FRAME_MS

_FORCE_UPDATE = 1
_STREAM_MS = 20_000  # a stream of the detector keeps all that it heard
_FLOATS = ctypes.POINTER(ctypes.c_float)


class MoonshineVoiceActivity:
    """One session's detector."""

    def __init__(self) -> None:
        options = {
            "identify_speakers": "false",
            "return_audio_data": "false",
            "skip_transcription": "true",
            "vad_window_duration": "0.1",
        }
        folder = Path(str(moonshine_voice.__file__)).parent / "assets" / "tiny-en"
        self._transcriber = Transcriber(folder, ModelArch.TINY, options=options)
        self._stream = self._open()
        self._heard_ms = 0

    def is_speech(self, frame: bytes) -> bool:
        lib, handle = self._library
        samples = np.frombuffer(frame, "<i2").astype(np.float32) / 32768
        check_error(
            lib.moonshine_transcribe_add_audio_to_stream(
                handle, self._stream, samples.ctypes.data_as(_FLOATS), len(samples), RATE_HZ, 0
            )
        )
        out = ctypes.POINTER(TranscriptC)()
        check_error(
            lib.moonshine_transcribe_stream(handle, self._stream, _FORCE_UPDATE, ctypes.byref(out))
        )
        self._heard_ms += FRAME_MS
        count = out.contents.line_count
        is_speech = bool(count and not out.contents.lines[count - 1].is_complete)
        if not is_speech and self._heard_ms >= _STREAM_MS:
            lib.moonshine_free_stream(handle, self._stream)
            self._stream, self._heard_ms = self._open(), 0
        return is_speech

    def _open(self) -> int:
        lib, handle = self._library
        stream: int = lib.moonshine_create_stream(handle, 0)
        check_error(stream)
        check_error(lib.moonshine_start_stream(handle, stream))
        return stream

    @property
    def _library(self) -> tuple[Any, int]:
        return self._transcriber._lib, self._transcriber._handle
