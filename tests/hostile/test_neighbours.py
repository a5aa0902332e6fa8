"""Two of this program at once, with the same files and save-dir: each file is heard once."""

import json
import os
import signal
import subprocess
import sys
import time
from array import array
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.counting import CountingService, counting_service
from tests.end_to_end.counted_files import spoken, words_by_source, write_talk, write_talks
from tests.program import DEADLINE_S, ROOT, Home, Outcome, finish, words
from transcribe_cli.recordings.lock import save_dir_locked

pytestmark = pytest.mark.long
ROUNDS = 40

# Each says when it has imported everything, and is then told a time, so that all begin at once.
AT_ONCE = """
import sys, time
from transcribe_cli.jobs import transcriber as transcribe
from transcribe_cli.jobs import done_or_claimed
from transcribe_cli.jobs import batch
from transcribe_cli.commands import file
from transcribe_cli.outputs import jsonl_output
from transcribe_cli.session import session
from transcribe_cli.run import reporter as telling
from transcribe_cli.run import run
from transcribe_cli.cli import main
sys.argv[0] = "aai-stream"
print("ready", flush=True)
begin = float(sys.stdin.readline())
while time.time() < begin:
    pass
main()
"""
# Rounds of: wait for the others, then claim the file, and say from when to when it was had.
CLAIMS = """
import contextlib, sys, time
from pathlib import Path
from transcribe_cli.jobs.done_or_claimed import AlreadyRunning, Work, claim

save_dir, rounds = Path(sys.argv[1]), int(sys.argv[2])
print("ready", flush=True)
begin = float(sys.stdin.readline())
for number in range(rounds):
    while time.time() < begin + number * 0.05:
        pass
    with contextlib.ExitStack() as held:
        try:
            claim(save_dir, "talk.wav", Work(f"{number}", ""), held, again=True)
        except AlreadyRunning:
            print(number)
        else:
            began = time.time()
            time.sleep(0.03)
            print(number, began, time.time())
"""


