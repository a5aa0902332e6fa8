"""Moonshine: recognises English, with capitals and punctuation, and does not tell times.

The wheel of `moonshine-voice` 0.0.73 carries its model `tiny-en` and a detector of speech; both
compute without the interpreter's lock. Any folder of its models can be named instead.
"""

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import moonshine_voice
import numpy as np
from moonshine_voice.errors import check_error
from moonshine_voice.moonshine_api import ModelArch, TranscriptC
from moonshine_voice.transcriber import Transcriber

from transcribe_cli.emulator.engine_settings import EngineSettings
from transcribe_cli.emulator.engines.pcm_reader import RATE_HZ
from transcribe_cli.emulator.engines.speech_detector import FRAME_MS
from transcribe_cli.emulator.engines.speech_engine import FRAME_BYTES, SpeechEngine
from transcribe_cli.emulator.engines.word_times import estimate_words
from transcribe_cli.emulator.turn_messages import HeardWord

# The cost of a hypothesis grows with its audio: about 0.15 s for each second of it.
PIECE_MS = 6000  # after so much an utterance is cut at the first pause,
LONGEST_PIECE_MS = 12_000  # and after so much at its quietest frame,
_QUIETEST_OF_MS = 3000  # of the last three seconds.
_PAUSE_FRAMES = 4
_STEP_MS = 500  # between two hypotheses, with nothing waiting,
_STEP_BEHIND_MS = 1000  # and while more audio waits.
_LEAST_SPEECH_MS = 180  # less is a noise: the model makes "You" of it
_FORCE_UPDATE = 1
_STREAM_MS = 20_000  # a stream of the detector keeps all that it heard
_FLOATS = ctypes.POINTER(ctypes.c_float)


def make_engine(settings: EngineSettings, model: str = "") -> SpeechEngine:
    """An engine of one session; `model` is a folder, or nothing for the wheel's own."""
    folder = Path(model) if model else packaged_model()
    return SpeechEngine(settings, MoonshineRecogniser(folder), MoonshineVoiceActivity(folder))


def packaged_model() -> Path:
    """The folder of the model in the wheel."""
    return Path(str(moonshine_voice.__file__)).parent / "assets" / "tiny-en"


def _load(folder: Path, **options: str) -> Any:
    arch = ModelArch.BASE if "base" in folder.name else ModelArch.TINY
    shared = {"identify_speakers": "false", "return_audio_data": "false"}
    return Transcriber(folder, arch, options=shared | options)


class MoonshineVoiceActivity:
    """The detector of speech in the library: noise and music are none to it."""

    def __init__(self, folder: Path) -> None:
        self._transcriber = _load(folder, skip_transcription="true", vad_window_duration="0.1")
        self._stream = self._open()
        self._heard_ms = 0

    def is_speech(self, frame: bytes) -> bool:
        lib, handle = self._transcriber._lib, self._transcriber._handle
        samples = _floats(frame)
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
        lib, handle = self._transcriber._lib, self._transcriber._handle
        stream: int = lib.moonshine_create_stream(handle, 0)
        check_error(stream)
        check_error(lib.moonshine_start_stream(handle, stream))
        return stream


class MoonshineRecogniser:
    """Moonshine on one utterance at a time, in pieces that are cut at pauses."""

    writes = True

    def __init__(self, folder: Path) -> None:
        self._transcriber = _load(folder, vad_threshold="0")
        self.start()

    def start(self) -> None:
        self._done: list[HeardWord] = []  # of the pieces before
        self._first_ms = 0  # where the piece begins
        self._frames: list[bytes] = []
        self._speech: list[bool] = []
        self._words: list[HeardWord] = []  # of the piece, as last recognised
        self._seen = 0  # frames of the piece that were recognised

    def hear(self, frame: bytes, is_speech: bool) -> None:
        self._frames.append(frame)
        self._speech.append(is_speech)

    def hypothesis(self, more_waiting: bool = False) -> list[HeardWord]:
        length_ms = len(self._frames) * FRAME_MS
        in_pause = not any(self._speech[-_PAUSE_FRAMES:])
        step_ms = _STEP_BEHIND_MS if more_waiting else _STEP_MS
        if in_pause:
            if length_ms >= PIECE_MS:
                self._cut(len(self._frames))
            elif not more_waiting:
                self._recognise()  # this is the final too, if nothing follows
        elif length_ms >= LONGEST_PIECE_MS:
            self._cut(_quietest(self._frames, _QUIETEST_OF_MS // FRAME_MS))
        elif (len(self._frames) - self._seen) * FRAME_MS >= step_ms:
            self._recognise()
        return [*self._done, *self._words]

    def end(self) -> list[HeardWord]:
        self._recognise()
        return [*self._done, *self._words]

    def _cut(self, at: int) -> None:
        """The piece ends at that frame; another begins there."""
        rest = self._frames[at:], self._speech[at:]
        del self._frames[at:], self._speech[at:]
        self._seen = min(self._seen, at if not rest[0] else 0)
        self._recognise()
        self._done += self._words
        self._first_ms += at * FRAME_MS
        self._frames, self._speech = rest
        self._words, self._seen = [], 0

    def _recognise(self) -> None:
        """Recognise the piece, unless no speech came since that was last done."""
        if self._seen and not any(self._speech[self._seen :]):
            return
        self._seen = len(self._frames)
        if sum(self._speech) * FRAME_MS < _LEAST_SPEECH_MS:
            self._words = []
            return
        texts = self._texts(_floats(b"".join(self._frames)))
        self._words = estimate_words(texts, self._speech, self._first_ms)

    def _texts(self, samples: Any) -> list[str]:
        out = ctypes.POINTER(TranscriptC)()
        check_error(
            self._transcriber._lib.moonshine_transcribe_without_streaming(
                self._transcriber._handle,
                samples.ctypes.data_as(_FLOATS),
                len(samples),
                RATE_HZ,
                0,
                ctypes.byref(out),
            )
        )
        found = out.contents
        lines = [ctypes.string_at(found.lines[n].text) for n in range(found.line_count)]
        return b" ".join(lines).decode(errors="replace").split()


def _floats(samples: bytes) -> Any:
    return np.frombuffer(samples, "<i2").astype(np.float32) / 32768


def _quietest(frames: Sequence[bytes], of_last: int) -> int:
    """The quietest of the last frames."""
    assert all(len(frame) == FRAME_BYTES for frame in frames[-1:])
    first = max(1, len(frames) - of_last)
    levels = [float(np.square(_floats(frame)).sum()) for frame in frames[first:]]
    return first + int(np.argmin(levels))
