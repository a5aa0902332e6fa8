"""A journal that came with somebody else's folder."""

from pathlib import Path
from typing import Any

import pytest

from tests.counting import counting_service, write_wav
from tests.hostile.foreign_recordings import (
    ID,
    KEY,
    TOKEN,
    WORDS,
    heard_from_nobody,
    make_recording,
    put_in_place,
    stranger_listens,
)
from tests.program import Home
from transcribe_cli.recordings.fingerprint import fingerprint_of

pytestmark = pytest.mark.long

CREDENTIALS = {"ASSEMBLYAI_API_KEY": KEY}
SAID = "w1 w2 w3\n"


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    "endpoint",
    [
        "wss://evil.example/v3/ws",
        "wss://evil.example",
        "wss://streaming.assemblyai.com.evil.example/v3/ws",
        "wss://streaming.assemblyai.com@evil.example/v3/ws",
        "wss://streaming.assemblyai.com/v3/ws?webhook_url=https://evil.example",
        "wss://streaming.assemblyai.com:444/v3/ws",
        "ws://streaming.assemblyai.com/v3/ws",
        "ws://127.0.0.1.evil.example/v3/ws",
        "ws://localhost@evil.example/v3/ws",
        "ws://0.0.0.0/v3/ws",
        "ws://[::1/v3/ws",
        "http://evil.example",
        "evil.example",
        "\x1b[2Jwss://evil.example",
    ],
)
def test_the_key_goes_to_no_address_that_only_a_journal_names(home: Home, endpoint: str) -> None:
    folder = make_recording(home, endpoint=endpoint)
    before = content(folder)
    outcome = home.run("recordings", "resume", "latest", env=CREDENTIALS)

    assert outcome.code == 2, outcome.err
    assert "--endpoint" in outcome.err.splitlines()[-1]
    assert "\x1b" not in outcome.err
    assert content(folder) == before


@pytest.mark.parametrize("address", ["user:pw@127.0.0.1:{}/v3/ws", "127.0.0.1:{}/v3/ws?token=x"])
def test_nor_to_one_of_this_machine_with_more_than_an_address(home: Home, address: str) -> None:
    with stranger_listens() as stranger:
        make_recording(home, endpoint="ws://" + address.format(stranger.getsockname()[1]))
        assert home.run("recordings", "resume", "latest", env=CREDENTIALS).code == 2
        assert heard_from_nobody(stranger)


@pytest.mark.parametrize("variables", [CREDENTIALS, {"AAI_STREAM_TOKEN": TOKEN}])
def test_one_of_this_machine_gets_audio_and_no_key(home: Home, variables: dict[str, str]) -> None:
    with counting_service() as service:
        make_recording(home, endpoint=f"{service.url}/v3/ws")
        outcome = home.run("recordings", "resume", "latest", "--text", env=variables)
    assert (outcome.code, outcome.out) == (0, SAID)
    (seen,) = service.sessions
    assert "authorization" not in seen.headers
    assert "token" not in seen.query


@pytest.mark.parametrize("given", ["--endpoint", "AAI_STREAM_ENDPOINT"])
def test_the_user_says_where_the_key_goes(home: Home, given: str) -> None:
    make_recording(home, endpoint="wss://evil.example/v3/ws")
    with counting_service() as service:
        flags = [given, service.url] if given.startswith("-") else []
        variables = {} if flags else {given: service.url}
        outcome = home.run(
            "recordings", "resume", "latest", "--text", *flags, env=CREDENTIALS | variables
        )
    assert (outcome.code, outcome.out) == (0, SAID)
    assert service.sessions[0].headers["authorization"] == KEY


@pytest.mark.parametrize(
    "extra",
    [
        {"webhook_url": "https://evil.example"},
        {"webhook_auth_header_name": "a", "webhook_auth_header_value": "b"},
        {"llm_gateway": {"model": "x"}},
        {"customer_support_audio_capture": True},
        {"token": "theirs"},
        {"of_tomorrow": "x"},
        {"a&webhook_url": "https://evil.example"},
    ],
)
def test_a_journal_sends_the_transcript_nowhere(home: Home, extra: dict[str, Any]) -> None:
    parameters = {"speech_model": "u3-rt-pro", "sample_rate": 16000, **extra}
    with counting_service() as service:
        folder = make_recording(home, endpoint=f"{service.url}/v3/ws", parameters=parameters)
        before = content(folder)
        outcome = home.run("recordings", "resume", "latest", env=CREDENTIALS)
    assert outcome.code == 2, outcome.err
    assert repr(next(iter(extra))) in outcome.err
    assert "--param" in outcome.err
    assert not service.sessions
    assert content(folder) == before


