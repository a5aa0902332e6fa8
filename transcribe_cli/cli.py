"""The command line: Typer's application, and the one ladder from an error to an exit code."""

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Annotated, Any, NoReturn

from transcribe_cli import __version__

PROGRAM = "aai-stream"
_COMPLETION = "_AAI_STREAM_COMPLETE"  # set where Typer is asked to complete a line


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the program and leave with its exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if arguments == ["--version"] and sys.stdout is not None:
        # Answered before anything else is imported.
        sys.stdout.write(f"{PROGRAM} {__version__}\n")
        sys.exit(0)
    from transcribe_cli.system import garbage

    garbage.put_off()
    _leave_on_signals()
    status = run(arguments)
    _ignore_signals()  # what is left is the interpreter's own end
    sys.exit(status)


def _leave_on_signals() -> None:
    """Outside a run, which handles them itself, SIGTERM and SIGHUP end the program as SIGINT does.

    So what is open is closed, and the exit code says what happened.
    """
    import signal

    from transcribe_cli.system.signals import resend_swallowed_signals

    resend_swallowed_signals()

    def leave(number: int, _: object) -> NoReturn:
        from transcribe_cli.exit_status import ExitStatus

        raise SystemExit(ExitStatus.TERMINATED)

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, leave)


def _ignore_signals() -> None:
    import signal

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def run(arguments: Sequence[str]) -> int:
    """Run a command line; `exit_status.of_exception` says what an exception's exit code is."""
    from transcribe_cli.errors import StreamError
    from transcribe_cli.exit_status import of_exception
    from transcribe_cli.settings.environment import Environment

    environment = Environment.current()
    try:
        status = _dispatch(arguments, environment)
        environment.write("")  # what is left, and not when the interpreter ends
        return status
    except StreamError as e:
        return _explain(e, environment, arguments)
    except BrokenPipeError as e:
        environment.forget_stdout()  # the reader of a list went away
        return of_exception(e)
    except KeyboardInterrupt as e:
        return of_exception(e)
    except Exception as e:
        fault = StreamError(
            f"A fault of this program: {type(e).__name__}: {e}.",
            "please report it, with what '--verbose' shows",
        )
        if "--verbose" in arguments or "-v" in arguments:
            import traceback

            from transcribe_cli.redaction import redact
            from transcribe_cli.settings.environment import say

            say(environment.stderr, redact(traceback.format_exc()))
        return _explain(fault, environment, arguments)


def _dispatch(arguments: Sequence[str], environment: Any) -> int:
    import typer

    from transcribe_cli.errors import UsageError
    from transcribe_cli.exit_status import ExitStatus
    from transcribe_cli.settings.defaults import defaults_of
    from transcribe_cli.system import garbage

    for_help = not {"-h", "--help"}.isdisjoint(arguments)
    name = arguments[0] if arguments else ""
    # Only the command that is asked for is built; what completes a line needs them all.
    asked = "" if _COMPLETION in environment.variables else name
    command = typer.main.get_command(make_app(environment, asked))
    is_run = name in ("mic", "file") and not for_help
    defaults = defaults_of(command, name, environment, strict=is_run)
    if not is_run:  # which begins with it when its loop runs
        garbage.begin()
    if not for_help:
        _tell_dotenv(arguments, environment)
    # Typer carries a Click of its own, whose base error has no public name.
    click_error: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")
    try:
        status = command.main(
            args=list(arguments), prog_name=PROGRAM, standalone_mode=False, default_map=defaults
        )
    except click_error as e:
        context = getattr(e, "ctx", None)
        path = context.command_path if context is not None else PROGRAM
        message = e.format_message()
        if type(e).__name__ == "NoArgsIsHelpError":  # its message is the help itself
            environment.stderr.write(message + "\n")
            return ExitStatus.USAGE
        raise UsageError(message, f"see '{path} --help'") from e
    except typer.Abort:  # what Typer makes of Ctrl+C
        return ExitStatus.INTERRUPTED
    return int(status or 0)


def _tell_dotenv(arguments: Sequence[str], environment: Any) -> None:
    """What of the `.env` is not taken; a run and `doctor` tell it themselves."""
    from transcribe_cli.settings.dotenv import settings_in_dotenv
    from transcribe_cli.settings.environment import say
    from transcribe_cli.ui.safe_text import safe_text

    told = list(arguments[:1]) in (["recordings"], ["token"], ["replay"])
    if told and list(arguments[:2]) != ["recordings", "resume"]:
        for note in settings_in_dotenv(environment).notes:
            say(environment.stderr, safe_text(note) + "\n")


