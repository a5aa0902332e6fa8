"""Windows' door to what the machine plays, with a stand-in for SoundCard that is stepped."""

import queue
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import Any, Self

import numpy as np
import pytest

from transcribe_cli.audio.call import windows_sound
from transcribe_cli.audio.call.windows_sound import LoopbackCapture, find_loopback
from transcribe_cli.audio.capture import CaptureLost
from transcribe_cli.audio.microphone import Microphone
from transcribe_cli.errors import AudioError

BLOCK_S = 0.05
STEREO = bytes.fromhex("0040 0020")  # a half and a quarter of full scale
WAIT_S = 20.0  # for a thread, on a slow day


class SoundCard:
    """The few functions that are called. Each recording takes what `gives` has next: how long it
    took, or what it raises.
    """

    def __init__(self) -> None:
        self.now = 100.0
        self.default = "Speakers"
        self.gives: queue.SimpleQueue[float | Exception] = queue.SimpleQueue()
        self.asked = 0
        self.open: list[str] = []
        self.recordings = threading.Semaphore(0)  # begun

    def default_speaker(self) -> Any:
        self.asked += 1
        if not self.default:
            raise RuntimeError("Error 0x80070490")
        return SimpleNamespace(id=f"id of {self.default}", name=self.default)

    def get_microphone(self, device: str, *, include_loopback: bool) -> Any:
        assert include_loopback
        return SimpleNamespace(recorder=lambda *how: Recorder(self, device, *how))

    def play(self, *blocks: float | Exception) -> None:
        for block in blocks:
            self.gives.put(block)

    def begins(self, count: int) -> None:
        """Wait until so many recordings more have begun."""
        for _ in range(count):
            assert self.recordings.acquire(timeout=WAIT_S)


class Recorder:
    """Records a half of full scale on the left, a quarter on the right."""

    def __init__(
        self, soundcard: SoundCard, device: str, rate_hz: int, channels: int, kept: int
    ) -> None:
        assert (rate_hz, channels) == (16000, 2)
        assert kept > rate_hz * BLOCK_S
        self._soundcard = soundcard
        self._device = device

    def __enter__(self) -> Self:
        self._soundcard.open.append(self._device)
        return self

    def __exit__(self, *_: object) -> None:
        self._soundcard.open.remove(self._device)

    def record(self, frames: int) -> Any:
        self._soundcard.recordings.release()
        given = self._soundcard.gives.get(timeout=WAIT_S)
        if isinstance(given, Exception):
            raise given
        self._soundcard.now += given
        return np.tile(np.array([0.5, 0.25], np.float32), (frames, 1))


@pytest.fixture
def soundcard(monkeypatch: pytest.MonkeyPatch) -> Iterator[SoundCard]:
    stand_in = SoundCard()
    monkeypatch.setitem(sys.modules, "soundcard", stand_in)
    monkeypatch.setattr(windows_sound, "time", SimpleNamespace(monotonic=lambda: stand_in.now))
    yield stand_in
    assert not stand_in.open


def ended(soundcard: SoundCard, capture: LoopbackCapture) -> None:
    """Its thread notices that it was stopped."""
    capture.stop()
    soundcard.play(BLOCK_S)
    capture.close()
    capture.close()


def read_all(capture: LoopbackCapture) -> list[bytes]:
    """What it gives until it is lost."""
    blocks = []
    with pytest.raises(CaptureLost):
        while True:
            block = capture.read(WAIT_S)
            assert block is not None
            blocks.append(block.samples)
    return blocks


def test_what_is_played_comes_as_the_mix_of_both_channels(soundcard: SoundCard) -> None:
    soundcard.play(BLOCK_S)
    system = Microphone(None, 16000, 50, opener=find_loopback(16000, 50))
    soundcard.begins(2)
    system.stop()
    soundcard.play(BLOCK_S)

    with closing(system):
        samples = b"".join(system.blocks(lambda _: None))

    assert system.name == "system"
    assert samples == 2 * 800 * bytes.fromhex("0030")


def test_what_had_come_when_it_was_stopped_is_still_read(soundcard: SoundCard) -> None:
    capture = LoopbackCapture(16000, 50)
    assert capture.read(0.0) is None
    assert soundcard.open == ["id of Speakers"]
    soundcard.play(BLOCK_S)
    assert capture.read(WAIT_S) == (800 * STEREO, False)
    soundcard.begins(2)

    ended(soundcard, capture)

    assert read_all(capture) == [800 * STEREO]
    assert read_all(capture) == []


def test_another_default_loudspeaker_is_noticed_within_a_second(soundcard: SoundCard) -> None:
    opener = find_loopback(16000, 50)
    capture = opener.open(None)
    assert isinstance(capture, LoopbackCapture)
    soundcard.default = "Headset"
    soundcard.play(*[BLOCK_S] * 19)
    soundcard.begins(20)
    assert (soundcard.asked, capture.has_news()) == (1, False)
    assert opener.best(capture, False) == "Speakers"

    soundcard.play(*[BLOCK_S] * 2)
    soundcard.begins(2)
    assert (soundcard.asked, capture.device) == (2, "Speakers")
    assert capture.has_news()
    assert not capture.has_news()
    assert opener.best(capture, False) == "Headset"
    ended(soundcard, capture)
    read_all(capture)


def failing(soundcard: SoundCard) -> None:
    soundcard.play(RuntimeError("Error 0x88890004"))


def pulled_out(soundcard: SoundCard) -> None:
    soundcard.default = ""
    soundcard.play(1.0)


def asleep(soundcard: SoundCard) -> None:
    soundcard.play(8 * 3600.0)


@pytest.mark.parametrize(("happens", "more"), [(failing, 0), (pulled_out, 1), (asleep, 0)])
def test_loudspeaker_is_lost_where_it_fails_where_there_is_none_and_after_a_sleep(
    soundcard: SoundCard, happens: Callable[[SoundCard], None], more: int
) -> None:
    """The silence of a night would come in one piece, and is the timeline's to put in."""
    capture = LoopbackCapture(16000, 50)
    soundcard.play(BLOCK_S)
    assert capture.read(WAIT_S) is not None

    happens(soundcard)

    assert len(read_all(capture)) == more
    capture.close()


def test_machine_without_a_loudspeaker_is_told(soundcard: SoundCard) -> None:
    soundcard.default = ""

    with pytest.raises(AudioError) as refused:
        LoopbackCapture(16000, 50)

    assert refused.value.message == "What this system plays cannot be recorded: Error 0x80070490."
    assert "sound settings" in refused.value.hint


def test_loudspeaker_that_does_not_open_is_not_waited_for(
    soundcard: SoundCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go: queue.SimpleQueue[Any] = queue.SimpleQueue()
    monkeypatch.setattr(soundcard, "default_speaker", lambda: let_go.get(timeout=WAIT_S))
    monkeypatch.setattr(windows_sound, "_OPENS_WITHIN_S", 0.01)

    with pytest.raises(AudioError, match="does not answer"):
        LoopbackCapture(16000, 50)

    let_go.put(None)
