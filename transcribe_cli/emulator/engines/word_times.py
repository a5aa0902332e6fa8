"""When the words of a piece of speech were spoken, for a recogniser that does not tell.

The words are aligned with the sound by PocketSphinx. On 298 words of two voices of Festival, whose
times are known, their starts were wrong by 11 ms at the median (30 ms at nine in ten), and on 162
of Festival and flite by 6 to 11 ms for each of six voices. Where words are only laid over the
speech, as is done of partials and without PocketSphinx, it is 77 ms (61 and 94 ms for two voices).
"""

import importlib.util
import re
import threading
from collections.abc import Sequence
from typing import Any

from transcribe_cli.emulator.engines.pcm_reader import RATE_HZ
from transcribe_cli.emulator.engines.speech_detector import FRAME_MS
from transcribe_cli.emulator.turn_messages import HeardWord

_CENTISECOND_MS = 10  # one frame of the decoder
_LATE_BEGINNING_FRAMES, _LATE_END_FRAMES = 2, 3
_NO_WORD = ("<", "[", "+")  # silence and noise
# How letters and digits sound, roughly: so much is enough to find where a word is.
_SOUNDS = {
    "a": "AE", "b": "B", "c": "K", "d": "D", "e": "EH", "f": "F", "g": "G", "h": "HH", "i": "IH",
    "j": "JH", "k": "K", "l": "L", "m": "M", "n": "N", "o": "AA", "p": "P", "q": "K", "r": "R",
    "s": "S", "t": "T", "u": "AH", "v": "V", "w": "W", "x": "K S", "y": "Y", "z": "Z",
    "0": "Z IH R OW", "1": "W AH N", "2": "T UW", "3": "TH R IY", "4": "F AO R", "5": "F AY V",
    "6": "S IH K S", "7": "S EH V AH N", "8": "EY T", "9": "N AY N",
    "%": "P ER S EH N T", "$": "D AA L ER Z",
}  # fmt: skip


class WordAligner:
    """Finds when words were spoken. Sessions share one, since its models take 60 MB."""

    def __init__(self) -> None:
        self._decoder: Any = None
        self._using = threading.Lock()
        self._there = importlib.util.find_spec("pocketsphinx") is not None

    def words(self, texts: Sequence[str], pcm: bytes) -> Sequence[HeardWord] | None:
        """The words with their times, in ms from where the sound begins; None: it cannot tell them.

        Args:
            pcm: 16-bit samples at 16 kHz.
        """
        times = self._aligned([spoken(text) for text in texts], pcm) if self._there else None
        if times is None:
            return None
        return [
            HeardWord(text, start_ms, end_ms)
            for text, (start_ms, end_ms) in zip(texts, times, strict=True)
        ]

    def _aligned(self, words: Sequence[str], pcm: bytes) -> list[tuple[int, int]] | None:
        """When each of the words was spoken; None where they and the sound have nothing in common.

        A word without a sound, such as a dash, is no longer than a moment.
        """
        with self._using:
            found = iter(self._segments([word for word in words if word], pcm))
        times: list[tuple[int, int]] = []
        for word in words:
            last_ms = times[-1][1] if times else 0
            place = next(found, None) if word else (last_ms, last_ms)
            if place is None:
                return None
            times.append(place)
        return times

    def _segments(self, words: Sequence[str], pcm: bytes) -> list[tuple[int, int]]:
        if not words or not pcm:
            return []
        if self._decoder is None:
            from pocketsphinx import Decoder

            self._decoder = Decoder(samprate=RATE_HZ, loglevel="FATAL", lm=None)
        decoder = self._decoder
        for word in words:
            if decoder.lookup_word(word) is None:
                decoder.add_word(word, " ".join(_SOUNDS[c] for c in word if c in _SOUNDS), True)
        try:
            decoder.set_align_text(" ".join(words))
            decoder.start_utt()
            decoder.process_raw(pcm, full_utt=True)
            decoder.end_utt()
        except RuntimeError:  # nothing to align, or the sound is too short for the words
            return []
        return [
            (segment.start_frame * _CENTISECOND_MS, (segment.end_frame + 1) * _CENTISECOND_MS)
            for segment in decoder.seg() or ()
            if not segment.word.startswith(_NO_WORD)
        ]


