"""What a local service is told, as one value; how it is typed is in `commands/serve.py`."""

from pathlib import Path

from msgspec import Struct

from transcribe_cli.emulator.engine_settings import DEFAULT_READINGS, TURN_WORDS, Readings
from transcribe_cli.emulator.parameter_checks import DEFAULT_MODELS, AdmittedModels

DEFAULT_PORT = 8765
MAX_SESSION_S = 10_800  # 3 hours
STAND_INS = ("scripted", "counting")  # what recognises no speech
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class ServiceOptions(Struct, frozen=True, kw_only=True):
    """The settings of one service.

    Attributes:
        port: 0 lets the system choose a free one.
        keys: API keys that are accepted; none: no key is needed (on loopback only).
        engine: NAME or NAME:MODEL of one that recognises speech; "scripted" plays
            `scripts`, "counting" hears audio that carries its own count. None: the best that is
            installed, for each session's model and languages.
        scripts: `[NAME=VALUE:]PATH`: sessions with that parameter, or that path of the URL, play
            it; of the others, session N plays script N, and later ones the last.
        turn_words: words that end a turn of the counting engine.
        models: those that are let in, and the one that runs where a client names none.
        readings: what is sent where the public sources differ.
        llm_command: program and arguments that answer `llm_gateway`; (): nothing does.
        max_session_s: seconds after which a session is closed with 3008.
        new_sessions_per_minute: more are refused with 1008; None: no limit.
        max_sessions: more at once are refused with 1008; None: computed from the machine.
        workers: processes on one port, which share the sessions.
        max_audio_rate: times real time; faster audio is refused with 3007; None: no limit.
        faults: what goes wrong on purpose, as `fault_specs.parse_fault` reads it.
        fault_seed: seed of random faults; None: another one each time.
        certfile, keyfile: PEM files for `wss`.
        tls: `wss` with a certificate that is made at the start, in `tls_dir` or for this run only.
        with_parent: run as a child: print one ready line, end when standard input ends.
        ready_json: print one ready line in JSON, and have a control.
        keep_audio: keep what clients send for the control.
        logbook: file for one JSON line per event.
        quiet: no line on stderr for each session.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    keys: tuple[str, ...] = ()
    engine: str | None = None
    scripts: tuple[str, ...] = ()
    turn_words: int = TURN_WORDS
    models: AdmittedModels = DEFAULT_MODELS
    readings: Readings = DEFAULT_READINGS
    llm_command: tuple[str, ...] = ()
    max_session_s: int = MAX_SESSION_S
    new_sessions_per_minute: int | None = None
    max_sessions: int | None = None
    workers: int = 1
    max_audio_rate: float | None = None
    faults: tuple[str, ...] = ()
    fault_seed: int | None = None
    certfile: Path | None = None
    keyfile: Path | None = None
    tls: bool = False
    tls_dir: Path | None = None
    with_parent: bool = False
    ready_json: bool = False
    keep_audio: bool = False
    logbook: Path | None = None
    quiet: bool = False

    def __repr__(self) -> str:
        """Without the keys."""
        return f"ServiceOptions({self.host!r}, {self.port})"
