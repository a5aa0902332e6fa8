"""`aai-stream devices`: the input devices, with a live meter for each if that is wanted."""

import contextlib
import time
from collections.abc import Iterator

from transcribe_cli.audio.capture import Capture, CaptureLost
from transcribe_cli.audio.devices import InputDevice, find_device, list_devices, no_device
from transcribe_cli.audio.known_devices import keep_devices
from transcribe_cli.audio.level import decibels, peak
from transcribe_cli.errors import AudioError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.outputs.listings import window_columns, write_json, write_table
from transcribe_cli.settings.environment import Environment
from transcribe_cli.ui.device_meters import Level, meter_lines
from transcribe_cli.ui.safe_text import is_utf8

_RATE_HZ = 16000
_BLOCK_MS = 50
_LOOK_EVERY_S = 0.1
_PRINT_EVERY_S = 1.0  # into a pipe
_LINES_UP = "\x1b[{}F\x1b[J"


def devices(environment: Environment, *, as_json: bool, watch: bool = False) -> ExitStatus:
    """List them; the default is marked. `watch`: show how loud each is, until it is stopped.

    Raises:
        AudioError: there is no sound system, or for people no device to list.
    """
    found = _listed()
    if watch:
        with contextlib.suppress(KeyboardInterrupt):
            _watch(environment, found)
        return ExitStatus.OK
    if as_json:
        from msgspec.structs import asdict

        return write_json(environment, [asdict(device) for device in found])
    if not found:
        raise no_device()
    titles = ("", "", "name", "", "system", "", "rate", "")
    return write_table(environment, titles, list(map(_row, found)))


def _listed() -> list[InputDevice]:
    found = list_devices()
    keep_devices([device.name for device in found])
    return found


def _row(device: InputDevice) -> tuple[str, ...]:
    state = ["monitor"] * device.is_monitor + ["in use"] * bool(device.in_use)
    return (
        "*" if device.is_default else " ",
        str(device.index),
        device.name,
        device.description if device.description != device.name else "",
        device.host_api,
        f"{device.channels} ch",
        f"{device.default_rate_hz} Hz",
        ", ".join(state),
    )


class _Watched:
    """One device while it is watched."""

    def __init__(self, device: InputDevice) -> None:
        self.device = device
        self.capture: Capture | None = None
        with contextlib.suppress(AudioError):
            self.capture = find_device(device.name, _RATE_HZ, _BLOCK_MS).open(device.name)

    def level(self) -> Level:
        """How loud it was since the last time."""
        loudest = 0
        try:
            while self.capture is not None and (block := self.capture.read(0.0)) is not None:
                loudest = max(loudest, peak(block.samples))
        except CaptureLost:
            self.close()
        level_db = None if self.capture is None else decibels(loudest)
        return Level(self.device.description, self.device.is_default, level_db)

    def has_news(self) -> bool:
        """Whether devices have come or gone."""
        return self.capture is not None and self.capture.has_news()

    def close(self) -> None:
        capture, self.capture = self.capture, None
        if capture is not None:
            capture.close()


def _watch(environment: Environment, found: list[InputDevice]) -> None:
    on_terminal = environment.stdout.isatty() and environment.variables.get("TERM") != "dumb"
    ascii_only = not is_utf8(environment.stdout.encoding)
    drawn = 0
    watched = [_Watched(device) for device in found]
    try:
        for levels in _levels(watched, _LOOK_EVERY_S if on_terminal else _PRINT_EVERY_S):
            lines = meter_lines(levels, window_columns(environment) or 100, ascii_only=ascii_only)
            up = _LINES_UP.format(drawn) if on_terminal and drawn else ""
            environment.write(up + "".join(f"{line}\n" for line in lines))
            drawn = len(lines)
    finally:
        for one in watched:
            one.close()


def _levels(watched: list[_Watched], every_s: float) -> Iterator[list[Level]]:
    while True:
        time.sleep(every_s)
        yield [one.level() for one in watched]
        news = [one.has_news() for one in watched]  # each of them is asked
        if any(news):
            _renew(watched)


def _renew(watched: list[_Watched]) -> None:
    """Watch what has come, and no longer what has gone."""
    found = {device.name: device for device in _listed()}
    for one in list(watched):
        device = found.pop(one.device.name, None)
        if device is None:
            one.close()
            watched.remove(one)
        else:
            one.device = device
    watched += map(_Watched, found.values())
