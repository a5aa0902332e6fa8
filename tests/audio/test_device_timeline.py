"""A recording's clock is the wall's, whatever the device does."""

import re

from transcribe_cli.audio.device_timeline import DeviceTimeline, Given
from transcribe_cli.audio.source import DeviceBack, DeviceLost

RATE = 16000
BLOCK_S = 0.05
SAID = b"\1\0" * round(RATE * BLOCK_S)


class Device:
    """Gives blocks of 50 ms, and is looked at after each, on a clock of its own."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timeline = DeviceTimeline(RATE)
        self.given: list[Given] = []
        self.timeline.opened("USB", self.now)

    def give(self, seconds: float, *, takes_s: float | None = None) -> None:
        """So much comes, in real time or in `takes_s`."""
        blocks = round(seconds / BLOCK_S)
        for _ in range(blocks):
            self.now += (seconds if takes_s is None else takes_s) / blocks
            self.given += self.timeline.took(SAID, self.now)
            if takes_s is None:
                self.given += self.timeline.quiet(self.now)

    def wait(self, seconds: float) -> None:
        """Nothing comes from a device that is open."""
        for _ in range(round(seconds / BLOCK_S)):
            self.now += BLOCK_S
            self.given += self.timeline.quiet(self.now)

    def lose(self, seconds: float) -> None:
        """It is gone for so long, and another is opened then."""
        self.given += self.timeline.lost(self.now)
        for _ in range(round(seconds / BLOCK_S)):
            self.now += BLOCK_S
            self.given += self.timeline.away(self.now)
        self.timeline.opened("USB", self.now)

    @property
    def story(self) -> list[tuple[str, float]]:
        """What was told, and where in the recording, in seconds."""
        told, frames = [], 0
        for given in self.given:
            if isinstance(given, bytes):
                frames += len(given) // 2
            else:
                told.append((type(given).__name__, round(frames / RATE, 2)))
        return told

    @property
    def audio(self) -> bytes:
        return b"".join(given for given in self.given if isinstance(given, bytes))


def seconds(samples: bytes) -> float:
    return round(len(samples) / 2 / RATE, 2)


def said_from(audio: bytes) -> list[float]:
    """Where each stretch begins in which something is said."""
    return [round(said.start() / 2 / RATE, 2) for said in re.finditer(rb"(?:\x01\x00)+", audio)]


def test_device_that_gives_all_the_time_is_recorded_as_it_is() -> None:
    device = Device()
    device.give(30)

    assert device.audio == SAID * 600
    assert device.story == []


def test_what_a_device_missed_is_silence_of_that_length() -> None:
    device = Device()
    device.give(5)
    device.lose(8)
    device.give(4)

    assert said_from(device.audio) == [0.0, 13.0]
    assert seconds(device.audio) == 17.0
    assert device.story == [("DeviceLost", 5.0), ("DeviceBack", 13.0)]


def test_silence_comes_while_the_device_is_gone() -> None:
    device = Device()
    device.give(5)
    device.given += device.timeline.lost(device.now)
    device.given += device.timeline.away(device.now + 3)

    assert seconds(device.audio) == 7.0  # what comes back may have begun a second ago


def test_device_that_is_gone_at_the_end_leaves_silence_up_to_it() -> None:
    device = Device()
    device.give(5)
    device.lose(8)
    device.given += device.timeline.ended(device.now)

    assert seconds(device.audio) == 13.0
    assert device.story == [("DeviceLost", 5.0)]


def test_device_that_gives_no_error_is_lost_after_two_seconds_of_nothing() -> None:
    device = Device()
    device.give(5)
    device.wait(1.9)
    assert device.story == []
    device.wait(6)
    device.give(4)

    assert device.story == [("DeviceLost", 5.0), ("DeviceBack", 12.9)]
    assert said_from(device.audio) == [0.0, 12.9]
    assert seconds(device.audio) == 16.9


def test_nothing_is_missing_where_what_was_held_up_comes_late() -> None:
    device = Device()
    device.give(5)
    device.wait(4)
    device.give(4, takes_s=0.1)
    device.give(4)

    assert device.audio == SAID * 260
    assert device.story == [("DeviceLost", 5.0), ("DeviceBack", 5.0)]


def test_recorder_that_was_held_up_itself_has_missed_nothing() -> None:
    device = Device()
    device.give(5)
    device.now += 3  # nobody looked
    device.give(3, takes_s=0.05)
    device.give(2)

    assert device.audio == SAID * 200
    assert device.story == []


def test_machine_that_slept_has_its_sleep_in_the_recording() -> None:
    device = Device()
    device.give(5)
    device.now += 600  # and the device goes on as if nothing had been
    device.give(5)

    assert said_from(device.audio) == [0.0, 605.0]
    assert device.story == [("DeviceLost", 5.0), ("DeviceBack", 605.0)]


def test_machine_that_sleeps_again_at_once_has_both_sleeps_in_the_recording() -> None:
    device = Device()
    device.give(5)
    device.now += 60
    device.give(0.1)  # it is still looked at how late that comes
    device.now += 600
    device.give(5)

    assert said_from(device.audio) == [0.0, 65.0, 665.1]
    assert [name for name, _ in device.story] == ["DeviceLost", "DeviceBack"] * 2


def test_losses_too_short_to_be_seen_alone_are_made_up_for_together() -> None:
    """Each was forgotten after some seconds, and with it the wall's clock."""
    device = Device()
    for _ in range(6):
        device.give(60)
        device.now += 0.6
    device.give(5)

    assert len(device.story) == 3 * 2
    assert 0 <= 365 + 6 * 0.6 - seconds(device.audio) < 0.5


def test_night_of_silence_takes_no_memory_of_its_length() -> None:
    timeline = DeviceTimeline(RATE)
    timeline.opened("USB", 0.0)
    timeline.took(SAID, 0.05)
    timeline.took(SAID, 8 * 3600)
    given = [part for part in timeline.quiet(8 * 3600 + 1) if isinstance(part, bytes)]

    assert sum(map(len, given)) == 8 * 3600 * RATE * 2 - len(SAID)
    assert sum(map(len, {id(part): part for part in given}.values())) < 100_000


def test_clock_that_is_a_little_wrong_is_no_loss() -> None:
    device = Device()
    device.give(3600, takes_s=3601.8)  # 500 ppm: nearly two seconds in an hour

    assert device.story == []
    assert seconds(device.audio) == 3600


def test_device_that_takes_the_place_of_another_doubles_nothing() -> None:
    device = Device()
    device.give(5)
    device.given += device.timeline.lost(device.now)
    device.now += 0.02
    device.timeline.opened("headset", device.now)
    device.now += 0.01  # it has heard for longer than that
    device.give(4, takes_s=3.97)
    device.wait(0.5)

    assert seconds(device.audio) == 9.0
    assert device.story == [("DeviceLost", 5.0), ("DeviceBack", 5.0)]


def test_what_is_told_names_the_device() -> None:
    timeline = DeviceTimeline(RATE)
    timeline.opened("USB", 0.0)
    timeline.took(SAID, 0.05)
    assert timeline.lost(0.05) == [DeviceLost("USB")]
    timeline.opened("headset", 3.0)
    timeline.took(SAID, 3.05)

    assert timeline.quiet(3.4) == [bytes(32000)] * 2 + [
        bytes(31998 + 2 - 1600),
        DeviceBack("headset"),
        SAID,
    ]
