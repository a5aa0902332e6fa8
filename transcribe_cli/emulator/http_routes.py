"""What the service answers to HTTP: health, tokens, the control; or it opens a WebSocket."""

from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from transcribe_cli.emulator.control import Control
from transcribe_cli.emulator.fault_schedule import FaultPlan
from transcribe_cli.emulator.key_checks import KeyChecks
from transcribe_cli.emulator.logbook import Logbook
from transcribe_cli.emulator.plain_http import HttpAnswer, HttpRequest, error_answer, json_answer
from transcribe_cli.emulator.ready_line import CONTROL, HEALTH, TOKEN
from transcribe_cli.emulator.service_clock import ServiceClock
from transcribe_cli.emulator.token_endpoint import answer_token_request
from transcribe_cli.emulator.websocket_upgrade import why_no_upgrade
from transcribe_cli.protocol.web_origin import Headers, why_refused

_HEALTH_PATHS = (HEALTH, "/v3/ws/health")  # the second is that of the self-hosted service

_GONE = "/v2/realtime"  # the older API, which the service has no more

_NO_CONTROL = error_answer(404, "The control is there with --ready-json.")


class HttpRoutes:
    """The plain HTTP of one service.

    Args:
        any_host: it also serves other machines, so it may be asked by any name.
        control: None where there is none.
    """

    def __init__(
        self,
        keys: KeyChecks,
        clock: ServiceClock,
        plan: FaultPlan,
        logbook: Logbook,
        any_host: bool,
        control: Control | None,
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._plan = plan
        self._logbook = logbook
        self._any_host = any_host
        self._control = control

    def refuse_unread(self, request: HttpRequest) -> HttpAnswer | None:
        """The answer to a request whose body need not be read; None lets it in."""
        if refused := self._refuse_stranger(request):
            return refused
        if _is_for_control(request):
            return _NO_CONTROL if self._control is None else self._control.refuse(request)
        if request.method not in ("GET", "HEAD"):
            refused = error_answer(405, f"{request.method} is for {CONTROL} only.")
            return refused._replace(headers=(("Allow", "GET, HEAD"),))
        if request.headers.get_all("Content-Length") not in ([], ["0"]):
            return error_answer(400, f"A body is for {CONTROL} only.")
        return None

    def _refuse_stranger(self, request: HttpRequest) -> HttpAnswer | None:
        """The answer to a web page of another origin, to whoever asks by another's name, and to
        whoever asks for what is no path.
        """
        status, why = 403, why_refused(request.headers, any_host=self._any_host)
        if why is None:
            try:
                urlsplit(request.path)
                return None
            except ValueError:
                status, why = 400, "What is asked for is no path."
        self._logbook.write("refused", code=status, error=why)
        return error_answer(status, why)

    async def answer(self, request: HttpRequest) -> HttpAnswer | None:
        """The answer to a request that was let in; None: it opens a WebSocket."""
        if _is_for_control(request):
            return await self._control.answer(request) if self._control else _NO_CONTROL
        url = urlsplit(request.path)
        if url.path in _HEALTH_PATHS:
            return json_answer(200, {"status": "ok"})
        if url.path == TOKEN:
            if fault := self._plan.next_token_fault():
                self._logbook.write("fault", fault=fault.spec)
                return error_answer(fault.code, HTTPStatus(fault.code).phrase)
            key = _authorization_of(request.headers)
            asked = answer_token_request(url.query, key, self._keys, self._clock.unix())
            return json_answer(*asked)
        if url.path.startswith(_GONE):
            return error_answer(404, "Not Found")
        return why_no_upgrade(request)


def _is_for_control(request: HttpRequest) -> bool:
    path = urlsplit(request.path).path
    return path == CONTROL or path.startswith(f"{CONTROL}/")


def credentials_of(request: HttpRequest) -> tuple[str | None, str | None]:
    """The Authorization header, and the query parameter `token`, before the query is checked."""
    token = parse_qs(urlsplit(request.path).query).get("token", [None])[-1]
    return _authorization_of(request.headers), token


def _authorization_of(headers: Headers) -> str | None:
    """The Authorization header; several are joined, which no key matches."""
    return ", ".join(headers.get_all("Authorization") or ()) or None
