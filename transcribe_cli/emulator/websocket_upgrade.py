"""The opening handshake of WebSocket on the service's side: from an HTTP request on. Pure.

Source: RFC 6455, sections 4.2.1 and 4.2.2. No extension is agreed on, and no subprotocol.
Whether whoever asks may ask at all, by its origin, `http_routes.py` has decided before.
"""

import binascii
import hashlib
from collections.abc import Iterable

from transcribe_cli.emulator.plain_http import HttpAnswer, HttpRequest, error_answer

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_VERSION = "13"
_KEY_BYTES = 16


def why_no_upgrade(request: HttpRequest) -> HttpAnswer | None:
    """The answer to a request that opens no WebSocket; None: it opens one."""
    get = request.headers.get_all
    asked = "websocket" in _tokens(get("Upgrade")) and "upgrade" in _tokens(get("Connection"))
    if (request.method, request.version, asked) != ("GET", "HTTP/1.1", True):
        refused = error_answer(426, "This is for WebSocket.")
        return refused._replace(headers=(("Upgrade", "websocket"),))
    if get("Sec-WebSocket-Version") != [_VERSION]:
        refused = error_answer(426, f"This is for version {_VERSION} of WebSocket.")
        return refused._replace(headers=(("Sec-WebSocket-Version", _VERSION),))
    keys = get("Sec-WebSocket-Key")
    if len(keys) != 1 or not _is_key(keys[0]):
        return error_answer(400, "Sec-WebSocket-Key is not 16 bytes in base64.")
    return None


def encode_upgrade(request: HttpRequest) -> bytes:
    """The bytes that answer a request which opens a WebSocket."""
    (key,) = request.headers.get_all("Sec-WebSocket-Key")
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept_key(key)}\r\n\r\n"
    ).encode()


def accept_key(key: str) -> str:
    """What shows a client that its key was understood.

    >>> accept_key("dGhlIHNhbXBsZSBub25jZQ==")
    's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
    """
    digest = hashlib.sha1((key + _GUID).encode(), usedforsecurity=False).digest()
    return binascii.b2a_base64(digest, newline=False).decode()


def _is_key(key: str) -> bool:
    try:
        return len(binascii.a2b_base64(key, strict_mode=True)) == _KEY_BYTES
    except ValueError:
        return False


def _tokens(values: Iterable[str]) -> set[str]:
    """The tokens of a header's values, in lower case."""
    return {token.strip().lower() for value in values for token in value.split(",")}
