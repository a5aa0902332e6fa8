"""The command line: Typer's application, and the one ladder from an error to an exit code."""

import itertools
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn

from transcribe_cli import PROGRAM, __version__

_YES = ("1", "true", "t", "yes", "y", "on")
_COMPLETION = "_AAI_STREAM_COMPLETE"  # set where Typer is asked to complete a line


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the program and leave with its exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if arguments == ["--version"] and sys.stdout is not None:
        # Answered before anything else is imported, unless there is more to say.
        with suppress(OSError):
            os.write(sys.stdout.fileno(), f"{PROGRAM} {__version__}\n".encode())
            sys.exit(0)
    from transcribe_cli.system import garbage

    garbage.put_off()
    # NumPy's algebra would start a thread a core, which nothing here uses; where memory is limited
    # they fail to start, and raise SIGINT.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    _leave_on_signals()
    try:
        status = run(arguments)
    finally:
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
    from transcribe_cli.errors import (
        IncompleteError,
        InternalError,
        StreamError,
        explain_unexpected,
    )
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
        fault = explain_unexpected(e)
        if isinstance(fault, IncompleteError):
            environment.forget_stdout()  # which may hold what it could not write
        if isinstance(fault, InternalError) and not {"--verbose", "-v"}.isdisjoint(arguments):
            from transcribe_cli.settings.environment import say

            say(environment.stderr, fault.traceback)
        return _explain(fault, environment, arguments)


def _dispatch(arguments: Sequence[str], environment: Any) -> int:
    if arguments[:1] == ["serve"] and _COMPLETION not in environment.variables:
        from transcribe_cli.commands.serve import plain_options, serve

        if options := plain_options(arguments[1:], environment):
            return serve(options, environment)
    import typer

    from transcribe_cli.commands.command_table import make_command
    from transcribe_cli.exit_status import ExitStatus

    name = arguments[0] if arguments else ""
    completing = _COMPLETION in environment.variables
    if completing:
        from transcribe_cli.commands.completion import words_typed

        name = next(iter(words_typed(environment.variables)[1:]), "")
    for_help = not {"-h", "--help"}.isdisjoint(arguments)
    command = make_command(environment, (name,))
    if completing:
        from transcribe_cli.commands.completion import complete_values

        complete_values(command, environment)
    defaults = None if completing else _defaults_of(command, name, environment, for_help)
    if not (completing or for_help):
        _tell_what_is_not_taken(arguments, environment)
    # Typer carries a Click of its own, whose base error has no public name.
    click_error: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")
    try:
        status = command.main(
            args=list(arguments),
            prog_name=PROGRAM,
            standalone_mode=False,
            default_map=defaults and defaults.values,
            obj=defaults,
        )
    except click_error as e:
        if type(e).__name__ == "NoArgsIsHelpError":  # its message is the help itself
            environment.stderr.write(e.format_message() + "\n")
            return ExitStatus.USAGE
        from transcribe_cli.commands.usage_errors import of_click

        raise of_click(e) from e
    except typer.Abort:  # what Typer makes of Ctrl+C
        return ExitStatus.INTERRUPTED
    except SystemExit as e:  # what it makes of a reader that does not want all of the help
        if isinstance(e.__context__, BrokenPipeError):
            raise e.__context__ from None
        raise
    return int(status or 0)


def _defaults_of(command: Any, name: str, environment: Any, for_help: bool) -> Any:
    """The options' defaults; also tells which settings are ignored."""
    from transcribe_cli.commands.command_table import COMMANDS
    from transcribe_cli.system import garbage

    is_run = name in ("mic", "file") and not for_help
    if not is_run and (name != "serve" or for_help):  # these begin with it when their loop runs
        garbage.begin()
    if for_help or name not in COMMANDS:
        return None
    from transcribe_cli.settings.precedence import defaults_of

    return defaults_of(command, name, environment, strict=is_run)


def _tell_what_is_not_taken(arguments: Sequence[str], environment: Any) -> None:
    """Tell which variables of `.env` and of the environment are ignored.

    A run and `doctor` tell that themselves.
    """
    from transcribe_cli.settings.dotenv import notes_on_variables, settings_in_dotenv
    from transcribe_cli.settings.environment import say
    from transcribe_cli.ui.safe_text import safe_text

    told = list(arguments[:1]) in (["recordings"], ["token"], ["replay"])
    if told and list(arguments[:2]) != ["recordings", "resume"]:
        notes = notes_on_variables(environment.variables)
        for note in (*settings_in_dotenv(environment).notes, *notes):
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

        from transcribe_cli.outputs.jsonl_records import encode_record, error_record

        with suppress(OSError):
            stdout = environment.binary_stdout
            stdout.write(encode_record(error_record(error, datetime.now(UTC)), 0))
            stdout.flush()
    return of_exception(error)


def _wants_records(arguments: Sequence[str], environment: Any) -> bool:
    """Whether standard output was to get JSON lines, wherever that was asked."""
    from transcribe_cli.errors import UsageError
    from transcribe_cli.settings.config_file import read_config
    from transcribe_cli.settings.dotenv import settings_in_dotenv
    from transcribe_cli.settings.precedence import config_path
    from transcribe_cli.settings.setting_origins import variable_of

    runs = list(arguments[:1]) in (["mic"], ["file"])
    if not runs and list(arguments[:2]) != ["recordings", "resume"]:
        return False
    if "--jsonl" in arguments or "--format=jsonl" in arguments:
        return True
    if ("--format", "jsonl") in itertools.pairwise(arguments):
        return True
    dotenv = settings_in_dotenv(environment)
    for option, wanted in (("jsonl", _YES), ("format", ("jsonl",))):
        given = environment.variables.get(variable_of(option)) or dotenv.options.get(option)
        if given:
            return given.strip().lower() in wanted
    try:
        config = read_config(config_path(environment.variables)).values if runs else {}
    except (UsageError, OSError):
        return False
    return config.get("jsonl") is True or str(config.get("format")).lower() == "jsonl"
