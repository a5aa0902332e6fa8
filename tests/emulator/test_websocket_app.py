"""The service on a real socket: who may come in, what is refused, how it ends."""

import json
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.certificates import make_certificate
from tests.emulator.protocol_client import (
    REPOSITORY,
    TERMINATE,
    next_message,
    session,
    silence,
    talk,
    until_close,
)
from tests.program import DEADLINE_S
from transcribe_cli.emulator.server import run_service
from transcribe_cli.emulator.service_options import ServiceOptions
from transcribe_cli.errors import UsageError

KEY = "swordfish"


def get(url: str, path: str, key: str | None = None) -> tuple[int, Any]:
    """An HTTP answer's status and JSON."""
    address = f"http://{urlsplit(url).netloc}{path}"
    request = urllib.request.Request(address, headers={"Authorization": key} if key else {})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=DEADLINE_S) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as e:
        with e:
            return e.code, json.load(e)


def test_credentials_are_checked_after_the_upgrade(
    start_playing: Callable[..., str], logbook: Callable[[], list[dict[str, Any]]]
) -> None:
    url = start_playing({"type": "Hello"}, "--key", KEY)
    missing = talk(url, last=None)
    assert missing.error == "Unauthorized Connection: Missing Authorization header"
    for key in ("wrong", f"Bearer {KEY}"):
        heard = talk(url, last=None, key=key)
        assert heard.code == 1008
        assert heard.error == "Unauthorized Connection: Invalid API key"
    assert talk(url, key=KEY).code == 1000
    assert KEY not in json.dumps(logbook())


def test_a_temporary_token_opens_a_session_with_its_cap(
    start_playing: Callable[..., str], logbook: Callable[[], list[dict[str, Any]]]
) -> None:
    url = start_playing({"type": "Hello"}, "--key", KEY)
    query = "/v3/token?expires_in_seconds=60&max_session_duration_seconds=300"
    status, answer = get(url, query, KEY)
    assert status == 200 and answer["expires_in_seconds"] == 60
    token = answer["token"]
    for way in ({"token": token}, {"key": token}):
        begin = talk(url, **way).messages[0]
        assert 290 <= begin["expires_at"] - time.time() <= 301
    assert token not in json.dumps(logbook())
    status, answer = get(url, "/v3/token?expires_in_seconds=0", KEY)
    assert status == 422 and answer["detail"][0]["loc"] == ["query", "expires_in_seconds"]


def test_the_logbook_tells_each_connection_apart(
    serve: Callable[..., str], logbook: Callable[[], list[dict[str, Any]]]
) -> None:
    faults = ("--fault", "session=0:refuse=503", "--fault", "session=2:error=3005@terminate")
    url = serve("--engine", "counting", *faults)
    with pytest.raises(InvalidStatus):
        talk(url)
    assert talk(url, sample_rate=5, key=KEY).code == 3006
    assert talk(url, silence(250), key=KEY, last=TERMINATE).code == 3005
    told = [(each["event"], each["connection"]) for each in logbook()]
    assert told == [
        ("fault", 0),
        ("refused", 1),
        *((event, 2) for event in ("open", "message", "fault", "terminate", "close")),
    ]
    _, refused, opened, *_, closed = logbook()
    for arrived, rate in ((refused, "5"), (opened, 16000)):
        assert (arrived["path"], arrived["parameters"]["sample_rate"]) == ("/v3/ws", rate)
        assert ["Authorization", "[secret]"] in arrived["headers"]
    assert closed["chunk_bytes"] == [3200, 3200, 1600]
    assert closed["chunk_ms"] == sorted(closed["chunk_ms"]) and len(closed["chunk_ms"]) == 3
    times = [datetime.fromisoformat(each["time"]) for each in logbook()]
    assert times == sorted(times) and times[0].tzinfo is not None


def test_health_and_any_path(play: Callable[..., str]) -> None:
    url = play({"type": "Hello"})
    assert get(url, "/v3/ws/health") == (200, {"status": "ok"})
    base = url.removesuffix("/v3/ws")
    for path in ("", "/", "/v3/ws", "/v3/anything"):
        assert talk(base + path).messages[0]["type"] == "Begin"


def test_parameters_are_checked_before_begin(play: Callable[..., str]) -> None:
    url = play({"type": "Hello"})
    missing = talk(url, last=None, speech_model=None)
    assert missing.code == 3006 and len(missing.texts) == 1
    assert missing.error == "User Input Validation Error: Invalid 'speech_model': Field required"
    bad = talk(url, last=None, sample_rate=7000)
    assert "Invalid 'sample_rate'" in bad.error
    assert talk(url, speechModel="ignored", format_turns="True").code == 1000


def test_chunk_lengths_are_enforced(play: Callable[..., str]) -> None:
    url = play({"type": "Hello"})
    long = talk(url, silence(1200), chunk_bytes=38400, last=None)
    assert long.code == 3007 and "Input Duration Violation: 1200.0 ms" in long.error
    short = talk(url, silence(100), chunk_bytes=640, last=None)
    assert short.code == 3007 and "Input Duration Violation: 20.0 ms" in short.error
    assert talk(url, silence(1020), chunk_bytes=32000).code == 1000


