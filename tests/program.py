"""The program as a user runs it: a process of its own, an empty home, a pipe or a terminal."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.schema import held_to_schema

ROOT = Path(__file__).parent.parent
DEADLINE_S = 90  # within the 120 s of a test
LONG_DEADLINE_S = 240  # within the 300 s of one that is long
_patience_s: float = DEADLINE_S


def patience_s() -> float:
    """How long the test that runs waits for what is to come: nearly as long as it may take."""
    return _patience_s


def begin_test(*, is_long: bool) -> None:
    """A test begins, and may take so long."""
    global _patience_s
    _patience_s = LONG_DEADLINE_S if is_long else DEADLINE_S


def wait_until(
    done: Callable[[], object],
    told: str | Callable[[], str] = "",
    within_s: float | None = None,
) -> None:
    """Look again and again until it is so; what is waited for has the processor meanwhile.

    Args:
        told: more of what there is, for whoever reads that it never was so.
        within_s: how long; None: as long as the test may wait.
    """
    deadline = time.monotonic() + (patience_s() if within_s is None else within_s)
    while not done():
        said = told() if callable(told) else told
        assert time.monotonic() < deadline, f"it never was so\n{said}"
        time.sleep(0.01)


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    code: int
    out: str
    err: str

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """Standard output as JSON lines, each as the schema says."""
        return [held_to_schema(line) for line in self.lines]

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The same where a service says odd things, which are passed on as they came."""
        return [json.loads(line) for line in self.out.splitlines()]


class Home:
    """An empty home folder, and a working folder in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.work = path / "work"
        self.work.mkdir(parents=True)
        self.recordings = path / "recordings"
        self._started: list[subprocess.Popen[bytes]] = []

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Nothing of the tester's own settings, and nothing outside this home."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AAI_", "ASSEMBLYAI_", "XDG_", "PULSE_", "PYTHON"))
            and not name.lower().endswith("_proxy")
        }
        return kept | {
            "HOME": str(self.path),
            "XDG_CONFIG_HOME": str(self.path / "config"),
            "XDG_DATA_HOME": str(self.path / "data"),
            "AAI_STREAM_SAVE_DIR": str(self.recordings),
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "error",
            **(extra or {}),
        }

    def start(
        self, *arguments: str, env: Mapping[str, str] | None = None, **popen: Any
    ) -> subprocess.Popen[bytes]:
        """The program, started."""
        if "preexec_fn" in popen:
            # A limit on the size of files would leave half a .pyc for every later test.
            env = {"PYTHONDONTWRITEBYTECODE": "1", **(env or {})}
        popen.setdefault("stdin", subprocess.DEVNULL)
        popen.setdefault("stdout", subprocess.PIPE)
        popen.setdefault("stderr", subprocess.PIPE)
        process = subprocess.Popen(
            [sys.executable, "-m", "transcribe_cli", *arguments],
            cwd=self.work,
            env=self.environment(env),
            **popen,
        )
        self._started.append(process)
        return process

    def end(self) -> None:
        """Kill what a test that has failed leaves running: it would fail the next one too."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
                process.wait(10)
                # Not read to their end: a child of its own may hold them.
                for pipe in filter(None, (process.stdin, process.stdout, process.stderr)):
                    with suppress(OSError):
                        pipe.close()

    def run(
        self,
        *arguments: str,
        data: bytes | None = None,
        env: Mapping[str, str] | None = None,
        deadline_s: float | None = None,
    ) -> Outcome:
        """The program, run to its end."""
        stdin = subprocess.DEVNULL if data is None else subprocess.PIPE
        return finish(self.start(*arguments, env=env, stdin=stdin), data, deadline_s)

    def command(self, *arguments: str) -> str:
        """What a person types into a shell of their own to run the program in this home."""
        settings = self.environment({"TERM": "tmux-256color", "LC_ALL": "C.UTF-8"})
        kept = ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "AAI_STREAM_SAVE_DIR", "PYTHONPATH")
        script = self.work / "run"
        script.write_text(
            "".join(f"export {name}={shlex.quote(settings[name])}\n" for name in kept)
            + f"cd {shlex.quote(str(self.work))}\n"
            + f"exec {shlex.join([sys.executable, '-m', 'transcribe_cli', *arguments])}\n"
        )
        return f"bash {shlex.quote(str(script))}"

    def only_recording(self) -> Path:
        """The folder of the one recording that was made."""
        (folder,) = self.recordings.iterdir()
        return folder


def finish(
    process: subprocess.Popen[bytes], data: bytes | None = None, deadline_s: float | None = None
) -> Outcome:
    """Wait for the end of a run, within the deadline; None: the test's."""
    try:
        out, err = process.communicate(data, timeout=deadline_s or patience_s())
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)  # faulthandler, where it is on, says where it hangs
        out, err = process.communicate()
        raise AssertionError(
            f"it did not end: {(err or b'').decode(errors='replace')[-3000:]}"
        ) from None
    return Outcome(process.returncode, (out or b"").decode(), (err or b"").decode())


def finals(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The transcript of a run: the Turns that count."""
    return [record for record in records if record["type"] == "Turn" and record["final"]]


def words(records: list[dict[str, Any]]) -> list[str]:
    """All words of the transcript, in order."""
    return [word["text"] for turn in finals(records) for word in turn["words"]]
