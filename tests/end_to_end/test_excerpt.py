"""A stretch of a file, by `--start` and `--duration`: its words, and their times in it."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.counting import RATE, WORD_MS, CountingService, counting_service, speak, write_wav
from tests.end_to_end.counted_files import spoken, words_by_source, write_talks
from tests.program import Home, finals, finish, words
from tests.requirements import require_programs

pytestmark = pytest.mark.usefixtures("in_process")


def as_wav(home: Home, count: int) -> Path:
    return write_wav(home.work / "talk.wav", count)


def as_flac(home: Home, count: int) -> Path:
    import numpy as np
    import soundfile

    path = home.work / "talk.flac"
    soundfile.write(path, np.frombuffer(speak(count), "<i2"), RATE, subtype="PCM_16")
    return path


def as_film(home: Home, count: int) -> Path:
    """What only ffmpeg reads; its audio is lossless."""
    require_programs("ffmpeg")
    path = home.work / "talk.mkv"
    wav = write_wav(home.work / "talk.wav", count)
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", wav, "-c:a", "flac", path], check=True, timeout=20
    )
    return path


def is_exact(records: list[dict[str, Any]], first: int, count: int) -> bool:
    """These words and no others, at their times from the beginning of the stretch."""
    expected = [
        (f"w{first + number}", number * WORD_MS, number * WORD_MS + 60) for number in range(count)
    ]
    said = [
        (word["text"], word["start"], word["end"])
        for turn in finals(records)
        for word in turn["words"]
    ]
    return said == expected


@pytest.mark.parametrize("make", [as_wav, as_flac, as_film])
@pytest.mark.first(2)
def test_a_stretch_is_exact_to_the_sample(home: Home, make: Any) -> None:
    path = make(home, 60)
    with counting_service() as service:
        outcome = home.run(
            *("file", path.name, "--endpoint", service.url, "--jsonl", "--pace", "max"),
            *("--start", "0:02", "--duration", "1.5s"),
        )
    assert outcome.code == 0, outcome.err
    assert is_exact(outcome.records, 21, 15)
    assert bytes(service.sessions[0].audio) == speak(15, 21)
    assert outcome.records[0]["excerpt"] == {"start": 2000, "duration": 1500}
    summary = outcome.records[-1]
    assert (summary["audio_s"], summary["complete"]) == (1.5, True)


def test_standard_input_has_stretches_too(home: Home) -> None:
    with counting_service() as service:
        outcome = home.run(
            *("file", "-", "--endpoint", service.url, "--jsonl"),
            *("--start", "1", "--duration", "2"),
            data=speak(50),
        )
    assert outcome.code == 0, outcome.err
    assert is_exact(outcome.records, 11, 20)


def test_a_beginning_alone_goes_to_the_end(home: Home) -> None:
    as_wav(home, 30)
    with counting_service() as service:
        outcome = home.run(
            *("file", "talk.wav", "--endpoint", service.url, "--jsonl", "--pace", "max"),
            *("--start", "1.25"),
        )
    # The thirteenth word is over by then, and not the silence after it.
    assert words(outcome.records) == spoken(17, 14)
    assert "duration" not in outcome.records[0]["excerpt"]
    assert finals(outcome.records)[0]["words"][0]["start"] == 50


def test_a_length_beyond_the_end_is_the_end(home: Home) -> None:
    as_wav(home, 12)
    with counting_service() as service:
        outcome = home.run(
            *("file", "talk.wav", "--endpoint", service.url, "--jsonl", "--pace", "max"),
            *("--duration", "1h"),
        )
    assert outcome.code == 0, outcome.err
    assert is_exact(outcome.records, 1, 12)


@pytest.mark.parametrize("name", ["talk.wav", "-"])
@pytest.mark.first(1)
def test_a_beginning_after_the_end_is_told(home: Home, name: str) -> None:
    path = as_wav(home, 12)
    data = path.read_bytes() if name == "-" else None
    with counting_service() as service:
        outcome = home.run("file", name, "--endpoint", service.url, "--start", "2", data=data)
    assert outcome.code == 3
    assert "ends before 2 s." in outcome.err
    assert "hint: choose an earlier --start" in outcome.err
    assert not finished_turns(home)


def finished_turns(home: Home) -> list[dict[str, Any]]:
    if not home.recordings.exists():
        return []
    journals = home.recordings.glob("*/journal.jsonl")
    lines = [line for journal in journals for line in journal.read_text().splitlines()]
    return finals([json.loads(line) for line in lines])


def kill_after(home: Home, service: CountingService, words: int, *asked: str) -> None:
    process = home.start("file", *asked, "--endpoint", service.url)
    service.wait_for_words(words)
    process.kill()
    finish(process)


def test_a_stretch_that_was_killed_is_resumed_where_it_was(home: Home) -> None:
    as_wav(home, 100)
    with counting_service() as service:
        kill_after(home, service, 12, "talk.wav", "--start", "3", "--duration", "4")
        outcome = home.run("recordings", "resume", "latest", "--endpoint", service.url)
        assert outcome.code == 0, outcome.err
    journal = (home.only_recording() / "journal.jsonl").read_text().splitlines()
    assert is_exact([json.loads(line) for line in journal], 31, 40)


def test_stretches_of_many_files_are_resumed_by_the_same_command(home: Home) -> None:
    said = write_talks(home.work, 60, 60)
    asked = (*said, "--start", "1", "--duration", "3", "--jobs", "2")
    with counting_service() as service:
        kill_after(home, service, 24, *asked)
        outcome = home.run("file", *asked, "--jsonl", "--endpoint", service.url)
    assert outcome.code == 0, outcome.err
    expected = {name: words[10:40] for name, words in said.items()}
    assert words_by_source(outcome.records) == expected
    assert len(service.sessions) == 4
