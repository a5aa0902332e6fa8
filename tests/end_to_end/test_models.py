"""What the service makes of the model that is asked for, and what that costs."""

import pytest

from tests.counting import write_wav
from tests.program import Home
from transcribe_cli.emulator.local_service import LocalService


def test_what_runs_in_place_of_the_model_is_told_recorded_and_priced(home: Home) -> None:
    write_wav(home.work / "talk.wav", 10)
    with LocalService("--engine", "counting", "--fault", "redirect=whisper-rt") as service:
        outcome = home.run(
            *("file", "talk.wav", "--endpoint", service.url, "--pace", "max", "--jsonl"),
            *("--prompt", "a talk"),
        )
    (told,) = [record for record in outcome.records if record["type"] == "Warning"]
    assert told["asked"] == {"speech_model": "u3-rt-pro", "prompt": "a talk"}
    assert told["runs"] == {"speech_model": "whisper-rt", "prompt": None}
    assert outcome.err.count("whisper-rt instead of u3-rt-pro, without prompt") == 1
    summary = outcome.records[-1]
    assert summary["cost_usd"] == pytest.approx(summary["session_s"] * 0.30 / 3600, abs=1e-6)
    assert summary["session_s"] >= 1
