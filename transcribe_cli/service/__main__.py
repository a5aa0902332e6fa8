"""`python -m transcribe_cli.service`: the local service as a program of its own."""

import argparse
import os
import sys
from pathlib import Path

from transcribe_cli.errors import StreamError
from transcribe_cli.service.options import DEFAULT_PORT, ServiceOptions
from transcribe_cli.service.server import run_service
from transcribe_cli.service.session import MAX_SESSION_S


def read_options(arguments: list[str] | None = None) -> ServiceOptions:
    """The options on a command line (by default this process's)."""
    parser = argparse.ArgumentParser(
        prog="python -m transcribe_cli.service",
        description="A local service that speaks the Streaming v3 protocol.",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on")
    add("--port", type=int, default=DEFAULT_PORT, help="0 takes any free one")
    add("--key", action="append", metavar="KEY", help="ask for this API key; repeatable")
    add("--engine", choices=("sphinx", "scripted"), help="default: scripted with --script")
    add("--script", action="append", type=Path, metavar="PATH", help="a timeline; repeatable")
    add("--formatted-finals", choices=("one", "two"), default="two")
    add("--max-session-s", type=int, default=MAX_SESSION_S, metavar="S")
    add("--new-sessions-per-minute", type=int, metavar="N")
    add("--max-sessions", type=int, metavar="N", help="open at the same time")
    add("--max-audio-rate", type=float, metavar="X", help="refuse audio faster than X real times")
    add("--certfile", type=Path, metavar="PEM")
    add("--keyfile", type=Path, metavar="PEM")
    add("--with-parent", action="store_true", help="print a ready line; end with standard input")
    add("--logbook", type=Path, metavar="PATH", help="write what happens as JSON Lines")
    given = parser.parse_args(arguments)
    keys = given.key or [key for key in [os.environ.get("AAI_STREAM_SERVE_KEY")] if key]
    scripts = tuple(given.script or ())
    return ServiceOptions(
        host=given.host,
        port=given.port,
        keys=tuple(keys),
        engine=given.engine or ("scripted" if scripts else "sphinx"),
        scripts=scripts,
        formatted_finals=given.formatted_finals,
        max_session_s=given.max_session_s,
        new_sessions_per_minute=given.new_sessions_per_minute,
        max_sessions=given.max_sessions,
        max_audio_rate=given.max_audio_rate,
        certfile=given.certfile,
        keyfile=given.keyfile,
        with_parent=given.with_parent,
        logbook=given.logbook,
    )


def main() -> int:
    """Serve; the exit status."""
    try:
        run_service(read_options())
    except StreamError as e:
        sys.stderr.write(f"error: {e.message}\n" + (f"hint: {e.hint}\n" if e.hint else ""))
        return int(e.exit_status)
    return 0


if __name__ == "__main__":
    sys.exit(main())
