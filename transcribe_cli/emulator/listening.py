"""Listens for clients: the sockets of one service, open before anything of it is loaded."""

import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from transcribe_cli.errors import UsageError

BACKLOG = 1024  # connections that wait to be taken
_PORTS_TRIED = 20  # the system's choice at a name's first address may be taken at its second


@contextmanager
def listening(host: str, port: int, reuse_port: bool = False) -> Iterator[list[socket.socket]]:
    """Sockets that listen at each address of a host, all on one port.

    Args:
        port: 0 lets the system choose one that is free at each of them.
        reuse_port: other processes may listen there too (Linux).

    Raises:
        UsageError: the host is not known, or the port is not free.
    """
    for tries_left in reversed(range(1 if port else _PORTS_TRIED)):
        with ExitStack() as place:
            try:
                sockets = [place.enter_context(sock) for sock in _listen(host, port, reuse_port)]
            except OSError as e:
                if e.errno == errno.EADDRINUSE and tries_left:
                    continue
                raise cannot_listen(host, port, e) from e
            yield sockets
            return


def cannot_listen(host: str, port: int, error: OSError) -> UsageError:
    """What is said of an address that cannot be had: of the one in the error's `filename`."""
    said = "the port is in use" if error.errno == errno.EADDRINUSE else error.strerror
    if error.filename not in (None, host):
        said = f"{said} at {error.filename}"
    return UsageError(
        f"Cannot serve on {host}:{port}: {said}.",
        "choose another port with --port; 0 takes any free one",
    )


def _listen(host: str, port: int, reuse_port: bool) -> Iterator[socket.socket]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except UnicodeError as e:  # the idna codec's, of 'a..b'
        raise UsageError(f"--host '{host}' is no name of a host.", "name another one") from e
    addresses = dict.fromkeys((family, address) for family, *_, address in found)
    missing: list[OSError] = []
    for family, address in addresses:
        try:
            sock = socket.create_server(
                (address[0], port, *address[2:]),
                family=family,
                backlog=BACKLOG,
                reuse_port=reuse_port,
            )
        except OSError as e:
            if e.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                e.filename = address[0]
                raise
            missing.append(e)  # a machine without IPv6 may have a name for it
            continue
        port = sock.getsockname()[1]
        yield sock
    if len(missing) == len(addresses):
        raise missing[0]


def url_of(sock: socket.socket, scheme: str) -> str:
    """The URL of a socket that listens, without a path."""
    host, port = sock.getsockname()[:2]
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
