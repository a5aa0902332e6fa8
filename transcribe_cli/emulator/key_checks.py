"""Checks API keys and temporary tokens as the service does; pure, but draws a random secret.

Source: pages "Authenticate with a temporary token" and "Common session errors and closures".
Credentials are checked after the WebSocket upgrade; a refusal is an Error 1008 and a close 1008.
"""

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable
from hashlib import sha256

import msgspec

from transcribe_cli.emulator.service_options import MAX_SESSION_S
from transcribe_cli.emulator.session_refused import SessionRefused

UNAUTHORIZED = 1008
_PREFIX = "Unauthorized Connection: "


class _Claims(msgspec.Struct):
    """The content of a token: when it expires (Unix seconds), and its longest session."""

    expires_at: float
    max_session_s: int


class KeyChecks:
    """The accepted keys and the tokens made here. Without any key, every client is admitted."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._keys = tuple(key.encode() for key in keys)
        self._secret = secrets.token_bytes(32)

    def __repr__(self) -> str:
        return f"KeyChecks({len(self._keys)} keys)"

    @property
    def needed(self) -> bool:
        return bool(self._keys)

    def accepts_key(self, key: str) -> bool:
        """Whether `key` is one of the keys, or none is needed."""
        given = key.encode()
        # Every key is compared, in constant time, so the time taken tells nothing.
        matches = [hmac.compare_digest(given, known) for known in self._keys]
        return any(matches) or not self.needed

    def make_token(self, unix_time: float, expires_in_s: int, max_session_s: int) -> str:
        """A token that opens sessions until `unix_time` + `expires_in_s`; reusable until then."""
        body = urlsafe_b64encode(
            msgspec.json.encode(_Claims(unix_time + expires_in_s, max_session_s))
        )
        return f"{body.decode()}.{self._sign(body)}"

    def admit(self, authorization: str | None, token: str | None, unix_time: float) -> int:
        """Check a connection's credentials. Returns the longest its session may last, in seconds.

        Args:
            authorization: the header's value: a key, or a token, without "Bearer".
            token: the query parameter of that name.

        Raises:
            SessionRefused: with 1008 and the service's own wording.
        """
        given = token or authorization
        if not given:
            if self.needed:
                raise SessionRefused(UNAUTHORIZED, _PREFIX + "Missing Authorization header")
            return MAX_SESSION_S
        claims = self._read_token(given)
        if claims is not None:
            if claims.expires_at <= unix_time:
                raise SessionRefused(UNAUTHORIZED, _PREFIX + "Signature has expired")
            return claims.max_session_s
        # A key may not travel as a token: addresses end up in logs.
        if (token and self.needed) or not self.accepts_key(given):
            raise SessionRefused(UNAUTHORIZED, _PREFIX + "Invalid API key")
        return MAX_SESSION_S

    def kind_of(self, authorization: str | None, token: str | None) -> str:
        """How a client says who it is.

        Returns:
            "none"; in the header "Bearer", "token" for one that was made here, else "key"; "token
            in the URL", which counts.
        """
        if token:
            return "token in the URL"
        if not authorization:
            return "none"
        if authorization.lower().startswith("bearer "):
            return "Bearer"
        return "key" if self._read_token(authorization) is None else "token"

    def _sign(self, body: bytes) -> str:
        return hmac.new(self._secret, body, sha256).hexdigest()

    def _read_token(self, text: str) -> _Claims | None:
        """The claims of a token made here; None for any other text."""
        body, _, signature = text.partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(body.encode()).encode()):
            return None
        try:
            return msgspec.json.decode(urlsafe_b64decode(body), type=_Claims)
        except (Base64Error, msgspec.DecodeError):
            return None
