"""What client and workers tell each other. Pure; credentials are no part of it."""

from typing import Any, Literal

import msgspec
from msgspec import Struct

from transcribe_cli.errors import AudioError, StreamError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.settings.file_options import FileOptions


def command_name(client: str) -> str:
    """What a command's part on each worker is called, and the topic under which that tells.

    Commands may share a scheduler; Dask gives each client an id of its own.
    """
    return f"aai-stream-{client}"


class Settings(Struct, frozen=True, kw_only=True):
    """What all files of a command share.

    Attributes:
        options: without outputs and sources: those are the client's.
        since: when the command began, in ISO 8601; with `--again` recordings from before do not
            count.
    """

    options: FileOptions
    since: str


class FileTask(Struct, frozen=True, kw_only=True):
    """A file to be transcribed.

    Attributes:
        command: the name of the command's part on each worker.
        key: what it goes by in `ProgressReport`.
        path: the same on every machine.
    """

    command: str
    key: str
    name: str
    path: str


class Call(Struct, frozen=True, array_like=True):
    """A call of a method of every worker's `WorkerLoop`.

    Attributes:
        number: of the command's calls: a worker that is new may get one twice.
    """

    number: int
    method: str
    arguments: tuple[str, ...]


class ProgressReport(Struct, frozen=True, array_like=True):
    """How far a file is: the values of a `Status` that a bar shows.

    Attributes:
        recording: the folder's name in the save-dir, whose journal has grown.
    """

    recording: str
    position_s: float
    length_s: float | None
    rate: float
    elapsed_s: float
    state: str
    turns: int
    message: str
    cost_usd: float | None


class Problem(Struct, frozen=True, array_like=True):
    """A `StreamError`."""

    message: str
    hint: str
    exit_status: int

    def error(self) -> StreamError:
        """The error itself: audio that cannot be read says nothing of other files."""
        status = ExitStatus(self.exit_status)
        kind = AudioError if status is ExitStatus.AUDIO else StreamError
        return kind(self.message, self.hint, exit_status=status)


class Notice(Struct, frozen=True, array_like=True):
    """A line for standard error: an error with its hint, a warning, a note, or for `--verbose`."""

    kind: Literal["error", "warning", "note", "debug"]
    text: str
    hint: str = ""


class FileOutcome(Struct, frozen=True, kw_only=True):
    """How a file ended on a worker.

    Attributes:
        recording: the folder's name in the save-dir; None: nothing was recorded.
        interrupted: a person stopped it.
    """

    recording: str | None = None
    exit_status: int = 0
    problem: Problem | None = None
    summary: dict[str, Any] = {}
    interrupted: bool = False


class Report(Struct, frozen=True, kw_only=True):
    """What a worker tells from time to time.

    Attributes:
        progress: by the files' keys.
        ended: files that have ended, by their keys: quicker than a task's result, which a client
            fetches from the worker.
        begun: the address of a worker that is new to the command.
    """

    progress: dict[str, ProgressReport] = {}
    ended: dict[str, FileOutcome] = {}
    notices: list[Notice] = []
    begun: str = ""


def problem_of(error: StreamError | None) -> Problem | None:
    """An error as it is sent."""
    if error is None:
        return None
    return Problem(error.message, error.hint, int(error.exit_status))


encode = msgspec.json.encode
read_settings = msgspec.json.Decoder(Settings).decode
read_task = msgspec.json.Decoder(FileTask).decode
read_call = msgspec.json.Decoder(Call).decode
read_report = msgspec.json.Decoder(Report).decode
