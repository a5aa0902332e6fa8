"""Readers that do not read: a terminal, a pipe, a FIFO; one signal ends the run all the same."""

import os
import pty
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.counting import CountingService, counting_service, write_wav
from tests.program import DEADLINE_S, Home

pytestmark = pytest.mark.long

SOON_S = 10.0
ENOUGH_WORDS = 60


@contextmanager
def chatty_service() -> Iterator[CountingService]:
    """A service that says so much that no pipe and no terminal holds it."""

    def say(session: object, heard: int) -> None:
        if heard > 0:
            for number in range(40):
                turn = {
                    "type": "Turn",
                    "turn_order": 1000 * heard + number,
                    "turn_is_formatted": True,
                    "end_of_turn": True,
                    "transcript": f"{heard}-{number} " + "many words " * 20,
                    "end_of_turn_confidence": 1.0,
                    "words": [],
                    "utterance": "",
                }
                session.send(turn)  # type: ignore[attr-defined]

    with counting_service(fault=say) as service:
        yield service


def ends_soon(process: "subprocess.Popen[bytes]", service: CountingService) -> int:
    """It is told to end by one signal: the session is ended, and then the program."""
    service.wait_for_words(ENOUGH_WORDS)
    asked = time.monotonic()
    process.send_signal(signal.SIGINT)
    service.wait_for_close()
    assert service.sessions[0].terminated
    assert time.monotonic() - asked < SOON_S
    try:
        return process.wait(DEADLINE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


@pytest.fixture
def talk(home: Home) -> str:
    return str(write_wav(home.work / "talk.wav", 600))


def test_terminal_that_is_not_read(home: Home, talk: str) -> None:
    reading_end, terminal = pty.openpty()
    with chatty_service() as service:
        process = home.start(
            *("file", talk, "--endpoint", service.url),
            env={"TERM": "xterm", "LC_ALL": "C.UTF-8"},
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )
        code = ends_soon(process, service)
    os.close(terminal)
    os.close(reading_end)
    assert code == 130


def test_standard_error_that_is_a_pipe_which_nobody_reads(home: Home, talk: str) -> None:
    reading_end, writing_end = os.pipe()
    while True:  # full from the start
        os.set_blocking(writing_end, False)
        try:
            os.write(writing_end, bytes(1 << 16))
        except BlockingIOError:
            break
    os.set_blocking(writing_end, True)
    with chatty_service() as service:
        process = home.start(
            *("file", talk, "--endpoint", service.url, "--verbose", "--param", "odd=1"),
            stdout=subprocess.DEVNULL,
            stderr=writing_end,
        )
        code = ends_soon(process, service)
    os.close(writing_end)
    os.close(reading_end)
    assert code == 130


@pytest.mark.parametrize(
    ("option", "suffix"), [("-o", "jsonl"), ("-o", "txt"), ("-o", "srt"), ("--captions-file", "x")]
)
def test_output_to_a_fifo_which_nobody_reads(
    home: Home, talk: str, option: str, suffix: str
) -> None:
    fifo = home.work / f"fifo.{suffix}"
    os.mkfifo(fifo)
    reading_end = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)  # there is a reader, who does not read
    with chatty_service() as service:
        process = home.start(
            *("file", talk, "--endpoint", service.url, option, str(fifo)),
            stdout=subprocess.DEVNULL,
        )
        code = ends_soon(process, service)
        assert process.stderr is not None
        said = process.stderr.read().decode()
        process.stderr.close()
    os.close(reading_end)
    assert code == 130
    if option == "-o":
        assert f"'{fifo}' is given up: nobody reads it" in said


def test_slow_reader_of_a_fifo_gets_everything(home: Home) -> None:
    talk = str(write_wav(home.work / "talk.wav", 20))
    fifo = home.work / "fifo.txt"
    os.mkfifo(fifo)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(_slowly(fifo)))
    reader.start()
    with counting_service() as service:
        process = home.start(
            "file", talk, "--endpoint", service.url, "--pace", "max", "-o", str(fifo)
        )
        out, err = process.communicate(timeout=DEADLINE_S)
    reader.join(DEADLINE_S)
    assert process.returncode == 0, err
    assert got == [out.decode()]


def _slowly(fifo: Path) -> str:
    with fifo.open() as stream:
        time.sleep(4)
        return stream.read()
