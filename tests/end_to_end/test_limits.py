"""A run stops by itself: cost, silence; and it does so cleanly."""

import subprocess

from tests.counting import counting_service, speak, write_wav
from tests.program import Home, finish


def test_the_greatest_cost_stops_a_run(home: Home) -> None:
    write_wav(home.work / "talk.wav", 300)
    with counting_service() as service:
        outcome = home.run(
            *("file", "talk.wav", "--endpoint", service.url, "--jsonl"),
            *("--max-cost", str(0.45 / 3600)),  # one second of u3-rt-pro
        )
    assert outcome.code == 0
    assert service.sessions[0].terminated
    assert outcome.records[-1]["audio_s"] < 5
    assert "greatest cost" in outcome.err


def test_a_run_stops_when_nobody_speaks(home: Home) -> None:
    with counting_service() as service:
        process = home.start(
            *("file", "-", "--endpoint", service.url, "--jsonl", "--idle-stop", "1.5"),
            stdin=subprocess.PIPE,
        )
        assert process.stdin is not None
        process.stdin.write(speak(5) + bytes(32000 * 4))
        process.stdin.flush()
        process.wait(30)  # by itself: its input is still open
        outcome = finish(process)
    assert outcome.code == 0
    assert service.sessions[0].terminated
    assert "no words" in outcome.err
