"""Errors a user can meet: one plain sentence, one hint, one exit code each."""

import errno
import os

from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.redaction import redact

_MOST_SAID = 200
_MOST_NAME = 60
_FEW_FILES = (errno.EMFILE, errno.ENFILE)
_FEW_FILES_HINT = "raise the limit of 'ulimit -n'"
_OF_THE_PATH = (errno.ENAMETOOLONG, errno.ELOOP, errno.EACCES, errno.EPERM, errno.EROFS)


class StreamError(Exception):
    """An error to show as one line and one hint; raised low, explained once at the edge.

    What a service, a proxy or a library said may be part of it, so our own key is taken out here.

    Attributes:
        message: what happened, to what, as one plain sentence.
        exit_status: what the process ends with when nothing better comes up.
    """

    exit_status: ExitStatus = ExitStatus.FAULT

    def __init__(
        self, message: str, hint: str = "", *, exit_status: ExitStatus | None = None
    ) -> None:
        if message.endswith("..") and not message.endswith("..."):  # a library ends with one too
            message = message[:-1]
        self.message = redact(message)
        self._hint = redact(hint)
        super().__init__(self.message)
        if exit_status is not None:
            self.exit_status = exit_status

    @property
    def hint(self) -> str:
        """What to try next; empty when there is nothing sensible to try."""
        cause = self.__cause__
        is_machine = isinstance(cause, OSError) and cause.errno in _FEW_FILES
        return _FEW_FILES_HINT if is_machine else self._hint


class UsageError(StreamError):
    """The command line asks for something that cannot be done."""

    exit_status = ExitStatus.USAGE


class AudioError(StreamError):
    """No device, an unreadable file, PortAudio missing."""

    exit_status = ExitStatus.AUDIO


class AccountError(StreamError):
    """The key, the account or its billing was refused."""

    exit_status = ExitStatus.ACCOUNT


class ServiceError(StreamError):
    """The service could not be reached, or gave up."""

    exit_status = ExitStatus.SERVICE


class IncompleteError(StreamError):
    """The recording is saved, but something that was asked for is not whole."""

    exit_status = ExitStatus.INCOMPLETE


class ConnectionFailed(ServiceError):
    """A session could not be opened, or its socket broke.

    Attributes:
        http_status: set when an HTTP answer of the service refused the upgrade.
        retry: another try may help.
        wants_credentials: a proxy wants others, so that no try helps, whatever went well before.
    """

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        http_status: int | None = None,
        retry: bool = True,
        wants_credentials: bool = False,
    ) -> None:
        super().__init__(message, hint)
        self.http_status = http_status
        self.retry = retry
        self.wants_credentials = wants_credentials


class InternalError(StreamError):
    """Something went wrong that nobody thought of.

    Args:
        cause: the exception; `--verbose` shows where it came from.
        doing: what the program was doing.

    >>> InternalError(KeyError(5), "recording").message
    'A fault of this program while recording: KeyError: 5.'
    """

    def __init__(self, cause: BaseException, doing: str = "") -> None:
        during = f" while {doing}" if doing else ""
        said = f": {_first_line(cause)}".rstrip(".: ")
        super().__init__(
            f"A fault of this program{during}: {type(cause).__name__}{said}.",
            "please report it, with what '--verbose' shows",
        )
        self.__cause__ = cause

    @property
    def traceback(self) -> str:
        """Where it came from, without our key."""
        import traceback

        return redact("".join(traceback.format_exception(self.__cause__)))


def explain_unexpected(cause: Exception, doing: str = "") -> StreamError:
    """The error for an exception that nobody expected: the machine lacks something, or our fault.

    >>> explain_unexpected(MemoryError()).message
    'There is not enough memory.'
    >>> explain_unexpected(OSError(errno.EMFILE, "Too many open files"), "connecting").message
    'Too many files are open.'
    """
    number = cause.errno if isinstance(cause, OSError) else None
    said = str(cause)
    if (
        isinstance(cause, MemoryError)
        or number == errno.ENOMEM
        or "failed to map segment" in said
        or "can't start new thread" in said  # which a limit of processes does as well
    ):
        return StreamError(
            "There is not enough memory.",
            "close other programs, or raise the limits ('ulimit -a')",
        )
    if number in _FEW_FILES:
        return StreamError("Too many files are open.", _FEW_FILES_HINT)
    if number in (errno.ENOSPC, errno.EDQUOT):
        return IncompleteError(
            "There is no room left for what was to be written.", "free some space"
        )
    if isinstance(cause, OSError) and number in _OF_THE_PATH and cause.filename is not None:
        name = shortened(os.fsdecode(cause.filename), _MOST_NAME)
        return UsageError(f"'{name}' cannot be used: {cause.strerror}.", "name another path")
    if said == "Could not determine home directory.":  # what `Path.home` raises
        return UsageError("There is no home folder.", "set HOME to a folder of yours")
    if isinstance(cause, FileNotFoundError) and cause.filename is None:  # what `getcwd` raises
        return UsageError("The current folder is not there any more.", "change to another one: cd")
    if isinstance(cause, ImportError) or said.startswith("cannot load library"):
        return StreamError(
            f"A part of the program cannot be loaded: {_first_line(cause).rstrip('.')}.",
            "install it again; 'aai-stream doctor' says what is there",
        )
    return InternalError(cause, doing)


def shortened(text: str, most: int) -> str:
    """At most so many characters of a text, and dots where it has more.

    >>> shortened("said", 4), shortened("said", 2)
    ('said', 'sa...')
    """
    return text if len(text) <= most else f"{text[:most]}..."


def _first_line(e: BaseException) -> str:
    return shortened(str(e).strip().partition("\n")[0], _MOST_SAID)


def status_of(problem: StreamError | None) -> ExitStatus:
    """The exit status that a problem asks for; OK without one."""
    return ExitStatus.OK if problem is None else problem.exit_status
