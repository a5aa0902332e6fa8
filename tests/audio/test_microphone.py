"""Which device is meant, and what is said where PortAudio is missing."""

import contextlib
import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from tests.program import DEADLINE_S
from transcribe_cli.audio import devices, microphone, portaudio
from transcribe_cli.audio.devices import InputDevice, choose, list_devices
from transcribe_cli.audio.portaudio import PortAudioCapture, PortAudioDevice
from transcribe_cli.audio.source import SourceEvent, SourceNote
from transcribe_cli.errors import AudioError
from transcribe_cli.system.stderr_redirect import libraries_are_silent


def device(index: int, name: str, *, default: bool = False) -> InputDevice:
    return InputDevice(
        index=index,
        name=name,
        description=name,
        host_api="ALSA",
        channels=1,
        default_rate_hz=48000,
        is_default=default,
    )


DEVICES = [
    device(0, "HDA Intel: Analog"),
    device(3, "USB Microphone"),
    device(4, "USB Microphone (2)", default=True),
    device(7, "pulse"),
]


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (None, 4),
        ("3", 3),
        ("pulse", 7),
        ("PULSE", 7),
        ("usb microphone", 3),
        ("USB Microphone (2)", 4),
        ("analog", 0),
    ],
)
def test_device_is_chosen_by_index_or_name(wanted: str | None, index: int) -> None:
    assert choose(DEVICES, wanted).index == index


def test_first_device_is_taken_where_none_is_the_default() -> None:
    assert choose([DEVICES[3], DEVICES[0]], None).index == 7


def test_same_name_under_two_systems_is_its_first() -> None:
    assert choose([device(1, "Mic"), device(5, "mic")], "Mic").index == 1


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ("usb", "fits several input devices"),
        ("1", "is no input device"),
        ("webcam", "is no input device"),
    ],
)
def test_choice_that_is_not_clear_lists_the_devices(wanted: str, problem: str) -> None:
    with pytest.raises(AudioError) as refused:
        choose(DEVICES, wanted)

    assert refused.value.message == f"'{wanted}' {problem}."
    assert "3: USB Microphone" in refused.value.hint


def test_machine_without_input_devices_is_told() -> None:
    with pytest.raises(AudioError) as refused:
        choose([], None)

    assert refused.value.message == "There is no input device."


class NoLibrary:
    """An import hook for a machine without PortAudio."""

    def find_spec(self, name: str, *_: Any) -> None:
        if name == "sounddevice":
            raise OSError("PortAudio library not found")


@pytest.mark.parametrize("opened", [list_devices, lambda: microphone.Microphone(None, 16000, 50)])
def test_missing_portaudio_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, opened: Callable[[], object]
) -> None:
    monkeypatch.setattr(devices, "_sources", lambda: None)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "meta_path", [NoLibrary(), *sys.meta_path])

    with pytest.raises(AudioError) as refused:
        opened()

    assert refused.value.message == "PortAudio is not installed."
    assert "libportaudio2" in refused.value.hint


