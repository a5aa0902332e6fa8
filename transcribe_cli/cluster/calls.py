"""What a person, or a limit, has all workers of a command do, also those that come later."""

import threading
from collections.abc import Callable
from itertools import count

from transcribe_cli.cluster.wire import Call
from transcribe_cli.session.events import EndTurnRequested, Event, SettingsTyped, StopRequested


class WorkerCalls:
    """Calls of every worker's `WorkerLoop`; nobody waits for their answers.

    Args:
        run: calls a worker, or all where it is given None, and waits for the answer.
    """

    def __init__(self, run: Callable[[Call, str | None], None]) -> None:
        self._run = run
        self._kept: list[Call] = []  # for later workers
        self._numbers = count()
        self._passed_on: Event | None = None
        self._is_limited = False

    def pass_on(self, event: Event) -> None:
        """Have all workers do what a person wants of all files; each file is told, once will do."""
        if event is self._passed_on:
            return
        self._passed_on = event
        if isinstance(event, StopRequested):
            self._call("stop", event.cause)
        elif isinstance(event, SettingsTyped):
            self._call("type_line", event.line)
        elif isinstance(event, EndTurnRequested):  # of what is being said now
            self._call("end_turn", kept=False)

    def limit_cost(self) -> None:
        """Have all workers stop, since all files together have cost what they may."""
        if not self._is_limited:
            self._is_limited = True
            self._call("limit_cost")

    def repeat(self, worker: str) -> None:
        """Tell a worker that is new what all were told; waits for its answers."""
        for call in list(self._kept):
            self._run(call, worker)

    def _call(self, method: str, *arguments: str, kept: bool = True) -> None:
        call = Call(next(self._numbers), method, arguments)
        if kept:
            self._kept.append(call)
        threading.Thread(
            target=self._run, args=(call, None), name="aai-cluster-call", daemon=True
        ).start()