def at_once(
    count: int, script: str, *arguments: str, **popen: Any
) -> list[subprocess.Popen[bytes]]:
    """So many of a script, in the same millisecond."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            **popen,
        )
        for _ in range(count)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    begin = time.time() + 0.1
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(f"{begin}\n".encode())
        process.stdin.close()
        process.stdin = None  # `communicate` would close it once more
    return processes


def both(home: Home, *arguments: str) -> list[subprocess.Popen[bytes]]:
    """The program twice, in the same millisecond."""
    environment = home.environment()
    return at_once(2, AT_ONCE, *arguments, cwd=home.work, env=environment, stderr=subprocess.PIPE)


def first_to_end(processes: list[subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        for process in processes:
            if process.poll() is not None:
                return process
        time.sleep(0.02)
    raise AssertionError("neither ends")


def heard(service: CountingService) -> Counter[str]:
    """How often each word was sent."""
    heard_words: Counter[str] = Counter()
    for seen in service.sessions:
        heard_words.update({f"w{value}" for value in array("H", bytes(seen.audio)) if value})
    return heard_words


def once(said: dict[str, list[str]]) -> Counter[str]:
    return Counter(word for of_one in said.values() for word in of_one)


def is_refused(outcome: Outcome, name: str) -> bool:
    return outcome.code == 6 and f"error: '{name}' is being transcribed already, in " in outcome.err


@pytest.mark.timeout(400)
def test_a_file_that_two_are_given_in_the_same_millisecond_is_one_session(home: Home) -> None:
    write_talk(home.work / "talk.wav", 600, 1000)
    for number in range(ROUNDS):
        with counting_service() as service:
            processes = both(home, "file", "talk.wav", "--endpoint", service.url, "--jsonl")
            ended = first_to_end(processes)
            refused = finish(ended)
            service.wait_for_words(5)
            (other,) = (process for process in processes if process is not ended)
            other.send_signal(signal.SIGINT)
            stopped = finish(other)
        assert is_refused(refused, "talk.wav"), refused.err
        assert [record["exit_code"] for record in refused.records] == [6]
        assert len(service.sessions) == 1, stopped.err
        assert stopped.code == 130
        assert words(stopped.records) == spoken(600, 1000)[: service.heard_words]
        assert len(list(home.recordings.iterdir())) == number + 1  # and no lock is left


def test_of_many_that_claim_a_file_at_once_one_has_it(tmp_path: Path) -> None:
    rounds = 100
    processes = at_once(3, CLAIMS, str(tmp_path / "recordings"), str(rounds), cwd=ROOT)
    had: dict[str, list[tuple[float, float]]] = {}
    refused = 0
    for process in processes:
        out, _ = process.communicate(timeout=50)
        assert process.returncode == 0
        for number, *times in (line.split() for line in out.decode().splitlines()):
            had.setdefault(number, []).extend([(float(times[0]), float(times[1]))] if times else [])
            refused += not times
    assert refused > 0
    assert len(had) == rounds
    for turns in had.values():
        turns.sort()
        assert turns
        # On a busy machine one may come when another has let it go already.
        assert all(one[1] <= next_one[0] for one, next_one in pairwise(turns))
    assert list((tmp_path / "recordings").iterdir()) == []


def test_two_with_the_same_files_share_them(home: Home) -> None:
    said = write_talks(home.work, 15, 20, 10, 25, 15, 20)
    with counting_service() as service:
        arguments = ("file", *said, "--endpoint", service.url, "--jsonl", "--jobs", "2")
        outcomes = [finish(process) for process in both(home, *arguments, "-o", "{stem}.txt")]
        assert heard(service) == once(said)
        assert len(service.sessions) == 6
        # Whoever has nothing left to do looks once more at what the other one had.
        assert {outcome.code for outcome in outcomes} <= {0, 6}
        assert any(outcome.code == 0 for outcome in outcomes)
        third = home.run(*arguments)
        assert len(service.sessions) == 6
    assert third.code == 0, third.err
    assert words_by_source(third.records) == said
    for outcome in outcomes:
        for name, told in words_by_source(outcome.records).items():
            assert told == said[name]
    for name in said:
        assert (home.work / name).with_suffix(".txt").read_text().split() == said[name]


def test_what_the_other_one_still_transcribes_at_the_end_is_named(home: Home) -> None:
    said = write_talks(home.work, 600, 5)
    with counting_service() as service:
        one = home.start("file", "talk1.wav", "--endpoint", service.url, "--jsonl")
        service.wait_for_words(2)
        (recording,) = [path.name for path in home.recordings.iterdir()]
        asked = ("file", *said, "--endpoint", service.url, "--pace", "max", "--jsonl")
        two = home.run(*asked, "-o", "all.txt")
        assert len(service.sessions) == 2
        one.send_signal(signal.SIGINT)
        assert finish(one).code == 130
        three = home.run(*asked)
    assert two.code == 6
    assert words_by_source(two.records) == {"talk2.wav": said["talk2.wav"]}
    assert f"talk1.wav: put off, since {recording} is running" in two.err
    assert f"'talk1.wav' is being transcribed already, in {recording}" in two.err
    last = two.err.strip().splitlines()[-1]
    assert last == "1 of 2 files transcribed; running elsewhere: talk1.wav"
    (error,) = [record for record in two.records if record["type"] == "Error"]
    assert (error["source"], error["exit_code"]) == ("talk1.wav", 6)
    assert (three.code, words_by_source(three.records)) == (0, said)


def test_nothing_is_put_off_where_nothing_else_is_left(home: Home) -> None:
    write_talks(home.work / "talks", 600)
    with counting_service() as service:
        asked = ("file", "talks", "--endpoint", service.url, "--jsonl")
        one = home.start(*asked)
        service.wait_for_words(2)
        two = home.run(*asked)
        one.send_signal(signal.SIGINT)
        assert finish(one).code == 130
    assert is_refused(two, "talk1.wav"), two.err
    assert "put off" not in two.err


def test_files_of_a_save_dir_in_which_others_are_busy_are_put_off(home: Home) -> None:
    said = write_talks(home.work, 5, 5)
    home.recordings.mkdir()
    with counting_service() as service:
        with save_dir_locked(home.recordings):
            process = home.start("file", *said, "--endpoint", service.url, "--jsonl")
            assert process.stderr is not None
            told = process.stderr.readline().decode().strip()
        outcome = finish(process)
    assert told == "talk1.wav: put off, since others are busy in the same save-dir"
    assert (outcome.code, words_by_source(outcome.records)) == (0, said)


def test_one_that_is_killed_leaves_its_files_to_the_other(home: Home) -> None:
    said = write_talks(home.work, 60, 30)
    with counting_service() as service:
        asked = ("file", *said, "--endpoint", service.url, "--jsonl", "--jobs", "2")
        one = home.start("file", "talk1.wav", "--endpoint", service.url, "--jsonl")
        service.wait_for_words(10)
        two = home.start(*asked)
        assert two.stdout is not None
        first_line = two.stdout.readline()  # it has begun with the second file
        one.kill()
        one.communicate()
        outcome = finish(two)
    records = [json.loads(line) for line in first_line.decode().splitlines()] + outcome.records
    assert outcome.code == 0, outcome.err
    assert words_by_source(records) == said
    # Only what had no final words yet is heard again.
    assert sum(heard(service).values()) - 90 < 30
    assert len(list(home.recordings.iterdir())) == 2


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_a_file_that_one_is_given_several_times_is_heard_once(home: Home, jobs: str) -> None:
    write_talk(home.work / "talk.wav", 10, 1000)
    names = ("talk.wav", "./talk.wav", str(home.work / "talk.wav"))
    with counting_service() as service:
        outcome = home.run("file", *names, "--endpoint", service.url, "--jsonl", "--jobs", jobs)
    assert outcome.code == 0, outcome.err
    assert len(service.sessions) == 1
    assert outcome.err.strip().splitlines()[-1] == "1 of 3 files transcribed; 2 complete already"
    assert words(outcome.records) == 3 * spoken(10, 1000)


def test_another_model_is_another_transcript(home: Home) -> None:
    write_talk(home.work / "talk.wav", 30, 1000)
    with counting_service() as service:
        one = home.start("file", "talk.wav", "--endpoint", service.url, "--jsonl")
        service.wait_for_words(2)
        two = home.run("file", "talk.wav", "--endpoint", service.url, "--model", "whisper-rt")
        three = home.run("file", "talk.wav", "--endpoint", service.url, "--no-save")
        assert (finish(one).code, two.code, three.code) == (0, 0, 0)
    assert len(service.sessions) == 3


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs job control")
def test_a_recording_that_is_suspended_is_still_running(home: Home) -> None:
    write_talk(home.work / "talk.wav", 30, 1000)
    with counting_service() as service:
        asked = ("file", "talk.wav", "--endpoint", service.url, "--jsonl")
        one = home.start(*asked)
        service.wait_for_words(2)
        os.kill(one.pid, signal.SIGSTOP)
        two = home.run(*asked)
        listed = home.run("recordings", "list")
        os.kill(one.pid, signal.SIGCONT)
        assert finish(one).code == 0
    assert is_refused(two, "talk.wav"), two.err
    assert "running" in listed.out
    assert len(service.sessions) == 1
