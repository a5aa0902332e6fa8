"""`--captions-file` and `--captions-port`: captions for other programs while they are spoken."""

import json
import socket
import subprocess
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.counting import counting_service, write_wav
from tests.program import Home, finals, finish, words

pytestmark = pytest.mark.usefixtures("in_process")


def address_said(process: "subprocess.Popen[bytes]") -> str:
    """The page's address, from standard error."""
    assert process.stderr is not None
    for line in process.stderr:
        said, found, url = line.decode().strip().partition("captions: ")
        if found:
            assert said == ""
            return url
    raise AssertionError("no address was said")


def events_of(url: str) -> list[dict[str, Any]]:
    """All records up to the end of the run, and the end itself."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=30)
    connection.request("GET", "/events")
    body = connection.getresponse().read().decode()
    connection.close()
    assert body.endswith("\n\nevent: end\ndata: {}\n\n")
    return [json.loads(line[6:]) for line in body.splitlines() if line.startswith('data: {"')]


@pytest.mark.parametrize("pace", ["10", "max"])
@pytest.mark.first(1)
def test_page_carries_the_records_of_the_run(home: Home, pace: str) -> None:
    write_wav(home.work / "talk.wav", 30)
    with counting_service() as service:
        process = home.start(
            *("file", "talk.wav", "--endpoint", service.url, "--pace", pace),
            *("--captions-port", "0", "-o", "talk.jsonl"),
        )
        told = events_of(address_said(process))
        outcome = finish(process)
    assert outcome.code == 0, outcome.err
    written = [json.loads(line) for line in (home.work / "talk.jsonl").read_text().splitlines()]
    assert all(record in written for record in told)
    assert finals(told) == finals(written)
    assert words(told) == [f"w{number}" for number in range(1, 31)]
    assert told[-1]["type"] == "Summary"


def test_file_holds_what_was_said_last(home: Home) -> None:
    write_wav(home.work / "talk.wav", 20)
    with counting_service() as service:
        outcome = home.run(
            *("file", "talk.wav", "--endpoint", service.url, "--pace", "max"),
            *("--captions-file", "captions.txt"),
        )
    assert outcome.code == 0, outcome.err
    assert (home.work / "captions.txt").read_text() == "w11 w12 w13 w14 w15\nw16 w17 w18 w19 w20"


def test_variables_name_them_too(home: Home) -> None:
    write_wav(home.work / "talk.wav", 5)
    with counting_service() as service:
        outcome = home.run(
            *("file", "talk.wav", "--endpoint", service.url, "--pace", "max"),
            env={"AAI_STREAM_CAPTIONS_FILE": "captions.txt", "AAI_STREAM_CAPTIONS_PORT": "0"},
        )
    assert outcome.code == 0, outcome.err
    assert (home.work / "captions.txt").read_text() == "w1 w2 w3 w4 w5"
    assert outcome.err.count("captions: http://127.0.0.1:") == 1


def test_what_cannot_be_opened_is_found_before_anything_is_sent(home: Home) -> None:
    write_wav(home.work / "talk.wav", 5)
    with counting_service() as service, socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for arguments in (
            ("--captions-port", str(port)),
            ("--captions-file", "no/such/folder.txt"),
        ):
            outcome = home.run("file", "talk.wav", "--endpoint", service.url, *arguments)
            assert outcome.code == 2
            assert outcome.err.startswith("error: ")
            assert "choose another" in outcome.err
    assert service.sessions == []
