"""TLS with whoever is at the other end of a connection, also inside the TLS of a proxy.

Trusted is what OpenSSL trusts on this machine, or what `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
"""

import functools
import os
import socket
import ssl
import threading
from typing import Any

from transcribe_cli.session.connect_socket import seconds_left

_READ_BYTES = 1 << 14  # of a record
_MOST_WRITTEN = 1 << 16  # at once: what TLS has encrypted cannot be taken back
_LOCK = threading.Lock()  # many connections are opened at once, and make one context


def tls_context() -> ssl.SSLContext:
    """The same for all connections: with every certificate that is trusted it has 0.8 MB."""
    with _LOCK:
        return _make_context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@functools.cache
def _make_context(*_trusted: str | None) -> ssl.SSLContext:
    return ssl.create_default_context()


def encrypt(raw: "Socket", host: str, deadline: float) -> "TlsSocket":
    """The same connection, encrypted; `host`: whose certificate it has to be.

    Raises:
        OSError: no TLS, or a certificate that does not verify; TimeoutError after the deadline.
    """
    name = host.removesuffix(".")  # certificates have none of it, and SNI allows none (RFC 6066)
    raw.settimeout(seconds_left(deadline))  # which holds for the handshake as a whole
    if isinstance(raw, socket.socket) and not isinstance(raw, ssl.SSLSocket):
        return tls_context().wrap_socket(raw, server_hostname=name)
    return TlsInTls(raw, name, deadline)


class TlsInTls:
    """A socket's methods for TLS that is spoken through a TLS connection, as with a proxy.

    Python's own TLS sockets encrypt what goes to the system, and not what goes to another one.

    Args:
        outer: the connection to the proxy.
        host: the name in the certificate that is expected.
    """

    def __init__(self, outer: "Socket", host: str, deadline: float) -> None:
        self._outer = outer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._inner: ssl.SSLObject | None = tls_context().wrap_bio(
            self._incoming, self._outgoing, server_hostname=host
        )
        self._ready = b""  # encrypted, and not taken by the outer connection yet
        self._owed = 0  # so many bytes it was given for that
        while True:
            try:
                self._inner.do_handshake()
                break
            except ssl.SSLWantReadError:
                outer.settimeout(seconds_left(deadline))
                self._flush()
                self._fill()
        self._flush()

    def recv(self, size: int) -> bytes:
        """As a socket's; SSLWantReadError where it would wait and may not."""
        if self._inner is None:
            return self._outer.recv(size)
        while True:
            try:
                return self._inner.read(size)
            except ssl.SSLWantReadError:
                self._fill()
            except ssl.SSLEOFError:
                return b""  # as Python's own TLS sockets have it

    def _fill(self) -> None:
        data = self._outer.recv(_READ_BYTES)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def send(self, data: bytes) -> int:
        """As a TLS socket's: where it raises, it wants the same bytes again, and maybe more."""
        assert self._inner is not None
        if not self._owed:
            self._owed = self._inner.write(data[:_MOST_WRITTEN])
        self._flush()
        taken, self._owed = self._owed, 0
        return taken

    def sendall(self, data: bytes) -> None:
        """All of it."""
        while data:
            data = data[self.send(data) :]

    def _flush(self) -> None:
        self._ready += self._outgoing.read()
        while self._ready:
            self._ready = self._ready[self._outer.send(self._ready) :]

    def pending(self) -> int:
        """Whether there may be more to read of which no selector tells: not 0."""
        inner = 0 if self._inner is None else self._inner.pending()
        outer = self._outer.pending() if isinstance(self._outer, TlsSocket) else 0
        return inner + self._incoming.pending + outer

    def version(self) -> str | None:
        """The protocol: "TLSv1.3"."""
        return None if self._inner is None else self._inner.version()

    def getpeercert(self) -> dict[str, Any] | None:
        """The certificate of the other end."""
        return None if self._inner is None else self._inner.getpeercert()

    def settimeout(self, seconds: float | None) -> None:
        """Of each call on the outer connection."""
        self._outer.settimeout(seconds)

    def setblocking(self, blocking: bool) -> None:
        """Whether calls wait."""
        self._outer.setblocking(blocking)

    def fileno(self) -> int:
        """For a selector."""
        return self._outer.fileno()

    def shutdown(self, how: int) -> None:
        """Say no more; what comes in from now on is not decrypted."""
        self._inner = None
        self._outer.shutdown(how)

    def close(self) -> None:
        """Harmless twice."""
        self._outer.close()


TlsSocket = ssl.SSLSocket | TlsInTls
Socket = socket.socket | TlsInTls
"""What a session's frames go through."""
