"""How much audio a device owes at the end."""

from transcribe_cli.audio.device_gap import MissingAudio


def test_nothing_is_missing_while_blocks_come() -> None:
    missing = MissingAudio()
    missing.lost(4)
    missing.back()

    assert missing.seconds(20) == 0


def test_what_a_device_that_is_gone_did_not_give_is_missing() -> None:
    missing = MissingAudio()
    missing.lost(4)

    assert missing.seconds(20) == 16


def test_nothing_is_missing_of_a_pause() -> None:
    before, within, still = MissingAudio(), MissingAudio(), MissingAudio()
    before.pause(2)
    before.lost(4)
    before.resume(10)
    within.lost(4)
    within.pause(6)
    within.resume(9)
    still.lost(4)
    still.pause(5)

    assert before.seconds(20) == 10
    assert within.seconds(20) == 13
    assert still.seconds(20) == 1
    still.resume(19)
    assert still.seconds(20) == 2


def test_a_pause_that_was_over_before_counts_for_nothing() -> None:
    missing = MissingAudio()
    missing.pause(1)
    missing.resume(3)
    missing.lost(4)

    assert missing.seconds(5) == 1


def test_the_block_that_was_to_come_next_is_not_missed() -> None:
    missing = MissingAudio()
    missing.lost(4)

    assert missing.seconds(4.1) == 0
