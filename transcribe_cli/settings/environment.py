"""The world as one object: streams, variables, the folder; tests hand in one of their own."""

import contextlib
import errno
import io
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, BinaryIO, TextIO, TypeVar

from transcribe_cli.errors import IncompleteError

T = TypeVar("T")

APP = "aai-stream"
KEY_VARIABLE = "ASSEMBLYAI_API_KEY"
TOKEN_VARIABLE = "AAI_STREAM_TOKEN"  # nosec B105
WEBHOOK_SECRET_VARIABLE = "AAI_STREAM_WEBHOOK_AUTH_HEADER_VALUE"  # nosec B105


@dataclass(frozen=True)
class Environment:
    """What the process was given.

    Attributes:
        variables: of the process; nothing is ever added to them.
        dotenv: all that the folder's `.env` sets, as it stands there: most of it is not for us, and
            `settings.dotenv` says what is.
        dotenv_unread: the numbers of its lines that cannot be read.
    """

    stdin: BinaryIO
    stdout: TextIO
    stderr: TextIO
    variables: Mapping[str, str] = field(repr=False)  # may hold the key
    folder: Path
    dotenv: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    dotenv_unread: Sequence[int] = ()

    @classmethod
    def current(cls) -> "Environment":
        """This process's own; whatever the shell closed (`>&-`) is replaced by nothing.

        In the order of their numbers, so that no other file gets one of these.
        """
        nothing = Path(os.devnull)
        stdin = nothing.open("rb") if sys.stdin is None else sys.stdin.buffer
        if sys.stdout is None:
            sys.stdout = nothing.open("w", encoding="utf-8")
        if sys.stderr is None:
            sys.stderr = nothing.open("w", encoding="utf-8")
        if isinstance(sys.stdout, io.TextIOWrapper):
            # A name that the encoding of the place does not know must not become a crash.
            encoding = None if sys.stdout.isatty() else "utf-8"
            sys.stdout.reconfigure(encoding=encoding, errors="replace")
        folder = _current_folder()
        if not os.path.exists(folder / ".env"):  # noqa: PTH110 - raises nothing
            return cls(stdin, sys.stdout, sys.stderr, os.environ, folder)
        from transcribe_cli.settings.dotenv import read_dotenv  # which imports this module

        dotenv, unread = read_dotenv(folder)
        return cls(stdin, sys.stdout, sys.stderr, os.environ, folder, dotenv, unread)

    def without_credentials(self) -> "Environment":
        """The same without the key and other secrets, for a service that may not have them."""
        return replace(
            self,
            variables=variables_without_credentials(self.variables),
            dotenv=variables_without_credentials(self.dotenv),
        )

    def write(self, text: str) -> None:
        """Write to standard output, and find now whether it takes that.

        Raises:
            BrokenPipeError: its reader went away.
            IncompleteError: it cannot be written, on a full disk for example.
        """
        try:
            self.stdout.write(text)
            self.stdout.flush()
        except OSError as e:
            self.forget_stdout()
            if reader_is_gone(e):
                raise BrokenPipeError from e
            raise IncompleteError(
                f"Standard output cannot be written: {e.strerror or e}.", "free some space"
            ) from e

    @property
    def binary_stdout(self) -> BinaryIO:
        """Standard output for bytes, after what was written as text."""
        self.stdout.flush()
        return self.stdout.buffer

    def forget_stdout(self) -> None:
        """Point standard output at nothing: the interpreter's own last flush must not fail."""
        with contextlib.suppress(OSError, ValueError):  # it may have no number, or be closed
            point_at_nothing(self.stdout.fileno())


def say(stream: IO[str], text: str) -> None:
    """Write to standard error; where it takes nothing, nothing is written to it from now on.

    Talk that nobody hears ends no run, and what waits in a buffer must not fail again later.
    """
    try:
        stream.write(text)
        stream.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):  # it may have no number, or be closed
            point_at_nothing(stream.fileno())


def point_at_nothing(number: int) -> None:
    """Let whatever is written to a file number from now on go nowhere, also by a write under way.

    Raises:
        OSError: there is no such number.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


def reader_is_gone(e: OSError) -> bool:
    """Whether a pipe has no reader any more (`| head`), which is no error; Windows says EINVAL."""
    return e.errno == errno.EPIPE or (sys.platform == "win32" and e.errno == errno.EINVAL)


def _current_folder() -> Path:
    try:
        return Path.cwd()
    except OSError:  # it was deleted
        return Path()


def credentials_in(variables: Mapping[str, str | None]) -> dict[str, str]:
    """The key and the token that some variables hold; an empty one is none."""
    found = {name: (variables.get(name) or "").strip() for name in (KEY_VARIABLE, TOKEN_VARIABLE)}
    return {name: value for name, value in found.items() if value}


def variables_without_credentials(variables: Mapping[str, T]) -> dict[str, T]:
    """Some variables without the key and other secrets."""
    secret = (KEY_VARIABLE, TOKEN_VARIABLE, WEBHOOK_SECRET_VARIABLE)
    return {name: value for name, value in variables.items() if name not in secret}
