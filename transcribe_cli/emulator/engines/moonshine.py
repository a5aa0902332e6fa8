"""Moonshine: recognises English, with capitals and punctuation, and does not tell times.

The wheel of `moonshine-voice` 0.0.73 carries its model `tiny-en`. Any folder of its models can be
named instead. It computes without the interpreter's lock.
"""

import ctypes
import os
import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import moonshine_voice
import numpy as np
from moonshine_voice.errors import MoonshineError, check_error
from moonshine_voice.moonshine_api import ModelArch, TranscriptC
from moonshine_voice.transcriber import Transcriber

from transcribe_cli.emulator.engine_settings import EngineSettings
from transcribe_cli.emulator.engines.noise_reduction import FRAME_SAMPLES, is_noisy, with_less_noise
from transcribe_cli.emulator.engines.pcm_reader import RATE_HZ
from transcribe_cli.emulator.engines.pieces import PieceRecogniser, Pieces, Transcription
from transcribe_cli.emulator.engines.sentence_case import after_stops
from transcribe_cli.emulator.engines.shared_models import SharedModels
from transcribe_cli.emulator.engines.speech_detector import FRAME_MS
from transcribe_cli.emulator.engines.speech_engine import SpeechEngine
from transcribe_cli.emulator.engines.voice_activity import make_voice_activity
from transcribe_cli.emulator.engines.word_times import WordAligner, estimate_words
from transcribe_cli.errors import UsageError
from transcribe_cli.system.machine_resources import processors

# The cost of a hypothesis grows with its audio: about 0.06 s for each second of it.
_PIECES = Pieces(piece_ms=6000, longest_ms=10_000, step_ms=480, step_share=0.25, pause_ms=90)
# Of silence before the first speech: with more its models mishear short pieces. Of noise they had
# better hear all, and less loud: 19 % of the words at 10 dB were misheard then, 21 % without that.
_LEAD_FRAMES = 4
_MOST_WORDS_A_SECOND = 6
_SILENCE_AFTER = RATE_HZ // 2  # samples
_ENGLISH = "-en"  # of a half word its models make Japanese
_TINY_BYTES = 70_000_000  # tiny-en has 44 million
_ALONE = "MOONSHINE_ORT_SINGLE_THREAD"  # read by the library when it loads a model
_FLOATS = ctypes.POINTER(ctypes.c_float)
_SHARED: dict[Path, SharedModels["MoonshineModel"]] = {}
_LOADING = threading.Lock()
_ALIGNER = WordAligner()


def make_engine(settings: EngineSettings, model: str = "") -> SpeechEngine:
    """An engine of one session; `model` is a folder, or nothing for the wheel's own."""
    folder = Path(model) if model else packaged_model()
    models, english = _models(folder), folder.name.endswith(_ENGLISH)

    def transcribe(samples: Any, speech: Sequence[bool], final: bool) -> Transcription | None:
        silent = max(0, list(speech).index(True) - _LEAD_FRAMES)
        if silent and is_noisy(samples, speech, silent):
            samples, silent = with_less_noise(samples, speech), 0
        samples, speech = samples[silent * FRAME_SAMPLES :], speech[silent:]
        with models.lend(wait=final) as free:
            if free is None:
                return None
            texts = free.texts(samples)
            if is_too_much(texts, speech):
                texts = min(texts, free.texts(np.pad(samples, (0, _SILENCE_AFTER))), key=len)
        if english and not is_latin("".join(texts)):
            texts = []
        pcm = (samples * 32768).astype("<i2").tobytes()
        aligned = _ALIGNER.words(texts, pcm) if final else None
        words = estimate_words(texts, speech) if aligned is None else aligned
        later = [word.later(silent * FRAME_MS) for word in words]
        return Transcription(later, timed=aligned is not None)

    recogniser = PieceRecogniser(transcribe, _PIECES, writes=True)
    return SpeechEngine(settings, recogniser, make_voice_activity())


def is_too_much(texts: Sequence[str], speech: Sequence[bool]) -> bool:
    """Whether nobody says so many words in that time: short pieces may be told again and again.

    >>> no_matter = "No matter, no matter, no matter,".split()
    >>> is_too_much(no_matter, [True] * 22), is_too_much(no_matter, [True] * 44)
    (True, False)
    """
    return len(texts) > 1 + _MOST_WORDS_A_SECOND * sum(speech) * FRAME_MS / 1000


def is_latin(text: str) -> bool:
    """Whether it is written in Latin letters, for the most part.

    >>> is_latin("Caf\u00e9, 10%"), is_latin("\u3053\u3093\u306b."), is_latin("")
    (True, False, True)
    """
    letters = [character for character in text if character.isalpha()]
    return sum(character.isascii() for character in letters) * 2 >= len(letters)


def written_once(text: str) -> str:
    """A text in which no mark is written twice, as its models do where speech breaks off.

    >>> written_once("In short,, the one , , it is... 1,000?? ,")
    'In short, the one, it is... 1,000?'
    """
    return re.sub(r"\s*([,;:!?])(?:\s*[,;:!?])*(?=\s|$)", r"\1", text)


def packaged_model() -> Path:
    """The folder of the model in the wheel."""
    return Path(str(moonshine_voice.__file__)).parent / "assets" / "tiny-en"


def _models(folder: Path) -> SharedModels["MoonshineModel"]:
    """The models of that folder; all sessions of the process have the same.

    Raises:
        UsageError: the folder holds none.
    """
    with _LOADING:
        if folder not in _SHARED:
            try:
                _SHARED[folder] = SharedModels(lambda: MoonshineModel(folder), most=processors())
            except (OSError, MoonshineError) as e:  # what is wrong, the library prints
                raise UsageError(
                    f"'{folder}' holds no model that Moonshine can load: {e}.",
                    "its models are folders of encoder_model.ort, tokenizer.bin and more",
                ) from e
        return _SHARED[folder]


def arch_of(folder: Path) -> ModelArch:
    """The architecture of a model, by the name of its folder (`base-streaming-en`), or its size."""
    for arch in sorted(ModelArch, reverse=True):
        if folder.name.startswith(arch.name.lower().replace("_", "-")):
            return arch
    size = sum(path.stat().st_size for path in folder.glob("*.ort"))
    return ModelArch.TINY if size < _TINY_BYTES else ModelArch.BASE


class MoonshineModel:
    """A model of Moonshine. Of one only one thread at a time may ask, and that thread computes.

    With threads of its own, which wait busily for each other, the same words took 2.3 times the CPU
    on two cores, and twice as long where other programs ran.
    """

    def __init__(self, folder: Path) -> None:
        os.environ.setdefault(_ALONE, "1")
        options = {
            "identify_speakers": "false",
            "return_audio_data": "false",
            "vad_threshold": "0",  # all that it is given is taken for speech
        }
        self._transcriber = Transcriber(folder, arch_of(folder), options=options)

    def texts(self, samples: Any) -> list[str]:
        """The words of a piece of speech, float32 samples at 16 kHz."""
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
        return after_stops(written_once(b" ".join(lines).decode(errors="replace")).split())
