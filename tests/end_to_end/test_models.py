"""What the service makes of the model that is asked for, and what that costs."""

from collections.abc import Callable

import pytest

from tests.counting import counting_service, write_wav
from tests.program import Home, Outcome
from transcribe_cli.emulator.local_service import LocalService

pytestmark = pytest.mark.usefixtures("in_process")


def test_the_secret_of_a_webhook_goes_to_the_service_and_into_no_file(home: Home) -> None:
    write_wav(home.work / "talk.wav", 5)
    secret = "Bearer 0123-of-the-webhook"
    with counting_service() as service:
        outcome = home.run(
            *("file", "talk.wav", "--endpoint", service.url, "--pace", "max", "--jsonl", "-v"),
            *("--param", "webhook_url=https://example.com/done", "--param", "speaker_labes=1"),
            *("--param", "webhook_auth_header_name=Authorization"),
            env={"AAI_STREAM_WEBHOOK_AUTH_HEADER_VALUE": secret},
        )
    assert outcome.code == 0
    assert service.sessions[0].query["webhook_auth_header_value"] == [secret]
    assert "speaker_labels" in outcome.err
    written = [path.read_text() for path in home.path.rglob("*.jsonl")]
    assert len(written) == 1
    assert not [text for text in (*written, outcome.out, outcome.err) if "0123-of" in text]


@pytest.mark.parametrize("model", ["universal-9", "assemblyai-stt-3-7-realtime-agent"])
def test_a_greatest_cost_of_a_model_without_a_price_is_refused_before_anything_opens(
    home: Home, call: Callable[..., Outcome], model: str
) -> None:
    asked = ("file", "talk.wav", "--endpoint", "ws://127.0.0.1:1", "--max-cost", "1", "-m", model)
    write_wav(home.work / "talk.wav", 1)
    outcome = call(*asked)
    assert outcome.code == 2
    assert outcome.err == (
        f"error: --max-cost cannot hold: the price of '{model}' is not known here.\n"
        "hint: say what an hour of it costs, for example --usd-per-hour 0.45\n"
    )
    assert not home.recordings.exists()


def test_a_price_that_the_config_file_says_lets_the_greatest_cost_hold(home: Home) -> None:
    write_wav(home.work / "talk.wav", 300)
    config = home.path / "config" / "aai-stream" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('usd-per-hour = "universal-9=360"\n')  # ten cents a second
    with counting_service() as service:
        outcome = home.run(
            *("file", "talk.wav", "--endpoint", service.url, "--jsonl"),
            *("-m", "universal-9", "--max-cost", "0.1"),
        )
    assert "greatest cost" in outcome.err
    assert 0.09 < outcome.records[-1]["cost_usd"] < 1


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
