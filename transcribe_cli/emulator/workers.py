"""Several processes on one port: the system gives each connection to one of them (Linux)."""

import os
import socket
import sys
import traceback

from msgspec.structs import replace

from transcribe_cli.emulator.listening import cannot_listen
from transcribe_cli.emulator.service_options import ServiceOptions
from transcribe_cli.errors import ServiceError, StreamError, UsageError

_HINT = "leave --workers out"


class Workers:
    """The processes of one service: this one, and, where it is the first, the others.

    Attributes:
        is_first: whether this process speaks for all.
        lifeline: ends when the first process does; None in the first one.
    """

    def __init__(self) -> None:
        self.is_first = True
        self.lifeline: int | None = None
        self._ready = -1  # where a process says that it listens, or the first one reads it
        self._held: int | None = None  # the lifeline's other end
        self._children: list[int] = []

    def fork(self, count: int) -> None:
        """Make `count` processes of this one; all of them go on from here."""
        lifeline, held = os.pipe()
        heard, ready = os.pipe()
        for _ in range(count - 1):
            child = os.fork()
            if child == 0:
                os.close(held)
                os.close(heard)
                self.is_first, self.lifeline, self._ready = False, lifeline, ready
                self._children = []
                return
            self._children.append(child)
        os.close(lifeline)
        os.close(ready)
        self._ready, self._held = heard, held

    def listens(self) -> None:
        """This process listens; in the first one, wait until the others do too.

        Raises:
            UsageError: one of them cannot.
        """
        if not self.is_first:
            os.write(self._ready, b".")
            os.close(self._ready)  # else the first process would not learn of one that ends
            return
        for _ in self._children:
            if not os.read(self._ready, 1):
                raise UsageError("A worker of the local service ended at its start.", _HINT)

    def end(self, error: BaseException | None) -> None:
        """End: the first process waits for the others, and the others are gone after this.

        Args:
            error: what ended this process, which a worker tells on standard error.

        Raises:
            ServiceError: a worker ended by an error, and this process did not.
        """
        if not self.is_first:
            if error is not None:
                _tell(error)
            sys.stderr.flush()
            # What the first process opened is its own to close.
            os._exit(0 if error is None else ServiceError.exit_status)
        if self._held is not None:
            os.close(self._held)
            self._held = None
        children, self._children = self._children, []
        failed = [child for child in children if os.waitpid(child, 0)[1] != 0]
        if failed and error is None:
            raise ServiceError(
                f"{len(failed)} of {len(children) + 1} workers of the local service had ended.",
                "it says above why, unless the system ended them",
            )


def _tell(error: BaseException) -> None:
    """Say on standard error why this worker ends."""
    if isinstance(error, StreamError):
        sys.stderr.write(f"error: worker {os.getpid()}: {error.message}\n")
    else:
        traceback.print_exception(error)


def check_workers(options: ServiceOptions) -> None:
    """Refuse what cannot be had with several processes, since each counts for itself.

    Raises:
        UsageError: something of the kind is asked for.
    """
    if options.workers == 1:
        return
    if sys.platform != "linux":
        raise UsageError("--workers is for Linux, which shares a port among processes.", _HINT)
    counted = {
        "--fault": options.faults,
        "--script": options.scripts,
        "--new-sessions-per-minute": options.new_sessions_per_minute,
    }
    for name, given in counted.items():
        if given:
            raise UsageError(f"{name} counts sessions, and each worker has its own.", _HINT)


def with_port(options: ServiceOptions) -> tuple[ServiceOptions, socket.socket]:
    """The options with a port that is this service's own as long as the socket is open.

    Raises:
        UsageError: the address is not available.
    """
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    held = socket.socket(family, socket.SOCK_STREAM)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        held.bind((options.host, options.port))  # and never listens
    except OSError as e:
        held.close()
        raise cannot_listen(options.host, options.port, e) from e
    return replace(options, port=held.getsockname()[1]), held
