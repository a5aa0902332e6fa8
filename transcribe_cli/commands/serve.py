"""`aai-stream serve`: a local service that speaks the same protocol."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from transcribe_cli.errors import UsageError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.settings.environment import Environment
from transcribe_cli.settings.origins import SERVE_KEY_VARIABLE, variable_of

_LISTENING = "Listening"
_SPEECH = "Speech"
_LIMITS = "Limits"
_FAULTS = "Faults"


FAULTS_HELP = """\b
FAULT is [session=N:][chance=P%:]KIND[=VALUE][@MOMENT], for example drop@12.5s
or session=0:error=3005@word=40.

\b
KIND
  drop, reset         cut the TCP connection, by FIN or by RST
  close=CODE          close frame; close='CODE REASON' says why
  error=CODE          Error message and close; error='CODE TEXT' in other words
  stall[=T]           neither read nor send, for T or for ever
  delay=T             send every message so much later
  refuse=STATUS       answer the upgrade with an HTTP status
  expire=T            the session may last so long, then comes 3008
MOMENT
  12.5s, audio=12.5s  since the upgrade; of audio received
  word=40, turn=3     instead of telling that word; after that turn's final
  connect, begin      instead of the upgrade; instead of Begin
  terminate           when Terminate came
session=0:, session=0..2:, session=3..:
  for these connections only, counted from 0, refused ones too
chance=30%:
  not always. Where a number or a time T (300ms, 12.5s, 2m, 1h) is wanted,
  A..B draws one for each connection; --fault-seed draws the same again.
"""


class Engine(StrEnum):
    """What recognises speech."""

    SPHINX = "sphinx"
    SCRIPTED = "scripted"
    COUNTING = "counting"


class FinalTurns(StrEnum):
    """How `universal-streaming-english` sends a formatted final."""

    ONE = "one"
    TWO = "two"


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """Options of `serve`."""

    host: Annotated[str, typer.Option(help="Address to listen at.", rich_help_panel=_LISTENING)] = (
        "127.0.0.1"
    )
    port: Annotated[
        int,
        typer.Option(
            help="Port; 0 takes a free one.", min=0, max=65535, rich_help_panel=_LISTENING
        ),
    ] = 8765
    key: Annotated[
        list[str] | None,
        typer.Option(
            help="Accept this key only. Repeatable. It shows in the process list: better set "
            "AAI_STREAM_SERVE_KEY.",
            envvar=variable_of(SERVE_KEY_VARIABLE),
            show_envvar=False,
            metavar="KEY",
            rich_help_panel=_LISTENING,
        ),
    ] = field(default=None, repr=False)
    certfile: Annotated[
        Path | None,
        typer.Option(help="TLS certificate, PEM.", metavar="PATH", rich_help_panel=_LISTENING),
    ] = None
    keyfile: Annotated[
        Path | None,
        typer.Option(help="Its private key, PEM.", metavar="PATH", rich_help_panel=_LISTENING),
    ] = None
    engine: Annotated[
        Engine | None,
        typer.Option(
            help="Recognise speech, play a script, or hear audio that carries its own count. "
            "[default: sphinx; scripted with --script]",
            rich_help_panel=_SPEECH,
        ),
    ] = None
    script: Annotated[
        list[Path] | None,
        typer.Option(
            help="JSON Lines of messages to play; the next for each next session. Repeatable.",
            metavar="PATH",
            rich_help_panel=_SPEECH,
        ),
    ] = None
    turn_words: Annotated[
        int,
        typer.Option(
            help="Words in a turn, with --engine counting.",
            min=1,
            metavar="N",
            rich_help_panel=_SPEECH,
        ),
    ] = 5
    formatted_finals: Annotated[
        FinalTurns,
        typer.Option(
            help="How universal-streaming-english formats: in one final, or in a second one.",
            rich_help_panel=_SPEECH,
        ),
    ] = FinalTurns.TWO
    max_session_s: Annotated[
        int,
        typer.Option(
            help="Close sessions with 3008 after so long.",
            min=1,
            metavar="S",
            rich_help_panel=_LIMITS,
        ),
    ] = 10800
    new_sessions_per_minute: Annotated[
        int | None,
        typer.Option(help="Refuse more with 1008.", min=1, metavar="N", rich_help_panel=_LIMITS),
    ] = None
    max_sessions: Annotated[
        int | None,
        typer.Option(
            help="Refuse more at once with 1008. [default: by engine, processors and memory]",
            min=1,
            metavar="N",
            rich_help_panel=_LIMITS,
        ),
    ] = None
    max_audio_rate: Annotated[
        float | None,
        typer.Option(
            help="Refuse audio so many times faster than real time with 3007.",
            min=1,
            metavar="X",
            rich_help_panel=_LIMITS,
        ),
    ] = None
    logbook: Annotated[
        Path | None,
        typer.Option(
            help="Write a JSON line for each event.", metavar="PATH", rich_help_panel=_LISTENING
        ),
    ] = None
    fault: Annotated[
        list[str] | None,
        typer.Option(
            help="Go wrong on purpose, as told below. Repeatable.",
            metavar="FAULT",
            rich_help_panel=_FAULTS,
        ),
    ] = None
    fault_seed: Annotated[
        int | None,
        typer.Option(
            help="Draw the random faults as this seed does.", metavar="N", rich_help_panel=_FAULTS
        ),
    ] = None
    with_parent: Annotated[
        bool,
        typer.Option(
            "--with-parent",
            hidden=True,
            help="Be a child: one ready line on stdout, and end with standard input.",
        ),
    ] = False


def serve(options: ServeOptions, environment: Environment) -> ExitStatus:
    """Serve until Ctrl+C."""
    from transcribe_cli.emulator.serve_options import ServiceOptions
    from transcribe_cli.emulator.server import run_service

    scripts = tuple(options.script or ())
    engine = options.engine or (Engine.SCRIPTED if scripts else Engine.SPHINX)
    if engine is Engine.SCRIPTED and not scripts:
        raise UsageError("--engine scripted needs a --script.", "samples/ holds one to try")
    if engine is not Engine.SCRIPTED and scripts:
        raise UsageError("--script is for --engine scripted.")
    run_service(
        ServiceOptions(
            host=options.host,
            port=options.port,
            keys=tuple(options.key or ()),
            engine=engine.value,
            scripts=scripts,
            turn_words=options.turn_words,
            formatted_finals=options.formatted_finals.value,
            max_session_s=options.max_session_s,
            new_sessions_per_minute=options.new_sessions_per_minute,
            max_sessions=options.max_sessions,
            max_audio_rate=options.max_audio_rate,
            certfile=options.certfile,
            keyfile=options.keyfile,
            faults=tuple(options.fault or ()),
            fault_seed=options.fault_seed,
            with_parent=options.with_parent,
            logbook=options.logbook,
        )
    )
    return ExitStatus.OK
