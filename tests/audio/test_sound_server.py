"""The sound server's sources, and what a stream from one hears of them: on a real PulseAudio."""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from typing import Any, cast

import pytest

from tests.loudspeaker import SINK, Loudspeaker, loudspeaker
from transcribe_cli.audio.call.linux_sound import find_monitor
from transcribe_cli.audio.capture import CaptureLost
from transcribe_cli.audio.microphone import Microphone
from transcribe_cli.audio.sound_server import NoSoundServer, SourceStream, sources
from transcribe_cli.audio.source import SourceNote, SourceWarning

pytestmark = pytest.mark.device

MONITOR = f"{SINK}.monitor"


@pytest.fixture
def speaker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loudspeaker]:
    with loudspeaker() as running:
        for name, value in running.env.items():
            monkeypatch.setenv(name, value)
        yield running


def stream() -> SourceStream:
    return SourceStream(MONITOR, "talk", 16000, 50)


def read_until_lost(opened: SourceStream) -> int:
    """How many bytes still came."""
    count = 0
    with pytest.raises(CaptureLost):
        for _ in range(600):
            block = opened.read(0.1)
            count += 0 if block is None else len(block.samples)
    return count


def test_sources_have_the_names_of_the_server(speaker: Loudspeaker) -> None:
    speaker.control("load-module", "module-null-sink", "sink_name=other", "channels=2")

    found = sources()

    assert found.server == "PulseAudio"
    assert [source.name for source in found.sources] == [MONITOR, "other.monitor"]
    assert found.default == found.default_monitor == MONITOR
    other = found.find("other.monitor")
    assert other is not None
    assert (other.channels, other.monitor_of, other.in_use) == (2, "other", False)


def test_stream_that_is_moved_ends_with_what_its_own_source_gave(speaker: Loudspeaker) -> None:
    speaker.control("load-module", "module-null-sink", "sink_name=other")
    began = time.monotonic()
    opened = stream()
    while opened.read(1.0) is None:
        pass
    listed = subprocess.run(
        ["pactl", "list", "short", "source-outputs"], capture_output=True, check=True, timeout=20
    )
    number = listed.stdout.split()[0].decode()

    speaker.control("move-source-output", number, "other.monitor")

    was_on_it_s = time.monotonic() - began
    assert read_until_lost(opened) < 32000 * (was_on_it_s + 1)
    opened.close()
    opened.close()


def test_stream_that_is_stopped_still_gives_what_was_not_fetched(speaker: Loudspeaker) -> None:
    """A disk had stalled meanwhile; all of it was lost."""
    opened, beside = stream(), stream()
    heard = 0
    while heard < 32000:  # a second, by a stream that somebody fetches
        block = beside.read(1.0)
        heard += 0 if block is None else len(block.samples)

    opened.stop()

    assert read_until_lost(opened) > 16000
    opened.close()
    beside.close()


@pytest.mark.long
def test_source_that_goes_ends_its_stream_also_where_another_takes_its_place(
    speaker: Loudspeaker,
) -> None:
    speaker.control("load-module", "module-null-sink", "sink_name=other")
    opened = stream()

    speaker.control("unload-module", "module-null-sink")

    read_until_lost(opened)
    opened.close()


@pytest.mark.long
def test_stream_hears_that_sources_come(speaker: Loudspeaker) -> None:
    opened = stream()
    while opened.read(1.0) is None:
        pass
    opened.has_news()  # of the stream itself

    speaker.control("load-module", "module-null-sink", "sink_name=other")

    reads = 0
    while not opened.has_news():
        opened.read(0.1)
        reads += 1
        assert reads < 600
    assert opened.sources().find("other.monitor") is not None
    opened.close()


@pytest.mark.long
def test_loudspeaker_that_is_muted_or_turned_down_is_told_once_and_taken_back(
    speaker: Loudspeaker,
) -> None:
    told: list[Any] = []
    system = Microphone(None, 16000, 50, opener=find_monitor(16000, 50))
    blocks = system.blocks(told.append)

    def changed(*arguments: str) -> SourceNote | SourceWarning:
        count = len(told)
        speaker.control(*arguments)
        for _ in range(600):
            next(blocks)
            if len(told) > count:
                return cast(SourceNote | SourceWarning, told[-1])
        raise AssertionError("nothing is told")

    with contextlib.closing(system):
        next(blocks)
        assert "muted" in changed("set-sink-mute", SINK, "1").text
        assert changed("set-sink-mute", SINK, "0") == SourceNote("'system' is heard again")
        assert "turned down" in changed("set-sink-volume", SINK, "10%").text
        speaker.control("set-sink-volume", SINK, "5%")  # is not told again
        assert changed("set-sink-volume", SINK, "80%") == SourceNote("'system' is heard again")
        assert len(told) == 4


@pytest.mark.long
def test_server_that_ends_ends_its_streams_and_is_not_there_any_more(speaker: Loudspeaker) -> None:
    opened = stream()

    speaker.server.kill()

    read_until_lost(opened)
    opened.close()
    with pytest.raises(NoSoundServer):
        sources()
    with pytest.raises(NoSoundServer):
        stream()


def test_source_that_is_not_there_cannot_be_opened(speaker: Loudspeaker) -> None:
    with pytest.raises(NoSoundServer):
        SourceStream("nothing.monitor", "talk", 16000, 50)
