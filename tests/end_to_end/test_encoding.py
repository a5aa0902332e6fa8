"""Audio that travels as Ogg Opus: to a service of the tests' own, and to the local one."""

import signal
from difflib import SequenceMatcher

import pytest

from tests.counting import Session, counting_service, drops_at
from tests.emulator.protocol_client import bare, meeting_lines
from tests.program import Home, finals, finish
from tests.proxy import Proxy, Way
from tests.requirements import require_package
from tests.tone_words import ToneEar, speak_tones
from tests.word_comparison import assert_exact
from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.audio.wav import header
from transcribe_cli.emulator.local_service import LocalService
from transcribe_cli.jobs.sources import SAMPLE

COUNT = 30
OPUS = ("--encoding", "ogg_opus")


@pytest.fixture(autouse=True)
def opus() -> None:
    require_package("av")


@pytest.mark.long
def test_a_break_costs_no_word_of_an_opus_stream_and_the_recording_holds_the_samples(
    home: Home,
) -> None:
    said = speak_tones(COUNT)
    with counting_service(fault=drops_at(12), ear=ToneEar) as service:
        place = ("--endpoint", service.url)
        outcome = home.run("file", "-", "--raw", *place, *OPUS, "--jsonl", "--pace", "4", data=said)
    assert outcome.code == 0, outcome.err
    assert_exact(outcome.records, COUNT)
    assert [seen.query["encoding"] for seen in service.sessions] == [["ogg_opus"]] * 2
    assert all(seen.audio.startswith(b"OggS") for seen in service.sessions)  # each its own headers
    assert sum(len(seen.audio) for seen in service.sessions) < len(said) / 4
    assert (home.only_recording() / "audio.wav").read_bytes() == header(
        AudioFormat(), len(said)
    ) + said
    assert outcome.records[-1]["audio_s"] == COUNT / 10
    assert service.sessions[-1].terminated  # behind the last page


@pytest.mark.long
def test_a_recording_is_resumed_in_its_encoding(home: Home) -> None:
    said = speak_tones(COUNT)
    (home.work / "talk.wav").write_bytes(header(AudioFormat(), len(said)) + said)

    def kills(session: Session, heard: int) -> None:
        if session.number == 0 and heard == 12:
            process.send_signal(signal.SIGKILL)

    with counting_service(fault=kills, ear=ToneEar) as service:
        process = home.start("file", "talk.wav", "--endpoint", service.url, *OPUS)
        finish(process)
        outcome = home.run("recordings", "resume", "latest", "--endpoint", service.url)
    assert outcome.code == 0, outcome.err
    assert [seen.query["encoding"] for seen in service.sessions] == [["ogg_opus"]] * 2
    transcript = (home.only_recording() / "transcript.txt").read_text()
    assert transcript.split() == [f"w{number}" for number in range(1, COUNT + 1)]


@pytest.mark.long
def test_speech_is_heard_as_it_was_said_though_the_network_breaks_twice(home: Home) -> None:
    """The whole way: libopus, a network that breaks, the local service's decoder and recogniser."""
    with LocalService() as service, Proxy(service.url) as proxy:
        process = home.start(
            *("file", str(SAMPLE), "--endpoint", proxy.url, "--jsonl"),
            *("--pace", "4", *OPUS),
        )
        for _ in range(2):
            proxy.wait_for_bytes(Way.UP, 20_000)  # about 7 s of audio
            proxy.cut()
        outcome = finish(process)
    assert outcome.code == 0, outcome.err
    assert outcome.records[-1]["sessions"] == 3
    heard = " ".join(bare(turn["transcript"]) for turn in finals(outcome.records)).split()
    said = " ".join(bare(line) for line in meeting_lines()).replace(",", "").split()
    wrong = [part for part in SequenceMatcher(a=said, b=heard).get_opcodes() if part[0] != "equal"]
    assert sum(max(to - start, end - at) for _, start, to, at, end in wrong) <= 3, wrong
