"""`mic --system` and `mic --with-system` on real devices: PulseAudio without hardware."""

import signal
import wave
from array import array
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.counting import counting_service, speak, write_wav
from tests.loudspeaker import Loudspeaker, loudspeaker
from tests.program import Home, finish, words

pytestmark = pytest.mark.device

LEAD_S = 0.5  # the sound server swallows some ms when a player starts
THEM = "them"
YOU_SAY, THEY_SAY = 3001, 6001  # the first words of each; loud enough to have a level


@pytest.fixture(scope="module")
def speaker() -> Iterator[Loudspeaker]:
    with loudspeaker() as running:
        running.add_sink(THEM)
        yield running


def wav(home: Home, first: int, count: int = 20) -> Path:
    return write_wav(home.work / f"{first}.wav", count, lead_s=LEAD_S, first=first)


def tracks_of(home: Home) -> list[bytes]:
    with wave.open(str(home.only_recording() / "audio.wav")) as file:
        samples = array("h", file.readframes(10**9))
        count = file.getnchannels()
    return [samples[channel::count].tobytes() for channel in range(count)]


def said(first: int, count: int = 20) -> bytes:
    return speak(count, first=first).rstrip(b"\0")


def test_both_sides_are_recorded_each_on_its_track_and_heard_in_one_session(
    home: Home, speaker: Loudspeaker
) -> None:
    with counting_service() as service:
        process = home.start(
            *("mic", "--with-system", "--device", "pulse", "--endpoint", service.url),
            *("--jsonl", "-o", "talk.txt"),
            env=speaker.env,
        )
        assert service.began.wait(20)
        speaker.play(wav(home, YOU_SAY))
        speaker.play(wav(home, THEY_SAY), sink=THEM)
        service.wait_for_words(40)
        process.send_signal(signal.SIGINT)
        outcome = finish(process)
    assert outcome.code == 0, outcome.err
    heard = [f"w{first + number}" for first in (YOU_SAY, THEY_SAY) for number in range(20)]
    assert words(outcome.records) == heard
    microphone, system = tracks_of(home)
    assert said(YOU_SAY) in microphone  # sample for sample
    assert said(THEY_SAY) in system
    assert said(YOU_SAY)[:4000] not in system
    start = outcome.records[0]
    assert start["audio"]["channels"] == 2
    assert start["tracks"] == ["microphone", "system"]
