"""Moonshine: recognises English, with capitals and punctuation, and does not tell times.

The wheel of `moonshine-voice` 0.0.73 carries its model `tiny-en`. Any folder of its models can be
named instead. It computes without the interpreter's lock.
"""

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import moonshine_voice
from moonshine_voice.errors import check_error
from moonshine_voice.moonshine_api import ModelArch, TranscriptC
from moonshine_voice.transcriber import Transcriber

from transcribe_cli.emulator.engine_settings import EngineSettings
from transcribe_cli.emulator.engines.pcm_reader import RATE_HZ
from transcribe_cli.emulator.engines.pieces import PieceRecogniser, Pieces, Transcription
from transcribe_cli.emulator.engines.speech_engine import SpeechEngine
from transcribe_cli.emulator.engines.voice_activity import make_voice_activity
from transcribe_cli.emulator.engines.word_times import estimate_words

# The cost of a hypothesis grows with its audio: about 0.15 s for each second of it.
_PIECES = Pieces(piece_ms=6000, longest_ms=12_000, step_ms=480, step_share=0.4)
_FLOATS = ctypes.POINTER(ctypes.c_float)


def make_engine(settings: EngineSettings, model: str = "") -> SpeechEngine:
    """An engine of one session; `model` is a folder, or nothing for the wheel's own."""
    transcribe = MoonshineModel(Path(model) if model else packaged_model())
    recogniser = PieceRecogniser(transcribe, _PIECES, writes=True)
    return SpeechEngine(settings, recogniser, make_voice_activity())


def packaged_model() -> Path:
    """The folder of the model in the wheel."""
    return Path(str(moonshine_voice.__file__)).parent / "assets" / "tiny-en"


class MoonshineModel:
    """A model of Moonshine: recognises a piece of speech."""

    def __init__(self, folder: Path) -> None:
        arch = ModelArch.BASE if "base" in folder.name else ModelArch.TINY
        options = {
            "identify_speakers": "false",
            "return_audio_data": "false",
            "vad_threshold": "0",  # all that it is given is taken for speech
        }
        self._transcriber = Transcriber(folder, arch, options=options)

    def __call__(self, samples: Any, speech: Sequence[bool], final: bool) -> Transcription:
        """The words of a piece; their times are estimated."""
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
        texts = b" ".join(lines).decode(errors="replace").split()
        return Transcription(estimate_words(texts, speech))
