"""The exit codes of the program, and which of them a run or a command ends with.

| what happened | exit code | decided by |
| --- | --- | --- |
| a recording is complete, or a limit ended a microphone's | 0 | `of_run` |
| a limit ended a file's, or a pipe's, before its end | 6 | `of_run` |
| its sessions or its source failed | that failure's | `of_run` |
| its words are not complete, as a rule or a verdict of `supervisor/` says | 6 | `of_run` |
| what was recorded could not all be saved, and nothing else went wrong | 6 | `of_run` |
| a microphone was stopped once | as if nobody had stopped it | `of_run` |
| a file or a pipe was stopped by a key or Ctrl+C | 130 | `of_run` |
| a file or a pipe was stopped by SIGTERM or SIGHUP | 143 | `of_run` |
| Ctrl+C or Ctrl+Break came twice | 130 | `of_run` |
| standard output was given up, and nothing else went wrong | 6 | `of_recording` |
| `--record` failed, and nothing else | 6 | `of_recording` |
| `-o` or another output was given up, and nothing else went wrong | 6 | `of_outputs` |
| one of several files failed | the first failure's | `of_command` |
| `--max-cost` left some of several files out | 6 | `of_command` |
| a person stopped several files | as the file that was stopped | `of_command` |
| `merge` reads that a file's run failed, as its journal tells | that failure's | `of_journal` |
| `merge` reads that it was cut off, or cannot read it, or it is not there | 6 | `of_journal` |
| one of the files that are merged is not complete | the first such file's | `of_merged` |
| files or shards are missing, and nothing else | 6 | `of_merged` |
| an error ended the command | the error's own | `of_exception` |
| the reader of a list went away | 0 | `of_exception` |
| Ctrl+C outside a run | 130 | `of_exception` |
| a fault of this program, or the machine lacks what it needs | 1 | `of_exception` |
| a check of `doctor` failed | the first failure's | `first_failure` |
| `replay` was stopped by Ctrl+C, by another signal | 130, 143 | `of_signal` |
| a worker of `serve` had ended by a fault, and nothing else went wrong | 5 | `of_exception` |
| the command line is wrong, or Typer was interrupted | 2, 130 | `cli.py` |
| SIGTERM or SIGHUP outside a run | 143 | `cli.py` |
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple

KEYBOARD_SIGNALS = ("SIGINT", "SIGBREAK")
"""What Ctrl+C and Ctrl+Break send."""
BY_KEY = "key"
"""The cause of a stop that a key has asked for; which key, `ui/key_table.py` says."""


class ExitStatus(IntEnum):
    """What the program tells the shell when it ends."""

    OK = 0
    FAULT = 1  # a fault of this program, or the machine lacks what it needs
    USAGE = 2
    AUDIO = 3  # no device, unreadable file, PortAudio missing
    ACCOUNT = 4  # key, account or billing refused
    SERVICE = 5  # the service could not be reached or gave up
    INCOMPLETE = 6  # the recording is saved, its transcript is incomplete
    INTERRUPTED = 130  # SIGINT
    TERMINATED = 143  # SIGTERM


def first_failure(statuses: Iterable[ExitStatus]) -> ExitStatus:
    """The first that is not OK.

    >>> first_failure([ExitStatus.OK, ExitStatus.AUDIO, ExitStatus.SERVICE])
    <ExitStatus.AUDIO: 3>
    """
    return next((status for status in statuses if status), ExitStatus.OK)


def is_stopped_by_person(stops: Sequence[str]) -> bool:
    """Whether a signal or a key is among the causes of a run's stops."""
    return bool(_signals(stops)) or BY_KEY in stops


def is_signal(cause: str) -> bool:
    """Whether a stop was asked for by a signal, whose name that is."""
    return cause.startswith("SIG")


def of_signal(name: str) -> ExitStatus:
    """The exit code of what a signal has cut short.

    >>> of_signal("SIGBREAK"), of_signal("SIGHUP")
    (<ExitStatus.INTERRUPTED: 130>, <ExitStatus.TERMINATED: 143>)
    """
    by_person = name in KEYBOARD_SIGNALS
    return ExitStatus.INTERRUPTED if by_person else ExitStatus.TERMINATED


