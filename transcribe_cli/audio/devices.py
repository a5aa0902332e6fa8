"""The input devices: the sound server's sources, then PortAudio's devices; and choosing one."""

import contextlib
from collections.abc import Callable, Sequence

from msgspec import Struct

from transcribe_cli.audio.capture import Capture
from transcribe_cli.audio.sound_server import (
    NoSoundServer,
    ServerSources,
    SoundSource,
    SourceStream,
    sources,
)
from transcribe_cli.errors import AudioError

_SERVER_NAMES = ("pulse", "default", "pipewire")
"""PortAudio's names for the sound server itself; they mean its default source."""


class InputDevice(Struct, frozen=True, kw_only=True):
    """One device that can record.

    Attributes:
        index: its place in the list.
        name: the system's name, unique within one host API.
        description: its name for people.
        is_monitor: it records what the machine plays.
        in_use: a program records from it; None: not known.
    """

    index: int
    name: str
    description: str
    host_api: str
    channels: int
    default_rate_hz: int
    is_default: bool = False
    is_monitor: bool = False
    in_use: bool | None = None


class DeviceOpener(Struct, frozen=True):
    """Opens a chosen device, also again after it was gone.

    Attributes:
        wanted: the device's name; None: whichever device is the default at the time.
        open: opens a device by name, None for the default; it raises `AudioError`.
        best: returns which device of the open one's system to use now: the wanted one, or the
            default if that may stand in for it; None: there is none.
        count: how many devices there were to choose from.
        silenced: returns why the open device is silent, in words; "" if no reason is known.
    """

    wanted: str | None
    open: Callable[[str | None], Capture]
    best: Callable[[Capture, bool], str | None]
    count: int
    silenced: Callable[[Capture], str] = lambda capture: ""


def list_devices() -> list[InputDevice]:
    """The devices that can record, the sound server's first.

    Raises:
        AudioError: there is no sound server, and PortAudio is missing or cannot start.
    """
    found = _sources()
    served = [] if found is None else _served(found)
    try:
        return served + _others(len(served), hidden=found is not None)
    except AudioError:
        if not served:
            raise
        return served


def find_device(
    wanted: str | None, rate_hz: int, block_ms: int, *, all_channels: bool = False
) -> DeviceOpener:
    """How to open the chosen device, given its number, its name or a part of its name.

    Args:
        all_channels: open the channels that the device has, instead of one mixed channel.

    Raises:
        AudioError: there is no device, none fits, or several do.
    """
    found = _sources()
    served = [] if found is None else _served(found)
    how = len(served), rate_hz, block_ms, all_channels
    if served:
        if wanted is None or wanted.casefold() in _SERVER_NAMES:
            return _of_server(None, *how)
        if len(fitting := fits(served, wanted)) == 1:
            return _of_server(fitting[0].name, *how)
    devices = served + _others(len(served), hidden=False)
    chosen = choose(devices, wanted)
    if chosen.index < len(served):
        return _of_server(chosen.name, *how)
    if served and chosen.name in _SERVER_NAMES:
        return _of_server(None, *how)
    name = None if wanted is None else chosen.name
    return _of_portaudio(name, len(devices), *how[1:])


def choose(devices: Sequence[InputDevice], wanted: str | None) -> InputDevice:
    """The device that fits `wanted`; the default device for None.

    Raises:
        AudioError: there is no device, none fits, or several do.
    """
    if not devices:
        raise no_device()
    if wanted is None:
        return next((device for device in devices if device.is_default), devices[0])
    found = fits(devices, wanted)
    if len(found) == 1:
        return found[0]
    problem = "fits several input devices" if found else "is no input device"
    names = ", ".join(f"{device.index}: {_both_names(device)}" for device in found or devices)
    raise AudioError(f"'{wanted}' {problem}.", f"choose one with --device: {names}")


def no_device() -> AudioError:
    """The error if there is no device."""
    return AudioError(
        "There is no input device.",
        "plug in a microphone, or see what is wrong with 'aai-stream doctor'",
    )


