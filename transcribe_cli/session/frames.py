"""WebSocket frames, from bytes and back, as a client sends and receives them. Pure.

Source: RFC 6455, sections 5.2 to 5.5. One frame of audio every 50 ms for hours makes this the
innermost loop of a session, so nothing is copied twice and system calls are rare.
"""

import os
import struct
from collections.abc import Iterator
from typing import NamedTuple

CONTINUATION, TEXT, BINARY = 0x0, 0x1, 0x2
CLOSE, PING, PONG = 0x8, 0x9, 0xA
MOST_BYTES = 1 << 22
"""A longer message counts as a broken stream: the longest Turn, of one minute, has about 50 kB."""

_FINAL = _MASKED = 0x80
_RESERVED = 0x70
_CONTROL = 0x08
_MOST_CONTROL_BYTES = 125
_WHOLE_TEXT_16 = bytes((_FINAL | TEXT, 126))  # its size is in the next two bytes
_HEAD_16, _HEAD_64 = struct.Struct("!BBH"), struct.Struct("!BBQ")
_MASKS_AT_ONCE = 1024


class _BadFrames(ValueError):
    """The bytes are not WebSocket frames; `str()` says why."""


ServerFrame = tuple[int, bytes]
"""Opcode and payload of a whole message, joined from its fragments, or of a control frame."""


class _Shape(NamedTuple):
    """What frames of one opcode and size have in common.

    Attributes:
        head: the bytes before the mask.
        padded: the size, rounded up to whole masks.
        ones: multiplied by a mask, it gives a mask of padded size, faster than joining copies.
    """

    opcode: int
    size: int
    head: bytes
    padded: int
    ones: int


def _shape(opcode: int, size: int) -> _Shape:
    times = (size + 3) // 4
    ones = int.from_bytes(b"\1\0\0\0" * times, "little")
    return _Shape(opcode, size, _head(opcode, size), 4 * times, ones)


def _head(opcode: int, size: int) -> bytes:
    first = _FINAL | opcode
    if size < 126:
        return bytes((first, _MASKED | size))
    if size < 1 << 16:
        return _HEAD_16.pack(first, _MASKED | 126, size)
    return _HEAD_64.pack(first, _MASKED | 127, size)


class FrameWriter:
    """Makes a client's frames, each with an unpredictable mask; usable from any thread."""

    def __init__(self) -> None:
        self._shape = _shape(BINARY, 0)
        self._masks = _fresh_masks()

    def frame(self, opcode: int, payload: bytes) -> bytes:
        """One whole frame."""
        shape, size = self._shape, len(payload)
        if shape.size != size or shape.opcode != opcode:  # rare: most chunks have one size
            shape = self._shape = _shape(opcode, size)
        drawn = next(self._masks, None)
        if drawn is None:
            self._masks = _fresh_masks()
            drawn = next(self._masks)
        (mask,) = drawn
        key = int.from_bytes(mask, "little") * shape.ones
        mixed = int.from_bytes(payload, "little") ^ key
        return shape.head + mask + mixed.to_bytes(shape.padded, "little")[:size]


def _fresh_masks() -> Iterator[tuple[bytes]]:
    """New masks; one system call gives many."""
    return struct.iter_unpack("4s", os.urandom(4 * _MASKS_AT_ONCE))


class ServerFrameReader:
    """Finds the frames in a server's stream of bytes, however it is cut.

    Attributes:
        fault: why the stream cannot be read any further; None while it can.
        taken: number of frames that have come so far, of every kind, fragments included.
    """

    def __init__(self) -> None:
        self.fault: str | None = None
        self.taken = 0
        self._data = bytearray()  # the bytes of an incomplete frame
        self._message = bytearray()  # the fragments of an incomplete message
        self._opcode: int | None = None  # of that message

    def feed(self, data: bytes) -> list[ServerFrame]:
        """Take bytes, and return the messages and control frames that are complete now."""
        if (
            data[:2] == _WHOLE_TEXT_16
            and len(data) == 4 + int.from_bytes(data[2:4])
            and not self._data
            and self._opcode is None
        ):
            self.taken += 1
            return [(TEXT, data[4:])]  # the most frequent case: one Turn
        frames: list[ServerFrame] = []
        if self.fault is not None:
            return frames
        buffer = self._data  # grows and shrinks in place, so a long frame is not copied again
        buffer += data
        try:
            self._read(buffer, frames)
        except _BadFrames as e:
            self.fault = str(e)  # frames found before the fault are complete
            buffer.clear()
            self._message.clear()
        return frames

    def _read(self, buffer: bytearray, frames: list[ServerFrame]) -> None:
        end, have = 0, len(buffer)
        while have - end > 1:
            first, size = buffer[end], buffer[end + 1]
            if first & _RESERVED or size & _MASKED:
                raise _BadFrames("no frame of a server")
            start = end + 2
            if size > 125:  # the size itself is in the next two or eight bytes
                start += 2 if size == 126 else 8
                if have < start:
                    break
                size = int.from_bytes(buffer[end + 2 : start])
            if size + len(self._message) > MOST_BYTES:
                raise _BadFrames("a message without end")
            if have < start + size:
                break
            end = start + size
            self.taken += 1
            frame = self._take(first, bytes(buffer[start:end]))
            if frame is not None:
                frames.append(frame)
        del buffer[:end]

    def _take(self, first: int, payload: bytes) -> ServerFrame | None:
        """The message or control frame that is now complete; None if the message goes on."""
        opcode = first & 0x0F
        if opcode & _CONTROL:
            if len(payload) > _MOST_CONTROL_BYTES or not first & _FINAL:
                raise _BadFrames("a control frame in pieces")
            return opcode, payload
        if (opcode == CONTINUATION) != (self._opcode is not None):
            raise _BadFrames("a fragment without a beginning, or a beginning without an end")
        if first & _FINAL and self._opcode is None:
            return opcode, payload
        if self._opcode is None:
            self._opcode = opcode
        self._message += payload
        if not first & _FINAL:
            return None
        message = self._opcode, bytes(self._message)
        self._opcode, self._message = None, bytearray()
        return message
