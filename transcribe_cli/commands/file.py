"""`aai-stream file`: transcribe audio files, or standard input."""

import contextlib
from functools import partial
from pathlib import Path

from transcribe_cli.audio.source import Source
from transcribe_cli.commands.options import FileOptions
from transcribe_cli.config import parse_pace
from transcribe_cli.environment import Environment
from transcribe_cli.errors import AudioError, StreamError
from transcribe_cli.exit_status import ExitStatus


def file(options: FileOptions, environment: Environment) -> ExitStatus:
    """Transcribe files one after the other; one that is no good does not stop the others."""
    from transcribe_cli.commands.checks import STDIN, check_sources
    from transcribe_cli.commands.transcribe import Asked, Transcriber

    pace = parse_pace(options.pace, local=options.local)
    paths = options.paths
    several = len(paths) > 1
    check_sources(paths, options.record, options.output or (), environment)
    transcriber = Transcriber(options, environment, sources=len(paths), pace=pace)
    first_error = ExitStatus.OK
    with contextlib.ExitStack() as stack:
        opened: Source | None = None
        if not several and paths[0] != STDIN:
            # Opened first: no service is started for a file that is none.
            opened = stack.enter_context(contextlib.closing(_open(paths[0], options, environment)))

        def open_source(path: str) -> Source:
            return opened or _open(path, options, environment)

        shared = stack.enter_context(transcriber.shared_outputs())
        service = stack.enter_context(transcriber.service())
        for number, path in enumerate(paths):
            name, kind = ("stdin", "stdin") if path == STDIN else (Path(path).name, "file")
            if number and transcriber.budget_is_used:
                left = ", ".join(paths[number:])
                transcriber.notices.note(f"the greatest cost is reached; not transcribed: {left}")
                break
            try:
                what = Asked(name, kind, partial(open_source, path))
                result = transcriber.transcribe(service, shared, what)
            except StreamError as e:
                if not several:
                    raise
                transcriber.tell_error(e, path)
                first_error = first_error or e.exit_status
                if not isinstance(e, AudioError):
                    break
                continue
            first_error = first_error or result.exit_status
            stopped = result.interrupted or transcriber.stdout_is_broken
            if stopped or not isinstance(result.problem, AudioError | None):
                break
    return first_error


def _open(path: str, options: FileOptions, environment: Environment) -> Source:
    from transcribe_cli.commands.checks import STDIN

    if path == STDIN:
        from transcribe_cli.audio.stdin import open_stdin

        return open_stdin(environment.stdin, options.sample_rate)
    from transcribe_cli.audio.files import open_file

    return open_file(Path(path), options.sample_rate)
