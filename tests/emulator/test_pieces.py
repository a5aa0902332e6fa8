"""Utterances in pieces: with a model that says how many frames it was given."""

from array import array
from collections.abc import Sequence
from typing import Any

from transcribe_cli.emulator.engines.pieces import PieceRecogniser, Pieces, Transcription
from transcribe_cli.emulator.turn_messages import HeardWord

FRAME = (1000).to_bytes(2, "little") * 480
QUIET = (1).to_bytes(2, "little") * 480
PIECES = Pieces(piece_ms=1200, longest_ms=3000, step_ms=300, step_share=0.5, pause_ms=120)


class Model:
    """Hears one word, which is the number of frames; remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, bool]] = []
        self.is_busy = False

    def __call__(self, samples: Any, speech: Sequence[bool], final: bool) -> Transcription | None:
        assert len(samples) == 480 * len(speech)
        self.asked.append((len(speech), final))
        if self.is_busy and not final:
            return None
        return Transcription([HeardWord(str(len(speech)), 0, 30 * len(speech))])


def say(
    recogniser: PieceRecogniser, frames: str, more_waiting: bool = False
) -> list[tuple[str, int, int]]:
    """Hear these frames (`#` speech, `.` silence, `-` speech that is quiet)."""
    words: list[HeardWord] = []
    for number, kind in enumerate(frames, 1):
        recogniser.hear(FRAME if kind == "#" else QUIET, kind != ".")
        if number % 4 == 0:
            words = recogniser.hypothesis(more_waiting)
    return [(word.text, word.start_ms, word.end_ms) for word in words]


def test_partials_come_less_often_the_longer_a_piece_is() -> None:
    model = Model()
    say(PieceRecogniser(model, PIECES, writes=True), "#" * 80)
    assert model.asked == [(12, False), (24, False), (48, False)]


def test_of_a_sound_or_two_there_is_no_partial() -> None:
    model = Model()
    say(PieceRecogniser(model, PIECES, writes=True), "." * 20 + "#" * 8)
    assert model.asked == []


def test_while_more_audio_waits_there_is_one_partial_and_the_same_final() -> None:
    spoken = "#" * 40 + "." * 20
    finals = []
    for more_waiting in (False, True):
        model = Model()
        recogniser = PieceRecogniser(model, PIECES, writes=True)
        say(recogniser, spoken, more_waiting)
        recogniser.end()
        finals.append([upto for upto, final in model.asked if final])
        assert len(model.asked) == (3 if not more_waiting else 2)
    assert finals == [[44], [44]]


def test_a_final_ends_soon_after_the_last_speech_since_the_next_word_may_have_begun() -> None:
    model = Model()
    recogniser = PieceRecogniser(model, PIECES, writes=True)
    say(recogniser, "#" * 20 + "." * 30, more_waiting=True)
    assert [word.text for word in recogniser.end()] == ["24"]


def test_no_partial_is_made_where_a_pause_may_begin_since_its_final_would_wait() -> None:
    model = Model()
    say(PieceRecogniser(model, PIECES, writes=True), "#" * 11 + "." * 5)
    assert [final for _, final in model.asked] == [True]


def test_a_pause_in_which_nothing_is_said_is_recognised_once() -> None:
    model = Model()
    recogniser = PieceRecogniser(model, PIECES, writes=True)
    say(recogniser, "#" * 20 + "." * 18)
    recogniser.end()
    assert [final for _, final in model.asked].count(True) == 1


def test_a_long_utterance_is_cut_at_a_pause_and_its_times_run_on() -> None:
    recogniser = PieceRecogniser(Model(), PIECES, writes=True)
    words = say(recogniser, "#" * 44 + "." * 8 + "#" * 16)
    assert words == [("48", 0, 1440), ("16", 1440, 1920)]


def test_without_a_pause_it_is_cut_where_it_is_quietest() -> None:
    recogniser = PieceRecogniser(Model(), PIECES, writes=True)
    say(recogniser, "#" * 70 + "--" + "#" * 28)
    assert 70 * 30 <= recogniser.end()[-1].start_ms <= 72 * 30


def test_without_a_pause_no_word_is_cut_in_two_nor_heard_twice() -> None:
    recogniser = PieceRecogniser(hear_numbers, PIECES, writes=True)
    for number in range(40):
        for level in (9000, 9000, 9000, 50, 50, 50, 50, 9000, 9000, 5000):  # quietest in its middle
            recogniser.hear(array("h", [number, *[level] * 479]).tobytes(), True)
            recogniser.hypothesis(more_waiting=True)
    words = recogniser.end()
    assert [word.text for word in words] == [str(number) for number in range(40)]
    assert [word.start_ms for word in words] == [300 * number for number in range(40)]


def test_without_a_pause_it_is_cut_around_where_a_word_is_only_thought_to_begin() -> None:
    def hear_late(samples: Any, speech: Sequence[bool], final: bool) -> Transcription:
        words = hear_numbers(samples, speech, final).words
        return Transcription([word.later(60) for word in words], timed=False)

    recogniser = PieceRecogniser(hear_late, PIECES, writes=True)
    for number in range(40):
        for level in (50, *[9000] * 8, 50):
            recogniser.hear(array("h", [number, *[level] * 479]).tobytes(), True)
            recogniser.hypothesis(more_waiting=True)
    words = recogniser.end()
    assert [word.text for word in words] == [str(number) for number in range(40)]
    late = [word.start_ms - 60 - 300 * number for number, word in enumerate(words)]
    assert max(late) <= 30  # of a piece that begins in mid-word they are later


def test_a_cut_between_short_words_whose_starts_are_estimates_loses_none() -> None:
    def hear_about(samples: Any, speech: Sequence[bool], final: bool) -> Transcription:
        return hear_numbers(samples, speech, final)._replace(timed=False)

    recogniser = PieceRecogniser(hear_about, PIECES, writes=True)
    for number in range(133):  # 90 ms each
        for level in (50, 9000, 9000):
            recogniser.hear(array("h", [number, *[level] * 479]).tobytes(), True)
            recogniser.hypothesis(more_waiting=True)
    assert [word.text for word in recogniser.end()] == [str(number) for number in range(133)]


def hear_numbers(samples: Any, speech: Sequence[bool], final: bool) -> Transcription:
    """The numbers that frames carry in their first sample, each as often as it is there anew."""
    numbers = [round(first * 32768) for first in samples[::480]]
    starts = [n for n, number in enumerate(numbers) if n == 0 or number != numbers[n - 1]]
    ends = [*starts[1:], len(numbers)]
    return Transcription(
        [
            HeardWord(str(numbers[start]), 30 * start, 30 * end)
            for start, end in zip(starts, ends, strict=True)
        ]
    )


def test_words_are_settled_once_their_piece_is_over() -> None:
    recogniser = PieceRecogniser(Model(), PIECES, writes=True)
    settled = []
    for frames in ("#" * 44, "." * 8, "#" * 16):
        say(recogniser, frames)
        settled.append(recogniser.settled)
    assert settled == [0, 1, 1]


def test_a_piece_goes_on_with_the_sentence_before_it() -> None:
    said = iter((["We", "heard,"], ["The", "end."], ["it", "is."]))

    def hear(samples: Any, speech: Sequence[bool], final: bool) -> Transcription | None:
        if not final:
            return None
        return Transcription([HeardWord(text, 0, 30 * len(speech)) for text in next(said)])

    recogniser = PieceRecogniser(hear, PIECES, writes=True)
    say(recogniser, ("#" * 44 + "." * 8) * 2 + "#" * 44)
    assert [word.text for word in recogniser.end()] == "We heard, the end. It is.".split()


def test_quiet_speech_is_amplified_and_other_speech_left_as_it_is() -> None:
    peaks = []

    def listen(samples: Any, speech: Sequence[bool], final: bool) -> Transcription:
        peaks.append(round(float(abs(samples).max()), 3))
        return Transcription()

    for level in (60, 16_384, 0):
        recogniser = PieceRecogniser(listen, PIECES, writes=True)
        for _ in range(10):
            recogniser.hear(array("h", [level, -level] * 240).tobytes(), True)
        recogniser.end()
    assert peaks == [0.3, 0.5, 0]


def test_less_speech_than_a_word_has_is_none() -> None:
    model = Model()
    recogniser = PieceRecogniser(model, PIECES, writes=True)
    say(recogniser, "....##.##.......")
    assert (recogniser.end(), model.asked) == ([], [])


def test_a_partial_for_which_there_is_no_time_leaves_what_was_known() -> None:
    model = Model()
    recogniser = PieceRecogniser(model, PIECES, writes=True)
    assert say(recogniser, "#" * 12) == [("12", 0, 360)]
    model.is_busy = True
    assert say(recogniser, "#" * 20) == [("12", 0, 360)]
    assert [word.text for word in recogniser.end()] == ["32"]
