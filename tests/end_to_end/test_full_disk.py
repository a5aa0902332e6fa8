"""A disk that is full in the middle of a recording: told at once, sat out, nothing said twice.

The system's limit on the size of a file stands for the disk: a write is cut short, then refused,
and allowed again when the limit is lifted.
"""

import json
import resource
import subprocess
import time
import wave
from pathlib import Path

from tests.counting import counting_service, speak, write_wav
from tests.program import Home, Outcome, finish, words

LIMIT = 100_000  # bytes of a file: 3 s of audio


def record(home: Home, count: int, *, lifted_after: int | None) -> Outcome:
    """Words through standard input in real time, on a disk that is full after a while."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, resource.RLIM_INFINITY))

    with counting_service() as service:
        process = home.start(
            *("file", "-", "--endpoint", service.url, "--jsonl", "--pace", "4"),
            stdin=subprocess.PIPE,
            preexec_fn=limit,
        )
        assert process.stdin is not None
        began = time.monotonic()
        for first in range(1, count, 2):
            process.stdin.write(speak(2, first=first))
            process.stdin.flush()
            if lifted_after is not None and first > lifted_after:
                limits = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, limits)
            time.sleep(max(0.0, began + first / 40 - time.monotonic()))
        return finish(process)


def saved(path: Path) -> bytes:
    with wave.open(str(path)) as file:
        return bytes(file.readframes(file.getnframes()))


def test_a_disk_that_is_full_for_a_while_costs_nothing(home: Home) -> None:
    outcome = record(home, 80, lifted_after=50)
    assert outcome.code == 0, outcome.err
    said = [f"w{number}" for number in range(1, 81)]
    assert words(outcome.records) == said
    assert outcome.err.count("the recording cannot be written") == 1
    assert outcome.err.count("the disk takes the recording again") == 1
    folder = home.only_recording()
    assert saved(folder / "audio.wav") == speak(80)
    lines = (folder / "journal.jsonl").read_text().splitlines()
    assert [json.loads(line)["seq"] for line in lines] == list(range(len(lines)))
    assert words([json.loads(line) for line in lines]) == said


def test_a_disk_that_stays_full_leaves_a_whole_file_and_a_whole_transcript(home: Home) -> None:
    outcome = record(home, 80, lifted_after=None)
    assert outcome.code == 6
    records = outcome.records
    assert words(records) == [f"w{number}" for number in range(1, 81)]
    (gap,) = [r for r in records if r["type"] == "Gap"]
    kept = saved(home.only_recording() / "audio.wav")
    assert speak(80).startswith(kept)
    assert len(kept) > LIMIT - 2000
    assert gap["start"] == round(len(kept) / 32)
    assert gap["end"] == 8000
    assert "not saved" in gap["reason"]
    assert records[-1]["complete"] is True
    assert "could not be saved" in outcome.err


def test_a_disk_that_is_full_from_the_start_still_gives_the_words(home: Home) -> None:
    with counting_service() as service:
        process = home.start(
            *("file", "-", "--endpoint", service.url, "--text"),
            stdin=subprocess.PIPE,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50, 50)),
        )
        outcome = finish(process, speak(20))
    assert outcome.out.split() == [f"w{number}" for number in range(1, 21)]
    assert outcome.code == 6
    assert "cannot be written" in outcome.err
    folder = home.only_recording()
    assert f"not whole: audio, journal and transcript in {folder}" in outcome.err
    assert "saved: " not in outcome.err
    assert "the transcript has them" not in outcome.err


def test_an_output_alone_that_is_cut_off_is_told_by_the_exit_code(home: Home) -> None:
    write_wav(home.work / "talk.wav", 20)
    with counting_service() as service:
        process = home.start(
            *("file", "talk.wav", "--endpoint", service.url, "--text", "--no-save"),
            *("--pace", "max", "-o", "x.md"),
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50, 50)),
        )
        outcome = finish(process)
    assert outcome.out.split() == [f"w{number}" for number in range(1, 21)]
    assert outcome.code == 6
    assert outcome.err.count("'x.md' is given up: ") == 1
