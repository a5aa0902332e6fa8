"""`aai-stream token`: a token opens a session without the key, and is made only with it."""

import pytest

from tests.counting import write_wav
from tests.program import Home
from transcribe_cli.emulator.local_service import LocalService

pytestmark = pytest.mark.usefixtures("in_process")

KEY = {"ASSEMBLYAI_API_KEY": "a-key"}


@pytest.fixture
def script(home: Home) -> str:
    path = home.path / "script.jsonl"
    path.write_text('{"type":"Turn","turn_order":0,"end_of_turn":true,"transcript":"hello"}\n')
    return str(path)


def test_a_token_opens_a_session_without_the_key(home: Home, script: str) -> None:
    write_wav(home.work / "talk.wav", 2)
    with LocalService("--key", "a-key", "--script", script) as service:
        made = home.run("token", "--endpoint", service.url, "--expires-in", "60", env=KEY)
        assert (made.code, made.err) == (0, "")
        token = made.out.strip()
        outcome = home.run(
            "file", "talk.wav", "--endpoint", service.url, env={"AAI_STREAM_TOKEN": token}
        )
        refused = home.run("file", "talk.wav", "--endpoint", service.url)
    assert (outcome.code, outcome.out) == (0, "hello\n")
    assert token not in outcome.err
    assert refused.code == 4


def test_what_cannot_be_made_is_explained(home: Home, script: str) -> None:
    with LocalService("--key", "a-key", "--script", script) as service:
        wrong = home.run("token", "--endpoint", service.url, env={"ASSEMBLYAI_API_KEY": "another"})
    nobody = home.run("token", "--endpoint", "ws://127.0.0.1:9")
    assert wrong.code in (4, 5)
    assert "another" not in wrong.err
    assert (nobody.code, nobody.out) == (5, "")
    assert home.run("token").code == 4
    assert home.run("token", "--expires-in", "601").code == 2
