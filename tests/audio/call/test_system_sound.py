"""The doors to what a machine plays, where there is nothing behind them."""

import sys
from pathlib import Path

import pytest

from transcribe_cli.audio.call import macos_sound
from transcribe_cli.audio.call.system_sound import open_system_sound
from transcribe_cli.errors import AudioError

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="its door is PulseAudio's library")


@pytest.mark.parametrize(
    ("platform", "message", "hint"),
    [
        ("darwin", "No loopback device hears what this system plays.", "blackhole-2ch"),
        ("win32", "Recording what this system plays needs the extra 'call'.", "aai-stream[call]"),
    ],
)
def test_system_with_nothing_behind_its_door_is_told_what_to_install(
    platform: str, message: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(macos_sound, "portaudio_devices", list)
    monkeypatch.setitem(sys.modules, "soundcard", None)

    with pytest.raises(AudioError) as refused:
        open_system_sound(16000, 50)

    assert refused.value.message == message
    assert hint in refused.value.hint


@on_linux
@pytest.mark.device
def test_sound_server_that_is_not_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULSE_SERVER", f"unix:{tmp_path}/none")

    with pytest.raises(AudioError) as refused:
        open_system_sound(16000, 50)

    assert "does not give what the system plays" in refused.value.message
