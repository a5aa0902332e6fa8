"""A run stops by itself: cost, silence; and it does so cleanly."""

import shlex
import subprocess

import pytest

from tests.counting import counting_service, speak, write_wav
from tests.program import DEADLINE_S, Home, finish, words

pytestmark = pytest.mark.usefixtures("in_process")


def test_the_greatest_cost_stops_a_run(home: Home) -> None:
    write_wav(home.work / "talk.wav", 100)
    with counting_service() as service:
        outcome = home.run(
            *("file", "talk.wav", "--endpoint", service.url, "--jsonl"),
            *("--max-cost", str(0.45 / 3600)),  # one second of u3-rt-pro
        )
    assert outcome.code == 6
    assert service.sessions[0].terminated
    summary = outcome.records[-1]
    assert (summary["audio_s"] < 5, summary["complete"]) == (True, False)
    assert "'talk.wav' is transcribed up to 0:0" in outcome.err
    assert ": the greatest cost is reached." in outcome.err
    typed = shlex.split(outcome.err.splitlines()[-1].removeprefix("go on with: aai-stream "))
    with counting_service() as service:
        rest = home.run(*typed, "--endpoint", service.url, "--jsonl")
    assert rest.code == 0, rest.err
    assert words(outcome.records) + words(rest.records) == [f"w{n}" for n in range(1, 101)]


def test_a_run_stops_when_nobody_speaks(home: Home) -> None:
    with counting_service() as service:
        process = home.start(
            *("file", "-", "--endpoint", service.url, "--jsonl", "--idle-stop", "1.5"),
            stdin=subprocess.PIPE,
        )
        assert process.stdin is not None
        process.stdin.write(speak(5) + bytes(32000 * 4))
        process.stdin.flush()
        process.wait(DEADLINE_S)  # by itself: its input is still open
        outcome = finish(process)
    assert outcome.code == 6
    assert service.sessions[0].terminated
    assert outcome.records[-1]["complete"] is False
    assert "no words" in outcome.err


@pytest.mark.parametrize(("most", "code"), [("0.5", 6), ("1", 0), ("2", 0)])
def test_the_longest_duration_cuts_a_file_only_where_there_is_more(
    home: Home, most: str, code: int
) -> None:
    write_wav(home.work / "talk.wav", 10)
    with counting_service() as service:
        outcome = home.run(
            *("file", "talk.wav", "--endpoint", service.url, "--jsonl", "--pace", "max"),
            *("--max-duration", most),
        )
    assert outcome.code == code, outcome.err
    assert outcome.records[-1]["complete"] is (code == 0)
    assert len(words(outcome.records)) == min(10, round(float(most) * 10))
    assert ("recordings resume" in outcome.err) is (code == 6)
