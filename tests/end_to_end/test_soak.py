"""An hour through TLS, both ways at once, faster than real time."""

import json
from pathlib import Path

import pytest

from tests.certificates import make_certificate
from tests.counting import write_wav
from tests.program import Home, patience_s
from tests.word_comparison import assert_exact
from transcribe_cli.emulator.local_service import LocalService

WORDS = 36_000  # an hour
PACE = 60


@pytest.mark.long
def test_an_hour_of_audio_through_tls_with_an_answer_to_every_chunk(
    home: Home, tmp_path: Path
) -> None:
    cert, key = make_certificate(tmp_path)
    logbook = tmp_path / "logbook.jsonl"
    write_wav(home.work / "talk.wav", WORDS)
    arguments = ("--certfile", str(cert), "--keyfile", str(key), "--logbook", str(logbook))
    with (
        LocalService("--engine", "counting", *arguments) as service,
        (tmp_path / "out.jsonl").open("wb") as out,
    ):
        address = service.url.replace("127.0.0.1", "localhost")
        process = home.start(
            *("file", "talk.wav", "--endpoint", address, "--pace", str(PACE)),
            *("--jsonl", "--no-save"),
            env={"SSL_CERT_FILE": str(cert)},
            stdout=out,
        )
        try:
            _, err = process.communicate(timeout=patience_s())
        finally:
            process.kill()
            process.wait()
    assert process.returncode == 0, err
    lines = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    assert_exact(records, WORDS)
    turns = [record for record in records if record["type"] == "Turn"]
    assert len(turns) >= 2 * WORDS  # a partial for each chunk of 50 ms
    summary = records[-1]
    assert summary["sessions"] == 1 and summary["audio_s"] == WORDS / 10
    events = [json.loads(line)["event"] for line in logbook.read_text().splitlines()]
    assert events == ["open", "message", "terminate", "close"]
