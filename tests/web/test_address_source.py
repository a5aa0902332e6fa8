"""Media at an address, from a real HTTP server of this machine."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from tests.audio.media import ffmpeg
from tests.audio.tones import similar, taken, tone, write
from tests.counting import counting_service, write_wav
from tests.program import Home, words
from tests.schema import held_to_schema
from tests.web.site import Site
from transcribe_cli.audio.source import SourceNote
from transcribe_cli.errors import AudioError
from transcribe_cli.jobs.done_or_claimed import work_of_journal
from transcribe_cli.jobs.resume import open_audio
from transcribe_cli.jobs.sources import names_of
from transcribe_cli.recordings.lock import locked
from transcribe_cli.recordings.saved_recordings import load_recording
from transcribe_cli.web import fetch, http_pipe
from transcribe_cli.web.address_source import open_address, version_at

RATE = 16000


def talk(site: Site, seconds: float = 1.0) -> Path:
    return write(site.folder / "talk.wav", tone(RATE, seconds), RATE)


def refusal(address: str) -> AudioError:
    with pytest.raises(AudioError) as refused:
        open_address(address, RATE)
    assert refused.value.hint
    return refused.value


@pytest.mark.first(2)
@pytest.mark.parametrize("name", ["talk.wav", "talk.mp3", "talk.m4a"])
def test_media_at_an_address_are_heard(site: Site, name: str) -> None:
    wav = talk(site)
    if name != wav.name:
        ffmpeg("-i", wav, site.folder / name)  # of an m4a the index is at the end

    with closing(open_address(f"{site.url}/to/?{site.url}/{name}#t=10", RATE)) as source:
        samples, told = taken(source)

    assert (source.kind, source.live, told) == ("address", False, [])
    expected = tone(RATE, 1.0)[:, 0]
    margin = 2000  # what an encoder adds, and is not in step
    assert len(samples) >= 2 * (len(expected) - margin)
    assert name != "talk.wav" or similar(samples, expected)


@pytest.mark.parametrize("name", ["talk.wav", "talk.m4a"])
def test_body_that_is_cut_goes_on_from_there(
    site: Site, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(http_pipe, "_WAITS_S", (0.0,) * 6)
    wav = talk(site)
    if name != wav.name:
        ffmpeg("-i", wav, site.folder / name)
    whole, _ = taken(open_address(f"{site.url}/{name}", RATE))
    samples, told = taken(open_address(f"{site.url}/{name}?cut=5000", RATE))

    assert samples == whole
    assert site.asked[-1][1]["range"] == "bytes=5000-"
    assert name != wav.name or [type(event) for event in told] == [SourceNote]


@pytest.mark.parametrize(("query", "ranges"), [("cut=16044", False), ("cut=16044&always", True)])
def test_body_that_is_cut_for_good_is_told_after_what_came(
    site: Site, monkeypatch: pytest.MonkeyPatch, query: str, ranges: bool
) -> None:
    monkeypatch.setattr(http_pipe, "_WAITS_S", (0.0,))
    site.ranges = ranges
    talk(site, 2.0)
    heard = b""
    with (
        closing(open_address(f"{site.url}/talk.wav?{query}", RATE)) as source,
        pytest.raises(AudioError, match="was cut off: the connection ended too early"),
    ):
        if ranges:
            (site.folder / "talk.wav").rename(site.folder / "moved.wav")
        for block in source.blocks(lambda event: None):
            heard += block

    assert len(heard) == 16000


def test_redirects_lead_to_nothing_but_http(site: Site) -> None:
    for target in ("file:///etc/passwd", "ftp://127.0.0.1/x", "data:audio/wav,x"):
        assert "another kind of address" in refusal(f"{site.url}/to/?{target}").message


def test_redirects_in_a_circle_are_followed_for_a_while(site: Site) -> None:
    assert "without end" in refusal(f"{site.url}/to/").message
    assert len(site.asked) == 10


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("missing.mp3", "HTTP 404"),
        ("talk.mp3?status=401", "HTTP 401"),
        ("empty.wav", "is empty"),
        ("long", "says too much"),
        ("rubbish", "is no web server"),
        ("paper.pdf", "is a PDF"),
    ],
)
def test_what_is_no_media_is_told(site: Site, path: str, said: str) -> None:
    (site.folder / "empty.wav").write_bytes(b"")
    (site.folder / "paper.pdf").write_bytes(b"%PDF-1.4" + bytes(range(256)))
    site.plays["/long"] = lambda handler: handler.wfile.write(
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100_000 + b"\r\n\r\n"
    )
    site.plays["/rubbish"] = lambda handler: handler.wfile.write(b"220 mail ready\r\n")

    assert said in refusal(f"{site.url}/{path}").message


def test_address_may_have_any_letters(site: Site) -> None:
    data = talk(site).read_bytes()
    site.plays["/n%C3%A4her%20.wav"] = lambda handler: handler.give(data)
    samples, _ = taken(open_address(f"{site.url}/to/?{site.url}/näher .wav", RATE))
    assert len(samples) == 32000


def test_address_is_named_without_what_is_secret() -> None:
    assert names_of(["https://ana:pw@h.example/talk.mp3?key=1", "b/talk.mp3"]) == [
        *("https://h.example/talk.mp3", "talk.mp3")
    ]


@pytest.mark.usefixtures("in_process")
def test_address_that_can_be_read_again_is_as_a_file(
    home: Home, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_wav(site.folder / "talk.wav", 20)
    with counting_service() as service:
        outcome = home.run(
            *("file", f"{site.url}/talk.wav", "--jsonl"),
            *("--endpoint", service.url, "--pace", "max"),
        )

    assert outcome.code == 0, outcome.err
    start = held_to_schema(outcome.records[0])
    assert (start["kind"], start["path"]) == ("address", f"{site.url}/talk.wav")
    assert start["file"] == {"bytes": 64044, "version": '"64044"'}
    folder = home.only_recording()
    assert not (folder / "audio.wav").exists()
    recording = load_recording(folder)
    assert recording.audio_s == 2.0
    with pytest.raises(AudioError, match="of a private network"):
        open_audio(recording)  # a journal may be a stranger's
    monkeypatch.setattr(fetch, "_is_public", lambda _: True)
    log, source = open_audio(recording)
    samples, _ = taken(source)
    log.close()
    assert len(samples) == 64000
    write_wav(site.folder / "talk.wav", 21)
    with pytest.raises(AudioError, match="has changed"):
        open_audio(recording)


@pytest.mark.usefixtures("in_process")
@pytest.mark.first(1)
@pytest.mark.parametrize("ranges", [True, False])
def test_address_that_is_complete_is_asked_for_once_and_not_read_again(
    home: Home, site: Site, ranges: bool
) -> None:
    site.ranges = ranges
    write_wav(site.folder / "one.wav", 5)
    write_wav(site.folder / "two.wav", 5)
    with counting_service() as service:
        batch = (
            *("file", f"{site.url}/one.wav", f"{site.url}/two.wav#t=1", "-o", "all.txt"),
            *("--endpoint", service.url, "--pace", "max"),
        )
        first = home.run(*batch)
        told = (home.work / "all.txt").read_bytes()
        site.asked.clear()
        again = home.run(*batch)
        assert (first.code, again.code) == (0, 0), again.err
        assert len(service.sessions) == 2
        asked = [(path, headers.get("range")) for path, headers in site.asked]
        assert asked == [("/one.wav", "bytes=0-0"), ("/two.wav", "bytes=0-0")]
        assert (home.work / "all.txt").read_bytes() == told
        assert "2 complete already" in again.err

        write_wav(site.folder / "two.wav", 6)
        assert "1 of 2 files transcribed; 1 complete already" in home.run(*batch).err
        assert len(service.sessions) == 3


@pytest.mark.usefixtures("in_process")
def test_address_that_another_process_transcribes_again_is_left_to_it(
    home: Home, site: Site
) -> None:
    write_wav(site.folder / "one.wav", 1)
    write_wav(site.folder / "two.wav", 1)
    one, two = f"{site.url}/one.wav", f"{site.url}/two.wav"
    with counting_service() as service:
        options = ("--again", "--endpoint", service.url, "--pace", "max")
        assert home.run("file", one, f"{site.url}/gone.wav", *options).code != 0
        folder = home.only_recording()
        digest = work_of_journal(load_recording(folder).journal)
        assert digest is not None
        with locked(folder, digest):
            outcome = home.run("file", one, two, *options)
        assert len(service.sessions) == 2
    assert f"'{one}' is being transcribed already" in outcome.err


@pytest.mark.usefixtures("in_process")
def test_address_that_was_stopped_goes_on_in_the_next_batch(home: Home, site: Site) -> None:
    write_wav(site.folder / "one.wav", 20)
    write_wav(site.folder / "two.wav", 1)
    with counting_service() as service:
        batch = (
            *("file", f"{site.url}/one.wav", f"{site.url}/two.wav", "--jsonl"),
            *("--endpoint", service.url, "--pace", "max"),
        )
        stopped = home.run(*batch, "--max-duration", "1s")
        again = home.run(*batch)
    assert (stopped.code, again.code) == (6, 0), again.err
    assert f"{site.url}/one.wav: going on with" in again.err
    told = [record for record in again.records if record["source"] == f"{site.url}/one.wav"]
    assert words(told) == [f"w{number}" for number in range(1, 21)]


def test_version_is_what_its_server_tells_of_an_address_without_secrets(site: Site) -> None:
    write_wav(site.folder / "one.wav", 5)
    assert version_at(f"{site.url}/one.wav?key=1") is None
    assert site.asked == []
    assert version_at(f"{site.url}/one.wav") == {"bytes": 16044, "version": '"16044"'}
    site.plays["/drops.wav"] = lambda handler: None  # as a server that knows no ranges may do
    for name in ("gone", "drops"):
        assert version_at(f"{site.url}/{name}.wav") is None  # opening it tells
    site.marks = False
    assert version_at(f"{site.url}/one.wav") is None


@pytest.mark.usefixtures("in_process")
def test_address_is_recorded_as_a_pipe_is_and_no_secret_is(home: Home, site: Site) -> None:
    write_wav(site.folder / "talk.wav", 20)
    secret = f"{site.url}/talk.wav?token=hidden2".replace("//", "//ana:hidden1@")
    with counting_service() as service:
        outcome = home.run(
            *("file", secret, "--jsonl", "--verbose"),
            *("--endpoint", service.url, "--pace", "max", "-o", "{stem}.srt"),
        )

    assert outcome.code == 0, outcome.err
    assert words(outcome.records) == [f"w{number}" for number in range(1, 21)]
    start = outcome.records[0]
    assert (start["kind"], start["source"]) == ("address", f"{site.url}/talk.wav")
    assert (home.work / "talk.srt").exists()
    folder = home.only_recording()
    assert (folder / "audio.wav").exists()
    kept = outcome.out + outcome.err + json.dumps([p.name for p in home.recordings.rglob("*")])
    kept += (folder / "journal.jsonl").read_text()
    assert "hidden" not in kept
