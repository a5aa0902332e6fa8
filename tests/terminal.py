"""The program in a real terminal: a tmux server of the test's own."""

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.program import ROOT, Home, wait_until
from tests.requirements import require_programs


class Terminal:
    """One window that runs the program, then a shell's `cat`, so that it can be looked at."""

    def __init__(
        self,
        home: Home,
        *arguments: str,
        columns: int = 80,
        lines: int = 24,
        env: Mapping[str, str] | None = None,
    ) -> None:
        require_programs("tmux")
        self._home = home
        self._env = {"TERM": "tmux-256color", "LC_ALL": "C.UTF-8", **(env or {})}
        self._arguments = arguments
        self._size = ["-x", str(columns), "-y", str(lines)]
        self._folder = tempfile.TemporaryDirectory(prefix="tmux-")
        self._socket = str(Path(self._folder.name) / "socket")
        self.exit_file = home.path / "exit"

    def __enter__(self) -> Self:
        environment = self._home.environment(self._env)
        program = shlex.join([sys.executable, "-m", "transcribe_cli", *self._arguments])
        before, after = (shlex.quote(str(self._home.path / name)) for name in ("before", "after"))
        modes = "COLUMNS=80 stty -a"  # or its lines break where the shell says
        script = (
            f"cd {shlex.quote(str(self._home.work))}; {modes} > {before}; {program}; code=$?; "
            f"{modes} > {after}; echo $code > {shlex.quote(str(self.exit_file))}; exec cat"
        )
        subprocess.run(
            [*self._tmux(), "-f", "/dev/null", "new-session", "-d", *self._size, script],
            env=environment | {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
            check=True,
            timeout=20,
        )
        self.tmux("set-option", "-g", "history-limit", "5000")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        subprocess.run([*self._tmux(), "kill-server"], check=False, timeout=20)
        self._folder.cleanup()

    def _tmux(self) -> list[str]:
        return ["tmux", "-u", "-S", self._socket]

    def tmux(self, *arguments: str) -> str:
        """Run a tmux command and return what it prints."""
        done = subprocess.run(
            [*self._tmux(), *arguments], check=True, capture_output=True, timeout=20
        )
        return done.stdout.decode()

    def type(self, *keys: str) -> None:
        """Press keys, by tmux's names."""
        self.tmux("send-keys", *keys)

    def resize(self, columns: int, lines: int) -> None:
        """Change the window's size."""
        self.tmux("resize-window", "-x", str(columns), "-y", str(lines))

    def screen(self, *, colours: bool = False) -> str:
        """What the window shows."""
        return self.tmux("capture-pane", "-p", *(["-e"] if colours else []))

    def everything(self) -> str:
        """The scrollback and the screen."""
        return self.tmux("capture-pane", "-p", "-J", "-S", "-")

    def wait_for(self, done: Callable[[], bool], what: str) -> None:
        """Look again and again until it is so."""
        wait_until(done, lambda: f"never {what}:\n{self.everything()}")

    def wait_for_text(self, text: str) -> None:
        """Wait until the window shows a text."""
        self.wait_for(lambda: text in self.screen(), f"showed {text!r}")

    def wait_for_exit(self) -> int:
        """The program's exit code, once it has ended."""
        self.wait_for(
            lambda: self.exit_file.exists() and self.exit_file.read_text().strip() != "", "ended"
        )
        return int(self.exit_file.read_text())

    def modes(self) -> tuple[str, str]:
        """The terminal's settings before the program and after it."""
        before, after = (self._home.path / name for name in ("before", "after"))
        self.wait_for(lambda: after.exists() and bool(after.read_text()), "gave the terminal back")
        return before.read_text(), after.read_text()
