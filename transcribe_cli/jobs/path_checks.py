"""Checks the paths of a command line before anything is opened."""

import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from transcribe_cli.errors import AudioError, UsageError
from transcribe_cli.jobs.sources import STDIN
from transcribe_cli.outputs.formats import is_video, output_path
from transcribe_cli.outputs.output import usage_error_if_unwritable
from transcribe_cli.outputs.written_files import check_not_there
from transcribe_cli.protocol.endpoint import without_credentials
from transcribe_cli.settings.environment import Environment
from transcribe_cli.settings.run_options import RunOptions


def check_record(record: str | None) -> None:
    """Find an unwritable `--record` before the microphone is opened.

    Raises:
        UsageError: it names no format, or cannot be written.
    """
    if record is None:
        return
    path = Path(record)
    if path.suffix.lower() not in (".wav", ".flac"):
        raise UsageError(
            f"--record '{record}' does not end in .wav or .flac.", "choose one of them"
        )
    with usage_error_if_unwritable(path):
        is_new = not path.exists()
        with path.open("ab"):
            pass
        if is_new:
            path.unlink()


def check_clobber(options: RunOptions, stems: Sequence[str]) -> None:
    """Find what `--no-clobber` refuses.

    Args:
        stems: what `{stem}` stands for, of each source.

    Raises:
        UsageError: a file of `-o` or `--record` is there.
    """
    if not options.no_clobber:
        return
    templates = options.output_files
    check_not_there(output_path(template, stem) for template in templates for stem in stems)
    if options.record:
        check_not_there([Path(options.record)])


def check_sources(
    sources: Sequence[str],
    record: str | None,
    templates: Sequence[str],
    environment: Environment,
) -> None:
    """Find paths of `file` where one output would overwrite another, or a source.

    Raises:
        UsageError: `--record` is a source or has several, or two sources share an own output.
    """
    if record is not None:
        if len(sources) > 1:
            raise UsageError("--record takes the audio of one file.", "name one file")
        if _is_same(sources[0], record, environment):
            raise UsageError(f"--record '{record}' is the source itself.", "choose another path")
    for template in templates:
        if "{stem}" not in template:
            continue
        source_of: dict[str, str] = {}
        for source in sources:
            path = os.path.realpath(output_path(template, stem_of(source)))
            other = source_of.setdefault(path, source)
            if other is not source or sources.count(source) > 1:
                raise UsageError(
                    f"-o '{template}' gives '{other}' and '{source}' the same path.",
                    "leave {stem} out to have both in one file, one after the other",
                )


def check_videos(
    sources: Sequence[str],
    templates: Sequence[str],
    track: int | None = None,
    note: Callable[[str], None] = lambda text: None,
) -> None:
    """Find copies of videos that could not be written; each is tried with its first moment.

    Args:
        sources: as typed; none for a microphone.
        templates: the paths of `-o`.
        note: told what a copy cannot hold.

    Raises:
        UsageError: there is no ffmpeg, a source is no file, several share a copy, or a container
            cannot hold what a source has.
    """
    from transcribe_cli.outputs.subtitled_video import check_ffmpeg

    for template in filter(is_video, templates):
        check_ffmpeg(Path(template))
        if not sources or any(s == STDIN or "://" in s for s in sources):
            raise UsageError(
                f"-o '{template}' is a copy of one file, and there is none here.",
                "ask for captions alone: .srt",
            )
        if len(sources) > 1 and "{stem}" not in template:
            raise UsageError(
                f"-o '{template}' is a copy of one file, and there are {len(sources)}.",
                "put {stem} into it: each has one of its own then",
            )
        for source in filter(os.path.isfile, sources):
            _check_video(Path(source), output_path(template, stem_of(source)), track, note)


def _check_video(
    source: Path, target: Path, track: int | None, note: Callable[[str], None]
) -> None:
    from transcribe_cli.audio.muxing import CONTAINERS, plan_copy

    if target.exists() and target.samefile(source):
        raise UsageError(f"-o '{target}' is the source itself.", "choose another path")
    try:
        plan = plan_copy(source, CONTAINERS[target.suffix.lower()], track)
    except AudioError as e:
        raise UsageError(e.message, e.hint) from e
    if plan.left_out:
        streams = ", ".join(map(str, plan.left_out))
        note(f"'{target}' cannot hold all of '{source}': left out is stream {streams}")


def stem_of(source: str) -> str:
    """The source's name without suffix."""
    if "://" in source:
        source = without_credentials(source)
    return "stdin" if source == STDIN else Path(source).stem


def _is_same(source: str, record: str, environment: Environment) -> bool:
    with contextlib.suppress(OSError, ValueError):  # what is not there is not the same
        is_stdin = source == STDIN
        there = os.fstat(environment.stdin.fileno()) if is_stdin else Path(source).stat()
        return os.path.samestat(there, Path(record).stat())
    return False
