"""Steers a running service over HTTP, below `/control`: requests in, answers out.

Each request has the control key in its `Authorization` header. Bodies are JSON.

| request | what it does |
| --- | --- |
| `GET /control` | open sessions, faults, the next connection's number, requests for a token |
| `GET /control/faults` | those that may come yet; `left`: for how many connections, null: all |
| `POST /control/faults` | adds `{"faults": [...]}`; `"next": N`: for the next N connections |
| `DELETE /control/faults` | clears them |
| `GET /control/sessions` | what each client sent, in short |
| `GET /control/sessions/NAME` | all of it; NAME is a number, an id or `last` |
| `GET /control/sessions/NAME/audio` | its audio as WAV |
| `PUT /control/scenario` | next sessions play `{"messages": [...]}`, lines of a script |
| | or in order `{"scenarios": [[...], ...]}`; `"for": {"path": "/a"}`: only those sessions |
| `PUT /control/llm` | `{"answers": [...]}` answer turns of sessions that ask `llm_gateway` |
| `POST /control/clock` | puts the clock forward by `{"advance_s": S}` |
| `POST /control/reset` | ends sessions; forgets what came, faults, scenario and what was counted |
| `POST /control/shutdown` | stops the service |
"""

import asyncio
import hmac
from collections.abc import Callable
from typing import Annotated, Any, Protocol, TypeVar
from urllib.parse import urlsplit

import msgspec

from transcribe_cli.emulator.fault_schedule import FaultPlan
from transcribe_cli.emulator.llm_gateway import Answers
from transcribe_cli.emulator.plain_http import HttpAnswer, HttpRequest, error_answer, json_answer
from transcribe_cli.emulator.ready_line import CONTROL
from transcribe_cli.emulator.script import parse_script
from transcribe_cli.emulator.script_choice import ScriptShelf
from transcribe_cli.emulator.service_clock import ServiceClock
from transcribe_cli.emulator.session_engines import SessionEngines
from transcribe_cli.emulator.session_records import SessionRecords
from transcribe_cli.errors import StreamError
from transcribe_cli.protocol.codec import NOT_JSON


class Steered(Protocol):
    """What the control can reach of a service."""

    plan: FaultPlan
    records: SessionRecords
    clock: ServiceClock
    shelf: ScriptShelf
    engines: SessionEngines

    @property
    def open_sessions(self) -> int:
        """Sessions that are open."""

    async def reset(self) -> None:
        """End all sessions and begin anew, as after the start."""

    def shut_down(self) -> None:
        """Stop the service."""


class _Faults(msgspec.Struct, forbid_unknown_fields=True):
    faults: Annotated[list[str], msgspec.Meta(min_length=1)]
    next: Annotated[int, msgspec.Meta(ge=1)] | None = None


class _Scenario(msgspec.Struct, forbid_unknown_fields=True):
    messages: list[dict[str, Any]] | None = None
    scenarios: Annotated[list[list[dict[str, Any]]], msgspec.Meta(min_length=1)] | None = None
    chosen: dict[str, str | int | float | bool] | None = msgspec.field(default=None, name="for")


class _Answers(msgspec.Struct, forbid_unknown_fields=True):
    answers: tuple[str, ...]


class _Clock(msgspec.Struct, forbid_unknown_fields=True):
    advance_s: float


_WANTED = {
    _Faults: '{"faults": ["drop@word=40"], "next": 1}, or without next',
    _Scenario: '{"messages": [{"say": "Hello."}]}, or {"scenarios": [[...], ...]}',
    _Answers: '{"answers": ["Yes."]}',
    _Clock: '{"advance_s": 10800}',
}

_Body = TypeVar("_Body", _Faults, _Scenario, _Answers, _Clock)


