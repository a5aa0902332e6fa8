"""Checks what a local service is asked for, listens, says so, and has the event loop do the rest.

What a service can say that it listens without is imported afterwards: clients that come meanwhile
wait, and are served then.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from socket import socket
from types import FrameType
from typing import TYPE_CHECKING

from transcribe_cli.emulator.listening import listening, url_of
from transcribe_cli.emulator.logbook import Logbook
from transcribe_cli.emulator.ready_line import print_ready_line, ready_line
from transcribe_cli.emulator.service_options import LOOPBACK, STAND_INS, ServiceOptions
from transcribe_cli.emulator.workers import Workers, check_workers, with_port
from transcribe_cli.errors import UsageError

if TYPE_CHECKING:
    from transcribe_cli.emulator.certificates import Tls
    from transcribe_cli.emulator.service_loop import ServiceParts


def run_service(options: ServiceOptions) -> None:
    """Serve until SIGINT or SIGTERM, until the control says so, or, as a child, until standard
    input ends.

    When it listens, it prints a ready line for a program, or a line for people.

    Raises:
        UsageError: an option is wrong or not available. Nothing listens then.
    """
    if options.engine not in STAND_INS:
        from transcribe_cli.emulator.engines.registry import choose_engine

        choose_engine(options.engine)
    if options.host not in LOOPBACK and not options.keys:
        raise UsageError(
            f"Listening on {options.host}, beyond this machine, needs a key.",
            "give --key KEY, or set AAI_STREAM_SERVE_KEY",
        )
    if options.engine == "scripted" and not options.scripts:
        raise UsageError("The scripted engine needs a script.", "give --script PATH")
    if options.certfile is not None and (options.tls or options.tls_dir is not None):
        raise UsageError(
            "--certfile gives the certificate, and --tls makes one.", "leave one of them out"
        )
    check_workers(options)
    logbook = Logbook(options.logbook)
    try:
        # What may be refused is read before anything listens, and what processes share is made
        # before there are several.
        early = options.scripts or options.faults or options.workers > 1
        parts = _make_parts(options, logbook) if early else None
        with (
            _tls_for(options) as tls,
            _processes(options) as (options, workers),
            listening(options.host, options.port, options.workers > 1) as sockets,
        ):
            _serve(options, sockets, tls, workers, parts, logbook)
    finally:
        logbook.close()


def _make_parts(options: ServiceOptions, logbook: Logbook) -> "ServiceParts":
    from transcribe_cli.emulator.service_loop import make_parts

    return make_parts(options, logbook)


def _tls_for(options: ServiceOptions) -> "AbstractContextManager[Tls | None]":
    """The TLS that is asked for; most services have none, and start without what it needs."""
    if not (options.tls or options.tls_dir or options.certfile):
        return nullcontext()
    from transcribe_cli.emulator.certificates import open_tls

    return open_tls(options)


@contextmanager
def _processes(options: ServiceOptions) -> Iterator[tuple[ServiceOptions, Workers]]:
    """The processes of the service, and its options with the port that they share."""
    workers, held = Workers(), None
    if options.workers > 1:
        options, held = with_port(options)
        workers.fork(options.workers)
    error: BaseException | None = None
    try:
        yield options, workers
    except BaseException as e:
        error = e
        raise
    finally:
        workers.end(error)
        if held is not None:
            held.close()


def _serve(
    options: ServiceOptions,
    sockets: Sequence[socket],
    tls: "Tls | None",
    workers: Workers,
    parts: "ServiceParts | None",
    logbook: Logbook,
) -> None:
    """Say that it listens, load the rest, and serve."""
    workers.listens()
    signals = _note_signals()
    steered = options.ready_json and options.workers == 1
    control_key = os.urandom(24).hex() if steered else None

    def say_ready() -> None:
        if workers.is_first:
            url = url_of(sockets[0], "wss" if tls else "ws")
            _say_ready(options, url, control_key, tls.ca_file if tls else None)

    # A child's recogniser is loaded first, so that the first session need not wait for it.
    loads_first = options.with_parent and options.engine not in (None, *STAND_INS)
    if not loads_first:
        say_ready()

    import asyncio

    from transcribe_cli.emulator.service_loop import serve

    asyncio.run(
        serve(
            options,
            parts or _make_parts(options, logbook),
            sockets,
            tls.context if tls else None,
            control_key,
            signals,
            lifeline=0 if options.with_parent and workers.is_first else workers.lifeline,
            when_prepared=say_ready if loads_first else None,
        )
    )


def _note_signals() -> list[int]:
    """Keep the signals to stop that come before the event loop handles them."""
    noted: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        noted.append(number)

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, note)
    return noted


def _say_ready(
    options: ServiceOptions, url: str, control_key: str | None, ca_file: Path | None
) -> None:
    """Say where it listens: to a program, or to people."""
    for_program = options.ready_json or options.with_parent
    if for_program:
        print_ready_line(ready_line(url, control_key, ca_file))
    else:
        sys.stderr.write(
            f"Listening on {url} (Ctrl+C stops it). Try:\n"
            f"  aai-stream file --sample --endpoint {url}\n"
        )
    silent = options.with_parent or (for_program and options.quiet)
    if ca_file is not None and not silent:
        from transcribe_cli.emulator.certificates import how_to_trust

        sys.stderr.write(f"Clients trust it with {ca_file}:\n{how_to_trust(ca_file)}")
    sys.stderr.flush()