def test_noise_on_file_descriptor_two_is_kept_off_the_screen(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with libraries_are_silent():
        os.write(2, b"ALSA lib pcm.c: noise\n")
    os.write(2, b"heard again\n")

    assert capfd.readouterr().err == "heard again\n"


def test_what_the_program_says_itself_is_heard_while_libraries_are_silent() -> None:
    script = """
import os, sys
from transcribe_cli.system.stderr_redirect import libraries_are_silent
with libraries_are_silent():
    with libraries_are_silent():
        print("ours", file=sys.stderr)
    os.write(2, b"Expression 'x' failed\\n")
    print("ours too", file=sys.stderr)
print("and after", file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)

    assert done.stderr.decode().split("\n") == ["ours", "ours too", "and after", ""]


def test_silence_that_cannot_be_begun_leaves_standard_error_as_it_was(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    ours = open(2, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
    monkeypatch.setattr(sys, "stderr", ours)
    with monkeypatch.context() as patched, pytest.raises(OSError, match="Too many open files"):
        patched.setattr(os, "open", refuse)
        with libraries_are_silent():
            pass
    assert sys.stderr is ours
    with libraries_are_silent():
        os.write(2, b"noise\n")
    ours.close()

    assert capfd.readouterr().err == ""


class Stream:
    """PortAudio's stream of a device that gives one block of silence."""

    active = True

    def __init__(self, **options: Any) -> None:
        self.closed = 0
        self._options = options

    def start(self) -> None:
        status = SimpleNamespace(input_overflow=False)
        self._options["callback"](bytes(1600), 800, None, status)

    def stop(self) -> None:
        self._options["finished_callback"]()

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> list[Stream]:
    """What is opened on a machine with one device."""
    opened: list[Stream] = []

    def open_stream(**options: Any) -> Stream:
        opened.append(Stream(**options))
        return opened[-1]

    monkeypatch.setattr(devices, "_sources", lambda: None)
    sounddevice = SimpleNamespace(RawInputStream=open_stream, PortAudioError=OSError)
    monkeypatch.setattr(portaudio, "_import_sounddevice", lambda: sounddevice)
    found = [PortAudioDevice(0, "USB", "ALSA", 1, 48000, is_default=True)]
    monkeypatch.setattr(portaudio, "portaudio_devices", lambda *, anew=False: found)
    return opened


def test_microphone_that_is_stopped_on_two_threads_stops_once(
    streams: list[Stream], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = microphone.Microphone(None, 16000, 50)
    looking = threading.Barrier(2)
    capture = source._capture
    assert isinstance(capture, PortAudioCapture)
    is_set = capture._stopped.is_set

    def look_together() -> bool:
        seen = is_set()
        with contextlib.suppress(threading.BrokenBarrierError):
            looking.wait(0.2)  # nobody else looks meanwhile
        return seen

    monkeypatch.setattr(capture._stopped, "is_set", look_together)
    with ThreadPoolExecutor(2) as pool:
        for stopped in [pool.submit(source.stop), pool.submit(source.close)]:
            stopped.result(DEADLINE_S)

    assert streams[0].closed == 1
    assert list(source.blocks(lambda _: None)) == [bytes(1600), b""]


def test_portaudio_is_not_started_anew_under_an_open_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The other side of a call ended with it."""
    started: list[str] = []
    sounddevice = SimpleNamespace(
        RawInputStream=Stream,
        PortAudioError=OSError,
        default=SimpleNamespace(device=[-1, -1]),
        query_hostapis=list,
        query_devices=list,
        _terminate=lambda: started.append("ended"),
        _initialize=lambda: started.append("begun"),
    )
    monkeypatch.setattr(portaudio, "_import_sounddevice", lambda: sounddevice)
    device = PortAudioDevice(0, "USB", "Core Audio", 1, 48000, is_default=True)
    side = PortAudioCapture(device, 16000, 50)

    portaudio.portaudio_devices(anew=True)
    assert started == []
    side.close()
    portaudio.portaudio_devices(anew=True)

    assert started == ["ended", "begun"]


@pytest.mark.parametrize(("device", "told"), [(None, True), ("USB", False)])
@pytest.mark.usefixtures("streams")
def test_microphone_that_nobody_named_is_told_where_there_are_several(
    monkeypatch: pytest.MonkeyPatch, device: str | None, told: bool
) -> None:
    found = [
        PortAudioDevice(0, "USB", "ALSA", 1, 48000, is_default=True),
        PortAudioDevice(1, "Webcam", "ALSA", 1, 48000, is_default=False),
    ]
    monkeypatch.setattr(portaudio, "portaudio_devices", lambda *, anew=False: found)
    source = microphone.Microphone(device, 16000, 50, tells_choice=True)
    source.stop()
    events: list[SourceEvent] = []

    list(source.blocks(events.append))
    source.close()

    note = SourceNote("the microphone is 'USB'; --device takes another")
    assert events == ([note] if told else [])


def test_microphone_that_cannot_be_used_is_given_back(
    streams: list[Stream], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(microphone, "PcmConverter", refuse)
    with pytest.raises(MemoryError):
        microphone.Microphone(None, 16000, 50)
    os.write(2, b"heard again\n")

    assert streams[0].closed == 1
    assert capfd.readouterr().err == "heard again\n"
