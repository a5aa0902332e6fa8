"""Temporary tokens: what a machine that should not have the key opens sessions with.

Source: page "Authenticate with a temporary token": `GET /v3/token` on the streaming host, the key
in `Authorization`; `expires_in_seconds` 1 to 600, `max_session_duration_seconds` 60 to 10800.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import IO, Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from transcribe_cli.errors import AccountError, ConnectionFailed, ServiceError
from transcribe_cli.protocol.close_codes import explain_handshake
from transcribe_cli.protocol.endpoint import PATH, host_of, is_loopback

_TIMEOUT_S = 15.0


def fetch_token(
    endpoint: str,
    headers: Mapping[str, str],
    expires_in_s: int,
    max_session_s: int | None = None,
) -> str:
    """A new token.

    Args:
        endpoint: of the sessions, `wss://` or `ws://`.
        headers: of the request; they hold the key.
        expires_in_s: how long sessions can be opened with it.
        max_session_s: how long each of these may last.

    Raises:
        AccountError: the key was refused.
        ServiceError: the service could not be reached, or answered otherwise.
    """
    query: dict[str, int] = {"expires_in_seconds": expires_in_s}
    if max_session_s is not None:
        query["max_session_duration_seconds"] = max_session_s
    request = urllib.request.Request(_url(endpoint, query), headers=dict(headers))
    proxies = urllib.request.ProxyHandler({} if is_loopback(endpoint) else None)
    try:
        with urllib.request.build_opener(proxies, _NoRedirect).open(
            request, None, _TIMEOUT_S
        ) as answer:
            body = json.load(answer)
        return str(body["token"])
    except urllib.error.HTTPError as e:
        with e:
            if e.code in (401, 403):
                raise AccountError(
                    "The service refused the API key.", explain_handshake(e.code).hint
                ) from e
            verdict = explain_handshake(e.code)
            raise ServiceError(f"The service made no token (HTTP {e.code}).", verdict.hint) from e
    except (OSError, HTTPException, ValueError, KeyError, TypeError) as e:
        reason = getattr(e, "reason", None) or e
        raise ConnectionFailed(
            f"No token could be had from {host_of(endpoint)}: {reason}.", "check the network"
        ) from e


def _url(endpoint: str, query: Mapping[str, int]) -> str:
    parts = urlsplit(endpoint)
    scheme = "https" if parts.scheme == "wss" else "http"
    path = parts.path.removesuffix(PATH) + "/v3/token"
    return urlunsplit((scheme, host_of(endpoint), path, urlencode(query), ""))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would hand the key to another host."""

    def redirect_request(
        self, req: Any, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        return None
