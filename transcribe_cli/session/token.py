"""Temporary tokens, for a machine that should open sessions without having the key.

Source: page "Authenticate with a temporary token": `GET /v3/token` on the streaming host, the key
in `Authorization`; `expires_in_seconds` 1 to 600, `max_session_duration_seconds` 60 to 10800.
The request takes the way of sessions, and follows no redirect, which would give another host the
key.
"""

import contextlib
import json
import time
from collections.abc import Mapping
from http.client import HTTPException
from urllib.parse import urlencode, urlsplit

from transcribe_cli.errors import AccountError, ConnectionFailed, ServiceError
from transcribe_cli.protocol.close_codes import explain_handshake
from transcribe_cli.protocol.endpoint import PATH, host_of
from transcribe_cli.session.connect_socket import explain, find_proxy, reach
from transcribe_cli.session.http_request import request

_TIMEOUT_S = 15.0
_MOST_BYTES = 1 << 16


def fetch_token(
    endpoint: str,
    headers: Mapping[str, str],
    expires_in_s: int,
    max_session_s: int | None = None,
) -> str:
    """Returns a new token.

    Args:
        endpoint: the endpoint of the sessions, `wss://` or `ws://`.
        headers: the headers of the request; they hold the key.
        expires_in_s: for how long sessions can be opened with the token.
        max_session_s: how long each session may last.

    Raises:
        AccountError: the key was refused.
        ServiceError: the service could not be reached, or answered otherwise.
    """
    query: dict[str, int] = {"expires_in_seconds": expires_in_s}
    if max_session_s is not None:
        query["max_session_duration_seconds"] = max_session_s
    deadline = time.monotonic() + _TIMEOUT_S
    proxy = find_proxy(endpoint)
    try:
        with contextlib.ExitStack() as opened:
            raw = reach(endpoint, proxy, deadline, opened)
            answer = request(
                raw, "GET", host_of(endpoint), _target(endpoint, query), headers, deadline
            )
            opened.callback(answer.close)
            status, body = answer.status, answer.read(_MOST_BYTES)
        if status == 200:
            return str(json.loads(body)["token"])
    except (HTTPException, ValueError, KeyError, TypeError) as e:
        if isinstance(e, OSError):  # a certificate that does not verify is also a ValueError
            raise explain(e, endpoint, proxy, _TIMEOUT_S) from e
        raise ConnectionFailed(
            f"{host_of(endpoint)} answers with no token.", "check --endpoint"
        ) from e
    except OSError as e:
        raise explain(e, endpoint, proxy, _TIMEOUT_S) from e
    verdict = explain_handshake(status)
    if status in (401, 403):
        raise AccountError("The service refused the API key.", verdict.hint)
    raise ServiceError(f"The service made no token (HTTP {status}).", verdict.hint)


def _target(endpoint: str, query: Mapping[str, int]) -> str:
    path = urlsplit(endpoint).path.removesuffix(PATH)
    return f"{path}/v3/token?{urlencode(query)}"
