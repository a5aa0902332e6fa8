"""libpulse through ctypes: the functions, records and constants that `sound_server.py` uses.

Source: the headers of PulseAudio 16.1 (`pulse/context.h`, `stream.h`, `introspect.h`, `def.h`),
https://freedesktop.org/software/pulseaudio/doxygen/; PipeWire works with the same library.
"""

import ctypes
from ctypes import (
    POINTER,
    Structure,
    c_char_p,
    c_int,
    c_size_t,
    c_uint8,
    c_uint32,
    c_uint64,
    c_void_p,
)
from functools import cache
from typing import Any, ClassVar

LIBRARY = "libpulse.so.0"

CONTEXT_READY = 4  # pa_context_state_t: lower states come before it, higher ones are the end
STREAM_READY = 2  # pa_stream_state_t, in the same way
OPERATION_RUNNING = 0
NO_AUTOSPAWN = 1  # PA_CONTEXT_NOAUTOSPAWN
ADJUST_LATENCY = 0x2000  # PA_STREAM_ADJUST_LATENCY: the total latency is one fragment at most
FIX_CHANNELS = 0x0100  # PA_STREAM_FIX_CHANNELS: use the source's number of channels
S16LE = 3
RUNNING = 0  # pa_source_state_t: a program records from it
NO_INDEX = 0xFFFFFFFF
ANY_SIZE = 0xFFFFFFFF
NEWS = 0x0001 | 0x0002 | 0x0080  # PA_SUBSCRIPTION_MASK_SINK, _SOURCE, _SERVER
WHOLE_VOLUME = 0x10000  # PA_VOLUME_NORM
SINK_VOLUME_IN_HARDWARE, SINK_MUTE_IN_HARDWARE = 0x0001, 0x0010  # PA_SINK_HW_VOLUME_CTRL, _MUTE_

_MOST_CHANNELS = 32


class SampleSpec(Structure):
    """pa_sample_spec."""

    _fields_: ClassVar = [("format", c_int), ("rate", c_uint32), ("channels", c_uint8)]


class BufferAttributes(Structure):
    """pa_buffer_attr, in bytes."""

    _fields_: ClassVar = [
        (name, c_uint32) for name in ("maxlength", "tlength", "prebuf", "minreq", "fragsize")
    ]


class _ChannelMap(Structure):
    _fields_: ClassVar = [("channels", c_uint8), ("map", c_int * _MOST_CHANNELS)]


class _Volume(Structure):
    _fields_: ClassVar = [("channels", c_uint8), ("values", c_uint32 * _MOST_CHANNELS)]


class SourceInfo(Structure):
    """pa_source_info, up to its state. pa_sink_info has the same fields, but for the two about the
    monitored sink, which name the sink's monitor.
    """

    _fields_: ClassVar = [
        ("name", c_char_p),
        ("index", c_uint32),
        ("description", c_char_p),
        ("sample_spec", SampleSpec),
        ("channel_map", _ChannelMap),
        ("owner_module", c_uint32),
        ("volume", _Volume),
        ("mute", c_int),
        ("monitor_of_sink", c_uint32),
        ("monitor_of_sink_name", c_char_p),
        ("latency", c_uint64),
        ("driver", c_char_p),
        ("flags", c_int),
        ("proplist", c_void_p),
        ("configured_latency", c_uint64),
        ("base_volume", c_uint32),
        ("state", c_int),
    ]


class ServerInfo(Structure):
    """pa_server_info, up to the default source."""

    _fields_: ClassVar = [
        ("user_name", c_char_p),
        ("host_name", c_char_p),
        ("server_version", c_char_p),
        ("server_name", c_char_p),
        ("sample_spec", SampleSpec),
        ("default_sink_name", c_char_p),
        ("default_source_name", c_char_p),
    ]


SourceInfoCallback = ctypes.CFUNCTYPE(None, c_void_p, POINTER(SourceInfo), c_int, c_void_p)
ServerInfoCallback = ctypes.CFUNCTYPE(None, c_void_p, POINTER(ServerInfo), c_void_p)
SubscribeCallback = ctypes.CFUNCTYPE(None, c_void_p, c_int, c_uint32, c_void_p)
StreamCallback = ctypes.CFUNCTYPE(None, c_void_p, c_void_p)

# Name: return type, argument types.
_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "pa_mainloop_new": (c_void_p, []),
    "pa_mainloop_get_api": (c_void_p, [c_void_p]),
    "pa_mainloop_prepare": (c_int, [c_void_p, c_int]),
    "pa_mainloop_poll": (c_int, [c_void_p]),
    "pa_mainloop_dispatch": (c_int, [c_void_p]),
    "pa_mainloop_free": (None, [c_void_p]),
    "pa_context_new": (c_void_p, [c_void_p, c_char_p]),
    "pa_context_connect": (c_int, [c_void_p, c_char_p, c_int, c_void_p]),
    "pa_context_get_state": (c_int, [c_void_p]),
    "pa_context_disconnect": (None, [c_void_p]),
    "pa_context_unref": (None, [c_void_p]),
    "pa_context_get_source_info_list": (c_void_p, [c_void_p, SourceInfoCallback, c_void_p]),
    "pa_context_get_sink_info_list": (c_void_p, [c_void_p, SourceInfoCallback, c_void_p]),
    "pa_context_get_server_info": (c_void_p, [c_void_p, ServerInfoCallback, c_void_p]),
    "pa_context_set_subscribe_callback": (None, [c_void_p, SubscribeCallback, c_void_p]),
    "pa_context_subscribe": (c_void_p, [c_void_p, c_int, c_void_p, c_void_p]),
    "pa_operation_get_state": (c_int, [c_void_p]),
    "pa_operation_cancel": (None, [c_void_p]),
    "pa_operation_unref": (None, [c_void_p]),
    "pa_stream_new": (c_void_p, [c_void_p, c_char_p, POINTER(SampleSpec), c_void_p]),
    "pa_stream_connect_record": (
        c_int,
        [c_void_p, c_char_p, POINTER(BufferAttributes), c_int],
    ),
    "pa_stream_get_state": (c_int, [c_void_p]),
    "pa_stream_get_sample_spec": (POINTER(SampleSpec), [c_void_p]),
    "pa_stream_get_device_name": (c_char_p, [c_void_p]),
    "pa_stream_set_moved_callback": (None, [c_void_p, StreamCallback, c_void_p]),
    "pa_stream_readable_size": (c_size_t, [c_void_p]),
    "pa_stream_peek": (c_int, [c_void_p, POINTER(c_void_p), POINTER(c_size_t)]),
    "pa_stream_drop": (c_int, [c_void_p]),
    "pa_stream_disconnect": (c_int, [c_void_p]),
    "pa_stream_unref": (None, [c_void_p]),
}


@cache
def load() -> Any:
    """Load the library, and set the types of its functions.

    Raises:
        OSError: the library is not installed.
    """
    library = ctypes.CDLL(LIBRARY)
    for name, (returned, taken) in _FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = returned, taken
    return library
