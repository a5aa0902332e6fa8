"""Radio: titles in its stream, cuts, and what is missing between two connections."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.audio.media import ffmpeg
from tests.audio.tones import tone, write
from tests.program import DEADLINE_S
from tests.web.site import Handler, Site
from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.audio.recorder_thread import Recorder
from transcribe_cli.audio.source import AudioGap, SourceEvent, SourceNote, SourceWarning
from transcribe_cli.errors import AudioError
from transcribe_cli.web import live_source
from transcribe_cli.web.address_source import open_address
from transcribe_cli.web.fetch import Fetcher, Refused, Unreachable
from transcribe_cli.web.http_pipe import HttpPipe, WithoutTitles, title_of
from transcribe_cli.web.live_source import LiveSource, Part

RATE = 16000
NO_HINT = "check it"


# Titles.


def with_titles(audio: bytes, every: int, *titles: str) -> bytes:
    """A stream as servers send it: a title after each `every` bytes."""
    texts = iter(titles)
    stream = b""
    for start in range(0, len(audio), every):
        part = audio[start : start + every]
        stream += part
        if len(part) == every:
            title = next(texts, "")
            text = f"StreamTitle='{title}';StreamUrl='';".encode() if title else b""
            stream += bytes([-(-len(text) // 16)]) + text.ljust(-(-len(text) // 16) * 16, b"\0")
    return stream


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_titles_are_taken_out_of_the_stream_wherever_it_is_cut(step: int) -> None:
    audio = bytes(range(100))
    stream = with_titles(audio, 7, "News", "", "News", "It's music", "Ende; gut")
    told: list[str] = []

    def read(count: int) -> bytes:
        nonlocal stream
        part, stream = stream[: min(count, step)], stream[min(count, step) :]
        return part

    titles = WithoutTitles(read, 7, told.append)
    heard = b""
    while part := titles.read(50):
        heard += part

    assert heard == audio
    assert told == ["News", "It's music", "Ende; gut"]


def test_title_of_an_old_server_is_latin_1() -> None:
    assert title_of("StreamTitle='Füße';".encode("latin-1")) == "Füße"
    assert title_of(b"StreamUrl='x';") == ""


def test_distance_of_titles_that_makes_no_sense_is_none(site: Site) -> None:
    site.plays["/live"] = lambda handler: handler.give(b"sound", **{"icy-metaint": "9" * 5000})
    fetcher = Fetcher(f"{site.url}/live")
    with closing(HttpPipe(fetcher, fetcher.name, fetcher.get(fetcher.name))) as pipe:
        assert pipe.read(9) == b"sound"


# Parts, with a clock that is set.


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Piece:
    """A part's decoder and pipe: blocks that are there, after which the clock stands elsewhere."""

    name = kind = path = length_s = None
    live = True

    def __init__(self, *blocks: bytes, clock: Clock, until: float, problem: str | None) -> None:
        self.problem = problem
        self.told: queue.SimpleQueue[SourceEvent] = queue.SimpleQueue()
        self._blocks = blocks
        self._clock = clock
        self._until = until
        self.closed = 0

    def blocks(self, report: object) -> Iterator[bytes]:
        yield from self._blocks
        self._clock.now = self._until

    def stop(self) -> None: ...

    def close(self) -> None:
        self.closed += 1


def said(number: int, seconds: float) -> bytes:
    return number.to_bytes(2, "little") * round(seconds * RATE)


def part(
    clock: Clock,
    number: int,
    seconds: float,
    until: float,
    *,
    came_at: float | None = None,
    missing_s: float | None = None,
    problem: str | None = "it broke",
) -> Part:
    piece: Any = Piece(said(number, seconds), clock=clock, until=until, problem=problem)
    return Part(piece, piece, clock.now if came_at is None else came_at, missing_s)


