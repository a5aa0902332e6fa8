"""The sound server, which is PulseAudio or PipeWire: its sources by name, and streams from them.

A stream has its own connection, on which the server reports that it ends, that a source is gone,
that the stream was moved to another source (no error to the server), and that sources come or go.
So nobody has to ask once a second. No call waits longer than it is told to, whatever the server
does. Other systems have no sound server: `sources` raises, and PortAudio lists the devices.
"""

import contextlib
import ctypes
import os
import sys
import threading
import time
from collections.abc import Callable
from ctypes import byref, c_size_t, c_void_p
from typing import Any, NamedTuple, Self

from transcribe_cli.audio import libpulse as pa
from transcribe_cli.audio.capture import Block, CaptureLost

_CLIENT = b"aai-stream"
_REST_S = 30.0  # the most audio that is read of a stopped stream
_ANSWER_S = 2.0  # a server that is held up does not answer in time


class NoSoundServer(Exception):
    """There is no sound server, or it does not answer."""


class SoundSource(NamedTuple):
    """A source of the server.

    Attributes:
        name: the server's name of it, such as `alsa_input.usb-Blue_Yeti-00.analog-stereo`.
        description: its name for people.
        monitor_of: the sink whose sound it records; "" for a microphone.
        in_use: a program records from it.
        is_muted: it gives silence; so does a monitor whose sink is muted.
        volume: from 0 to 1, or more; for a monitor, the volume of its sink, which it follows.
    """

    name: str
    description: str
    channels: int
    rate_hz: int
    monitor_of: str = ""
    in_use: bool = False
    is_muted: bool = False
    volume: float = 1.0


class ServerSources(NamedTuple):
    """The sources of the server.

    Attributes:
        server: "PulseAudio" or "PipeWire".
        default: the name of the source that is used if none is named; "" if there is none.
        default_sink: the name of the sink that plays if none is named.
    """

    server: str
    sources: list[SoundSource]
    default: str
    default_sink: str

    def find(self, name: str) -> SoundSource | None:
        """The source of that name; None if there is none."""
        return next((source for source in self.sources if source.name == name), None)

    @property
    def default_monitor(self) -> str:
        """The name of the source that records what the machine plays; "" if there is none."""
        monitors = (s.name for s in self.sources if s.monitor_of == self.default_sink)
        return next(monitors, "") if self.default_sink else ""


def sources() -> ServerSources:
    """The present sources.

    Raises:
        NoSoundServer: there is no server, or it does not answer.
    """
    with _Connection() as connection:
        return connection.sources()


