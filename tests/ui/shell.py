"""A shell with job control in a real terminal: a person who types commands, Ctrl+Z and `fg`."""

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.program import wait_until
from tests.requirements import require_programs

ROOT = Path(__file__).parents[2]


class Shell:
    """A window with an interactive bash."""

    def __init__(self, socket: str) -> None:
        self._tmux = ["tmux", "-S", socket, "-u", "-f", "/dev/null"]

    def tmux(self, *command: str) -> str:
        """What a tmux command prints."""
        done = subprocess.run(
            [*self._tmux, *command], capture_output=True, text=True, timeout=20, check=True
        )
        return done.stdout

    def press(self, *keys: str) -> None:
        """Press keys, by tmux's names."""
        self.tmux("send-keys", *keys)

    def enter(self, line: str) -> None:
        """Type a line."""
        self.tmux("send-keys", "-l", line)
        self.press("Enter")

    def rows(self) -> list[str]:
        """Scrollback and screen."""
        return self._captured("-p")

    def wait_for(self, *wanted: str) -> list[str]:
        """The rows, once each text is there as often as it is named.

        A text may go on in the next row: where a line that was typed is broken depends on how long
        the interpreter's path is.
        """

        def shown() -> str:
            return "\n".join(self._captured("-pJ"))

        def is_there(rows: str) -> bool:
            return all(rows.count(text) >= wanted.count(text) for text in wanted)

        wait_until(lambda: is_there(shown()), lambda: f"never showed {wanted}:\n{shown()}")
        return self.rows()

    def _captured(self, how: str) -> list[str]:
        text = self.tmux("capture-pane", how, "-S", "-").rstrip("\n")
        return [row.rstrip() for row in text.split("\n")]

    def stop(self, modes: str) -> None:
        """Press Ctrl+Z: the program stops, and leaves the terminal as it was."""
        self.press("C-z")
        self.wait_for("Stopped")
        assert self.modes() == modes
        assert self.cursor_visible

    def modes(self) -> str:
        """What `stty -a` says of the terminal, from outside."""
        tty = self.tmux("display-message", "-p", "#{pane_tty}").strip()
        with Path(tty).open("rb") as stdin:
            done = subprocess.run(
                ["stty", "-a"], stdin=stdin, capture_output=True, text=True, timeout=20, check=True
            )
        return done.stdout

    @property
    def cursor_visible(self) -> bool:
        return self.tmux("display-message", "-p", "#{cursor_flag}").strip() == "1"


@contextmanager
def shell(columns: int = 70, lines: int = 24) -> Iterator[Shell]:
    """A window of that size with a shell in it that is ready."""
    require_programs("tmux", "bash", "stty")
    with tempfile.TemporaryDirectory(prefix="tmux-") as folder:
        window = Shell(f"{folder}/socket")
        environ = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        environ |= {"LC_ALL": "C.UTF-8", "PYTHONPATH": str(ROOT)}
        Path(f"{folder}/rc").write_text("PS1='$ '\n")
        # No readline: it changes the modes while it reads a line, and the comparison needs rest.
        command = f"bash --noprofile --noediting --rcfile '{folder}/rc' -i"
        subprocess.run(
            [*window._tmux, "new-session", "-d", "-x", str(columns), "-y", str(lines), command],
            env=environ,
            timeout=20,
            check=True,
        )
        try:
            window.wait_for("$")
            yield window
        finally:
            subprocess.run([*window._tmux, "kill-server"], check=False, timeout=20)


def python(*arguments: str) -> str:
    """A command line that runs Python with these arguments."""
    return shlex.join([sys.executable, *arguments])
