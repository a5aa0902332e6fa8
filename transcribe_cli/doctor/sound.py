"""Checks the microphone in a process of its own, since a sound system can hang or crash.

Run as a module, it writes one finding a line as JSON; its argument is the name of the device.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from transcribe_cli.audio.level import decibels, peak
from transcribe_cli.doctor.findings import Finding, FindingState, failed, ok, warning
from transcribe_cli.errors import AudioError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.system.child_process import module_command, module_environment

if TYPE_CHECKING:
    from transcribe_cli.audio.microphone import Microphone

_AREA = "audio"
_LISTEN_S = 1.0
_ENOUGH_S = 0.3  # of sound
_RATE_HZ = 16000
_BLOCK_MS = 50


class SoundCheck:
    """The check as a process; the constructor starts it."""

    def __init__(self, device: str | None) -> None:
        self._process = subprocess.Popen(
            module_command("transcribe_cli.doctor.sound", *([] if device is None else [device])),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=module_environment(),
        )

    def findings(self) -> Iterator[Finding]:
        """Each finding as it arrives; a crash is a finding too."""
        stdout = self._process.stdout
        assert stdout is not None  # it is a pipe
        with stdout:
            for line in stdout:
                yield _decoded(line)
        status = self._process.wait()
        if status:
            said = f"signal {-status}" if status < 0 else f"exit status {status}"
            yield failed(
                _AREA,
                AudioError(
                    f"The sound system crashed, asked for a microphone: {said}.",
                    "update PortAudio and the sound drivers, or choose another with --device",
                ),
            )

    def close(self) -> None:
        """Kill the process. May be called twice."""
        self._process.kill()
        self._process.wait()


def check_sound(device: str | None) -> Iterator[Finding]:
    """PortAudio, its devices, and a second of what the chosen one hears.

    Raises:
        AudioError: what failed.
    """
    from transcribe_cli.audio.devices import list_devices
    from transcribe_cli.audio.known_devices import keep_devices
    from transcribe_cli.audio.microphone import Microphone

    devices = list_devices()
    keep_devices([found.name for found in devices])
    default = next((found.name for found in devices if found.is_default), "")
    if devices:
        many = f"{len(devices)} input device{'s' * (len(devices) > 1)}"
        yield ok(_AREA, many + (f"; the default is '{default}'" if default else ""))
    microphone = Microphone(device, _RATE_HZ, _BLOCK_MS)
    try:
        yield _heard(microphone)
    finally:
        microphone.close()


def _heard(microphone: "Microphone") -> Finding:
    """A second of it, or less when there is sound."""
    loudest = heard_bytes = sound_bytes = 0

    def give_up(event: object) -> None:
        microphone.stop()

    for block in microphone.blocks(give_up):
        heard_bytes += len(block)
        level = peak(block)
        loudest = max(loudest, level)
        sound_bytes += len(block) if level else 0
        if heard_bytes >= 2 * _RATE_HZ * _LISTEN_S or sound_bytes >= 2 * _RATE_HZ * _ENOUGH_S:
            break
    return hearing_finding(microphone.name, heard_bytes, loudest)


def hearing_finding(name: str, heard_bytes: int, loudest: int) -> Finding:
    """What a second of s16le audio says of a microphone."""
    if not heard_bytes:
        return failed(
            _AREA,
            AudioError(
                f"'{name}' opens and gives no audio.",
                "plug it in again, or choose another with --device",
            ),
        )
    if not loudest:
        return warning(
            _AREA,
            f"'{name}' gives nothing but silence",
            "unmute it, and allow this terminal to use the microphone; a real one is never quite "
            "still",
        )
    return ok(_AREA, f"'{name}' hears something, {decibels(loudest):.0f} dB at the loudest")


def _decoded(line: bytes) -> Finding:
    values = json.loads(line)
    status = ExitStatus(values.pop("exit_status"))
    return Finding(**values | {"state": FindingState(values["state"]), "exit_status": status})


def main() -> int:
    """Write the findings."""
    device = sys.argv[1] if len(sys.argv) > 1 else None
    try:
        for finding in check_sound(device):
            _write(finding)
    except AudioError as e:
        _write(failed(_AREA, e))
    return 0


def _write(finding: Finding) -> None:
    sys.stdout.write(json.dumps(asdict(finding)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