class _Connection:
    """One connection to the server; it runs only inside calls of its methods."""

    def __init__(self) -> None:
        if not sys.platform.startswith("linux"):
            raise NoSoundServer
        try:
            self.lib = pa.load()
        except (OSError, AttributeError) as e:
            raise NoSoundServer from e
        with contextlib.ExitStack() as stack:
            self._loop = self.lib.pa_mainloop_new()
            if not self._loop:  # too many files are open
                raise NoSoundServer
            stack.callback(self.lib.pa_mainloop_free, self._loop)
            api = self.lib.pa_mainloop_get_api(self._loop)
            self.context = self.lib.pa_context_new(api, _CLIENT)
            stack.callback(self.lib.pa_context_unref, self.context)
            if self.lib.pa_context_connect(self.context, None, pa.NO_AUTOSPAWN, None) < 0:
                raise NoSoundServer
            stack.callback(self.lib.pa_context_disconnect, self.context)
            self.wait(lambda: self._state >= pa.CONTEXT_READY)
            if self._state != pa.CONTEXT_READY:
                raise NoSoundServer
            self._open = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection; another call does nothing."""
        self._open.close()

    @property
    def _state(self) -> int:
        return int(self.lib.pa_context_get_state(self.context))

    @property
    def is_lost(self) -> bool:
        """Whether the server has ended."""
        return self._state != pa.CONTEXT_READY

    def turn(self, timeout_s: float) -> bool:
        """Handle some of what the server sends, waiting at most `timeout_s` for it.

        Returns whether there was something.
        """
        lib, loop = self.lib, self._loop
        timeout_us = max(0, round(timeout_s * 1e6))
        if lib.pa_mainloop_prepare(loop, timeout_us) < 0 or lib.pa_mainloop_poll(loop) < 0:
            return False
        return int(lib.pa_mainloop_dispatch(loop)) > 0

    def wait(self, done: Callable[[], bool]) -> None:
        """Handle what the server sends until `done` returns True.

        Raises:
            NoSoundServer: it takes too long.
        """
        until = time.monotonic() + _ANSWER_S
        while not done():
            left = until - time.monotonic()
            if left <= 0:
                raise NoSoundServer
            self.turn(left)

    def ask(self, operation: Any) -> None:
        """Wait until a request is answered; its callback has been called by then."""
        if not operation:
            raise NoSoundServer
        try:
            get_state = self.lib.pa_operation_get_state
            self.wait(lambda: get_state(operation) != pa.OPERATION_RUNNING)
        finally:
            self.lib.pa_operation_cancel(operation)  # a late answer must not call the callback
            self.lib.pa_operation_unref(operation)
        if self.is_lost:
            raise NoSoundServer

    def sources(self) -> ServerSources:
        """The present sources.

        Raises:
            NoSoundServer: the server has ended, or does not answer.
        """
        found: list[SoundSource] = []
        sinks: dict[str, tuple[bool, float]] = {}
        about: list[tuple[str, str, str]] = []

        def take_source(_: Any, info: Any, is_last: int, __: Any) -> None:
            if not is_last:
                found.append(_source(info.contents))

        def take_sink(_: Any, info: Any, is_last: int, __: Any) -> None:
            if not is_last:
                sinks[_text(info.contents.name)] = _loudness(info.contents)

        def take_server(_: Any, info: Any, __: Any) -> None:
            server = info.contents
            about.append(
                (
                    _text(server.server_name),
                    _text(server.default_source_name),
                    _text(server.default_sink_name),
                )
            )

        lib = self.lib
        server_callback = pa.ServerInfoCallback(take_server)
        self.ask(lib.pa_context_get_server_info(self.context, server_callback, None))
        source_callback = pa.SourceInfoCallback(take_source)
        self.ask(lib.pa_context_get_source_info_list(self.context, source_callback, None))
        sink_callback = pa.SourceInfoCallback(take_sink)
        self.ask(lib.pa_context_get_sink_info_list(self.context, sink_callback, None))
        if not about:
            raise NoSoundServer
        name, default, sink = about[0]
        server = "PipeWire" if "pipewire" in name.casefold() else "PulseAudio"
        found = [_as_its_sink(source, sinks) for source in found]
        # libpulse does the same for every program that names no source.
        return ServerSources(server, found, os.environ.get("PULSE_SOURCE") or default, sink)


class SourceStream:
    """The audio of one source, as s16le: a `Capture`. The server mixes its channels into one.

    Args:
        source: the name of a source.
        block_ms: length of a block.
        all_channels: keep the source's channels, instead of their mix.

    Raises:
        NoSoundServer: there is no server, it does not answer, or it has no such source.
    """

    def __init__(
        self, source: str, title: str, rate_hz: int, block_ms: int, *, all_channels: bool = False
    ) -> None:
        self.device = source
        self.title = title
        self.rate_hz = rate_hz
        self.channels = 1
        self._connection = _Connection()
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._connection)
            self._lib, context = self._connection.lib, self._connection.context
            self._news = self._moved = self._stopped = self._closed = False
            self._lock = threading.Lock()  # guards the library, which is not thread-safe
            # A limit, so that a recorder slower than the source comes to an end.
            self._rest_bytes = round(2 * self.channels * rate_hz * _REST_S)
            self._own_bytes = 0  # readable bytes that came before the stream was moved
            # Kept as an attribute, because the library may call them until the connection ends.
            self._callbacks = (
                pa.SubscribeCallback(self._on_news),
                pa.StreamCallback(self._on_moved),
            )
            self._lib.pa_context_set_subscribe_callback(context, self._callbacks[0], None)
            self._connection.ask(self._lib.pa_context_subscribe(context, pa.NEWS, None, None))
            spec = pa.SampleSpec(pa.S16LE, rate_hz, self.channels)
            size = 2 * self.channels * (rate_hz * block_ms // 1000)
            attributes = pa.BufferAttributes(*[pa.ANY_SIZE] * 4, size)
            self._stream = self._lib.pa_stream_new(context, _CLIENT, byref(spec), None)
            if not self._stream:
                raise NoSoundServer
            stack.callback(self._lib.pa_stream_unref, self._stream)
            self._lib.pa_stream_set_moved_callback(self._stream, self._callbacks[1], None)
            flags = pa.ADJUST_LATENCY | (pa.FIX_CHANNELS if all_channels else 0)
            self._lib.pa_stream_connect_record(
                self._stream, source.encode(), byref(attributes), flags
            )
            stack.callback(self._lib.pa_stream_disconnect, self._stream)
            self._connection.wait(lambda: self._state >= pa.STREAM_READY)
            if self._is_lost:
                raise NoSoundServer
            if all_channels:
                found = self._lib.pa_stream_get_sample_spec(self._stream).contents
                self.channels = int(found.channels)
            self._open = stack.pop_all()

    def _on_news(self, *_: Any) -> None:
        self._news = True

    def _on_moved(self, *_: Any) -> None:
        if not self._moved and self._now_on != self.device:
            self._moved = True
            self._own_bytes = self._readable

    @property
    def _state(self) -> int:
        return int(self._lib.pa_stream_get_state(self._stream))

    @property
    def _now_on(self) -> str:
        return _text(self._lib.pa_stream_get_device_name(self._stream))

    @property
    def _is_lost(self) -> bool:
        return self._closed or self._connection.is_lost or self._state != pa.STREAM_READY

    @property
    def _readable(self) -> int:
        size = int(self._lib.pa_stream_readable_size(self._stream))
        return 0 if size == c_size_t(-1).value else size

    def read(self, timeout_s: float) -> Block | None:
        """The next block; None if none comes in time.

        Raises:
            CaptureLost: the server, or the source, is gone, or the stream was moved.
        """
        with self._lock:
            return self._read(time.monotonic() + timeout_s)

    def _read(self, until: float) -> Block | None:
        while not self._is_lost and self._rest_bytes > 0:
            if (block := self._peek()) is not None:
                if self._stopped:
                    self._rest_bytes -= len(block.samples)
                return block
            if self._moved:
                break
            if self._stopped:  # blocks that were not read in time are still in the socket
                if self._connection.turn(0.0):
                    continue
                break
            left = until - time.monotonic()
            went_on = self._connection.turn(left)
            if left <= 0 and not (went_on or self._readable or self._is_lost or self._moved):
                return None
        raise CaptureLost

    def _peek(self) -> Block | None:
        if not self._readable or (self._moved and self._own_bytes <= 0):
            return None
        data, size = c_void_p(), c_size_t()
        if self._lib.pa_stream_peek(self._stream, byref(data), byref(size)) < 0 or not size.value:
            return None
        # A hole has a size and no data: the server had no room for blocks that were not read.
        block = (
            Block(ctypes.string_at(data, size.value)) if data else Block(bytes(size.value), True)
        )
        self._lib.pa_stream_drop(self._stream)
        if self._moved:
            block = block._replace(samples=block.samples[: self._own_bytes])
            self._own_bytes -= size.value
        return block

    def has_news(self) -> bool:
        """Whether sources have come or gone, or the default has changed, since the last call."""
        news, self._news = self._news, False
        return news

    def sources(self) -> ServerSources:
        """The present sources.

        Raises:
            NoSoundServer: the server has ended, or does not answer.
        """
        with self._lock:
            if self._is_lost:
                raise NoSoundServer
            return self._connection.sources()

    def source(self) -> SoundSource | None:
        """The stream's source as the server describes it now; None if it does not."""
        with contextlib.suppress(NoSoundServer):
            return self.sources().find(self.device)
        return None

    def stop(self) -> None:
        """Stop capturing; what has come by now can still be read."""
        self._stopped = True

    def close(self) -> None:
        """End the stream; another call does nothing."""
        with self._lock:
            self._closed = True
            self._open.close()


