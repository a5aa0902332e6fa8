"""The programs of the service's pages, and the official SDK's asynchronous client, unchanged."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.node_program import run_node_program
from tests.clients.quickstart import FOLDER
from tests.counting import speak
from tests.program import LONG_DEADLINE_S, ROOT
from tests.requirements import require_node_package
from transcribe_cli.testing.service import AssemblyAIService

PROGRAMS = sorted(path.name.removesuffix(".py.txt") for path in FOLDER.glob("*.py.txt"))
FIRST_TURNS = ("w1 w2 w3 w4 w5", "w6 w7 w8 w9 w10")


@pytest.fixture(scope="module")
def service() -> Iterator[AssemblyAIService]:
    with AssemblyAIService("--default-model", "u3-rt-pro") as running:
        yield running


@pytest.mark.long
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_of_the_pages_hears_what_is_said(
    service: AssemblyAIService, program: str
) -> None:
    service.reset()
    ran = subprocess.run(
        [sys.executable, "-m", "tests.clients.quickstart", program, service.url],
        cwd=ROOT,
        env={"ASSEMBLYAI_API_KEY": "any", "PYTHONUNBUFFERED": "1"},
        capture_output=True,
        text=True,
        timeout=LONG_DEADLINE_S,
    )
    for turn in FIRST_TURNS:
        assert turn in ran.stdout, ran.stdout + ran.stderr
    (heard,) = service.wait_for(1)
    words = [n.to_bytes(2, "little") for n in range(1, 13)]
    assert all(word * 100 in heard.audio for word in words)
    if program == "short_sdk":
        assert "Session terminated: " in ran.stdout and ran.returncode == 0
        heard.assert_terminated()


@pytest.mark.long
@pytest.mark.parametrize("program", ["long_websocket", "models_websocket"])
def test_a_program_in_javascript_hears_what_is_said(
    tmp_path: Path, service: AssemblyAIService, program: str
) -> None:
    """One of them misspells its parameters, so that it names no model."""
    service.reset()
    ws = require_node_package("ws")
    ran = run_node_program(program, service.url, tmp_path, {"ws": ws})
    for turn in FIRST_TURNS:
        assert turn in ran.stdout, ran.stdout + ran.stderr
    (heard,) = service.wait_for(1)
    heard.assert_parameters(speech_model="u3-rt-pro")
    heard.assert_messages("Terminate")


async def heard_by_async_client(service: AssemblyAIService) -> list[str]:
    """The finals that the SDK's asynchronous client passes on."""
    from assemblyai.streaming.v3 import (
        AsyncStreamingClient,
        StreamingClientOptions,
        StreamingEvents,
        StreamingParameters,
    )

    finals: list[str] = []

    async def on_turn(_: object, turn: object) -> None:
        if turn.end_of_turn:  # type: ignore[attr-defined]
            finals.append(turn.transcript)  # type: ignore[attr-defined]

    client = AsyncStreamingClient(StreamingClientOptions(api_key="any", api_host=service.api_host))
    client.on(StreamingEvents.Turn, on_turn)
    await client.connect(
        StreamingParameters.model_validate({"sample_rate": 16000, "speech_model": "u3-rt-pro"})
    )
    audio = speak(12)
    for at in range(0, len(audio), 3200):
        await client.stream(audio[at : at + 3200])
    await client.disconnect(terminate=True)
    return finals


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:Pydantic serializer:UserWarning")
def test_the_asynchronous_sdk_hears_what_is_said(service: AssemblyAIService) -> None:
    service.reset()
    assert asyncio.run(heard_by_async_client(service)) == [*FIRST_TURNS, "w11 w12"]
    service.wait_for(1)[0].assert_terminated()