def of_run(
    sessions: ExitStatus,
    stops: Sequence[str] = (),
    problem: ExitStatus = ExitStatus.OK,
    *,
    spoken_now: bool,
    limited: bool = False,
) -> ExitStatus:
    """The exit code of one run.

    Args:
        sessions: what the supervisor made of its sessions and its source.
        stops: the causes of its stops in order: names of signals, `BY_KEY`, `limit` or `output`.
        problem: what is told of it in words: why they ended, or audio that was not saved.
        spoken_now: its source is a microphone, which is normally ended by a stop; anything else
            is cut short by it.
        limited: a limit stopped it before its source had ended.

    >>> of_run(ExitStatus.OK, ["SIGINT"], spoken_now=True)
    <ExitStatus.OK: 0>
    >>> of_run(ExitStatus.OK, ["SIGTERM"], spoken_now=False)
    <ExitStatus.TERMINATED: 143>
    """
    signals = _signals(stops)
    is_cut_short = is_stopped_by_person(stops) and not spoken_now
    is_forced = sum(name in KEYBOARD_SIGNALS for name in signals) > 1
    if not is_cut_short and not is_forced:
        left_out = ExitStatus.INCOMPLETE if limited and not spoken_now else ExitStatus.OK
        return first_failure((problem, sessions, left_out))  # the code of what is told in words
    return of_signal(signals[0]) if is_cut_short and signals else ExitStatus.INTERRUPTED


def of_recording(
    run: ExitStatus, stdout: ExitStatus = ExitStatus.OK, record: ExitStatus = ExitStatus.OK
) -> ExitStatus:
    """The exit code of a recording, with what happened to its outputs after its run.

    Args:
        stdout: why standard output could not be written.
        record: why `--record` could not be written.
    """
    return first_failure((run, stdout, record))


def of_outputs(command: ExitStatus, *, given_up: bool) -> ExitStatus:
    """The exit code of a command when its outputs are closed.

    Args:
        given_up: a file, or what standard output gets last, is not what was asked for: its disk is
            full, or its reader went away.
    """
    return first_failure((command, ExitStatus.INCOMPLETE if given_up else ExitStatus.OK))


class FileEnd(NamedTuple):
    """How one of several files ended.

    Attributes:
        cut_short: a person stopped it, or nobody reads what it prints any more.
    """

    status: ExitStatus
    cut_short: bool = False


def of_command(files: Sequence[FileEnd], stdout: ExitStatus = ExitStatus.OK) -> ExitStatus:
    """The exit code of a command with several files, in the order in which they ended.

    >>> failed, stopped = FileEnd(ExitStatus.AUDIO), FileEnd(ExitStatus.INTERRUPTED, cut_short=True)
    >>> of_command([failed, FileEnd(ExitStatus.SERVICE)])
    <ExitStatus.AUDIO: 3>
    >>> of_command([failed, stopped])
    <ExitStatus.INTERRUPTED: 130>
    """
    stopped = first_failure(end.status for end in reversed(files) if end.cut_short)
    failed = first_failure(end.status for end in files)
    return first_failure((stopped, failed, stdout))


def of_journal(
    codes: Sequence[object] = (), *, complete: bool = False, cut_off: bool = False
) -> ExitStatus:
    """The exit code of an earlier run, from what its journal tells; 6 if that is nothing.

    Args:
        codes: of its Error records, in order; anybody may have written them.
        complete: its Summary says so.
        cut_off: it was begun and has no Summary.

    >>> of_journal([3]), of_journal([3], cut_off=True)
    (<ExitStatus.AUDIO: 3>, <ExitStatus.INCOMPLETE: 6>)
    """
    if complete:
        return ExitStatus.OK
    failures = [] if cut_off else [status for status in ExitStatus if status]
    told = (status for code in reversed(codes) for status in failures if status == code)
    return next(told, ExitStatus.INCOMPLETE)


def of_merged(files: Iterable[ExitStatus], *, missing: bool) -> ExitStatus:
    """The exit code of `merge`, of files in the order of their list.

    Args:
        missing: there should be more of them.
    """
    return first_failure((*files, ExitStatus.INCOMPLETE if missing else ExitStatus.OK))


def of_exception(error: BaseException) -> ExitStatus:
    """The exit code of a command that an exception ended."""
    if isinstance(error, BrokenPipeError):
        return ExitStatus.OK
    if isinstance(error, KeyboardInterrupt):
        return ExitStatus.INTERRUPTED
    own = getattr(error, "exit_status", None)
    return own if isinstance(own, ExitStatus) else ExitStatus.FAULT


def _signals(stops: Sequence[str]) -> list[str]:
    return [cause for cause in stops if is_signal(cause)]