def _source(info: pa.SourceInfo) -> SoundSource:
    return SoundSource(
        name=_text(info.name),
        description=_text(info.description),
        channels=info.sample_spec.channels,
        rate_hz=info.sample_spec.rate,
        monitor_of=_text(info.monitor_of_sink_name) if info.monitor_of_sink != pa.NO_INDEX else "",
        in_use=info.state == pa.RUNNING,
        is_muted=bool(info.mute),
    )


def _loudness(sink: pa.SourceInfo) -> tuple[bool, float]:
    """Whether a sink's monitor is muted with it, and the volume that the monitor takes from it."""
    volume, flags = sink.volume, sink.flags
    loudest = max(volume.values[: volume.channels], default=pa.WHOLE_VOLUME) / pa.WHOLE_VOLUME
    return (
        bool(sink.mute) and not flags & pa.SINK_MUTE_IN_HARDWARE,
        1.0 if flags & pa.SINK_VOLUME_IN_HARDWARE else loudest,
    )


def _as_its_sink(source: SoundSource, sinks: dict[str, tuple[bool, float]]) -> SoundSource:
    is_muted, volume = sinks.get(source.monitor_of, (False, 1.0))
    return source._replace(is_muted=source.is_muted or is_muted, volume=volume)


def _text(value: bytes | None) -> str:
    return "" if value is None else value.decode(errors="replace")
