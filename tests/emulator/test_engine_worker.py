"""What a recogniser's process says when it fails."""

import queue

import msgspec
import pytest

from tests.program import DEADLINE_S
from transcribe_cli.emulator import engine_worker
from transcribe_cli.emulator.engine_settings import EngineSettings
from transcribe_cli.emulator.engine_worker import (
    FAILED,
    HEADER_BYTES,
    WorkerStart,
    _Session,
    unpack_header,
)


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (ImportError("libonnx.so: failed to map segment from shared object"), b"enough memory"),
        (ValueError("what was said is secret"), b"ValueError"),
    ],
)
def test_the_cause_is_told_and_nothing_that_was_said(
    cause: Exception, said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def choose(name: str | None) -> object:
        raise cause

    monkeypatch.setattr(engine_worker, "choose_engine", choose)
    answers: queue.Queue[bytes] = queue.Queue()
    _Session(7, msgspec.json.encode(WorkerStart("any", EngineSettings())), answers.put)
    answer = answers.get(timeout=DEADLINE_S)

    assert unpack_header(answer[:HEADER_BYTES]).kind == FAILED
    assert said in answer and b"secret" not in answer


def test_a_session_decodes_with_what_was_made_before_there_were_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two threads in which msgspec meets a type for the first time crash the process."""

    def choose(name: str | None) -> object:
        raise EOFError

    monkeypatch.setattr(engine_worker, "choose_engine", choose)
    start = msgspec.json.encode(WorkerStart("any", EngineSettings()))
    monkeypatch.delattr(msgspec.json, "decode")
    answers: queue.Queue[bytes] = queue.Queue()
    _Session(7, start, answers.put)
    assert b"EOFError" in answers.get(timeout=DEADLINE_S)
