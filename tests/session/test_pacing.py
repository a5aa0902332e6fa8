"""The sender's timetable: absolute, and a backlog goes at no more than 1.2 times its pace."""

import random

import pytest

from transcribe_cli.session.pacing import CATCH_UP, LATE_S, Pacer

RATE_HZ = 16000
CHUNK = 800


def send_all(
    pacer: Pacer, chunks: int, hiccups: random.Random | None = None, began: float = 100.0
) -> list[float]:
    """When each chunk of 50 ms goes out; a hiccup is time lost between due and sent."""
    pacer.start(0, began)
    now = began
    times = []
    for i in range(chunks):
        now = max(now, pacer.due((i + 1) * CHUNK, now))
        if hiccups is not None:
            now += hiccups.choice((0.0, 0.0, 0.0, 0.001, 0.02))
            if hiccups.random() < 0.0005:
                now += hiccups.uniform(0.1, 3.0)
        times.append(now)
        pacer.sent(CHUNK, now)
    return times


def fastest(times: list[float], window_s: float = 2.0) -> float:
    """Most audio that goes out within a window, in its length; the chunk that opens it is free."""
    greatest, first = 0, 0
    for last, at in enumerate(times):
        while at - times[first] > window_s - 1e-9:
            first += 1
        greatest = max(greatest, last - first)
    return greatest * 0.05 / window_s


def test_chunk_is_due_when_its_last_sample_would_have_been_spoken() -> None:
    times = send_all(Pacer(RATE_HZ, 1.0, limited=True), 4)

    assert times == pytest.approx([100.05, 100.1, 100.15, 100.2])


@pytest.mark.parametrize(("pace", "second"), [(1.0, 100.1), (2.0, 100.05), (0.5, 100.2)])
def test_pace_is_seconds_of_audio_a_second(pace: float, second: float) -> None:
    assert send_all(Pacer(RATE_HZ, pace, limited=True), 2)[1] == pytest.approx(second)


def test_session_s_clock_starts_at_its_own_first_frame() -> None:
    pacer = Pacer(RATE_HZ, 1.0, limited=True)
    pacer.start(48000, 10.0)

    assert pacer.due(48000 + CHUNK, 10.0) == pytest.approx(10.05)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.first(2)
def test_an_hour_with_hiccups_ends_on_time(seed: int) -> None:
    hour = 72_000
    hiccups = random.Random(seed)
    pacer = Pacer(RATE_HZ, 1.0, limited=True)

    times = send_all(pacer, hour - 400, hiccups)
    # A last stretch without hiccups: nothing of what they cost may be left after it.
    now = times[-1]
    for i in range(hour - 400, hour):
        now = max(now, pacer.due((i + 1) * CHUNK, now))
        pacer.sent(CHUNK, now)

    assert abs(now - (100.0 + 3600)) < 0.05
    assert min(at - (100.0 + (i + 1) * 0.05) for i, at in enumerate(times)) > -1e-6


@pytest.mark.parametrize("seed", range(5))
def test_backlog_after_a_hiccup_never_goes_much_faster_than_real_time(seed: int) -> None:
    times = send_all(Pacer(RATE_HZ, 1.0, limited=True), 20_000, random.Random(seed))

    assert CATCH_UP == 1.2
    assert fastest(times) <= CATCH_UP + CATCH_UP * LATE_S / 2.0 + 1e-9  # within windows of 2 s


@pytest.mark.parametrize("turn_s", [0.02, 0.03, 0.05])
def test_sender_that_looks_only_now_and_then_keeps_up(turn_s: float) -> None:
    pacer = Pacer(RATE_HZ, 1.0, limited=True)
    pacer.start(0, 0.0)
    sent, turn = 0, 0
    while sent < 400:
        turn += 1
        while sent < 400 and pacer.due((sent + 1) * CHUNK, turn * turn_s) <= turn * turn_s:
            pacer.sent(CHUNK, turn * turn_s)
            sent += 1

    assert turn * turn_s <= 20.0 + turn_s


@pytest.mark.parametrize(
    ("pace", "limited", "real_time"),
    [(None, True, True), (1.0, True, True), (60.0, True, False), (None, False, False)],
)
def test_real_time_is_about_as_fast_as_speech(
    pace: float | None, limited: bool, real_time: bool
) -> None:
    assert Pacer(RATE_HZ, pace, limited=limited).real_time is real_time


def test_backlog_of_a_microphone_goes_at_the_limit() -> None:
    times = send_all(Pacer(RATE_HZ, None, limited=True), 401)

    assert times[-1] - times[0] == pytest.approx(400 * 0.05 / 1.2)


def test_block_of_a_microphone_goes_at_once_when_there_is_no_backlog() -> None:
    pacer = Pacer(RATE_HZ, None, limited=True)
    pacer.start(0, 0.0)
    for i in range(100):
        now = (i + 1) * 0.05
        assert pacer.due((i + 1) * CHUNK, now) <= now
        pacer.sent(CHUNK, now)


def test_without_limit_everything_goes_at_once() -> None:
    assert set(send_all(Pacer(RATE_HZ, None, limited=False), 1000)) == {100.0}