def test_the_user_asks_again_for_what_a_journal_may_not_ask_for(home: Home) -> None:
    recorded = {
        "speech_model": "u3-rt-pro",
        "sample_rate": 16000,
        "keyterms_prompt": ["Harbor Point"],
        "webhook_url": "https://evil.example",
    }
    make_recording(home, parameters=recorded)
    with counting_service() as service:
        outcome = home.run(
            *("recordings", "resume", "latest", "--text", "--endpoint", service.url),
            *("--param", "webhook_url=https://mine.example"),
        )
    assert (outcome.code, outcome.out) == (0, SAID)
    query = service.sessions[0].query
    assert query["webhook_url"] == ["https://mine.example"]
    assert query["keyterms_prompt"] == ['["Harbor Point"]']


@pytest.fixture
def private(home: Home) -> Path:
    """A voice memo of the user's."""
    (home.path / "memos").mkdir()
    return write_wav(home.path / "memos" / "private.wav", WORDS)


@pytest.mark.parametrize("known", ["nothing", "size", "other time"])
def test_a_file_that_a_journal_knows_only_by_name_is_not_sent(
    home: Home, private: Path, known: str
) -> None:
    stamp = fingerprint_of(private)
    knows = {
        "nothing": {},
        "size": {"file": {"bytes": stamp["bytes"]}},
        "other time": {"file": stamp | {"modified_ms": stamp["modified_ms"] + 1}},
    }[known]
    with counting_service() as service:
        make_recording(
            home, endpoint=f"{service.url}/v3/ws", kind="file", path=str(private), **knows
        )
        outcome = home.run("recordings", "resume", "latest", env=CREDENTIALS)
    assert outcome.code == 3, outcome.err
    assert "has changed" in outcome.err
    assert not service.sessions


def test_the_file_that_is_sent_is_named(home: Home, private: Path) -> None:
    with counting_service() as service:
        make_recording(home, kind="file", path=str(private), file=fingerprint_of(private))
        outcome = home.run(*("recordings", "resume", "latest", "--text", "--endpoint", service.url))
    assert (outcome.code, outcome.out) == (0, SAID)
    assert f"going on with '{private}'" in outcome.err


@pytest.mark.parametrize("kind", ["fifo", "folder", "dangling link"])
def test_what_is_no_file_is_not_waited_for(home: Home, private: Path, kind: str) -> None:
    put_in_place(private, kind, home.path / "x")
    make_recording(home, kind="file", path=str(private), file={"bytes": 0, "modified_ms": 0})
    outcome = home.run("recordings", "resume", "latest", "--endpoint", "ws://127.0.0.1:9")
    assert outcome.code == 3, outcome.err


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000])
def test_a_name_that_none_can_have_is_an_error_of_one_line(home: Home, path: str) -> None:
    make_recording(home, kind="file", path=path)
    outcome = home.run("recordings", "resume", "latest", "--endpoint", "ws://127.0.0.1:9")
    assert outcome.code == 3, outcome.err


@pytest.mark.parametrize(
    "names", [{"kind": "../../out"}, {"kind": "/tmp/out"}, {"kind": "file", "source": "../../out"}]
)
def test_an_export_stays_where_the_user_put_it(home: Home, names: dict[str, str]) -> None:
    make_recording(home, **names)
    before = set(home.path.rglob("*.txt"))
    (home.work / "mine").mkdir()
    outcome = home.run("recordings", "export", "latest", "-o", "mine/{stem}.txt")
    assert outcome.code == 0, outcome.err
    (made,) = set(home.path.rglob("*.txt")) - before
    assert made == home.work / "mine" / "out.txt"


def test_a_batch_takes_neither_service_nor_parameters_from_a_journal(
    home: Home, private: Path
) -> None:
    with stranger_listens() as stranger, counting_service() as service:
        folder = make_recording(
            home,
            endpoint=f"ws://127.0.0.1:{stranger.getsockname()[1]}/v3/ws",
            kind="file",
            path=str(private),
            file=fingerprint_of(private),
            parameters={"speech_model": "u3-rt-pro", "sample_rate": 16000, "webhook_url": "x"},
        )
        folder.rename(folder.with_name(f"{ID}-private"))
        outcome = home.run(
            *("file", str(private.parent), "--endpoint", service.url), env=CREDENTIALS
        )
        assert heard_from_nobody(stranger)
    assert outcome.code == 0, outcome.err
    (seen,) = service.sessions
    assert "webhook_url" not in seen.query
