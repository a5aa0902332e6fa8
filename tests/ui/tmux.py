"""A real terminal to look at: a private tmux server with one window."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Self

from tests.program import wait_until
from tests.requirements import require_programs

ROOT = Path(__file__).parents[2]
CHILD = Path(__file__).with_name("live_child.py")


class Window:
    """One window that runs a `LiveView` and is told what to do, one answered command at a time."""

    def __init__(self, folder: Path, columns: int, lines: int, **environ: str) -> None:
        require_programs("tmux")
        # Not in the test's folder: the path of a socket has little room.
        self._socket = tempfile.TemporaryDirectory(prefix="tmux-")
        self._tmux = ["tmux", "-S", f"{self._socket.name}/socket", "-u", "-f", "/dev/null"]
        self._folder = folder
        self._size = ["-x", str(columns), "-y", str(lines)]
        self._environ = {"LC_ALL": "C.UTF-8", "PYTHONPATH": str(ROOT)} | environ
        self._commands: IO[str] | None = None
        self._answers: IO[str] | None = None

    def __enter__(self) -> Self:
        commands, answers = self._folder / "commands", self._folder / "answers"
        os.mkfifo(commands)
        os.mkfifo(answers)
        script = self._folder / "run.sh"
        environ = " ".join(f"{name}='{value}'" for name, value in self._environ.items())
        # The last line keeps the window open to be looked at.
        script.write_text(
            f"unset NO_COLOR FORCE_COLOR COLUMNS LINES\n"
            f"stty -a > '{self._folder}/stty-before'\n"
            f"env {environ} '{sys.executable}' '{CHILD}' '{commands}' '{answers}'\n"
            f"stty -a > '{self._folder}/stty-after'\n"
            f"tmux wait-for -S ended\nexec cat\n"
        )
        self.tmux("new-session", "-d", *self._size, f"exec sh '{script}'")
        try:
            self._commands = commands.open("w")
            self._answers = answers.open()
        except BaseException:  # the time limit of a test whose program did not start
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in (self._commands, self._answers):
            if pipe is not None:
                pipe.close()
        self.tmux("kill-server")
        self._socket.cleanup()

    def tmux(self, *command: str) -> str:
        """What a tmux command prints."""
        done = subprocess.run(
            [*self._tmux, *command], capture_output=True, text=True, timeout=20, check=True
        )
        return done.stdout

    def do(self, action: str, **arguments: Any) -> list[int]:
        """Have the view do something; returns its window's size once the terminal shows it."""
        assert self._commands is not None
        assert self._answers is not None
        self._commands.write(json.dumps({"do": action, **arguments}) + "\n")
        self._commands.flush()
        size: list[int] = json.loads(self._answers.readline())
        return size

    def end(self, how: str) -> None:
        """Have the program end, and wait until the shell after it has looked at the terminal."""
        assert self._commands is not None
        self._commands.write(json.dumps({"do": how}) + "\n")
        self._commands.flush()
        self.tmux("wait-for", "ended")

    def resize(self, columns: int, lines: int) -> None:
        """Resize the window, and wait until the program can see it."""
        self.tmux("resize-window", "-x", str(columns), "-y", str(lines))
        # tmux tells the program up to 0.25 s later.
        wait_until(lambda: self.do("look") == [columns, lines])

    def rows(self, *options: str) -> list[str]:
        """Scrollback and screen; `options` are of `capture-pane`."""
        text = self.tmux("capture-pane", "-p", "-S", "-", *options).rstrip("\n")
        return [row.rstrip() for row in text.split("\n")]

    @property
    def cursor_visible(self) -> bool:
        return self.tmux("display-message", "-p", "#{cursor_flag}").strip() == "1"

    def terminal_modes(self) -> tuple[str, str]:
        """What `stty -a` said before and after."""
        before, after = (
            (self._folder / f"stty-{when}").read_text() for when in ("before", "after")
        )
        return before, after


@contextmanager
def window(folder: Path, columns: int = 80, lines: int = 24, **environ: str) -> Iterator[Window]:
    """A window of that size with a view in it."""
    with Window(folder, columns, lines, **environ) as shown:
        yield shown
