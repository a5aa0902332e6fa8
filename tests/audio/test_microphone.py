"""Which device is meant, and what is said where PortAudio is missing."""

import os
import subprocess
import sys
from typing import Any

import pytest

from transcribe_cli.audio import microphone
from transcribe_cli.audio.microphone import InputDevice
from transcribe_cli.audio.stderr import libraries_are_silent
from transcribe_cli.errors import AudioError


def device(index: int, name: str, *, default: bool = False) -> InputDevice:
    return InputDevice(index, name, "ALSA", 1, 48000, default)


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
    assert microphone._choose(DEVICES, wanted).index == index


def test_first_device_is_taken_where_none_is_the_default() -> None:
    assert microphone._choose([DEVICES[3], DEVICES[0]], None).index == 7


def test_same_name_under_two_systems_is_its_first() -> None:
    assert microphone._choose([device(1, "Mic"), device(5, "mic")], "Mic").index == 1


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
        microphone._choose(DEVICES, wanted)

    assert refused.value.message == f"'{wanted}' {problem}."
    assert "3: USB Microphone" in refused.value.hint


def test_machine_without_input_devices_is_told() -> None:
    with pytest.raises(AudioError) as refused:
        microphone._choose([], None)

    assert refused.value.message == "There is no input device."


class NoLibrary:
    """An import hook for a machine without PortAudio."""

    def find_spec(self, name: str, *_: Any) -> None:
        if name == "sounddevice":
            raise OSError("PortAudio library not found")


@pytest.mark.parametrize("opened", ["list_devices", "Microphone"])
def test_missing_portaudio_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, opened: str
) -> None:
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "meta_path", [NoLibrary(), *sys.meta_path])
    arguments = () if opened == "list_devices" else (None, 16000, 50)

    with pytest.raises(AudioError) as refused:
        getattr(microphone, opened)(*arguments)

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
from transcribe_cli.audio.stderr import libraries_are_silent
with libraries_are_silent():
    with libraries_are_silent():
        print("ours", file=sys.stderr)
    os.write(2, b"Expression 'x' failed\\n")
    print("ours too", file=sys.stderr)
print("and after", file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)

    assert done.stderr.decode().split("\n") == ["ours", "ours too", "and after", ""]
