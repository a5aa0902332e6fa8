"""macOS' door to what the machine plays: which input device it is."""

from typing import Any

import pytest

from transcribe_cli.audio import devices, portaudio
from transcribe_cli.audio.call import macos_sound
from transcribe_cli.audio.call.macos_sound import choose_loopback, find_loopback_device
from transcribe_cli.audio.portaudio import PortAudioDevice

BUILT_IN = "MacBook Pro Microphone"


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        ([], None),
        ([BUILT_IN, "ZoomAudioDevice", "Microsoft Teams Audio", "USB Loopback Mic"], None),
        ([BUILT_IN, "BlackHole 16ch", "BlackHole 2ch"], "BlackHole 16ch"),
        (["Soundflower (2ch)", "Loopback Audio"], "Loopback Audio"),
        (["VB-Cable", BUILT_IN, "blackhole 64ch"], "blackhole 64ch"),
    ],
)
def test_loopback_device_is_known_by_its_name(names: list[str], chosen: str | None) -> None:
    assert choose_loopback(names) == chosen


def test_loopback_device_is_opened_with_both_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        PortAudioDevice(0, BUILT_IN, "Core Audio", 1, 48000, is_default=True),
        PortAudioDevice(1, "BlackHole 2ch", "Core Audio", 2, 48000, is_default=False),
    ]
    opened: list[Any] = []
    monkeypatch.setattr(devices, "_sources", lambda: None)
    for module in (macos_sound, portaudio):
        monkeypatch.setattr(module, "portaudio_devices", lambda *, anew=False: found)
    monkeypatch.setattr(
        portaudio, "PortAudioCapture", lambda *how, all_channels: opened.append((how, all_channels))
    )

    opener = find_loopback_device(16000, 50)
    opener.open(opener.wanted)

    assert opened == [((found[1], 16000, 50), True)]
