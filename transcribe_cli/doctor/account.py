"""Checks the API key, and opens a session with it that is ended at once."""

import re
import selectors
import time
from typing import TYPE_CHECKING, NamedTuple

from transcribe_cli import __version__
from transcribe_cli.doctor.findings import Finding, failed, ok, warning
from transcribe_cli.errors import ConnectionFailed, ServiceError, StreamError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.protocol.close_codes import Verdict, explain_close, explain_handshake
from transcribe_cli.protocol.codec import BadMessage, decode_server_message, encode_client_message
from transcribe_cli.protocol.endpoint import is_loopback, session_url
from transcribe_cli.protocol.messages import Begin, Error, Terminate, Termination
from transcribe_cli.protocol.models import DEFAULT_MODEL, usd_per_hour
from transcribe_cli.settings.credentials import Credentials, find_credentials
from transcribe_cli.settings.environment import KEY_VARIABLE, Environment
from transcribe_cli.settings.session_parameters import resolve_parameters

if TYPE_CHECKING:
    from transcribe_cli.session.connection import CloseFrame, Connection

_SESSION_LIMIT_S = 9.0
_END_LIMIT_S = 3.0
_LOCAL_END_LIMIT_S = 8.0  # the local recogniser may still be loading
_CLOSE_AFTER_ERROR_S = 0.5
_KEY_FORM = re.compile(r"[0-9a-fA-F]{32}")


def check_key(environment: Environment, endpoint: str) -> tuple[Finding, Credentials | None]:
    """Check that there is a key, where it comes from, and that it looks like one.

    The credentials are None if no session can be opened. The key itself is never shown.
    """
    try:
        credentials = find_credentials(environment, endpoint)
    except StreamError as e:
        return failed("key", e), None
    if credentials.token:
        return ok("key", str(credentials)), credentials
    if not credentials.key:
        return ok("key", "none, and a service on this machine needs none"), credentials
    source = credentials.found_in
    if is_loopback(endpoint) or _KEY_FORM.fullmatch(credentials.key):
        return ok("key", f"from {source}"), credentials
    return (
        warning(
            "key",
            f"from {source}; it does not look like one",
            f"a key is usually 32 hexadecimal digits: set {KEY_VARIABLE} to it without quotes, "
            "blanks or 'Bearer'",
        ),
        credentials,
    )


class SessionOutcome(NamedTuple):
    """How a session went; None for what did not happen.

    Attributes:
        begun_s: seconds until Begin.
        billed_s: seconds of session, from its Termination.
        error: the Error message.
        close: code and reason of a close before the Termination.
    """

    begun_s: float | None = None
    billed_s: float | None = None
    error: Error | None = None
    close: tuple[int | None, str] | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more can arrive."""
        return self.billed_s is not None or self.close is not None

    def after(self, message: "bytes | CloseFrame", now_s: float) -> "SessionOutcome":
        """The outcome after one more message; `now_s`: seconds since the session was requested."""
        if self.is_over:
            return self
        if not isinstance(message, bytes):
            return self._replace(close=(message.code, message.reason))
        try:
            said = decode_server_message(message).message
        except BadMessage:
            return self
        if isinstance(said, Begin) and self.begun_s is None:
            return self._replace(begun_s=now_s)
        if isinstance(said, Error):
            return self._replace(error=said)
        if isinstance(said, Termination):
            return self._replace(billed_s=float(said.session_duration_seconds or 0))
        return self


def check_session(endpoint: str, credentials: Credentials, *, local: bool) -> Finding:
    """Begin a session and end it at once.

    Raises:
        ConnectionFailed: the service cannot be reached, or the connection broke.
    """
    from transcribe_cli.session.connection import Connection

    query = resolve_parameters(DEFAULT_MODEL, 16000).query
    headers = {"User-Agent": f"aai-stream/{__version__}"} | credentials.headers()
    began = time.monotonic()
    try:
        connection = Connection.open(session_url(endpoint, query | credentials.query()), headers)
    except ConnectionFailed as e:
        if e.http_status is None or 300 <= e.http_status < 400:
            raise
        return _refused(explain_handshake(e.http_status))
    outcome = SessionOutcome()
    try:
        outcome = _converse(connection, began, _LOCAL_END_LIMIT_S if local else _END_LIMIT_S)
    finally:
        told = outcome.begun_s is not None
        connection.close("" if told else encode_client_message(Terminate()))
    return session_finding(outcome, 0.0 if local else usd_per_hour(query))


def _converse(connection: "Connection", began: float, end_limit_s: float) -> SessionOutcome:
    """Run the session from the upgrade to its Termination, or to an error or a close.

    `end_limit_s`: seconds to wait for the Termination once the session has begun.

    Raises:
        ConnectionFailed: the connection broke.
    """
    outcome = SessionOutcome()
    deadline = began + _SESSION_LIMIT_S
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        while not outcome.is_over and (left_s := deadline - time.monotonic()) > 0:
            if not connection.unread:
                selector.select(left_s)
            before = outcome
            for message in connection.receive(time.monotonic()):
                outcome = outcome.after(message, time.monotonic() - began)
            if outcome.begun_s is not None and before.begun_s is None:
                connection.send_text(encode_client_message(Terminate()))
                deadline = time.monotonic() + end_limit_s
            if outcome.error is not None and before.error is None:
                deadline = time.monotonic() + _CLOSE_AFTER_ERROR_S
            if connection.broken is not None:
                if outcome == SessionOutcome():
                    raise connection.broken
                break
    return outcome


def session_finding(outcome: SessionOutcome, usd_an_hour: float | None) -> Finding:
    """The finding about the service and the key from such a session's outcome.

    `usd_an_hour`: 0 for a local service; None if the price is not known.
    """
    if outcome.error is not None:
        code, reason = outcome.close or (None, "")
        error = outcome.error
        return _refused(explain_close(error.error_code or code, error.error, reason))
    if outcome.begun_s is None:
        if outcome.close is not None:
            return _refused(explain_close(outcome.close[0], "", outcome.close[1]))
        return failed(
            "session",
            ServiceError(
                f"No session began within {_SESSION_LIMIT_S:.0f} s.",
                "the service is there and does not answer: try again in a moment",
            ),
        )
    if outcome.billed_s is None:
        return warning(
            "session",
            f"began after {outcome.begun_s:.1f} s, but its end was not confirmed",
            "it may be billed for a moment longer; try again",
        )
    text = f"began after {outcome.begun_s:.1f} s and was ended at once"
    if usd_an_hour:
        cost_usd = outcome.billed_s / 3600 * usd_an_hour
        text += f"; {outcome.billed_s:.0f} s billed, about ${cost_usd:.4f}"
    return ok("session", text)


def _refused(verdict: Verdict) -> Finding:
    area = "key" if verdict.exit_status is ExitStatus.ACCOUNT else "session"
    error = StreamError(verdict.sentence, verdict.hint, exit_status=verdict.exit_status)
    return failed(area, error)