def _explain(error: Any, environment: Any, arguments: Sequence[str]) -> int:
    """One line and one hint on stderr; with `--jsonl` a record on stdout as well."""
    from transcribe_cli.exit_status import of_exception
    from transcribe_cli.settings.environment import say
    from transcribe_cli.ui.safe_text import safe_text

    lines = [f"error: {error.message}"] + ([f"hint: {error.hint}"] if error.hint else [])
    say(environment.stderr, "".join(safe_text(line) + "\n" for line in lines))
    if _wants_records(arguments, environment):
        from datetime import UTC, datetime

        from transcribe_cli.outputs.record import encode_record, error_record

        with suppress(OSError):
            stdout = environment.binary_stdout
            stdout.write(encode_record(error_record(error, datetime.now(UTC)), 0))
            stdout.flush()
    return of_exception(error)


def _wants_records(arguments: Sequence[str], environment: Any) -> bool:
    """Whether standard output was to get JSON lines, wherever that was asked."""
    from transcribe_cli.errors import UsageError
    from transcribe_cli.settings.allowed_sources import variable_of
    from transcribe_cli.settings.config import config_path, load_settings
    from transcribe_cli.settings.dotenv import settings_in_dotenv

    runs = list(arguments[:1]) in (["mic"], ["file"])
    if not runs and list(arguments[:2]) != ["recordings", "resume"]:
        return False
    if "--jsonl" in arguments:
        return True
    variable, dotenv = variable_of("jsonl"), settings_in_dotenv(environment)
    if given := environment.variables.get(variable) or dotenv.options.get("jsonl"):
        return given.strip().lower() in ("1", "true", "t", "yes", "y", "on")
    try:
        return runs and load_settings(config_path(environment.variables)).get("jsonl") is True
    except UsageError:
        return False


