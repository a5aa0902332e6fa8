"""Bad input gets one line and one hint, the right exit code, and loses nothing."""

import socket
import threading
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.certificates import make_certificate
from tests.counting import Session, counting_service, write_wav
from tests.program import Home, Outcome, words

pytestmark = pytest.mark.usefixtures("in_process")


def explained(outcome: Outcome, code: int, *said: str) -> None:
    """It failed with this code, and its last two lines say what happened and what to try."""
    assert outcome.code == code, outcome.err
    assert "Traceback" not in outcome.err
    lines = outcome.err.splitlines()
    assert lines[-2].startswith("error: "), outcome.err
    assert lines[-1].startswith("hint: "), outcome.err
    for part in said:
        assert part in outcome.err


@pytest.fixture
def talk(home: Home) -> str:
    write_wav(home.work / "talk.wav", 5)
    return "talk.wav"


def test_no_key(home: Home, talk: str) -> None:
    explained(home.run("file", talk), 4, "no API key", "ASSEMBLYAI_API_KEY", "--local")


def test_a_wrong_key(home: Home, talk: str) -> None:
    def refuse(session: Session, heard: int) -> None:
        session.fail(1008, "Unauthorized Connection: Invalid API key")

    with counting_service(fault=refuse) as service:
        outcome = home.run(
            "file", talk, "--endpoint", service.url, env={"ASSEMBLYAI_API_KEY": "wrong-key"}
        )
    explained(outcome, 4, "refused the API key")
    assert "wrong-key" not in outcome.err
    assert len(service.sessions) == 1


def test_no_network(home: Home, talk: str) -> None:
    outcome = home.run(
        "file", talk, "--endpoint", "wss://no-such-host.invalid", env={"ASSEMBLYAI_API_KEY": "k"}
    )
    explained(outcome, 5, "no-such-host.invalid")


def test_nothing_listens_there(home: Home, talk: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    outcome = home.run("file", talk, "--endpoint", f"ws://127.0.0.1:{port}")
    explained(outcome, 5, f"127.0.0.1:{port}")
    assert not home.recordings.exists() or not list(home.recordings.iterdir())


def make_files(folder: Path) -> None:
    (folder / "empty.wav").write_bytes(b"")
    (folder / "notes.wav").write_text("these are notes, and no audio at all\n" * 20)
    (folder / "folder.wav").mkdir()
    with wave.open(str(folder / "header.wav"), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing.wav", "no file"),
        ("empty.wav", "empty"),
        ("notes.wav", "no audio"),
        ("folder.wav", "directory"),
        ("header.wav", "no audio"),
    ],
)
def test_a_file_that_cannot_be_transcribed(
    home: Home, call: Callable[..., Outcome], name: str, said: str
) -> None:
    make_files(home.work)
    with counting_service() as service:
        outcome = call("file", name, "--endpoint", service.url)
    explained(outcome, 3, said, name)
    assert service.sessions == []


def test_a_truncated_file_is_transcribed_as_far_as_it_goes(home: Home, talk: str) -> None:
    whole = (home.work / talk).read_bytes()
    (home.work / "cut.wav").write_bytes(whole[: 44 + 3 * 3200])
    with counting_service() as service:
        outcome = home.run("file", "cut.wav", "--endpoint", service.url, "--jsonl")
    assert outcome.code == 0
    assert words(outcome.records) == ["w1", "w2", "w3"]
    assert "ends before its header says" in outcome.err


def test_an_unwritable_output_is_found_before_anything_is_sent(
    call: Callable[..., Outcome], talk: str
) -> None:
    with counting_service() as service:
        for arguments in (
            ("-o", "no/such/folder/x.txt"),
            ("--record", "no/such/folder/x.wav"),
            ("--save-dir", "/proc/no"),
        ):
            outcome = call("file", talk, "--endpoint", service.url, *arguments)
            assert outcome.code == 2, outcome.err
            assert outcome.err.startswith("error: ")
    assert service.sessions == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--model", "whisper-rt", "--keyterm", "x"), ("whisper-rt", "--keyterm", "u3-rt-pro")),
        (("--model", "whisper-rt", "--language-code", "es"), ("whisper-rt", "--language-code")),
        (("--model", "whisper-rt", "--prompt", "x"), ("whisper-rt", "--prompt", "u3-rt-pro")),
        (
            ("--model", "universal-streaming-english", "--detect-language"),
            ("universal-streaming-english", "--detect-language", "whisper-rt"),
        ),
        (("--param", "nonsense"), ("nonsense", "NAME=VALUE")),
        (("--param", "=x"), ("NAME=VALUE",)),
        (("--endpoint", "https://example.org"), ("https://example.org", "ws://")),
        (("-o", "x.pdf"), (".pdf", ".jsonl")),
        (("--max-duration", "soon"), ("soon",)),
        (("--pace", "0"), ("--pace",)),
        (("--chunk-ms", "20"), ("--chunk-ms", "50")),
        (("--no-such-option",), ("--no-such-option",)),
    ],
)
def test_wrong_usage(
    call: Callable[..., Outcome], talk: str, arguments: tuple[str, ...], said: tuple[str]
) -> None:
    explained(call("file", talk, *arguments), 2, *said)


