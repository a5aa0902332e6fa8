"""A program with a live view and keys: each key becomes a notice, `?` opens the help, `q` ends it.

What it does with keys and signals is what a run does with them.
"""

import os
import queue
import sys
import time

from tests.ui.turn_updates import update
from transcribe_cli.settings.option_types import Color
from transcribe_cli.system.signals import stop_signals
from transcribe_cli.ui.key_reader import KeyReader
from transcribe_cli.ui.live_view import LiveView
from transcribe_cli.ui.notices import make_consoles
from transcribe_cli.ui.status_line import Status
from transcribe_cli.ui.suspend import suspend, suspend_signals, take_back


def main() -> None:
    """Run until `q` or a signal."""
    inbox: queue.SimpleQueue[str] = queue.SimpleQueue()
    stdout, _ = make_consoles(Color.AUTO, os.environ)
    view, keys = LiveView(stdout), KeyReader(lambda key: inbox.put(key.name))
    with stop_signals(inbox.put), suspend_signals(inbox.put), view, keys:
        view.status(Status(state="listening"))
        view.turn(update("words that are still open"))
        view.notice(f"started {os.getpid()}")
        while True:
            due = view.tick()
            wait_s = 0.2 if due is None else min(max(due - time.monotonic(), 0), 0.2)
            try:
                event = inbox.get(timeout=wait_s)
            except queue.Empty:
                continue
            if not event:  # no key of ours
                continue
            view.notice(f"<{event}>")
            if event == "suspend":
                suspend(view, keys)
                view.notice("<goes on>")
            elif event == "continue":
                take_back(view, keys)
            elif event == "?":
                view.toggle_help()
            elif event == "x":
                raise RuntimeError("a fault")
            elif event in ("q", "SIGINT", "SIGTERM"):
                return


if __name__ == "__main__":
    main()
    sys.exit(7)
