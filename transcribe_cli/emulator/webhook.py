"""Posts a session's final turns to its `webhook_url`, once it is over.

Source: page "Webhooks" of streaming: one POST with finalized turns only; an answer of 2xx within
10 s counts, up to ten attempts, and 4xx ends them.
"""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from transcribe_cli.protocol.messages import Turn
from transcribe_cli.protocol.parameters import WEBHOOK_SECRET

_WITHIN_S = 10.0
_ATTEMPTS = 10
_FIRST_WAIT_S = 0.5


class Webhook:
    """Collects the final turns of one session, and posts them."""

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        self._url: str = parameters["webhook_url"]
        name, value = (parameters.get(n) for n in ("webhook_auth_header_name", WEBHOOK_SECRET))
        self._headers = {"Content-Type": "application/json"}
        if name and value:
            self._headers[name] = value
        self._turns: list[msgspec.Raw] = []

    def heard(self, frame: str) -> None:
        """Take one text frame that was sent to the client."""
        try:
            told = msgspec.json.decode(frame, type=_Told)
        except msgspec.DecodeError:
            return  # a script may send anything
        if told.type == Turn.type and told.end_of_turn:
            self._turns.append(msgspec.Raw(frame.encode()))

    async def post(self, session_id: str) -> bool:
        """Post; whether it was taken."""
        try:
            if urlsplit(self._url).scheme not in ("http", "https"):
                return False
        except ValueError:
            return False
        body = msgspec.json.encode({"session_id": session_id, "messages": self._turns})
        wait_s = _FIRST_WAIT_S
        for _ in range(_ATTEMPTS):
            status = await asyncio.to_thread(self._status_of_post, body)
            if 200 <= status < 300 or 400 <= status < 500:
                return status < 300
            await asyncio.sleep(wait_s)
            wait_s *= 2
        return False

    def _status_of_post(self, body: bytes) -> int:
        """The HTTP status; 0 where there was none."""
        import http.client
        import urllib.error
        import urllib.request

        class Unfollowed(urllib.request.HTTPRedirectHandler):
            """A redirect would carry the secret header to somebody else, and lose the body."""

            def redirect_request(self, *_: object) -> None:
                return None

        try:
            request = urllib.request.Request(self._url, body, self._headers)
            opener = urllib.request.build_opener(Unfollowed)
            with opener.open(request, timeout=_WITHIN_S) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as e:
            with e:
                return e.code
        except (OSError, ValueError, http.client.HTTPException):
            return 0


class _Told(msgspec.Struct):
    type: str = ""
    end_of_turn: bool = False
