"""TLS with the other end of a connection, also inside the TLS of a proxy.

Trusted certificates are those that OpenSSL trusts on this machine, or those that `SSL_CERT_FILE`
and `SSL_CERT_DIR` name.
"""

import functools
import os
import socket
import ssl
import threading
from typing import Any

from transcribe_cli.session.connect_socket import seconds_left

_READ_BYTES = 1 << 14  # the size of a TLS record
_MOST_WRITTEN = 1 << 16  # at once, because encrypted bytes cannot be taken back
_LOCK = threading.Lock()  # connections are opened at the same time, but share one context


def tls_context() -> ssl.SSLContext:
    """One context for all connections, because its trusted certificates take 0.8 MB."""
    with _LOCK:
        return _make_context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@functools.cache
def _make_context(*_trusted: str | None) -> ssl.SSLContext:
    return ssl.create_default_context()


def encrypt(raw: "Socket", host: str, deadline: float) -> "TlsSocket":
    """Returns the same connection, encrypted; `host` is the name that its certificate must have.

    Raises:
        OSError: TLS failed, or the certificate does not verify; TimeoutError after the deadline.
    """
    name = host.removesuffix(".")  # certificates and SNI have no final dot (RFC 6066)
    raw.settimeout(seconds_left(deadline))  # it holds for the handshake as a whole
    if isinstance(raw, socket.socket) and not isinstance(raw, ssl.SSLSocket):
        return tls_context().wrap_socket(raw, server_hostname=name)
    return TlsInTls(raw, name, deadline)


class TlsInTls:
    """A socket's methods, for TLS inside another TLS connection, such as one to a proxy.

    Python's own TLS sockets can only encrypt what goes to a system socket.

    Args:
        outer: the connection to the proxy.
        host: the name that the certificate must have.
    """

    def __init__(self, outer: "Socket", host: str, deadline: float) -> None:
        self._outer = outer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._inner: ssl.SSLObject | None = tls_context().wrap_bio(
            self._incoming, self._outgoing, server_hostname=host
        )
        self._ready = b""  # encrypted bytes that the outer connection has not accepted yet
        self._owed = 0  # number of bytes of the caller that `_ready` holds
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
        """As a socket's `recv`; raises SSLWantReadError if it would wait and may not."""
        if self._inner is None:
            return self._outer.recv(size)
        while True:
            try:
                return self._inner.read(size)
            except ssl.SSLWantReadError:
                self._fill()
            except ssl.SSLEOFError:
                return b""  # as Python's own TLS sockets do

    def _fill(self) -> None:
        data = self._outer.recv(_READ_BYTES)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def send(self, data: bytes) -> int:
        """As a TLS socket's `send`: after an exception, call it with the same bytes, or more."""
        assert self._inner is not None
        if not self._owed:
            self._owed = self._inner.write(data[:_MOST_WRITTEN])
        self._flush()
        taken, self._owed = self._owed, 0
        return taken

    def sendall(self, data: bytes) -> None:
        """Send all of the data."""
        while data:
            data = data[self.send(data) :]

    def _flush(self) -> None:
        self._ready += self._outgoing.read()
        while self._ready:
            self._ready = self._ready[self._outer.send(self._ready) :]

    def pending(self) -> int:
        """Not 0 if there may be more to read that no selector reports."""
        inner = 0 if self._inner is None else self._inner.pending()
        outer = self._outer.pending() if isinstance(self._outer, TlsSocket) else 0
        return inner + self._incoming.pending + outer

    def version(self) -> str | None:
        """The version of TLS, such as "TLSv1.3"."""
        return None if self._inner is None else self._inner.version()

    def getpeercert(self) -> dict[str, Any] | None:
        """The certificate of the other end."""
        return None if self._inner is None else self._inner.getpeercert()

    def settimeout(self, seconds: float | None) -> None:
        """Set the timeout of each call on the outer connection."""
        self._outer.settimeout(seconds)

    def setblocking(self, blocking: bool) -> None:
        """Set whether calls wait."""
        self._outer.setblocking(blocking)

    def fileno(self) -> int:
        """The socket's number, for a selector."""
        return self._outer.fileno()

    def shutdown(self, how: int) -> None:
        """Shut the outer connection down; bytes that come from now on are not decrypted."""
        self._inner = None
        self._outer.shutdown(how)

    def close(self) -> None:
        """Close the outer connection; another call does nothing."""
        self._outer.close()


TlsSocket = ssl.SSLSocket | TlsInTls
Socket = socket.socket | TlsInTls
"""The kinds of connection that a session's frames go through."""
