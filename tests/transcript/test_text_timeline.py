"""The words' times laid on the text that is read."""

from hypothesis import given

from tests.transcript.random_turns import any_speech, squashed
from transcribe_cli.protocol.messages import Word
from transcribe_cli.transcript.text_timeline import TextTimeline
from transcribe_cli.transcript.turns import TurnUpdate


def words(*timed: tuple[str, int, int]) -> list[Word]:
    return [Word(start, end, text) for text, start, end in timed]


def times_of(timeline: TextTimeline, text: str) -> list[tuple[int, int]]:
    """From when to when each word of the text is said."""
    times = []
    character = 0
    for token in text.split():
        times.append((timeline.start_of(character), timeline.end_of(character + len(token))))
        character += len(token)
    return times


def timed(text: str, said: list[Word], start_ms: int = 0, end_ms: int = 0) -> list[tuple[int, int]]:
    return times_of(TextTimeline(text, said, start_ms, end_ms), text)


def test_words_of_the_text_have_their_own_times() -> None:
    assert timed("Hi, you.", words(("Hi,", 10, 50), ("you.", 90, 200))) == [(10, 50), (90, 200)]


def test_part_of_a_word_has_its_share() -> None:
    timeline = TextTimeline("今天天气", words(("今天", 0, 200), ("天气", 300, 400)), 0, 400)

    assert [timeline.start_of(i) for i in range(4)] == [0, 100, 300, 350]
    assert [timeline.end_of(i) for i in range(1, 5)] == [100, 200, 350, 400]


def test_text_that_is_written_otherwise_is_fitted_between_words_that_are_the_same() -> None:
    said = words(("it", 0, 100), ("costs", 100, 300), ("five", 400, 500), ("dollars", 500, 900))
    said += words(("now", 1000, 1100))

    assert timed("It costs $5 now.", said) == [(0, 100), (100, 300), (300, 1000), (1000, 1100)]


def test_text_before_the_first_known_word_begins_with_the_turn() -> None:
    assert timed("$5 now", words(("five", 0, 400), ("now", 500, 600)), 0, 600)[0] == (0, 500)


def test_text_after_the_last_known_word_ends_with_the_turn() -> None:
    said = words(("now", 0, 100), ("five", 200, 300))

    assert timed("now $5", said, 0, 300)[1] == (100, 300)


def test_text_without_times_is_read_at_an_easy_speed() -> None:
    assert timed("a" * 15, [], 1000, 1000) == [(1000, 2000)]


def test_text_without_times_lies_in_its_turn_where_that_has_a_length() -> None:
    assert timed("aaa bbb", [], 1000, 3000) == [(1000, 2000), (2000, 3000)]


def test_single_time_that_is_far_off_is_not_believed() -> None:
    said = words(("a", 0, 100), ("b", 9_999_999, 9_999_999), ("c", 200, 300))

    assert timed("a b c", said, 0, 300) == [(0, 100), (100, 200), (200, 300)]


def test_words_that_overlap_end_where_the_next_begins() -> None:
    assert timed("a b", words(("a", 0, 900), ("b", 300, 500))) == [(0, 300), (300, 500)]


def test_word_whose_end_is_before_its_start_has_no_length() -> None:
    assert timed("a b", words(("a", 200, 100), ("b", 300, 500))) == [(200, 200), (300, 500)]


def test_words_that_all_have_the_same_time_have_none() -> None:
    assert timed("abc def", words(("abc", 0, 0), ("def", 0, 0))) == [(0, 234), (234, 467)]


def test_speaker_is_that_of_the_word() -> None:
    said = [Word(0, 10, "Hi", speaker="A"), Word(20, 30, "you"), Word(40, 50, "B", speaker="B")]
    timeline = TextTimeline("Hi you B", said, 0, 50)

    assert [timeline.speaker_of(i) for i in (0, 1, 2, 5)] == ["A", "A", None, "B"]
    assert TextTimeline("Hi you", [], 0, 30).speaker_of(0) is None


def test_words_tell_where_a_script_without_blanks_may_break() -> None:
    timeline = TextTimeline("今天天气", words(("今天", 0, 200), ("天气", 300, 400)), 0, 400)

    assert [timeline.parts_word(i) for i in range(5)] == [False, True, False, True, False]


@given(any_speech())
def test_times_never_go_back(turns: list[TurnUpdate]) -> None:
    for turn in turns:
        text = turn.message.transcript
        timeline = TextTimeline(text, turn.message.words, turn.start_ms, turn.end_ms)
        times = [
            time
            for index in range(len(squashed(text)))
            for time in (timeline.start_of(index), timeline.end_of(index + 1))
        ]

        assert times == sorted(times)
        assert all(type(time) is int and time >= 0 for time in times)