def fits(devices: Sequence[InputDevice], wanted: str) -> list[InputDevice]:
    """Devices with this number, name or description; else those that have it as a part of either.

    Capitals do not count.
    """
    if wanted.isdecimal():
        return [device for device in devices if device.index == int(wanted)]
    text = wanted.casefold()
    for exact in ("name", "description"):
        same = [d for d in devices if getattr(d, exact).casefold() == text]
        if same and (exact == "name" or len(same) == 1):
            return same[:1]
    return [d for d in devices if text in d.name.casefold() or text in d.description.casefold()]


def _both_names(device: InputDevice) -> str:
    same = device.description == device.name
    return device.name if same else f"{device.description} ({device.name})"


# The sound server's.


def _sources() -> ServerSources | None:
    try:
        return sources()
    except NoSoundServer:
        return None


def _served(found: ServerSources) -> list[InputDevice]:
    return [
        InputDevice(
            index=index,
            name=source.name,
            description=_title(found, source),
            host_api=found.server,
            channels=source.channels,
            default_rate_hz=source.rate_hz,
            is_default=source.name == found.default,
            is_monitor=bool(source.monitor_of),
            in_use=source.in_use,
        )
        for index, source in enumerate(found.sources)
    ]


def _title(found: ServerSources, source: SoundSource) -> str:
    """The source's description if no other source has the same, else its name."""
    described = [other for other in found.sources if other.description == source.description]
    return source.description if source.description and len(described) == 1 else source.name


def _of_server(
    wanted: str | None, count: int, rate_hz: int, block_ms: int, all_channels: bool
) -> DeviceOpener:
    def open_source(name: str | None) -> Capture:
        try:
            found = sources()
            name = found.default if name is None else name
            source = found.find(name)
            title = name if source is None else _title(found, source)
            return SourceStream(name, title, rate_hz, block_ms, all_channels=all_channels)
        except NoSoundServer as e:
            raise AudioError(
                f"The microphone '{name or 'default'}' cannot be opened.",
                "see what there is with 'aai-stream devices', or give another --device",
            ) from e

    def best(capture: Capture, stands_in: bool) -> str | None:
        assert isinstance(capture, SourceStream)
        with contextlib.suppress(NoSoundServer):
            found = capture.sources()
            if wanted is not None and found.find(wanted) is not None:
                return wanted
            if (wanted is None or stands_in) and found.find(found.default) is not None:
                return found.default
        return None

    def silenced(capture: Capture) -> str:
        assert isinstance(capture, SourceStream)
        source = capture.source()
        if source is None or not source.is_muted:
            return ""
        return f"'{capture.title}' is muted in the sound server: nothing is heard of it"

    return DeviceOpener(wanted, open_source, best, count, silenced)


# PortAudio's.


def _others(first: int, *, hidden: bool) -> list[InputDevice]:
    """PortAudio's devices, numbered from `first`; if `hidden`, without the sound server itself."""
    from transcribe_cli.audio.portaudio import portaudio_devices

    return [
        InputDevice(
            index=first + index,
            name=device.name,
            description=device.name,
            host_api=device.host_api,
            channels=device.channels,
            default_rate_hz=device.rate_hz,
            is_default=device.is_default and not hidden,
            is_monitor=device.name.casefold().startswith("monitor of"),
        )
        for index, device in enumerate(portaudio_devices())
        if not (hidden and device.name in _SERVER_NAMES)
    ]


def _of_portaudio(
    wanted: str | None, count: int, rate_hz: int, block_ms: int, all_channels: bool
) -> DeviceOpener:
    opened = False

    def open_device(name: str | None) -> Capture:
        nonlocal opened
        from transcribe_cli.audio import portaudio

        with portaudio.chosen_lock:
            devices = portaudio.portaudio_devices(anew=opened)
            opened = True
            found = [d for d in devices if (d.is_default if name is None else d.name == name)]
            for device in found or (devices if name is None else []):
                return portaudio.PortAudioCapture(
                    device, rate_hz, block_ms, all_channels=all_channels
                )
        raise AudioError(
            f"The microphone '{name or 'default'}' is gone.", "see 'aai-stream devices'"
        )

    return DeviceOpener(wanted, open_device, lambda capture, stands_in: capture.device, count)
