"""`aai-stream serve`: a local service that speaks the same protocol."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from msgspec import Struct

from transcribe_cli.errors import UsageError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.settings.environment import Environment
from transcribe_cli.settings.option_types import Option
from transcribe_cli.settings.setting_origins import SERVE_KEY_VARIABLE

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
  error=CODE          Error message and close; error='CODE TEXT' says more
  stall[=T]           neither read nor send, for T or for ever
  delay=T             send every message so much later
  refuse=STATUS       answer the upgrade with an HTTP status
  expire=T            the session may last so long, then comes 3008
  redirect=MODEL      run another model than the one asked for
  location=URL        answer the upgrade with 307 and this Location
  token=STATUS        answer a request for a token with an HTTP status
  malformed, unknown  send what is no JSON, or a message of an unknown type
  warning[=CODE]      send a Warning; warning='CODE TEXT' says more
  duplicate, swap     send the next message twice, or behind the one after it
  termination=T       send Termination so late; termination=never: without
  join=T, split=N     write what comes in T at once, or N bytes at a time
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


class FinalTurns(StrEnum):
    """How `universal-streaming-english` sends a formatted final."""

    ONE = "one"
    TWO = "two"


class ProPartials(StrEnum):
    """How the Pro models flag partials."""

    FORMATTED = "formatted"
    UNFORMATTED = "unformatted"


class ServeOptions(Struct, frozen=True, kw_only=True):
    """Options of `serve`."""

    host: Annotated[str, Option("Address to listen at.", panel=_LISTENING)] = "127.0.0.1"
    port: Annotated[
        int,
        Option("Port; 0 takes a free one.", least=0, most=65535, panel=_LISTENING),
    ] = 8765
    key: Annotated[
        list[str] | None,
        Option(
            "Accept this key only. Repeatable. It shows in the process list: better set "
            "AAI_STREAM_SERVE_KEY.",
            variable=SERVE_KEY_VARIABLE,
            metavar="KEY",
            panel=_LISTENING,
        ),
    ] = None
    tls: Annotated[
        bool,
        Option(
            "Serve wss:// with a certificate made at the start, and say how to trust it.",
            ("--tls",),
            panel=_LISTENING,
        ),
    ] = False
    tls_dir: Annotated[
        Path | None,
        Option(
            "The same, with an authority kept in this folder, to be trusted once.",
            metavar="DIR",
            panel=_LISTENING,
        ),
    ] = None
    certfile: Annotated[
        Path | None,
        Option("TLS certificate, PEM.", metavar="PATH", panel=_LISTENING),
    ] = None
    keyfile: Annotated[
        Path | None,
        Option("Its private key, PEM.", metavar="PATH", panel=_LISTENING),
    ] = None
    engine: Annotated[
        str | None,
        Option(
            "moonshine, whisper or pocketsphinx recognises speech; 'scripted' plays a script, "
            "'replay' a recording, 'counting' hears audio that carries its own count. "
            "[default: the best that is installed; scripted with --script]",
            metavar="NAME[:MODEL]",
            panel=_SPEECH,
        ),
    ] = None
    script: Annotated[
        list[str] | None,
        Option(
            "JSON Lines of messages, or a recording, to play; the next for each next session, or "
            "where a parameter or the URL's path says so. Repeatable.",
            metavar="[NAME=VALUE:]PATH",
            panel=_SPEECH,
        ),
    ] = None
    turn_words: Annotated[
        int,
        Option(
            "Words in a turn, with --engine counting.",
            least=1,
            metavar="N",
            panel=_SPEECH,
        ),
    ] = 5
    formatted_finals: Annotated[
        FinalTurns,
        Option(
            "How universal-streaming-english formats: in one final, or in a second one.",
            panel=_SPEECH,
        ),
    ] = FinalTurns.TWO
    multilingual_flag: Annotated[
        bool,
        Option(
            "Whether format_turns flags the finals of universal-streaming-multilingual.",
            ("--multilingual-flag/--no-multilingual-flag",),
            panel=_SPEECH,
        ),
    ] = True
    pro_partials: Annotated[
        ProPartials | None,
        Option(
            "turn_is_formatted of the Pro models' partials. "
            "[default: unformatted for u3-rt-pro only]",
            panel=_SPEECH,
        ),
    ] = None
    allow_model: Annotated[
        list[str] | None,
        Option(
            "Let in a model that is not known here: pro, universal-streaming or whisper. "
            "Repeatable.",
            metavar="NAME=FAMILY",
            panel=_SPEECH,
        ),
    ] = None
    default_model: Annotated[
        str | None,
        Option("The model of a client that names none.", metavar="NAME", panel=_SPEECH),
    ] = None
    llm_command: Annotated[
        str | None,
        Option(
            "Have a command answer llm_gateway: the request in JSON on its standard input, the "
            "answer on its output.",
            metavar="COMMAND",
            panel=_SPEECH,
        ),
    ] = None
    max_session_s: Annotated[
        int,
        Option(
            "Close sessions with 3008 after so long.",
            least=1,
            metavar="S",
            panel=_LIMITS,
        ),
    ] = 10800
    new_sessions_per_minute: Annotated[
        int | None,
        Option("Refuse more with 1008.", least=1, metavar="N", panel=_LIMITS),
    ] = None
    max_sessions: Annotated[
        int | None,
        Option(
            "Refuse more at once with 1008. [default: by engine, processors and memory]",
            least=1,
            metavar="N",
            panel=_LIMITS,
        ),
    ] = None
    workers: Annotated[
        int,
        Option(
            "Processes that share the port and the sessions (Linux); without a control.",
            least=1,
            metavar="N",
            panel=_LIMITS,
        ),
    ] = 1
    max_audio_rate: Annotated[
        float | None,
        Option(
            "Refuse audio so many times faster than real time with 3007.",
            least=1,
            metavar="X",
            panel=_LIMITS,
        ),
    ] = None
    ready_json: Annotated[
        bool,
        Option(
            "Print where it listens as one line of JSON, and let programs steer it.",
            ("--ready-json",),
            panel=_LISTENING,
        ),
    ] = False
    keep_audio: Annotated[
        bool,
        Option(
            "Keep the audio of sessions for --ready-json's control.",
            ("--keep-audio",),
            panel=_LISTENING,
        ),
    ] = False
    logbook: Annotated[
        Path | None,
        Option("Write a JSON line for each event.", metavar="PATH", panel=_LISTENING),
    ] = None
    quiet: Annotated[
        bool,
        Option("No line on stderr for each session.", ("--quiet", "-q"), panel=_LISTENING),
    ] = False
    fault: Annotated[
        list[str] | None,
        Option(
            "Go wrong on purpose, as told below. Repeatable.",
            metavar="FAULT",
            panel=_FAULTS,
        ),
    ] = None
    fault_seed: Annotated[
        int | None,
        Option("Draw the random faults as this seed does.", metavar="N", panel=_FAULTS),
    ] = None
    with_parent: Annotated[
        bool,
        Option(
            "Be a child: one ready line on stdout, and end with standard input.",
            ("--with-parent",),
            hidden=True,
        ),
    ] = False

    def __repr__(self) -> str:
        """Without the keys."""
        return f"ServeOptions(host={self.host!r}, port={self.port})"


def plain_options(words: Sequence[str], environment: Environment) -> ServeOptions | None:
    """The options of a plain command line, as those are that start a service for a program."""
    if environment.variables.get(SERVE_KEY_VARIABLE):
        return None
    from transcribe_cli.commands.plain_line import read_plain_line

    return read_plain_line(ServeOptions, words)


def serve(options: ServeOptions, environment: Environment) -> ExitStatus:
    """Serve until Ctrl+C."""
    from transcribe_cli.emulator.engine_settings import Readings
    from transcribe_cli.emulator.parameter_checks import parse_admitted_models
    from transcribe_cli.emulator.server import run_service
    from transcribe_cli.emulator.service_options import STAND_INS, ServiceOptions

    partials = options.pro_partials
    scripts = tuple(options.script or ())
    engine = options.engine or ("scripted" if scripts else None)
    plays = engine in ("scripted", "replay")
    if plays and not scripts:
        raise UsageError(
            f"--engine {engine} needs a --script.",
            "it is a file of the service's messages, one in JSON a line, or a recording",
        )
    if scripts and not plays:
        raise UsageError("--script is for --engine scripted or replay.", "leave one of them out")
    if engine is not None and engine not in STAND_INS and not plays:
        from transcribe_cli.emulator.engines.registry import UnknownEngine
        from transcribe_cli.jobs.local_models import choose_or_fetch

        try:
            choose_or_fetch(environment, engine)
        except UnknownEngine as e:
            raise UsageError(e.message, f"{e.hint}, {', '.join(STAND_INS)}, replay") from e
    run_service(
        ServiceOptions(
            host=options.host,
            port=options.port,
            keys=tuple(options.key or ()),
            engine="scripted" if plays else engine,  # a recording is a script
            scripts=scripts,
            turn_words=options.turn_words,
            models=parse_admitted_models(options.allow_model or (), options.default_model),
            readings=Readings(
                options.formatted_finals.value,
                options.multilingual_flag,
                None if partials is None else partials is ProPartials.FORMATTED,
            ),
            llm_command=_words_of(options.llm_command),
            max_session_s=options.max_session_s,
            new_sessions_per_minute=options.new_sessions_per_minute,
            max_sessions=options.max_sessions,
            workers=options.workers,
            max_audio_rate=options.max_audio_rate,
            tls=options.tls,
            tls_dir=options.tls_dir,
            certfile=options.certfile,
            keyfile=options.keyfile,
            faults=tuple(options.fault or ()),
            fault_seed=options.fault_seed,
            with_parent=options.with_parent,
            ready_json=options.ready_json,
            keep_audio=options.keep_audio,
            logbook=options.logbook,
            quiet=options.quiet,
        )
    )
    return ExitStatus.OK


def _words_of(command: str | None) -> tuple[str, ...]:
    """Program and arguments of a command, as a shell cuts them; no shell runs it."""
    if command is None:
        return ()
    import shlex
    import shutil

    try:
        words = tuple(shlex.split(command))
    except ValueError as e:
        raise UsageError(f"--llm-command: {e}.", "quote it as for a shell") from e
    if words and shutil.which(words[0]) is None:
        raise UsageError(
            f"--llm-command '{words[0]}' is no program that can be run.",
            "name one on the PATH, or give its path",
        )
    return words
