"""Runs checks on a thread, with a time limit: a network or a disk can hang."""

import queue
import threading
import time
from collections.abc import Iterable, Iterator

from transcribe_cli.doctor.findings import Finding, failed
from transcribe_cli.errors import StreamError, explain_unexpected
from transcribe_cli.exit_status import ExitStatus


class BackgroundCheck:
    """A group of checks; the constructor starts them.

    Args:
        area: the area of the finding if they take too long.
        hint: the hint of that finding.
        exit_status: the exit status of that finding.
        limit_s: the time limit for all of them, in seconds.
    """

    def __init__(
        self,
        area: str,
        checks: Iterable[Finding],
        *,
        hint: str,
        exit_status: ExitStatus,
        limit_s: float,
    ) -> None:
        self._area = area
        self._checks = checks
        self._found: queue.SimpleQueue[Finding | None] = queue.SimpleQueue()
        self._overdue = failed(
            area,
            StreamError(f"No answer within {limit_s:.0f} s.", hint, exit_status=exit_status),
        )
        self._deadline = time.monotonic() + limit_s
        threading.Thread(target=self._run, name=f"aai-doctor-{area}", daemon=True).start()

    def _run(self) -> None:
        try:
            for finding in self._checks:
                self._found.put(finding)
        except StreamError as e:
            self._found.put(failed(self._area, e))
        except Exception as e:  # a worker never dies silently
            self._found.put(failed(self._area, explain_unexpected(e, f"checking the {self._area}")))
        finally:
            self._found.put(None)

    def findings(self) -> Iterator[Finding]:
        """Each finding as it arrives; a last one if the checks take too long."""
        while True:
            try:
                finding = self._found.get(timeout=max(0.0, self._deadline - time.monotonic()))
            except queue.Empty:
                yield self._overdue
                return
            if finding is None:
                return
            yield finding