def make_app(environment: Any, asked: str = "") -> Any:
    """The Typer application; what a command needs is imported when it runs.

    Args:
        asked: the one command that is wanted; what is no command: all.
    """
    import typer

    app = typer.Typer(
        name=PROGRAM,
        help="Transcribe a microphone or a file in real time.",
        epilog="Start with: aai-stream file samples/meeting.wav --local",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    def version(asked: bool) -> None:
        if asked:
            environment.write(f"{PROGRAM} {__version__}\n")
            raise typer.Exit

    @app.callback()
    def top(
        version: Annotated[
            bool,
            typer.Option("--version", help="Say the version.", callback=version, is_eager=True),
        ] = False,
    ) -> None:
        pass

    for name in (asked,) if asked in _COMMANDS else _COMMANDS:
        _COMMANDS[name](app, environment)
    return app


def _add_mic(app: Any, environment: Any) -> None:
    from transcribe_cli.commands.typer_options import GroupedCommand, as_command
    from transcribe_cli.settings.options import MicOptions

    def run_mic(options: MicOptions) -> int:
        """Transcribe a microphone until stopped."""
        from transcribe_cli.commands.mic import mic

        return mic(options, environment)

    app.command("mic", cls=GroupedCommand)(as_command(MicOptions, run_mic))


def _add_file(app: Any, environment: Any) -> None:
    from transcribe_cli.commands.typer_options import GroupedCommand, as_command
    from transcribe_cli.settings.options import FileOptions

    def run_file(options: FileOptions) -> int:
        """Transcribe audio files; - is standard input."""
        from transcribe_cli.commands.file import file

        return file(options, environment)

    app.command("file", cls=GroupedCommand)(as_command(FileOptions, run_file))


def _add_list(name: str, help_text: str) -> Callable[[Any, Any], None]:
    """What adds one of the commands that list something."""

    def add(app: Any, environment: Any) -> None:
        import typer

        def show(
            as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
        ) -> int:
            from transcribe_cli.commands import lists

            command: Callable[..., int] = getattr(lists, name)
            return command(environment, as_json=as_json)

        app.command(name, help=help_text)(show)

    return add


def _add_recordings(app: Any, environment: Any) -> None:
    import typer

    from transcribe_cli.commands.typer_options import GroupedCommand, as_command
    from transcribe_cli.settings.allowed_sources import variable_of
    from transcribe_cli.settings.recordings_options import ExportOptions, ResumeOptions

    group = typer.Typer(help="The saved recordings.", rich_markup_mode=None, no_args_is_help=True)
    recording = typer.Argument(help="Its id, the beginning of it, or latest.", metavar="RECORDING")
    save_dir = typer.Option(
        "--save-dir", help="Where recordings are.", metavar="DIR", envvar=variable_of("save_dir")
    )

    def list_all(
        save_dir: Annotated[str | None, save_dir] = None,
        as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    ) -> int:
        from transcribe_cli.commands import recordings

        return recordings.list_all(environment, save_dir, as_json=as_json)

    group.command("list", help="List them, the newest last.")(list_all)

    def add(name: str, function: str, help_text: str) -> None:
        def call(
            recording: Annotated[str, recording], save_dir: Annotated[str | None, save_dir] = None
        ) -> int:
            from transcribe_cli.commands import recordings

            command: Callable[..., int] = getattr(recordings, function)
            return command(environment, save_dir, recording)

        group.command(name, help=help_text)(call)

    add("show", "show", "What it is, and its transcript.")
    add("recover", "mend", "Make its files whole again after a crash.")

    def remove(
        recording: Annotated[str, recording],
        save_dir: Annotated[str | None, save_dir] = None,
        yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    ) -> int:
        from transcribe_cli.commands import recordings

        return recordings.remove(environment, save_dir, recording, yes=yes)

    group.command("rm", help="Delete it for good; asks when given a part of its id.")(remove)

    def run_resume(options: ResumeOptions) -> int:
        """Transcribe what has no final words yet."""
        from transcribe_cli.commands.recordings import resume

        return resume(environment, options)

    group.command("resume", cls=GroupedCommand)(as_command(ResumeOptions, run_resume))

    def run_export(options: ExportOptions) -> int:
        """Make its outputs in any format, as the run itself does; without -o, text on stdout."""
        from transcribe_cli.commands.export import export

        return export(environment, options)

    group.command("export", cls=GroupedCommand)(as_command(ExportOptions, run_export))
    app.add_typer(group, name="recordings")


def _add_token(app: Any, environment: Any) -> None:
    from transcribe_cli.commands.token import TokenOptions, token
    from transcribe_cli.commands.typer_options import as_command

    def run_token(options: TokenOptions) -> int:
        """Make a temporary token for a machine that should not have the key."""
        return token(options, environment)

    app.command("token")(as_command(TokenOptions, run_token))


def _add_replay(app: Any, environment: Any) -> None:
    from transcribe_cli.commands.replay import ReplayOptions, replay
    from transcribe_cli.commands.typer_options import GroupedCommand, as_command

    def run_replay(options: ReplayOptions) -> int:
        """Show a recording again as it happened; without a terminal, write its text."""
        return replay(environment, options)

    app.command("replay", cls=GroupedCommand)(as_command(ReplayOptions, run_replay))


def _add_doctor(app: Any, environment: Any) -> None:
    from transcribe_cli.commands.doctor import DoctorOptions, doctor
    from transcribe_cli.commands.typer_options import as_command

    def run_doctor(options: DoctorOptions) -> int:
        """Check key, network, audio, disk and terminal, and say how to mend what fails.

        With a key one session is begun and ended at once; about a second of it is billed.
        """
        return doctor(options, environment)

    app.command("doctor")(as_command(DoctorOptions, run_doctor))


def _add_serve(app: Any, environment: Any) -> None:
    from transcribe_cli.commands.serve import FAULTS_HELP, ServeOptions, serve
    from transcribe_cli.commands.typer_options import GroupedCommand, as_command

    def run_serve(options: ServeOptions) -> int:
        """Serve the Streaming v3 protocol on this machine, without a key or a network."""
        return serve(options, environment)

    serving = app.command("serve", cls=GroupedCommand, epilog=FAULTS_HELP)
    serving(as_command(ServeOptions, run_serve))


# In the order of the help; each adds its command to the application.
_COMMANDS: dict[str, Callable[[Any, Any], None]] = {
    "mic": _add_mic,
    "file": _add_file,
    "devices": _add_list("devices", "List the input devices."),
    "models": _add_list("models", "List the models, what each does and costs."),
    "languages": _add_list("languages", "List the language codes."),
    "token": _add_token,
    "replay": _add_replay,
    "doctor": _add_doctor,
    "serve": _add_serve,
    "recordings": _add_recordings,
}
