"""A client of the local service's control: the standard library, and nothing else."""

import json
import ssl
import urllib.error
import urllib.request
from typing import Any

# A test that fails shows its own line, and none of these.
__tracebackhide__ = True
_WITHIN_S = 20.0


class ControlFailed(Exception):
    """The control refused a request; `str()` is what it said, `status` the HTTP status."""

    def __init__(self, said: str, status: int) -> None:
        super().__init__(said)
        self.status = status


class ControlClient:
    """Sends requests to a control.

    Args:
        url: `control_url` of the ready line.
        key: its `control_key`.
        ca_file: its `ca_file`, where the service has one.
    """

    def __init__(self, url: str, key: str, ca_file: str | None = None) -> None:
        self._url = url
        self._key = key
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
        if ca_file is not None:
            context = ssl.create_default_context(cafile=ca_file)
            handlers.append(urllib.request.HTTPSHandler(context=context))
        self._opener = urllib.request.build_opener(*handlers)

    def ask(self, method: str, path: str = "", body: object = None) -> Any:
        """The JSON that answers a request; `path` below `/control`.

        Raises:
            ControlFailed: the request was refused.
        """
        return json.loads(self.ask_bytes(method, path, body))

    def ask_bytes(self, method: str, path: str = "", body: object = None) -> bytes:
        """The bytes that answer a request.

        Raises:
            ControlFailed: the request was refused.
        """
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": self._key}
        request = urllib.request.Request(self._url + path, data, headers, method=method)
        try:
            with self._opener.open(request, timeout=_WITHIN_S) as answer:
                read: bytes = answer.read()
                return read
        except urllib.error.HTTPError as e:
            with e:
                raise ControlFailed(f"{method} {path}: {_said(e.read())}", e.code) from None


def _said(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")
