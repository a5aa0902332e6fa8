"""Recognises an utterance in pieces that end at pauses, for models whose cost grows with length."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from transcribe_cli.emulator.engines.sentence_case import going_on
from transcribe_cli.emulator.engines.speech_detector import FRAME_MS
from transcribe_cli.emulator.turn_messages import ENGLISH, HeardWord, Language

# A piece without a pause is cut so long before its end at most, and at least.
_EARLIEST_FRAMES, _LATEST_FRAMES = 4500 // FRAME_MS, 600 // FRAME_MS
_AROUND_FRAMES = 4
_ESTIMATE_FRAMES = 4  # estimated times are wrong by some 80 ms
_QUIET_PEAK, _USUAL_PEAK = 0.1, 0.3
_LEAST_SPEECH_FRAMES = 180 // FRAME_MS  # less is a noise: models make "You" of it


class Transcription(NamedTuple):
    """The words of a piece, in ms from where it begins, and their language.

    `timed`: their times are the model's, or of an alignment, and no estimate.
    """

    words: Sequence[HeardWord] = ()
    language: Language = ENGLISH
    timed: bool = True


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
        longest_ms: and after so much between two words of its last seconds, where it is quietest.
        step_ms: the least between two partials; while more audio waits there is but the first with
            words of an utterance.
        step_share: and the least as a share of the piece, 0 to 1, since its cost grows with it.
        pause_ms: so much silence is a pause, in whole frames; a model that is slow had better not
            be asked at each short one.
    """

    piece_ms: int
    longest_ms: int
    step_ms: int
    step_share: float
    pause_ms: int


class PieceRecogniser:
    """A `Recogniser` that is made of a model that knows nothing of streams.

    Its finals are the same however the audio comes, since only partials go by what is waiting.
    """

    def __init__(self, transcribe: Transcribe, pieces: Pieces, *, writes: bool) -> None:
        self.writes = writes
        self.language = ENGLISH
        self.pause_ms = pieces.pause_ms
        self._transcribe = transcribe
        self._pieces = pieces
        self._pause_frames = pieces.pause_ms // FRAME_MS
        self.start()

    @property
    def settled(self) -> int:
        """A piece that goes on may come out differently, however often it came out the same."""
        return len(self._done)

    def start(self) -> None:
        self._done: list[HeardWord] = []  # of the pieces before
        self._first_ms = 0  # where the piece begins
        self._frames: list[bytes] = []
        self._speech: list[bool] = []
        self._words: list[HeardWord] = []  # of the piece, as last recognised
        self._timed = True
        self._tried_at = 0  # frames that were last recognised
        self._final_of = 0  # frames of which `_words` are final

    def hear(self, frame: bytes, is_speech: bool) -> None:
        self._frames.append(frame)
        self._speech.append(is_speech)

    def hypothesis(self, more_waiting: bool = False) -> list[HeardWord]:
        length_ms = len(self._frames) * FRAME_MS
        if not any(self._speech[-self._pause_frames :]):
            if length_ms >= self._pieces.piece_ms:
                self._cut_at_pause()
            elif not more_waiting:
                self._finish()  # it is final if nothing follows
        elif length_ms >= self._pieces.longest_ms:
            self._cut_between_words()
        elif self._partial_is_due(length_ms, more_waiting):
            self._recognise(len(self._frames), final=False)
        return [*self._done, *self._going_on()]

    def end(self) -> list[HeardWord]:
        self._finish()
        return [*self._done, *self._going_on()]

    def _partial_is_due(self, length_ms: int, more_waiting: bool) -> bool:
        if more_waiting and (self._words or self._done):
            return False
        if not self._speech[-1]:  # if a pause begins here, the final would wait for the partial
            return False
        if sum(self._speech) * FRAME_MS < self._pieces.step_ms:  # of a sound or two it makes words
            return False
        step_ms = max(self._pieces.step_ms, self._pieces.step_share * length_ms)
        return length_ms - self._tried_at * FRAME_MS >= step_ms

    def _cut_at_pause(self) -> None:
        """The piece ends in the pause; another begins there."""
        self._finish()
        self._next_piece(len(self._frames), len(self._words))

    def _cut_between_words(self) -> None:
        """The piece has no pause. Its words are recognised with what follows them, and the next
        piece begins where a word does, so that none is cut in two."""
        self._recognise(len(self._frames), final=True)
        starts = [(w.start_ms - self._first_ms) // FRAME_MS for w in self._words]
        levels = _levels(self._frames)
        places = range(max(1, len(levels) - _EARLIEST_FRAMES), len(levels) - _LATEST_FRAMES)
        wrong = 0 if self._timed else _ESTIMATE_FRAMES
        near = [
            (levels[place], abs(place - start), place, words)  # of two words the nearer one
            for words, start in enumerate(starts)
            for place in range(start - wrong, start + wrong + 1)
            if place in places
        ]
        anywhere = [
            (levels[place], 0, place, sum(start < place for start in starts)) for place in places
        ]
        *_, at, words = min(near or anywhere)
        self._next_piece(at, words)

    def _going_on(self) -> list[HeardWord]:
        """The words of the piece, as they follow those before."""
        if not (self.writes and self._done and self._words):
            return self._words
        first, *rest = self._words
        english = self.language.code == ENGLISH.code
        return [first._replace(text=going_on(self._done[-1].text, first.text, english)), *rest]

    def _next_piece(self, at: int, words: int) -> None:
        """Another piece begins at that frame, and so many words are before it."""
        del self._frames[:at], self._speech[:at]
        self._done += self._going_on()[:words]
        self._words = self._words[words:]  # as a partial of the next piece
        self._first_ms += at * FRAME_MS
        self._tried_at, self._final_of = len(self._frames), 0

    def _finish(self) -> None:
        """Recognise the piece without the silence at its end, in which the next word may begin."""
        spoken = len(self._speech)
        while spoken and not self._speech[spoken - 1]:
            spoken -= 1
        upto = min(spoken + self._pause_frames, len(self._frames))
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
        found = self._transcribe(_audible(samples), speech, final)
        if found is None:
            return
        self._tried_at = upto
        self.language, self._timed = found.language, found.timed
        self._words = [word.later(self._first_ms) for word in found.words]


def _audible(samples: Any) -> Any:
    """The samples, amplified where they are far quieter than what models have learnt from."""
    peak = float(np.abs(samples).max())
    return samples * (_USUAL_PEAK / peak) if 0 < peak < _QUIET_PEAK else samples


def _levels(frames: Sequence[bytes]) -> Any:
    """How loud it is around the beginning of each frame; a single one is quiet in many words."""
    samples = np.frombuffer(b"".join(frames), "<i2").astype(np.float32)
    power = np.square(samples.reshape(len(frames), -1)).mean(axis=1)
    return np.convolve(power, np.ones(_AROUND_FRAMES), "same")