def test_an_error_is_a_record_too_with_jsonl(home: Home) -> None:
    outcome = home.run("file", "missing.wav", "--local", "--jsonl")
    (record,) = outcome.records
    assert record["type"] == "Error"
    assert record["exit_code"] == outcome.code == 3
    assert "missing.wav" in record["message"]
    assert record["hint"]


def test_an_unknown_model_is_sent_with_one_warning(home: Home, talk: str) -> None:
    with counting_service() as service:
        outcome = home.run("file", talk, "--endpoint", service.url, "--model", "universal-9")
    assert outcome.code == 0
    assert service.sessions[0].query["speech_model"] == ["universal-9"]
    assert outcome.err.count("universal-9") == 1


def test_an_option_with_nothing_to_add_is_a_note_and_is_not_sent(home: Home, talk: str) -> None:
    with counting_service() as service:
        outcome = home.run("file", talk, "--endpoint", service.url, "--format-turns")
    assert outcome.code == 0
    assert "format_turns" not in service.sessions[0].query
    assert "always formats" in outcome.err


class _Refusal(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(int(self.path.split("/")[1]))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def web_server() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Refusal)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"ws://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(("status", "code"), [(200, 5), (403, 4), (404, 5)])
def test_an_endpoint_that_is_no_websocket(home: Home, talk: str, status: int, code: int) -> None:
    with web_server() as url:
        outcome = home.run("file", talk, "--endpoint", f"{url}/{status}")
    explained(outcome, code)
    assert "next try" not in outcome.err


def test_a_certificate_that_does_not_verify(home: Home, talk: str, tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path)
    from transcribe_cli.emulator.local_service import LocalService

    script = tmp_path / "script.jsonl"
    script.write_text('{"type":"Turn","turn_order":0,"end_of_turn":true,"transcript":"hello"}\n')
    with LocalService(
        *("--certfile", str(cert), "--keyfile", str(key)),
        *("--script", str(script)),
    ) as service:
        refused = home.run("file", talk, "--endpoint", service.url)
        trusted = home.run(
            "file",
            talk,
            *("--endpoint", service.url.replace("127.0.0.1", "localhost")),
            env={"SSL_CERT_FILE": str(cert)},
        )
    explained(refused, 5, "certificate", "does not verify", "SSL_CERT_FILE")
    assert "next try" not in refused.err
    assert trusted.code == 0, trusted.err
    assert trusted.out == "hello\n"


def test_odd_messages_are_warnings_and_the_session_goes_on(home: Home, talk: str) -> None:
    def be_odd(session: Session, heard: int) -> None:
        if heard == 2:
            session.connection.send("this is no JSON")
            session.connection.send("[1, 2]")
            session.send({"type": "Turn", "turn_order": 0, "words": [{"start": 1.5}, 7]})
            session.send({"type": "Novelty", "what": {"ever": 1}})

    with counting_service(fault=be_odd) as service:
        outcome = home.run("file", talk, "--endpoint", service.url, "--jsonl")
    assert outcome.code == 0
    assert words(outcome.lines) == [f"w{number}" for number in range(1, 6)]
    novelty = next(record for record in outcome.lines if record["type"] == "Novelty")
    assert novelty["what"] == {"ever": 1}
    assert "odd message" in outcome.err
    assert "cannot be read" in outcome.err


def test_a_broken_container_on_standard_input(home: Home) -> None:
    with counting_service() as service:
        outcome = home.run("file", "-", "--endpoint", service.url, data=b"RIFF\0\0\0\0WAVEfmt ")
        explained(outcome, 3, "Standard input")
        outcome = home.run("file", "-", "--endpoint", service.url, data=b"")
        explained(outcome, 3, "Standard input")
    assert service.sessions == []
