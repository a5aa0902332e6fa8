"""Runs a program of the service's pages as it stands, with a microphone that counts.

`python -m tests.clients.quickstart PROGRAM URL`: only the address of the service is another one.
The microphone gives the counting audio of twelve words, then silence; Ctrl+C is pressed when the
program has printed the last word.
"""

import os
import signal
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.counting import speak

FOLDER = Path(__file__).parent / "quickstarts"
SERVICE = "wss://streaming.assemblyai.com"
WORDS = 12
_FASTER = 4  # than real time


class Screen:
    """Standard output, which is looked at."""

    def __init__(self) -> None:
        self.has_last_word = False

    def write(self, text: str) -> int:
        self.has_last_word |= f"w{WORDS}" in text
        return sys.__stdout__.write(text) if sys.__stdout__ else 0

    def flush(self) -> None:
        if sys.__stdout__:
            sys.__stdout__.flush()


SCREEN = Screen()


class Microphone:
    """What both audio libraries open, as far as the programs use it."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._audio = speak(WORDS) if rate == 16000 else _slower(speak(WORDS), rate // 16000)
        self._at = 0
        self._pressed = False

    def take(self, frames: int) -> bytes:
        """The next frames, in time."""
        time.sleep(frames / self._rate / _FASTER)
        data = self._audio[self._at : self._at + 2 * frames]
        self._at += 2 * frames
        if not data and SCREEN.has_last_word and not self._pressed:
            self._pressed = True
            os.kill(os.getpid(), signal.SIGINT)
        return data.ljust(2 * frames, b"\0")


def _slower(samples: bytes, times: int) -> bytes:
    return b"".join(samples[at : at + 2] * times for at in range(0, len(samples), 2))


def _sounddevice() -> ModuleType:
    class RawInputStream:
        def __init__(self, samplerate: int, **_: Any) -> None:
            self._microphone = Microphone(samplerate)

        def __enter__(self) -> "RawInputStream":
            return self

        def __exit__(self, *_: object) -> None: ...

        def read(self, frames: int) -> tuple[bytes, bool]:
            return self._microphone.take(frames), False

    module: Any = ModuleType("sounddevice")
    module.RawInputStream = RawInputStream
    return module  # type: ignore[no-any-return]


def _pyaudio() -> ModuleType:
    class Stream:
        def __init__(self, rate: int) -> None:
            self._microphone = Microphone(rate)

        def read(self, frames: int, exception_on_overflow: bool) -> bytes:
            return self._microphone.take(frames)

        def stop_stream(self) -> None: ...

        def close(self) -> None: ...

    class PyAudio:
        def open(self, rate: int, **_: Any) -> Stream:
            return Stream(rate)

        def terminate(self) -> None: ...

    module: Any = ModuleType("pyaudio")
    module.PyAudio, module.paInt16 = PyAudio, 8
    return module  # type: ignore[no-any-return]


def main(program: str, url: str) -> None:
    """Run it."""
    sys.stdout = SCREEN
    sys.modules["sounddevice"], sys.modules["pyaudio"] = _sounddevice(), _pyaudio()
    base = url.removesuffix("/v3/ws")
    text = (FOLDER / f"{program}.py.txt").read_text(encoding="utf-8").replace(SERVICE, base)
    if "StreamingClientOptions" in text:  # which names no address where that is the usual one
        from assemblyai.streaming import v3

        options: Any = v3.StreamingClientOptions
        vars(v3)["StreamingClientOptions"] = lambda **given: options(**{"api_host": base} | given)
    exec(compile(text, program, "exec"), {"__name__": "__main__"})


if __name__ == "__main__":
    main(*sys.argv[1:])