def heard(source: LiveSource) -> tuple[list[tuple[int, float]], list[SourceEvent]]:
    """The numbers that were said, each with how many seconds; and what was reported."""
    events: list[SourceEvent] = []
    audio = b"".join(source.blocks(events.append))
    runs: list[tuple[int, float]] = []
    for at in range(0, len(audio), 2 * RATE // 100):
        number = int.from_bytes(audio[at : at + 2], "little")
        if runs and runs[-1][0] == number:
            runs[-1] = (number, round(runs[-1][1] + 0.01, 2))
        else:
            runs.append((number, 0.01))
    return runs, events


def live(first: Part, clock: Clock, again: Callable[[], Part]) -> LiveSource:
    """Of two parts."""
    came: list[Part] = []

    def next_part() -> Part | None:
        if not came:
            came.append(again())
            return came[0]
        return None

    return LiveSource("radio", first, next_part, RATE, stop=lambda: None, clock=clock)


def test_what_is_missing_between_two_connections_is_silence_and_a_gap() -> None:
    clock = Clock()
    source = live(part(clock, 7, 2.0, 105.0), clock, lambda: part(clock, 8, 1.0, 106.0))

    runs, events = heard(source)

    assert runs[:3] == [(7, 2.0), (0, 3.0), (8, 1.0)]
    assert next(e for e in events if isinstance(e, AudioGap)) == AudioGap(3.0, "it broke")


def test_a_gap_that_a_limit_cuts_short_is_told_as_far_as_it_is_recorded() -> None:
    """Of 3 s that are missing, the limit lets in one and a half."""
    clock = Clock()
    source = live(part(clock, 7, 2.0, 105.0), clock, lambda: part(clock, 8, 1.0, 106.0))
    reports: list[tuple[SourceEvent, int]] = []
    with AudioLog.temporary(AudioFormat(RATE)) as log:
        recorder = Recorder(
            source,
            log,
            lambda event, frame: reports.append((event, frame)),
            lambda problem: None,
            most_frames=round(3.5 * RATE),
        )
        recorder.start()
        recorder.join(DEADLINE_S)

    gaps = [(event, at) for event, at in reports if isinstance(event, AudioGap)]
    assert gaps == [(AudioGap(1.5, "it broke"), round(3.5 * RATE))]


def test_what_radio_says_again_after_a_cut_is_left_out() -> None:
    """It begins with its last 4 s each time, and was away for 1.5 s."""
    clock = Clock()
    source = live(
        part(clock, 7, 6.0, 103.5),
        clock,
        lambda: part(clock, 8, 4.0, 103.5),
    )

    runs, events = heard(source)

    assert runs == [(7, 6.0), (8, 1.5)]
    assert not [e for e in events if isinstance(e, AudioGap)]


def test_stream_that_knows_what_is_missing_is_not_asked_of_the_clock() -> None:
    clock = Clock()
    source = live(
        part(clock, 7, 1.0, 190.0), clock, lambda: part(clock, 8, 1.0, 200.0, missing_s=6.0)
    )

    runs, events = heard(source)

    assert runs == [(7, 1.0), (0, 6.0), (8, 1.0)]
    assert AudioGap(6.0, "it broke") in events


def test_what_comes_again_and_again_from_its_beginning_is_a_file_and_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_source, "_WAITS_S", (0.0,))
    clock = Clock()
    connections = 0

    def again() -> Part:
        nonlocal connections
        connections += 1
        if connections > 9:
            raise Refused("It is asked for again and again.", NO_HINT, 401)
        return part(clock, 7 if connections > 1 else 8, 2.0, clock.now + 2.0, problem=None)

    first = part(clock, 7, 2.0, 102.0, problem=None)
    source = LiveSource("radio", first, again, RATE, stop=lambda: None, clock=clock)
    runs, events = heard(source)

    assert runs == [(7, 2.0), (8, 2.0), (7, 4.0)]
    assert events[-1] == SourceNote("radio gives the same again: it is over")


