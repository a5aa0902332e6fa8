"""Runs the local service as a child process, for `--local` and for tests."""

import queue
import subprocess
import tempfile
import threading
from contextlib import suppress
from types import TracebackType
from typing import IO

import msgspec

from transcribe_cli.emulator.engines.registry import choose_engine
from transcribe_cli.emulator.ready_line import ReadyLine
from transcribe_cli.errors import ServiceError
from transcribe_cli.settings.setting_origins import SERVE_KEY_VARIABLE
from transcribe_cli.system.child_process import detached, module_command, module_environment

START_WITHIN_S = 20.0
_STOP_WITHIN_S = 5.0
_DIE_WITHIN_S = 2.0


class LocalService:
    """A local service for as long as the `with` block lasts.

    >>> with LocalService() as service:  # doctest: +SKIP
    ...     connect(service.url)

    Attributes:
        ready: what it said when it was ready.

    The service ends when this process ends, however that happens. The terminal's Ctrl+C does not
    reach it, since this process then still drains its session.

    Args:
        arguments: more options for `aai-stream serve`.
    """

    def __init__(self, *arguments: str, start_within_s: float = START_WITHIN_S) -> None:
        self._arguments = arguments
        self._start_within_s = start_within_s
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr: IO[bytes] | None = None
        self.ready: ReadyLine | None = None

    @property
    def url(self) -> str:
        """Opens sessions; "" before it is ready."""
        return self.ready.url if self.ready else ""

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        return self._process.pid if self._process else None

    def __enter__(self) -> "LocalService":
        """Start it and wait until sessions can be opened.

        Raises:
            UsageError: a package of the extra `local` is missing.
            ServiceError: it ended, or was not ready in time.
        """
        if not any(word in self._arguments for word in ("--script", "--engine")):
            choose_engine(None)
        # A file: a pipe that nobody reads would block the child once it is full.
        self._stderr = tempfile.TemporaryFile()  # closed in close()
        try:
            self._process = subprocess.Popen(
                module_command(
                    *("transcribe_cli", "serve", "--port", "0", "--with-parent"), *self._arguments
                ),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                # AAI_STREAM_SERVE_KEY is for a service that the user runs, not for this one.
                env=module_environment() | {SERVE_KEY_VARIABLE: ""},
                **detached(),
            )
            self.ready = self._await_ready_line(self._process)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the service: ask it to end, then kill it. May be called twice."""
        process, self._process = self._process, None
        if process is not None:
            assert process.stdin is not None and process.stdout is not None  # both are pipes
            with suppress(OSError):
                process.stdin.close()
            _await_end(process)
            process.stdout.close()
        if self._stderr is not None:
            self._stderr.close()
            self._stderr = None

    def _await_ready_line(self, process: subprocess.Popen[bytes]) -> ReadyLine:
        lines: queue.Queue[bytes] = queue.Queue()
        stdout = process.stdout
        assert stdout is not None  # it is a pipe
        # A thread, since a pipe cannot be read with a deadline on every platform.
        reader = threading.Thread(
            target=lambda: lines.put(stdout.readline()), name="aai-local", daemon=True
        )
        reader.start()
        try:
            line = lines.get(timeout=self._start_within_s)
        except queue.Empty:
            line = b""
            process.kill()
        reader.join()
        try:
            return msgspec.json.decode(line, type=ReadyLine)
        except msgspec.DecodeError:  # an invalid line is one too
            raise ServiceError(
                f"The local service did not start: {self._last_words(process).rstrip('.')}.",
                "run 'aai-stream serve' to see what it says",
            ) from None

    def _last_words(self, process: subprocess.Popen[bytes]) -> str:
        """The first error it wrote to stderr, or its last line, or its exit status."""
        assert self._stderr is not None
        with suppress(subprocess.TimeoutExpired):
            process.wait(_DIE_WITHIN_S)
        self._stderr.seek(0)
        said = self._stderr.read().decode(errors="replace").strip().splitlines()
        errors = [line.removeprefix("error: ") for line in said if line.startswith("error: ")]
        return (errors or said[-1:] or [f"exit status {process.returncode}"])[0]


def _await_end(process: subprocess.Popen[bytes]) -> None:
    """Wait for a process that was asked to end; kill it if it does not."""
    try:
        process.wait(_STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.terminate()
        try:
            process.wait(_DIE_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
