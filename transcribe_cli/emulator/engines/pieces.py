"""Recognises an utterance in pieces that end at pauses, for models whose cost grows with length."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from transcribe_cli.emulator.engines.speech_detector import FRAME_MS
from transcribe_cli.emulator.turn_messages import ENGLISH, HeardWord, Language

_QUIETEST_OF_FRAMES = 3000 // FRAME_MS
_PAUSE_FRAMES = 4
_LEAST_SPEECH_FRAMES = 180 // FRAME_MS  # less is a noise: models make "You" of it


class Transcription(NamedTuple):
    """The words of a piece, in ms from where it begins, and their language."""

    words: Sequence[HeardWord] = ()
    language: Language = ENGLISH


class Transcribe(Protocol):
    """A model that recognises one piece at a time."""

    def __call__(self, samples: Any, speech: Sequence[bool], final: bool) -> Transcription | None:
        """Recognise a piece; None of a partial: there is no time for it.

        Args:
            samples: at 16 kHz, as float32 from -1 to 1.
            speech: of each 30 ms of them whether it is speech.
            final: False for a partial, which need not be as good.
        """


class Pieces(NamedTuple):
    """How long pieces are, and how often an unfinished one is recognised.

    Attributes:
        piece_ms: after so much a piece ends at the first pause,
        longest_ms: and after so much at its quietest frame of the last three seconds.
        step_ms: the least between two partials; while more audio waits there is but the first with
            words of an utterance.
        step_share: and the least as a share of the piece, 0 to 1, since its cost grows with it.
    """

    piece_ms: int
    longest_ms: int
    step_ms: int
    step_share: float


class PieceRecogniser:
    """A `Recogniser` that is made of a model that knows nothing of streams.

    Its finals are the same however the audio comes, since only partials go by what is waiting.
    """

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
        self._tried_at = 0  # frames that were last recognised
        self._final_of = 0  # frames of which `_words` are final

    def hear(self, frame: bytes, is_speech: bool) -> None:
        self._frames.append(frame)
        self._speech.append(is_speech)

    def hypothesis(self, more_waiting: bool = False) -> list[HeardWord]:
        length_ms = len(self._frames) * FRAME_MS
        if not any(self._speech[-_PAUSE_FRAMES:]):
            if length_ms >= self._pieces.piece_ms:
                self._cut(len(self._frames))
            elif not more_waiting:
                self._finish()  # it is final if nothing follows
        elif length_ms >= self._pieces.longest_ms:
            self._cut(_quietest(self._frames))
        elif self._partial_is_due(length_ms, more_waiting):
            self._recognise(len(self._frames), final=False)
        return [*self._done, *self._words]

    def end(self) -> list[HeardWord]:
        self._finish()
        return [*self._done, *self._words]

    def _partial_is_due(self, length_ms: int, more_waiting: bool) -> bool:
        if more_waiting and (self._words or self._done):
            return False
        if sum(self._speech) * FRAME_MS < self._pieces.step_ms:  # of a sound or two it makes words
            return False
        step_ms = max(self._pieces.step_ms, self._pieces.step_share * length_ms)
        return length_ms - self._tried_at * FRAME_MS >= step_ms

    def _cut(self, at: int) -> None:
        """The piece ends at that frame; another begins there."""
        frames, speech = self._frames[at:], self._speech[at:]
        del self._frames[at:], self._speech[at:]
        self._finish()
        self._done += self._words
        self._first_ms += at * FRAME_MS
        self._frames, self._speech = frames, speech
        self._words, self._tried_at, self._final_of = [], 0, 0

    def _finish(self) -> None:
        """Recognise the piece without the silence at its end, in which the next word may begin."""
        spoken = len(self._speech)
        while spoken and not self._speech[spoken - 1]:
            spoken -= 1
        upto = min(spoken + _PAUSE_FRAMES, len(self._frames))
        if upto != self._final_of:
            self._final_of = upto
            self._recognise(upto, final=True)

    def _recognise(self, upto: int, final: bool) -> None:
        """Recognise the piece up to that frame."""
        speech = self._speech[:upto]
        if sum(speech) < _LEAST_SPEECH_FRAMES:
            self._words = []
            return
        samples = np.frombuffer(b"".join(self._frames[:upto]), "<i2").astype(np.float32) / 32768
        found = self._transcribe(samples, speech, final)
        if found is None:
            return
        self._tried_at = upto
        self.language = found.language
        first = self._first_ms
        self._words = [
            w._replace(start_ms=first + w.start_ms, end_ms=first + w.end_ms) for w in found.words
        ]


def _quietest(frames: Sequence[bytes]) -> int:
    """The quietest of the last three seconds of frames."""
    first = max(1, len(frames) - _QUIETEST_OF_FRAMES)
    samples = np.frombuffer(b"".join(frames[first:]), "<i2").astype(np.float32)
    levels = np.square(samples.reshape(len(frames) - first, -1)).sum(axis=1)
    return first + int(np.argmin(levels))
