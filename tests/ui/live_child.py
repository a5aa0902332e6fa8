"""The program in the tmux window: a `LiveView` driven by commands from a pipe.

After each command it asks the terminal for its status and answers only when the terminal has: by
then everything written before is on the screen.
"""

import json
import os
import sys
import termios
import tty
from typing import Any

from tests.ui.turn_updates import update
from transcribe_cli.settings.option_types import Color
from transcribe_cli.ui.live_view import LiveView
from transcribe_cli.ui.notices import Notices, make_consoles
from transcribe_cli.ui.status_line import Status


def terminal_has_drawn() -> None:
    """Ask for the terminal's status, which it gives after all that was written before."""
    modes = termios.tcgetattr(0)
    tty.setcbreak(0)
    try:
        os.write(1, b"\x1b[5n")
        while os.read(0, 1) != b"n":
            pass
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, modes)


def main() -> None:
    with open(sys.argv[1]) as commands, open(sys.argv[2], "w") as answers:  # noqa: PTH123
        stdout, stderr = make_consoles(Color.AUTO, os.environ)
        view = LiveView(stdout)
        view.open()
        notices = Notices(stderr)
        notices.sink = view.notice
        now = 0.0
        for line in commands:
            command: dict[str, Any] = json.loads(line)
            action = command.pop("do")
            if action == "turn":
                view.turn(update(**command))
            elif action == "status":
                view.status(Status(**command))
            elif action == "warn":
                notices.warning(**command)
            elif action == "help":
                view.toggle_help()
            elif action == "close":
                view.close()
                return
            elif action == "raise":
                with view:
                    raise SystemExit(3)
            elif action == "leave":
                return
            if action != "look":
                now += 1
                view.tick(now)
                view.drain()
            terminal_has_drawn()
            answers.write(json.dumps(list(os.get_terminal_size(1))) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
