"""Runs the local service until it is stopped."""

import asyncio
import errno
import importlib.util
import os
import secrets
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from transcribe_cli.emulator.admission import Admission
from transcribe_cli.emulator.engines.registry import LOCAL_HINT, choose_engine
from transcribe_cli.emulator.fault_schedule import FaultPlan
from transcribe_cli.emulator.logbook import Logbook
from transcribe_cli.emulator.ready_line import print_ready_line, ready_line
from transcribe_cli.emulator.script_choice import ScriptShelf, load_choices
from transcribe_cli.emulator.serve_options import LOOPBACK, STAND_INS, ServiceOptions
from transcribe_cli.emulator.workers import Workers, check_workers, with_port
from transcribe_cli.errors import UsageError
from transcribe_cli.system import garbage
from transcribe_cli.system.machine_resources import allow_open_files

if TYPE_CHECKING:
    from transcribe_cli.emulator.certificates import Tls

_STOP_WITHIN_S = 4.0
_FILES_A_SESSION = 5  # descriptors: its socket, and what leads to a process


def require_packages(*names: str) -> None:
    """Raise `UsageError` unless these packages of the extra `local` are installed."""
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise UsageError(f"The local service needs the package {name}.", LOCAL_HINT)


def run_service(options: ServiceOptions) -> None:
    """Serve until SIGINT or SIGTERM, until the control says so, or, as a child, until standard
    input ends.

    When sessions can be opened, it prints a ready line for a program, or a line for people.

    Raises:
        UsageError: an option is wrong or not available. Nothing listens then.
    """
    require_packages("websockets")
    if options.engine not in STAND_INS:
        choose_engine(options.engine)
    if options.host not in LOOPBACK and not options.keys:
        raise UsageError(
            f"Listening on {options.host}, beyond this machine, needs a key.",
            "give --key KEY, or set AAI_STREAM_SERVE_KEY",
        )
    if options.engine == "scripted" and not options.scripts:
        raise UsageError("The scripted engine needs a script.", "give --script PATH")
    check_workers(options)
    shelf = ScriptShelf(load_choices(options.scripts))
    plan = FaultPlan(options.faults, options.fault_seed)
    logbook = Logbook(options.logbook)
    admission = Admission(options.keys)  # one for all processes, as are its tokens
    if plan.is_random and options.fault_seed is None:
        sys.stderr.write(f"The faults can be drawn again with --fault-seed {plan.seed}.\n")
    try:
        with _tls_for(options) as tls, _processes(options) as (options, workers):
            asyncio.run(_serve(options, shelf, plan, tls, logbook, admission, workers))
    finally:
        logbook.close()


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
        try:
            options, held = with_port(options)
        except OSError as e:
            raise _cannot_listen(options, e) from e
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


def _cannot_listen(options: ServiceOptions, error: OSError) -> UsageError:
    said = "the port is in use" if error.errno == errno.EADDRINUSE else error.strerror
    return UsageError(
        f"Cannot serve on {options.host}:{options.port}: {said}.",
        "choose another port with --port; 0 takes any free one",
    )


async def _serve(
    options: ServiceOptions,
    shelf: ScriptShelf,
    plan: FaultPlan,
    tls: "Tls | None",
    logbook: Logbook,
    admission: Admission,
    workers: Workers,
) -> None:
    from transcribe_cli.emulator.client_connections import MAX_PENDING
    from transcribe_cli.emulator.websocket_app import App, url_of

    stop = asyncio.Event()
    _stop_on_signals(stop)
    steered = options.ready_json and options.workers == 1
    control_key = secrets.token_urlsafe(24) if steered else None
    app = App(options, shelf, plan, logbook, admission, control_key, stop.set)
    allow_open_files(MAX_PENDING + app.most_sessions * _FILES_A_SESSION)
    try:
        server = await app.listen(tls.context if tls else None)
    except OSError as e:
        raise _cannot_listen(options, e) from e
    workers.listens()
    if options.with_parent:
        _stop_at_end_of(0, stop)  # standard input
        await app.engines.prepare()
    if workers.lifeline is not None:
        _stop_at_end_of(workers.lifeline, stop)
    url = url_of(server, "wss" if tls else "ws")
    ca_file = tls.ca_file if tls else None
    garbage.begin()
    if not workers.is_first:
        pass
    elif options.ready_json or options.with_parent:
        print_ready_line(ready_line(url, control_key, ca_file))
    else:
        _announce_to_people(url, ca_file)
    await stop.wait()
    app.stop()
    server.close(
        close_connections=False
    )  # each session sends its own close, after its queued messages
    try:
        async with asyncio.timeout(_STOP_WITHIN_S):
            await server.wait_closed()
    except TimeoutError:
        # A client that does not take its close frame; asyncio.run cancels what is left.
        pass
    await app.engines.close()


def _stop_on_signals(stop: asyncio.Event) -> None:
    """Set `stop` on SIGINT and SIGTERM, also where asyncio has no signals (Windows)."""
    loop = asyncio.get_running_loop()

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop.set)

    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except (NotImplementedError, RuntimeError, ValueError):
            if threading.current_thread() is threading.main_thread():
                signal.signal(number, handle)


def _stop_at_end_of(pipe: int, stop: asyncio.Event) -> None:
    """Set `stop` when a pipe ends: the parent closed it, or is no more."""
    loop = asyncio.get_running_loop()

    def watch() -> None:
        # Not sys.stdin: a thread inside its buffer would block the interpreter's exit.
        with suppress(OSError):
            while os.read(pipe, 4096):
                pass
        loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=watch, name="aai-parent", daemon=True).start()


def _announce_to_people(url: str, ca_file: Path | None) -> None:
    sys.stderr.write(
        f"Listening on {url} (Ctrl+C stops it). Try:\n  aai-stream file --sample --endpoint {url}\n"
    )
    if ca_file is not None:
        from transcribe_cli.emulator.certificates import how_to_trust

        sys.stderr.write(f"Clients trust it with {ca_file}:\n{how_to_trust(ca_file)}")
    sys.stderr.flush()
