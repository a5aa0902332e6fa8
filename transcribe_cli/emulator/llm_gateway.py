"""Answers finished turns as `llm_gateway` does: with texts that were given, or by a command.

Source: page "Universal-3 Pro Streaming": one LLMGatewayResponse for each finished turn; `{{turn}}`
in a message stands for its text. `usage` counts words, since nobody here knows the model's tokens.
"""

import asyncio
import time
from asyncio.subprocess import PIPE
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from os import SEEK_END
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec

from transcribe_cli.emulator.actions import Finished, FromEngine, Send, send
from transcribe_cli.emulator.engine_runners import EngineRunner, RunnerAround
from transcribe_cli.protocol.messages import LLMGatewayResponse, Turn

_PLACEHOLDER = "{{turn}}"
_ANSWER_WITHIN_S = 30.0
_COMPLAINT_BYTES = 1000  # at the end of what a command says on standard error


class Answers(NamedTuple):
    """What answers: turn N of a session gets text N, later ones the last; or a command does.

    Attributes:
        command: program and arguments; it gets the request in JSON on standard input, and what it
            prints is the answer.
    """

    texts: tuple[str, ...] = ()
    command: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.texts or self.command)


def request_for(asked: Mapping[str, Any], text: str) -> dict[str, Any]:
    """What the language model is asked about a turn.

    >>> request_for({"model": "m", "messages": [{"role": "user", "content": "Say {{turn}}"}]}, "hi")
    {'model': 'm', 'messages': [{'role': 'user', 'content': 'Say hi'}]}
    """
    messages = asked.get("messages")
    told = [
        {
            name: value.replace(_PLACEHOLDER, text) if isinstance(value, str) else value
            for name, value in message.items()
        }
        for message in (messages if isinstance(messages, list) else [])
        if isinstance(message, dict)
    ]
    return {**asked, "messages": told}


def response_of(
    turn_order: int, text: str, request: Mapping[str, Any], content: str, took_ns: int
) -> LLMGatewayResponse:
    """The message that carries an answer."""
    asked = [str(message.get("content", "")) for message in request["messages"]]
    tokens = {"input_tokens": len(" ".join(asked).split()), "output_tokens": len(content.split())}
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": content},
        "finish_reason": "stop",
    }
    data = {
        "request_id": str(uuid4()),
        "choices": [choice],
        "usage": {
            **tokens,
            "total_tokens": sum(tokens.values()),
            "prompt_tokens_details": {},
            "completion_tokens_details": {},
        },
        "request": {},
        "response_time": took_ns,
    }
    return LLMGatewayResponse(turn_order, text, data)


class RunnerWithGateway(RunnerAround):
    """Runs an engine, and has each of its finished turns answered.

    Attributes:
        failure: how the command failed, in words; "" as long as it has not.
        when_failed: called each time that it does.

    Args:
        asked: the client's `llm_gateway`.
        formats_twice: a formatted final follows the raw one, and is the one that is answered.
    """

    def __init__(
        self, runner: EngineRunner, answers: Answers, asked: Mapping[str, Any], formats_twice: bool
    ) -> None:
        super().__init__(runner)
        self._answers = answers
        self._asked = asked
        self._formats_twice = formats_twice
        self.failure = ""
        self.when_failed: Callable[[], None] = lambda: None
        self._turns = 0  # answered so far
        self._asking: set[asyncio.Task[None]] = set()
        self._ending: asyncio.Task[None] | None = None

    def hear(self, answer: FromEngine) -> None:
        """Pass it on; the last word waits for answers that are to come."""
        if isinstance(answer, Finished):
            self._ending = asyncio.create_task(self._end(answer))
            return
        self._taker.hear(answer)
        if isinstance(answer, Send):
            self._ask_about(answer.text)

    async def close(self) -> None:
        for task in (self._ending, *self._asking):
            if task is not None:
                task.cancel()
        await super().close()

    async def _end(self, finished: Finished) -> None:
        try:
            await asyncio.gather(*self._asking)
        except Exception as e:  # a fault of this
            self._taker.engine_failed(e)
        else:
            self._taker.hear(finished)

    def _ask_about(self, frame: str) -> None:
        try:
            turn = msgspec.json.decode(frame, type=_Told)
        except msgspec.DecodeError:
            return  # a script may send anything
        if turn.type != Turn.type or not (turn.end_of_turn and turn.transcript):
            return
        if self._formats_twice and not turn.turn_is_formatted:
            return
        task = asyncio.create_task(self._ask(turn.turn_order, turn.transcript, self._turns))
        self._turns += 1
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _ask(self, turn_order: int, text: str, number: int) -> None:
        request, began = request_for(self._asked, text), time.monotonic_ns()
        if self._answers.texts:
            content = self._answers.texts[min(number, len(self._answers.texts) - 1)]
        else:
            try:
                content = await _output_of(self._answers.command, msgspec.json.encode(request))
            except _CommandFailed as e:
                self.failure = f"--llm-command {e}"
                self.when_failed()
                return
        took_ns = time.monotonic_ns() - began
        self._taker.hear(send(response_of(turn_order, text, request, content, took_ns)))


class _CommandFailed(Exception):
    """A command gave no answer; `str()` says how."""


async def _output_of(command: Sequence[str], data: bytes) -> str:
    """What a command prints.

    Raises:
        _CommandFailed: it failed, or took too long.
    """
    from tempfile import TemporaryFile

    # A file, since what the command leaves running may hold a pipe open for ever, or fill it.
    with TemporaryFile() as complaints:
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, stderr=complaints
            )
        except OSError as e:
            raise _CommandFailed(f"could not be started: {e.strerror or e}") from e
        try:
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                printed, _ = await process.communicate(data)
        except TimeoutError as e:
            raise _CommandFailed(f"took more than {_ANSWER_WITHIN_S:.0f} s") from e
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        complaints.seek(max(0, complaints.seek(0, SEEK_END) - _COMPLAINT_BYTES))
        complaint = complaints.read(_COMPLAINT_BYTES)
    if process.returncode != 0:
        last = complaint.decode(errors="replace").strip().rpartition("\n")[2].strip()
        told = f": {last}" if last else ""
        raise _CommandFailed(f"ended with exit code {process.returncode}{told}")
    return printed.decode(errors="replace").rstrip("\n")


class _Told(msgspec.Struct):
    type: str = ""
    turn_order: int = 0
    turn_is_formatted: bool = False
    end_of_turn: bool = False
    transcript: str = ""
