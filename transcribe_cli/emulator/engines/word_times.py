"""Estimates when words were spoken, for a recogniser that gives none. Pure."""

from collections.abc import Sequence

from transcribe_cli.emulator.engines.speech_detector import FRAME_MS
from transcribe_cli.emulator.turn_messages import HeardWord


def estimate_words(texts: Sequence[str], speech: Sequence[bool]) -> list[HeardWord]:
    """The words laid over the frames of speech, each as long as it has letters.

    Args:
        speech: of each 30 ms frame whether it is speech.

    >>> estimate_words(["so", "it"], [False, True, True])
    [HeardWord(text='so', start_ms=30, end_ms=60, confidence=None), \
HeardWord(text='it', start_ms=60, end_ms=90, confidence=None)]
    """
    places = [index for index, is_speech in enumerate(speech) if is_speech]
    places = places or list(range(len(speech)))
    letters = [_length(text) for text in texts]
    whole = sum(letters)
    words, said = [], 0
    for text, length in zip(texts, letters, strict=True):
        start = said * len(places) * FRAME_MS // whole
        said += length
        end = said * len(places) * FRAME_MS // whole
        words.append(
            HeardWord(
                text,
                _place(places, start),
                _place(places, max(end - 1, start)) + 1,
            )
        )
    return words


def _length(text: str) -> int:
    """How long a word takes, in letters; a digit is a word of its own."""
    return 2 + sum(4 if c.isdigit() else c.isalpha() for c in text)


def _place(places: Sequence[int], ms: int) -> int:
    """Where so many ms of speech lie among all frames."""
    frame, rest = divmod(ms, FRAME_MS)
    return places[min(frame, len(places) - 1)] * FRAME_MS + rest
