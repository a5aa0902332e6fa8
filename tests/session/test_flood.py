"""What a service may say, and what is more than anybody speaks."""

from transcribe_cli.session.flood import BURST_S, BYTES_PER_S, FRAMES_PER_S, Flood, Heard


def test_partial_for_every_chunk_for_three_hours_is_no_flood() -> None:
    flood = Flood(forgets=True)
    # 20 a second, each as long as the Turn of a minute.
    assert not any(
        flood.is_on(Heard(20 * second, 20 * 25_000 * second), second) for second in range(10_800)
    )


def test_too_many_frames_are_a_flood_however_small() -> None:
    flood = Flood(forgets=True)

    assert not flood.is_on(Heard(BURST_S * FRAMES_PER_S, 0), 0.0)
    assert flood.is_on(Heard(BURST_S * FRAMES_PER_S + 1, 0), 0.0)


def test_too_many_bytes_are_a_flood_however_few_the_messages() -> None:
    flood = Flood(forgets=True)

    assert flood.is_on(Heard(3, BURST_S * BYTES_PER_S + 1), 0.0)


def test_more_words_than_anybody_says_are_a_flood_however_slowly_they_come() -> None:
    flood = Flood(forgets=True)
    # Three a second, raw and formatted, in turns of a minute; then as many as a second has frames.
    assert not any(flood.is_on(Heard(m, 0, 360 * m), 60.0 * m) for m in range(1, 180))
    assert any(flood.is_on(Heard(s, 0, 20 * 190 * s), 10_740.0 + s) for s in range(1, 3600))


def test_what_came_long_ago_does_not_count_any_more() -> None:
    flood = Flood(forgets=True)
    once = BURST_S * FRAMES_PER_S

    assert not any(flood.is_on(Heard(once * n, 0), BURST_S * (n - 1)) for n in range(1, 100))


def test_long_silence_allows_no_longer_flood() -> None:
    flood = Flood(forgets=True)
    flood.is_on(Heard(0, 0), 10_000.0)

    assert flood.is_on(Heard(BURST_S * FRAMES_PER_S + 1, 0), 10_000.0)


def test_all_words_of_an_hour_may_come_at_its_end_where_it_was_sent_at_once() -> None:
    flood = Flood(forgets=False)
    flood.is_on(Heard(0, 0), 3600.0)

    assert not flood.is_on(Heard(72_000, 72_000 * 5_000), 3600.0)
    assert flood.is_on(Heard(72_000 * 20, 72_000 * 5_000), 3600.0)
