"""A call whose devices go, come and change, on a real sound server: what was said while they were
there is heard, each word once, by the side that said it.
"""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.counting import CountingService, counting_service, write_wav
from tests.end_to_end.test_call import THEM, THEY_SAY, YOU_SAY, channels
from tests.loudspeaker import SINK, Loudspeaker, loudspeaker
from tests.program import DEADLINE_S, Home, Outcome, finish, words
from transcribe_cli.recordings.journal import read_journal

pytestmark = [pytest.mark.device, pytest.mark.long]

EACH_TIME = 5  # words


@pytest.fixture
def speaker() -> Iterator[Loudspeaker]:
    with loudspeaker() as running:
        running.add_sink(THEM)
        yield running


class Call:
    """`mic --with-system --jsonl` while it runs; `said`: the words so far, and whose they are."""

    def __init__(self, home: Home, speaker: Loudspeaker, service: CountingService) -> None:
        self.said: dict[str, int] = {}
        self.records: list[dict[str, Any]] = []  # of the journal, once it was stopped
        self._home = home
        self._speaker = speaker
        self._service = service
        self.process: subprocess.Popen[bytes] = home.start(
            *("mic", "--with-system", "--device", f"{SINK}.monitor", "--no-partials"),
            *("--endpoint", service.url, "--jsonl"),
            env=speaker.env,
        )

    def say(self, channel: int, sink: str) -> None:
        """Some words more of a side, until all so far have been heard."""
        first = (YOU_SAY, THEY_SAY)[channel] + len(self.said)
        path = self._home.work / f"{first}.wav"
        self._speaker.play(write_wav(path, EACH_TIME, lead_s=0.5, first=first), sink)
        self.said |= {f"w{first + number}": channel for number in range(EACH_TIME)}
        self._service.wait_for_words(len(self.said))

    def wait_for(self, text: str) -> dict[str, Any]:
        """The next record that has this text."""
        assert self.process.stdout is not None
        while line := self.process.stdout.readline():
            if text in line.decode():
                record: dict[str, Any] = json.loads(line)
                return record
        raise AssertionError(f"it ended without {text}")

    def stop(self) -> Outcome:
        """Ctrl+C; every word was heard once, on its side."""
        self.process.send_signal(signal.SIGINT)
        outcome = finish(self.process)
        assert outcome.code == 0, outcome.err
        self.records = read_journal(self._home.only_recording() / "journal.jsonl")
        assert words(self.records) == list(self.said)
        assert channels(self.records) == self.said
        assert self.records[-1]["complete"] is True
        return outcome


@contextmanager
def call(home: Home, speaker: Loudspeaker) -> Iterator[Call]:
    with counting_service() as service:
        running = Call(home, speaker, service)
        assert service.began.wait(DEADLINE_S)
        yield running


def test_microphone_that_is_unloaded_and_loaded_again_is_silent_meanwhile(
    home: Home, speaker: Loudspeaker
) -> None:
    with call(home, speaker) as running:
        running.say(0, SINK)
        running.say(1, THEM)
        speaker.control("unload-module", speaker.module_of(SINK))
        running.wait_for("the microphone gives no sound; the other side goes on")
        running.say(1, THEM)
        speaker.control(
            *("load-module", "module-null-sink", f"sink_name={SINK}"),
            *("rate=16000", "channels=1", "norewinds=1"),
        )
        running.wait_for("the microphone is back")
        running.say(0, SINK)
        running.stop()


def test_system_goes_with_the_loudspeaker_and_is_told_where_that_is_muted(
    home: Home, speaker: Loudspeaker
) -> None:
    with call(home, speaker) as running:
        running.say(1, THEM)
        speaker.add_sink("headset")  # the default one from now on
        while not speaker.is_heard("headset"):
            assert running.process.poll() is None
        running.say(1, "headset")
        speaker.control("set-sink-mute", "headset", "1")
        running.wait_for("the loudspeaker is muted: what the system plays is not heard")
        running.say(0, SINK)
        speaker.control("set-sink-mute", "headset", "0")
        running.say(1, "headset")
        running.stop()


def test_call_goes_on_when_the_sound_server_was_killed_and_is_back(
    home: Home, speaker: Loudspeaker
) -> None:
    with call(home, speaker) as running:
        running.say(0, SINK)
        running.say(1, THEM)
        speaker.kill()
        lost = running.wait_for('"DeviceLost"')
        speaker.start()
        speaker.add_sink(THEM)
        back = running.wait_for('"DeviceBack"')
        while not speaker.is_heard(THEM):
            assert running.process.poll() is None
        running.say(1, THEM)
        running.say(0, SINK)
        outcome = running.stop()
    (gap,) = (r for r in running.records if r["type"] == "Gap")
    assert (gap["start"], gap["end"]) == (lost["at"], back["at"])
    assert running.records[-1]["missing_ms"] == back["at"] - lost["at"]
    assert "for which no audio came" in outcome.err
