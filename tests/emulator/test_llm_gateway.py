"""`llm_gateway`: finished turns are answered, by texts or by a command."""

import asyncio
import json
import shlex
import sys
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from tests.counting import speak
from tests.emulator.engine_answers import EngineAnswers
from tests.emulator.protocol_client import talk
from tests.program import Outcome
from transcribe_cli.emulator import llm_gateway
from transcribe_cli.emulator.actions import Finish, Finished, Hear, Send
from transcribe_cli.emulator.engine_runners import InProcessRunner
from transcribe_cli.emulator.engine_settings import EngineSettings, engine_settings_of
from transcribe_cli.emulator.engines.counting import CountingEngine
from transcribe_cli.emulator.family_rules import sends_two_finals
from transcribe_cli.emulator.llm_gateway import Answers, RunnerWithGateway
from transcribe_cli.testing.service import AssemblyAIService

ASKED = {"model": "m", "messages": [{"role": "user", "content": "Translate: {{turn}}"}]}


def gateway(answers: Answers, settings: EngineSettings) -> RunnerWithGateway:
    inner = InProcessRunner(CountingEngine(settings))
    return RunnerWithGateway(inner, answers, ASKED, sends_two_finals(settings))


async def heard(
    answers: Answers, settings: EngineSettings | None = None, words: int = 12
) -> list[dict[str, Any]]:
    """All that a session of so many counted words says."""
    return await heard_by(gateway(answers, settings or EngineSettings()), words)


async def heard_by(runner: RunnerWithGateway, words: int) -> list[dict[str, Any]]:
    answered = EngineAnswers(runner)
    runner.order(Hear(speak(words)))
    runner.order(Finish())
    messages = []
    while not isinstance(said := await answered.next(), Finished):
        assert isinstance(said, Send)
        messages.append(json.loads(said.text))
    await runner.close()
    return messages


def answers_in(messages: list[dict[str, Any]]) -> list[tuple[int, str, str]]:
    return [
        (m["turn_order"], m["transcript"], m["data"]["choices"][0]["message"]["content"])
        for m in messages
        if m["type"] == "LLMGatewayResponse"
    ]


def test_each_finished_turn_is_answered_and_the_last_text_serves() -> None:
    messages = asyncio.run(heard(Answers(("eins", "zwei"))))
    assert answers_in(messages) == [
        (0, "w1 w2 w3 w4 w5", "eins"),
        (1, "w6 w7 w8 w9 w10", "zwei"),
        (2, "w11 w12", "zwei"),
    ]


def test_a_formatted_final_is_answered_and_its_raw_version_is_not() -> None:
    asked = {"speech_model": "universal-streaming-english", "format_turns": True}
    settings = engine_settings_of(asked)
    messages = asyncio.run(heard(Answers(("ja",)), settings, words=5))
    assert answers_in(messages) == [(0, "w1 w2 w3 w4 w5", "ja")]
    kinds = [m.get("turn_is_formatted", m["type"]) for m in messages if m.get("end_of_turn", True)]
    assert kinds.index(True) < kinds.index("LLMGatewayResponse")


def test_a_command_gets_the_request_and_what_it_prints_is_the_answer() -> None:
    script = (
        "import json, sys; asked = json.load(sys.stdin); "
        "print(asked['model'], asked['messages'][0]['content'])"
    )
    messages = asyncio.run(heard(Answers(command=(sys.executable, "-c", script)), words=2))
    assert answers_in(messages) == [(0, "w1 w2", "m Translate: w1 w2")]
    usage = messages[-1]["data"]["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (3, 4)


def test_a_command_may_leave_something_running_that_holds_its_standard_error() -> None:
    script = (
        "import subprocess as s, sys; "
        "sleep = [sys.executable, '-c', 'import time; time.sleep(60)']; "
        "print(s.Popen(sleep, stdin=s.DEVNULL, stdout=s.DEVNULL).pid)"
    )
    messages = asyncio.run(heard(Answers(command=(sys.executable, "-c", script)), words=2))
    ((_, _, pid),) = answers_in(messages)
    psutil.Process(int(pid)).kill()


@pytest.mark.parametrize(
    ("command", "failure"),
    [
        (("/no/such/program",), "--llm-command could not be started: "),
        ((sys.executable, "-c", "raise SystemExit(3)"), "--llm-command ended with exit code 3"),
        (
            (sys.executable, "-c", "raise SystemExit('x' * 100_000 + '\\nno answer')"),
            "--llm-command ended with exit code 1: no answer",
        ),
    ],
)
def test_a_command_that_fails_answers_nothing_ends_no_session_and_is_told(
    command: tuple[str, ...], failure: str
) -> None:
    runner, failed = gateway(Answers(command=command), EngineSettings()), []
    runner.when_failed = lambda: failed.append(runner.failure)
    messages = asyncio.run(heard_by(runner, words=2))
    assert answers_in(messages) == [] and messages[-1]["end_of_turn"]
    (told,) = failed
    assert told.startswith(failure)


def test_a_client_hears_of_no_answer_and_the_control_says_so() -> None:
    command = shlex.join((sys.executable, "-c", "raise SystemExit(3)"))
    with AssemblyAIService("--llm-command", command) as service:
        assert talk(service.url, speak(2), llm_gateway=json.dumps(ASKED)).code == 1000
        (session,) = service.wait_for(1)
        assert session.without_effect == ["llm_gateway"]


def test_a_command_that_is_not_there_is_refused_at_the_start(
    call: Callable[..., Outcome],
) -> None:
    refused = call("serve", "--llm-command", "/no/such/program -x")
    assert refused.code == 2
    assert "--llm-command '/no/such/program' is no program that can be run" in refused.err


def test_a_fault_while_an_answer_is_made_reaches_whoever_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fails(command: object, data: bytes) -> str:
        await asyncio.sleep(0)  # so that the last word finds it under way
        raise ValueError("nothing of ours")

    monkeypatch.setattr(llm_gateway, "_output_of", fails)
    with pytest.raises(ValueError, match="nothing of ours"):
        asyncio.run(asyncio.wait_for(heard(Answers(command=("any",)), words=2), 20.0))