def _read(body: bytes, kind: type[_Body]) -> _Body:
    """What a request asks.

    Raises:
        StreamError: it is something else; what is wanted is named.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as e:
        wrong = str(e)
    except NOT_JSON:
        wrong = "it is no JSON" if body else "there is none"
    raise StreamError(f"The body is not what is wanted: {wrong}.", f"give {_WANTED[kind]}")


class Control:
    """The control of one service."""

    def __init__(self, key: str, service: Steered) -> None:
        self._key = key.encode()
        self._service = service
        self._routes: dict[tuple[str, str], Callable[[bytes], Any]] = {
            ("GET", ""): self._state,
            ("GET", "/faults"): self._list_faults,
            ("POST", "/faults"): self._add_faults,
            ("DELETE", "/faults"): self._clear_faults,
            ("GET", "/sessions"): lambda _: {"sessions": service.records.summaries()},
            ("PUT", "/scenario"): self._set_scenario,
            ("PUT", "/llm"): self._set_answers,
            ("POST", "/clock"): self._advance,
            ("POST", "/shutdown"): self._shut_down,
        }

    def refuse(self, request: HttpRequest) -> HttpAnswer | None:
        """The answer to a request without the key; its body need not be read."""
        given = request.headers.get_all("Authorization") or [""]
        known = hmac.compare_digest(given[0].removeprefix("Bearer ").encode(), self._key)
        if len(given) == 1 and known:
            return None
        return error_answer(401, "Authorization wants the ready line's control_key.")

    async def answer(self, request: HttpRequest) -> HttpAnswer:
        """Carry out one request."""
        if refused := self.refuse(request):
            return refused
        place = urlsplit(request.path).path.removeprefix(CONTROL).rstrip("/")
        if place.startswith("/sessions/") and request.method == "GET":
            return self._session(place.removeprefix("/sessions/"))
        if (request.method, place) == ("POST", "/reset"):
            # To its end, also where whoever asked goes meanwhile.
            await asyncio.shield(asyncio.ensure_future(self._service.reset()))
            return json_answer(200, self._state(b""))
        route = self._routes.get((request.method, place))
        if route is None:
            known = any(path == place for _, path in self._routes)
            said = f"There is no {request.method} {CONTROL}{place}."
            refused = error_answer(405 if known else 404, said)
            allowed = ", ".join(method for method, path in self._routes if path == place)
            return refused._replace(headers=(("Allow", allowed),)) if known else refused
        try:
            return json_answer(200, route(request.body))
        except StreamError as e:
            return error_answer(400, f"{e.message.rstrip('.')}; {e.hint}")

    def _state(self, _: bytes) -> dict[str, Any]:
        service = self._service
        return {
            "open_sessions": service.open_sessions,
            "next_connection": service.plan.connections,
            "faults": service.plan.specs,
            "token_requests": service.plan.token_requests,
            "token_faults": service.plan.token_faults,
        }

    def _list_faults(self, _: bytes) -> dict[str, Any]:
        plan = self._service.plan
        return {"faults": plan.specs, "left": plan.left}

    def _add_faults(self, body: bytes) -> dict[str, Any]:
        asked = _read(body, _Faults)
        self._service.plan.add(asked.faults, asked.next)
        return self._list_faults(b"")

    def _clear_faults(self, _: bytes) -> dict[str, Any]:
        self._service.plan.clear()
        return self._list_faults(b"")

    def _set_scenario(self, body: bytes) -> dict[str, Any]:
        asked = _read(body, _Scenario)
        if (asked.messages is None) == (asked.scenarios is None):
            raise StreamError("The body has either messages or scenarios.", "give one of them")
        scripts = []
        scenarios = asked.scenarios or [asked.messages or []]
        for number, messages in enumerate(scenarios, start=1):
            lines = "\n".join(msgspec.json.encode(message).decode() for message in messages)
            name = f"scenario {number}" if asked.scenarios else "the scenario"
            scripts.append(parse_script(lines, name))
        self._service.shelf.put(scripts, asked.chosen)
        return {"messages": sum(map(len, scenarios))}

    def _set_answers(self, body: bytes) -> dict[str, Any]:
        answers = _read(body, _Answers).answers
        self._service.engines.llm_answers = Answers(answers)
        return {"answers": len(answers)}

    def _advance(self, body: bytes) -> dict[str, Any]:
        seconds = _read(body, _Clock).advance_s
        if not 0 <= seconds <= 366 * 86_400:
            raise StreamError(
                "The clock is put forward by 0 s to a year.", "give advance_s in seconds"
            )
        self._service.clock.advance(seconds)
        return {"unix_time": self._service.clock.unix()}

    def _shut_down(self, _: bytes) -> dict[str, Any]:
        self._service.shut_down()
        return {"stopping": True}

    def _session(self, name: str) -> HttpAnswer:
        name, _, part = name.partition("/")
        if part not in ("", "audio"):
            return error_answer(404, f"There is no GET {CONTROL}/sessions/{name}/{part}.")
        record = self._service.records.find(name)
        if record is None:
            return error_answer(404, f"There is no session '{name}'.")
        if part == "":
            return json_answer(200, record.details())
        if (wav := record.wav()) is None:
            return error_answer(404, "There is no audio: --keep-audio keeps that of PCM sessions.")
        return HttpAnswer(200, wav, "audio/wav")
