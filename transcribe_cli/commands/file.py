"""`aai-stream file`: transcribe audio files, or standard input."""

from functools import partial
from pathlib import Path

from transcribe_cli.audio.source import Source
from transcribe_cli.commands.options import FileOptions
from transcribe_cli.config import parse_pace
from transcribe_cli.environment import Environment
from transcribe_cli.errors import StreamError
from transcribe_cli.exit_status import ExitStatus

STDIN = "-"


def file(options: FileOptions, environment: Environment) -> ExitStatus:
    """Transcribe files one after the other; one that fails does not stop the others."""
    from transcribe_cli.commands.transcribe import Transcriber

    pace = parse_pace(options.pace, local=options.local)
    several = len(options.paths) > 1
    transcriber = Transcriber(options, environment, sources=len(options.paths), pace=pace)
    if not several and options.paths[0] != STDIN:
        _open(options.paths[0], options, environment).close()  # no service for a file that is none
    worst = ExitStatus.OK
    with transcriber.shared_outputs() as shared, transcriber.service() as service:
        for path in options.paths:
            stem, kind = ("stdin", "stdin") if path == STDIN else (Path(path).stem, "file")
            try:
                result = transcriber.transcribe(
                    service, shared, stem, kind, partial(_open, path, options, environment)
                )
            except StreamError as e:
                if not several:
                    raise
                transcriber.notices.error(e)
                worst = worst or e.exit_status
                continue
            worst = worst or result.exit_status
            if result.interrupted or result.problem is not None:
                break
    return worst


def _open(path: str, options: FileOptions, environment: Environment) -> Source:
    if path == STDIN:
        from transcribe_cli.audio.stdin import open_stdin

        return open_stdin(environment.stdin, options.sample_rate)
    from transcribe_cli.audio.files import open_file

    return open_file(Path(path), options.sample_rate)
