"""WebSocket frames, from bytes and back, as a client sends and receives them. Pure.

Source: RFC 6455, sections 5.2 to 5.5. A chunk of audio is a frame every 50 ms for hours, so this is
the innermost loop of a session: nothing is copied twice, and nothing is asked of the system.
"""

import functools
import os
import struct

CONTINUATION, TEXT, BINARY = 0x0, 0x1, 0x2
CLOSE, PING, PONG = 0x8, 0x9, 0xA
MOST_BYTES = 1 << 24
"""A message that is longer is taken for a broken stream."""

_FINAL = _MASKED = 0x80
_RESERVED = 0x70
_CONTROL = 0x08
_HEAD_16, _HEAD_64 = struct.Struct("!BBH"), struct.Struct("!BBQ")
_MASKS_AT_ONCE = 1024


class BadFrames(ValueError):
    """What came is no WebSocket any more; `str()` says why."""


Frame = tuple[int, bytes]
"""Opcode and payload: of a message, put together from its fragments, or of a control frame."""


class FrameWriter:
    """Makes a client's frames, each with a mask that nobody could know before."""

    def __init__(self) -> None:
        self._masks = b""
        self._at = 0

    def frame(self, opcode: int, payload: bytes) -> bytes:
        """One whole frame."""
        size = len(payload)
        first = _FINAL | opcode
        if size < 126:
            head = bytes((first, _MASKED | size))
        elif size < 1 << 16:
            head = _HEAD_16.pack(first, _MASKED | 126, size)
        else:
            head = _HEAD_64.pack(first, _MASKED | 127, size)
        if self._at == len(self._masks):  # the system is asked once for many
            self._masks, self._at = os.urandom(4 * _MASKS_AT_ONCE), 0
        mask = self._masks[self._at : self._at + 4]
        self._at += 4
        return b"".join((head, mask, apply_mask(payload, mask)))


def apply_mask(payload: bytes, mask: bytes) -> bytes:
    """Mask a payload, or unmask one; `mask` has 4 bytes."""
    size = len(payload)
    times = -(-size // 4)
    key = int.from_bytes(mask, "little") * _ones(times)
    mixed = int.from_bytes(payload, "little") ^ key
    return mixed.to_bytes(4 * times, "little")[:size]


@functools.lru_cache(maxsize=8)  # chunks are nearly always of one size
def _ones(times: int) -> int:
    """What repeats a mask so many times when multiplied by it: half the work of making it long."""
    return int.from_bytes(b"\1\0\0\0" * times, "little")


class FrameReader:
    """Finds the frames in a server's stream of bytes, however it is cut."""

    def __init__(self) -> None:
        self._data = b""
        self._parts: list[bytes] = []  # of a message whose last fragment has not come
        self._opcode = 0

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes, and give the messages and control frames that are whole now.

        Raises:
            BadFrames: the stream cannot be read any further.
        """
        if self._data:
            data = self._data + data
        frames: list[Frame] = []
        at, have = 0, len(data)
        while have - at >= 2:
            first, size = data[at], data[at + 1]
            if first & _RESERVED or size & _MASKED:
                raise BadFrames("no frame of a server")
            start = at + 2
            if size >= 126:  # the size itself is in the next two or eight bytes
                start += 2 if size == 126 else 8
                if have < start:
                    break
                size = int.from_bytes(data[at + 2 : start])
            if size > MOST_BYTES:
                raise BadFrames("a message without end")
            end = start + size
            if have < end:
                break
            at = end
            opcode, final = first & 0x0F, first & _FINAL
            if opcode & _CONTROL or (final and opcode and not self._parts):
                frames.append((opcode, data[start:end]))
                continue
            self._add_fragment(opcode, data[start:end])
            if final:
                frames.append((self._opcode, b"".join(self._parts)))
                self._parts = []
        self._data = data[at:]
        return frames

    def _add_fragment(self, opcode: int, payload: bytes) -> None:
        if (opcode == CONTINUATION) != bool(self._parts):
            raise BadFrames("a fragment without a beginning, or a beginning without an end")
        if not self._parts:
            self._opcode = opcode
        self._parts.append(payload)
        if sum(map(len, self._parts)) > MOST_BYTES:
            raise BadFrames("a message without end")