def test_a_message_over_128_kb_is_closed_with_1009(play: Callable[..., str]) -> None:
    url = play({"type": "Hello"})
    heard = talk(url, bytes(140_000), chunk_bytes=140_000, last=None, sample_rate=96000)
    assert heard.code == 1009


def test_bad_json_is_an_error(play: Callable[..., str]) -> None:
    heard = talk(play({"type": "Hello"}), last="{not json")
    assert heard.code == 3006 and "Invalid JSON" in heard.error
    assert not heard.of_type("Termination")


def test_a_session_is_closed_when_its_time_is_up(start_playing: Callable[..., str]) -> None:
    heard = talk(start_playing({"type": "Hello"}, "--max-session-s", "1"), last=None)
    assert heard.code == 3008 and not heard.of_type("Error")
    assert heard.reason == "Session Expired: Maximum session duration exceeded"


def test_limits_on_sessions(start_playing: Callable[..., str]) -> None:
    url = start_playing({"type": "Hello"}, "--max-sessions", "1")
    with session(url) as first:
        next_message(first)
        heard = talk(url, last=None)
        assert heard.code == 1008
        assert heard.error == "Unauthorized Connection: Too many concurrent sessions"


def test_a_limit_on_new_sessions_in_a_minute(start_playing: Callable[..., str]) -> None:
    url = start_playing({"type": "Hello"}, "--new-sessions-per-minute", "2")
    assert [talk(url).code for _ in range(3)] == [1000, 1000, 1008]


def test_audio_faster_than_allowed_is_refused(start_playing: Callable[..., str]) -> None:
    url = start_playing({"type": "Hello"}, "--max-audio-rate", "1.25")
    heard = talk(url, silence(10_000), last=None)
    assert heard.code == 3007 and "Audio Transmission Rate Exceeded: Received" in heard.error


def test_sessions_are_closed_when_the_service_stops(tmp_path: Path) -> None:
    script = tmp_path / "empty.jsonl"
    script.write_text("", encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "transcribe_cli", "serve", "--port", "0", "--script", str(script)],
        cwd=REPOSITORY,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("Listening on ws://127.0.0.1:")
        assert "aai-stream file --sample --endpoint" in process.stderr.readline()
        with session(line.split()[2]) as connection:
            assert next_message(connection)["type"] == "Begin"
            process.terminate()
            if sys.platform != "win32":
                assert until_close(connection).code == 1001
                assert process.wait(DEADLINE_S) == 0
    finally:
        process.kill()
        process.communicate()


def serve_one_of_each(*options: str) -> list[str]:
    """What `serve` says of a session that ends, one that is left and one that is refused."""
    command = [sys.executable, "-m", "transcribe_cli", "serve", "--port", "0", *options]
    process = subprocess.Popen(
        [*command, "--engine", "counting"], cwd=REPOSITORY, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        url = process.stderr.readline().split()[2]
        with session(url, token="secret") as connection:
            next_message(connection)
            connection.send('{"type":"Terminate"}')
            until_close(connection)
        with session(url, token="secret") as connection:
            next_message(connection)
        for _ in range(5):
            with session(url, token="secret") as connection:
                next_message(connection)
                go_with_many_pings(connection.socket)
        with session(url, speech_model=None, token="secret") as connection:
            until_close(connection)
    finally:
        process.terminate()
        _, told = process.communicate(timeout=DEADLINE_S)
    return [line for line in told.splitlines() if not line.startswith("  ")]


def go_with_many_pings(client: socket.socket) -> None:
    """Leave by RST while the service answers them."""
    client.sendall(bytes([0x89, 0x80, 0, 0, 0, 0]) * 500)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@pytest.mark.skipif(sys.platform == "win32", reason="terminate() lets it say nothing")
def test_each_session_has_a_line_when_it_is_over() -> None:
    told = sorted(serve_one_of_each())
    opened = "session: u3-rt-pro, sample_rate=16000; 0.0 s of audio in "
    assert told[0].startswith("session refused: 3006 User Input Validation Error")
    assert all(line.startswith(opened) for line in told[1:])
    assert {line.rpartition("; ")[2].split(" (")[0] for line in told[1:]} == {
        "Terminate",
        "the client left",
    }
    assert "secret" not in "".join(told)
    assert serve_one_of_each("--quiet") == []


def test_a_taken_port_is_one_plain_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=str(port)) as e:
            run_service(ServiceOptions(port=port))
    assert "--port" in e.value.hint


def test_listening_beyond_this_machine_needs_a_key() -> None:
    with pytest.raises(UsageError, match="needs a key"):
        run_service(ServiceOptions(host="0.0.0.0"))


def test_a_bad_certificate_is_one_plain_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="certificate"):
        run_service(ServiceOptions(certfile=tmp_path / "none.pem"))


def test_tls(serve: Callable[..., str], tmp_path: Path) -> None:
    import ssl

    cert, key = make_certificate(tmp_path)
    script = tmp_path / "empty.jsonl"
    script.write_text("", encoding="utf-8")
    url = serve("--script", str(script), "--certfile", str(cert), "--keyfile", str(key))
    assert url.startswith("wss://")
    context = ssl.create_default_context(cafile=str(cert))
    address = f"{url}?speech_model=whisper-rt"
    with connect(address, ssl=context, proxy=None, open_timeout=DEADLINE_S) as connection:
        assert next_message(connection)["configuration"]["model"] == "whisper-rt"
