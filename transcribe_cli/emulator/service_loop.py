"""The event loop of one process of the service, until it is stopped."""

import asyncio
import os
import signal
import ssl
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from socket import socket
from types import FrameType
from typing import NamedTuple

from transcribe_cli.emulator.fault_schedule import FaultPlan
from transcribe_cli.emulator.key_checks import KeyChecks
from transcribe_cli.emulator.logbook import Logbook
from transcribe_cli.emulator.script_choice import ScriptShelf, load_choices
from transcribe_cli.emulator.service_options import ServiceOptions
from transcribe_cli.emulator.websocket_app import App
from transcribe_cli.system import garbage
from transcribe_cli.system.machine_resources import allow_open_files

_STOP_WITHIN_S = 4.0
_FILES_A_CONNECTION = 5  # descriptors: its socket, and what leads to a process


class ServiceParts(NamedTuple):
    """What all sessions of a service share."""

    shelf: ScriptShelf
    plan: FaultPlan
    logbook: Logbook
    keys: KeyChecks


def make_parts(options: ServiceOptions, logbook: Logbook) -> ServiceParts:
    """The parts that the options ask for.

    Raises:
        UsageError: a script or a fault is wrong.
    """
    plan = FaultPlan(options.faults, options.fault_seed)
    if plan.is_random and options.fault_seed is None:
        sys.stderr.write(f"The faults can be drawn again with --fault-seed {plan.seed}.\n")
    shelf = ScriptShelf(load_choices(options.scripts))
    return ServiceParts(shelf, plan, logbook, KeyChecks(options.keys))


async def serve(
    options: ServiceOptions,
    parts: ServiceParts,
    sockets: Sequence[socket],
    tls: ssl.SSLContext | None,
    control_key: str | None,
    signals: Sequence[int],
    lifeline: int | None,
    when_prepared: Callable[[], None] | None,
) -> None:
    """Serve who connects to the sockets.

    Args:
        signals: those to stop that have come before this handles them.
        lifeline: a pipe with whose end the service ends.
        when_prepared: called when its recogniser is loaded; None: nobody waits for that.
    """
    stop = asyncio.Event()
    _stop_on_signals(stop)
    if signals:
        stop.set()
    app = App(options, *parts, control_key, stop.set)
    allow_open_files(app.most_connections * _FILES_A_CONNECTION)
    servers = [await app.serve(sock, tls) for sock in sockets]
    if lifeline is not None:
        _stop_at_end_of(lifeline, stop)
    if when_prepared is not None:
        await app.engines.prepare()
        when_prepared()
    garbage.begin()
    await stop.wait()
    app.stop()
    for server in servers:
        server.close()
    # Each session sends its own close, after its queued messages. A client may not take it;
    # `asyncio.run` cancels what is left.
    with suppress(TimeoutError):
        async with asyncio.timeout(_STOP_WITHIN_S):
            await app.wait_closed()
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
