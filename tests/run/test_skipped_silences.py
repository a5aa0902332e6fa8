"""What of a recording's silence no session is sent."""

from transcribe_cli.run.skipped_silences import Silences

LEAST = 30


def silences(*stretches: tuple[int, int]) -> Silences:
    all_silences = Silences()
    for begin, end in stretches:
        all_silences.begin(begin)
        all_silences.end(end)
    return all_silences


def test_session_that_has_come_to_a_long_silence_is_to_skip_it_and_no_other() -> None:
    two = silences((100, 200), (300, 310))

    assert two.ahead(99, LEAST) is None
    assert two.ahead(100, LEAST) is not None
    assert two.ahead(171, LEAST) is None  # the rest of it is short
    assert two.ahead(300, LEAST) is None


def test_silence_that_goes_on_is_not_skipped_but_followed_by_nothing() -> None:
    gone = silences()
    gone.begin(100)

    assert gone.ahead(500, LEAST) is None
    assert gone.is_rest(500, log_end=600)
    assert not gone.is_rest(99, log_end=600)


def test_silence_up_to_the_end_is_all_that_is_left() -> None:
    last = silences((100, 200))

    assert last.is_rest(100, log_end=200)
    assert not last.is_rest(100, log_end=201)


def test_session_begins_behind_the_silence_before_which_all_was_said() -> None:
    two = silences((100, 200), (200, 300))

    assert two.start(90, settled_to=0) == 90
    assert two.start(90, settled_to=105) == 300
    assert two.start(100, settled_to=0) == 300


def test_earlier_silence_is_known_until_its_words_are_final() -> None:
    two = silences((100, 200), (300, 400))
    two.forget(150)
    assert two.start(150, settled_to=0) == 200
    two.forget(250)
    assert two.start(250, settled_to=260) == 250


def test_silence_is_skipped_only_a_few_times() -> None:
    """A service that never says the words before it would be asked again and again."""
    one = silences((100, 200))
    for _ in range(3):
        silence = one.ahead(100, LEAST)
        assert silence is not None
        silence.skips += 1

    assert one.ahead(100, LEAST) is None
