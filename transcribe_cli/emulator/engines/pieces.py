"""Recognises an utterance in pieces that end at pauses, for models whose cost grows with length."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from transcribe_cli.emulator.engines.speech_detector import FRAME_MS
from transcribe_cli.emulator.turn_messages import ENGLISH, HeardWord, Language

_QUIETEST_OF_FRAMES = 3000 // FRAME_MS
_PAUSE_FRAMES = 4
_LEAST_SPEECH_MS = 180  # less is a noise: models make "You" of it


class Transcription(NamedTuple):
    """The words of a piece, in ms from where it begins, and their language."""

    words: Sequence[HeardWord] = ()
    language: Language = ENGLISH


class Transcribe(Protocol):
    """A model that recognises one piece at a time."""

    def __call__(self, samples: Any, speech: Sequence[bool], final: bool) -> Transcription:
        """Recognise a piece.

        Args:
            samples: at 16 kHz, as float32 from -1 to 1.
            speech: of each 30 ms of them whether it is speech.
            final: False for a partial, which need not be as good.
        """


class Pieces(NamedTuple):
    """How long pieces are, and how often an unfinished one is recognised, in ms of audio.

    Attributes:
        piece_ms: after so much a piece ends at the first pause,
        longest_ms: and after so much at its quietest frame of the last three seconds.
        step_ms: between two partials,
        step_behind_ms: and between two while more audio waits; None: no partials then.
    """

    piece_ms: int
    longest_ms: int
    step_ms: int
    step_behind_ms: int | None


class PieceRecogniser:
    """A `Recogniser` that is made of a model that knows nothing of streams."""

    def __init__(self, transcribe: Transcribe, pieces: Pieces, *, writes: bool) -> None:
        self.writes = writes
        self.language = ENGLISH
        self._transcribe = transcribe
        self._pieces = pieces
        self.start()

    def start(self) -> None:
        self._done: list[HeardWord] = []  # of the pieces before
        self._first_ms = 0  # where the piece begins
        self._frames: list[bytes] = []
        self._speech: list[bool] = []
        self._words: list[HeardWord] = []  # of the piece, as last recognised
        self._seen = 0  # frames of the piece that were recognised
        self._was_final = False  # when they were

    def hear(self, frame: bytes, is_speech: bool) -> None:
        self._frames.append(frame)
        self._speech.append(is_speech)

    def hypothesis(self, more_waiting: bool = False) -> list[HeardWord]:
        length_ms = len(self._frames) * FRAME_MS
        in_pause = not any(self._speech[-_PAUSE_FRAMES:])
        step_ms = self._pieces.step_behind_ms if more_waiting else self._pieces.step_ms
        if in_pause and length_ms >= self._pieces.piece_ms:
            self._cut(len(self._frames))
        elif in_pause and not more_waiting:
            self._recognise(final=True)  # it is, if nothing follows
        elif length_ms >= self._pieces.longest_ms:
            self._cut(_quietest(self._frames))
        elif step_ms is not None and (len(self._frames) - self._seen) * FRAME_MS >= step_ms:
            self._recognise(final=False)
        return [*self._done, *self._words]

    def end(self) -> list[HeardWord]:
        self._recognise(final=True)
        return [*self._done, *self._words]

    def _cut(self, at: int) -> None:
        """The piece ends at that frame; another begins there."""
        frames, speech = self._frames[at:], self._speech[at:]
        del self._frames[at:], self._speech[at:]
        if frames:
            self._seen = 0
        self._recognise(final=True)
        self._done += self._words
        self._first_ms += at * FRAME_MS
        self._frames, self._speech = frames, speech
        self._words, self._seen = [], 0

    def _recognise(self, final: bool) -> None:
        """Recognise the piece, unless that was done and no speech has come since."""
        settled = self._was_final or not final
        if self._seen and settled and not any(self._speech[self._seen :]):
            return
        self._seen, self._was_final = len(self._frames), final
        self._words = []
        if sum(self._speech) * FRAME_MS < _LEAST_SPEECH_MS:
            return
        samples = np.frombuffer(b"".join(self._frames), "<i2").astype(np.float32) / 32768
        words, self.language = self._transcribe(samples, self._speech, final)
        first = self._first_ms
        self._words = [
            w._replace(start_ms=first + w.start_ms, end_ms=first + w.end_ms) for w in words
        ]


def _quietest(frames: Sequence[bytes]) -> int:
    """The quietest of the last three seconds of frames."""
    first = max(1, len(frames) - _QUIETEST_OF_FRAMES)
    samples = np.frombuffer(b"".join(frames[first:]), "<i2").astype(np.float32)
    levels = np.square(samples.reshape(len(frames) - first, -1)).sum(axis=1)
    return first + int(np.argmin(levels))