def test_tries_again_until_something_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_source, "_WAITS_S", (0.0,))
    clock = Clock()
    tries: list[AudioError] = [
        Unreachable("Nobody is there.", NO_HINT),
        Refused("Its programme changes.", NO_HINT, 404),
        Refused("It is too busy.", NO_HINT, 503),
    ]

    def again() -> Part:
        if tries:
            raise tries.pop(0)
        return part(clock, 8, 1.0, 104.0)

    runs, _ = heard(live(part(clock, 7, 1.0, 103.0), clock, again))
    assert runs == [(7, 1.0), (0, 2.0), (8, 1.0)]


def test_refusal_ends_it_and_says_why() -> None:
    clock = Clock()

    def again() -> Part:
        raise Refused("The server does not give it.", NO_HINT, 401)

    with pytest.raises(AudioError, match="does not give it") as ended:
        heard(live(part(clock, 7, 1.0, 101.0), clock, again))
    assert "what came before" in ended.value.hint


def test_nothing_for_minutes_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_source, "_WAITS_S", (0.0,))
    clock = Clock()

    def again() -> Part:
        clock.now += 60
        raise Unreachable("Nobody is there.", NO_HINT)

    with pytest.raises(AudioError, match="Nobody is there"):
        heard(live(part(clock, 7, 1.0, 101.0), clock, again))
    assert clock.now == 101.0 + live_source.GIVE_UP_S


def test_is_stopped_while_it_connects() -> None:
    clock = Clock()
    may_come, asked = threading.Event(), threading.Event()
    late = part(clock, 8, 1.0, 102.0)

    def again() -> Part:
        asked.set()
        may_come.wait(DEADLINE_S)
        return late

    source = live(part(clock, 7, 1.0, 101.0), clock, again)
    blocks = source.blocks(lambda event: None)
    next(blocks)

    def stop() -> None:
        asked.wait(DEADLINE_S)
        source.stop()

    stopping = threading.Thread(target=stop)
    stopping.start()
    assert not b"".join(blocks).strip(b"\0")  # silence, until then
    stopping.join()
    may_come.set()
    source.close()


# A real server and a real encoder.


@pytest.mark.first(1)
@pytest.mark.parametrize("suffix", ["mp3", "ogg"])
def test_radio_is_connected_to_again_and_tells_what_it_plays(
    site: Site, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wav = write(tmp_path / "talk.wav", tone(44100, 10.0, channels=2), 44100)
    ffmpeg("-i", wav, tmp_path / f"talk.{suffix}")
    stream = (tmp_path / f"talk.{suffix}").read_bytes()
    connections = iter((len(stream) // 2, len(stream)))
    told: list[SourceEvent] = []
    was_warned = threading.Event()

    def tell(event: SourceEvent) -> None:
        told.append(event)
        if isinstance(event, SourceWarning):
            was_warned.set()

    def play(handler: Handler) -> None:
        if len(site.asked) > 1:
            was_warned.wait(DEADLINE_S)
        handler.wfile.write(b"ICY 200 OK\r\nicy-name: Test\r\nicy-metaint: 4096\r\n\r\n")
        data = stream[: next(connections, 0)]
        handler.wfile.write(with_titles(data, 4096, "News at ten"))
        if data == stream:
            site.over.wait(DEADLINE_S)

    site.plays["/live"] = play
    source = open_address(f"{site.url}/live", RATE)
    assert isinstance(source, LiveSource)
    came = 0
    with closing(source):
        for block in source.blocks(tell):
            came += len(block)
            if any("connected again" in getattr(e, "text", "") for e in told) and came > 2 * RATE:
                source.stop()

    assert source.live
    assert site.asked[0][1]["icy-metadata"] == "1"
    texts = [event.text for event in told if isinstance(event, SourceNote)]
    assert texts[0] == f"{site.url}/live plays: News at ten"
    assert any("cut off" in e.text for e in told if isinstance(e, SourceWarning))