def spoken(text: str) -> str:
    """A word as the dictionary has it; "" where nothing of it is spoken.

    >>> spoken("Don't,"), spoken("10%"), spoken("-"), spoken("caf\\u00e9")
    ("don't", '10%', '', 'caf')
    """
    return re.sub("[^a-z0-9'%$]", "", text.lower()).strip("'")


def estimate_words(texts: Sequence[str], speech: Sequence[bool]) -> list[HeardWord]:
    """The words laid over the frames of speech, each as long as it has letters.

    Args:
        speech: of each 30 ms frame whether it is speech.

    >>> estimate_words(["so", "it"], [False, False, False, True, True])
    [HeardWord(text='so', start_ms=30, end_ms=90, confidence=None), \
HeardWord(text='it', start_ms=90, end_ms=150, confidence=None)]
    """
    spoken = speech_of_words(speech)
    places = [index for index, is_speech in enumerate(spoken) if is_speech]
    places = places or list(range(len(speech)))
    letters = [_length(text) for text in texts]
    whole = sum(letters)
    words, said = [], 0
    for text, length in zip(texts, letters, strict=True):
        start = said * len(places) * FRAME_MS // whole
        said += length
        end = said * len(places) * FRAME_MS // whole
        words.append(
            HeardWord(text, _place(places, start), _place(places, max(end - 1, start)) + 1)
        )
    return words


def speech_of_words(speech: Sequence[bool]) -> list[bool]:
    """The frames in which words are, since the detector tells of their beginning and end late.

    >>> "".join(".#"[is_speech] for is_speech in speech_of_words([False] * 3 + [True] * 6))
    '.########'
    >>> "".join(".#"[s] for s in speech_of_words([False] * 3 + [True] * 6 + [False] * 3))
    '.#####......'
    """
    last = len(speech) - 1
    return [
        speech[min(frame + _LATE_BEGINNING_FRAMES, last)]
        and speech[min(frame + _LATE_END_FRAMES, last)]
        for frame in range(len(speech))
    ]


def within_speech(words: Sequence[HeardWord], speech: Sequence[bool]) -> list[HeardWord]:
    """The words without the silence before and after each; in order, and none beyond the audio.

    >>> within_speech([HeardWord("so", 0, 200, None)], [False, False, True, True, False, False])
    [HeardWord(text='so', start_ms=60, end_ms=120, confidence=None)]
    """
    length_ms = len(speech) * FRAME_MS
    corrected: list[HeardWord] = []
    for word in words:
        start = min(max(word.start_ms, corrected[-1].end_ms if corrected else 0), length_ms)
        end = min(max(word.end_ms, start), length_ms)
        frames = range(start // FRAME_MS, -(-end // FRAME_MS))
        spoken_frames = [frame for frame in frames if speech[frame]]
        if spoken_frames:
            start = max(start, spoken_frames[0] * FRAME_MS)
            end = min(end, (spoken_frames[-1] + 1) * FRAME_MS)
        corrected.append(word._replace(start_ms=start, end_ms=end))
    return corrected


def _length(text: str) -> int:
    """How long a word takes, in tenths of a letter. A digit is a word of its own, and the last word
    of a sentence is spoken slowly."""
    letters = 2 + sum(4 if c.isdigit() else c.isalpha() for c in text)
    return letters * (16 if text.endswith((".", "?", "!")) else 10)


def _place(places: Sequence[int], ms: int) -> int:
    """Where so many ms of speech lie among all frames."""
    frame, rest = divmod(ms, FRAME_MS)
    return places[min(frame, len(places) - 1)] * FRAME_MS + rest
