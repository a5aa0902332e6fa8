"""`file --channels each`: a session for each side of a call, in one recording."""

import subprocess
import wave
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.counting import RATE, counting_service, drops_at, speak, true_times
from tests.program import Home, Outcome, finals
from transcribe_cli.recordings.journal import read_journal

LEFT_SAYS, RIGHT_SAYS = 1, 1001  # the first words of each side


def write_call(path: Path, left: int, right: int) -> Path:
    """A stereo file whose sides say so many words, both at once."""
    sides = speak(left, first=LEFT_SAYS), speak(right, first=RIGHT_SAYS)
    frames = max(map(len, sides)) // 2
    both = array("H", bytes(4 * frames))
    for side, said in enumerate(sides):
        both[side : len(said) : 2] = array("H", said)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(both.tobytes())
    return path


def words_of(records: list[dict[str, Any]], channel: int) -> list[str]:
    """The final words of a channel; the turns' channel and times are right."""
    heard = []
    first = (LEFT_SAYS, RIGHT_SAYS)[channel]
    for turn in finals(records):
        if turn["channel"] == channel:
            assert turn["channel_name"] == ("Left", "Right")[channel]
            for word in turn["words"]:
                assert word["channel"] == channel
                start, _ = true_times(int(word["text"][1:]) - first + 1)
                assert abs(word["start"] - start) <= 20
                heard.append(word["text"])
    return heard


def expected(count: int, first: int) -> list[str]:
    return [f"w{number}" for number in range(first, first + count)]


@pytest.mark.usefixtures("in_process")
def test_each_side_has_a_session_of_its_own_also_where_one_is_cut_off(home: Home) -> None:
    write_call(home.work / "call.wav", 30, 20)
    with counting_service(fault=drops_at(12)) as service:
        outcome = home.run(
            *("file", "call.wav", "--channels", "each", "--endpoint", service.url, "--pace", "4"),
            *("--jsonl", "-o", "call.txt", "-o", "call.srt", "-o", "call.md"),
        )
    assert outcome.code == 0, outcome.err
    assert "2 channels are 2 sessions, about $0.90 an hour" in outcome.err
    records = outcome.records
    assert words_of(records, 0) == expected(30, LEFT_SAYS)
    assert words_of(records, 1) == expected(20, RIGHT_SAYS)
    assert len({turn["turn"] for turn in finals(records)}) == len(finals(records))
    start, summary = records[0], records[-1]
    assert (start["channels"], start["audio"]["channels"]) == ("each", 2)
    assert [record["type"] for record in records].count("Summary") == 1
    assert (summary["sessions"], summary["words"], summary["lost_ms"]) == (3, 50, 0)
    assert summary["complete"] is True
    assert summary["terminated"] is False  # the one that was cut off
    lines = (home.work / "call.txt").read_text().splitlines()
    assert " ".join(line.removeprefix("Right: ") for line in lines if "Right: " in line) == (
        " ".join(expected(20, RIGHT_SAYS))
    )
    for name in ("call.srt", "call.md"):
        again = home.run(
            "recordings", "export", "latest", "-o", "-", "--format", name[-3:].strip(".")
        )
        assert again.out == (home.work / name).read_text()


@pytest.mark.long
def test_killed_run_is_resumed_each_side_where_it_was(
    home: Home, call: Callable[..., Outcome]
) -> None:
    write_call(home.work / "call.wav", 60, 60)
    with counting_service() as service:
        process = home.start(
            *("file", "call.wav", "--channels", "each", "--endpoint", service.url),
            stdout=subprocess.DEVNULL,
        )
        service.wait_for_words(40)
        process.kill()
        process.communicate()
    with counting_service() as service:
        outcome = home.run("recordings", "resume", "latest", "--endpoint", service.url)
    assert outcome.code == 0, outcome.err
    journal = read_journal(home.only_recording() / "journal.jsonl")
    assert words_of(journal, 0) == expected(60, LEFT_SAYS)
    assert words_of(journal, 1) == expected(60, RIGHT_SAYS)
    assert journal[-1]["sessions"] == 4
    assert "complete" in call("recordings", "list").out


def test_one_channel_has_no_sides(home: Home, call: Callable[..., Outcome]) -> None:
    (home.work / "mono.wav").write_bytes(b"")
    with wave.open(str(home.work / "mono.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(speak(3))
    outcome = call("file", "mono.wav", "--channels", "each", "--endpoint", "ws://127.0.0.1:9")
    assert outcome.code == 3
    assert "no sides to keep apart" in outcome.err
    assert list(home.recordings.iterdir() if home.recordings.exists() else ()) == []


def test_sides_of_one_side_are_refused(home: Home, call: Callable[..., Outcome]) -> None:
    outcome = call("mic", "--channels", "each", "--endpoint", "ws://127.0.0.1:9")
    assert outcome.code == 2
    assert "--with-system" in outcome.err
