"""WebSocket frames on the service's side: a client's from bytes, its own to bytes. Pure.

Source: RFC 6455, sections 5.2 to 5.6 and 7.4. Hundreds of clients send a chunk of audio every 50
ms, so a frame that comes whole is read without a copy of anything but its payload.
"""

import struct
from functools import lru_cache
from typing import NamedTuple

CONTINUATION, TEXT, BINARY = 0x0, 0x1, 0x2
CLOSE, PING, PONG = 0x8, 0x9, 0xA

WRONG_FRAME, NO_TEXT, TOO_LONG = 1002, 1007, 1009
"""Close codes for what a client may not send."""

NO_CODE = 1005
"""Stands for the code of a close frame that has none; no frame carries it."""

# What a close frame may carry: section 7.4, and the registry that it founds.
CLOSE_CODES = frozenset((1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)))
MOST_REASON_BYTES = 123

_FINAL = _MASKED = 0x80
_RESERVED = 0x70
_CONTROL = 0x08
_MOST_CONTROL_BYTES = 125
_OPCODES = frozenset((CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG))
_WHOLE = (_FINAL | BINARY, _FINAL | TEXT)
_HEAD_16, _HEAD_64 = struct.Struct("!BBH"), struct.Struct("!BBQ")


class WrongFrame(ValueError):
    """A client sent what it may not; `code` closes the connection, and `str()` says why."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


class Ping(NamedTuple):
    """It is to be answered by a pong with its payload."""

    payload: bytes


class Pong(NamedTuple):
    """It answers a ping, or nothing."""

    payload: bytes


class Closing(NamedTuple):
    """A close frame: `NO_CODE` and "" where it is empty."""

    code: int
    reason: str


Frame = str | bytes | Ping | Pong | Closing
"""A whole message, text or binary, or a control frame."""


class FrameReader:
    """Finds the frames in a client's stream of bytes, however it is cut; one at a time is read.

    Args:
        most_bytes: that a message may have.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._data: bytes | bytearray = b""  # what has come; up to `_at` it is read
        self._at = 0
        self._message = bytearray()  # the fragments of a message whose last one has not come
        self._opcode: int | None = None  # of that message

    @property
    def unread_bytes(self) -> int:
        """So many bytes have come and are not read yet."""
        return len(self._data) - self._at

    def feed(self, data: bytes) -> None:
        """Take bytes."""
        if self._at == len(self._data):
            self._data = data
        else:
            if not isinstance(self._data, bytearray):  # it grows in place
                self._data = bytearray(self._data)
            del self._data[: self._at]
            self._data += data
        self._at = 0

    def next(self) -> Frame | None:
        """The next frame; None while it has not come whole.

        Raises:
            WrongFrame: nothing more can be read.
        """
        while True:
            data, at = self._data, self._at
            have = len(data)
            if have - at < 2:
                return None
            first, size = data[at], data[at + 1] & ~_MASKED
            if not data[at + 1] & _MASKED:
                raise WrongFrame(WRONG_FRAME, "a frame without a mask")
            if first not in _WHOLE or self._opcode is not None:
                self._check(first, size)
            start = at + 2
            if size > 125:  # the size itself is in the next two or eight bytes
                start += 2 if size == 126 else 8
                if have < start:
                    return None
                size = int.from_bytes(data[at + 2 : start])
            whole = size + len(self._message)
            if whole > self._most_bytes and not first & _CONTROL:
                why = f"a message of {whole} bytes or more; it may have {self._most_bytes}"
                raise WrongFrame(TOO_LONG, why)
            end = start + 4 + size
            if have < end:
                return None
            payload = unmasked(data[start + 4 : end], data[start : start + 4])
            self._at = end
            if end == have:
                self._data, self._at = b"", 0  # an idle client keeps nothing
            if first == _FINAL | BINARY:
                return payload
            frame = self._take(first, payload)
            if frame is not None:
                return frame

    def _check(self, first: int, size: int) -> None:
        """Refuse a frame whose beginning is wrong, before the rest of it has come."""
        opcode = first & 0x0F
        if first & _RESERVED or opcode not in _OPCODES:
            raise WrongFrame(WRONG_FRAME, "a frame of a kind that nobody has agreed on")
        if opcode & _CONTROL:
            if size > _MOST_CONTROL_BYTES or not first & _FINAL:
                raise WrongFrame(WRONG_FRAME, "a control frame that is too long, or in fragments")
        elif (opcode == CONTINUATION) != (self._opcode is not None):
            raise WrongFrame(WRONG_FRAME, "a fragment without a beginning, or one without an end")

    def _take(self, first: int, payload: bytes) -> Frame | None:
        """What a frame completes; None where its message goes on."""
        opcode = first & 0x0F
        if opcode == CLOSE:
            return _read_close(payload)
        if opcode & _CONTROL:
            return Ping(payload) if opcode == PING else Pong(payload)
        if not first & _FINAL or self._opcode is not None:
            if self._opcode is None:
                self._opcode = opcode
            self._message += payload
            if not first & _FINAL:
                return None
            opcode, payload = self._opcode, bytes(self._message)
            self._opcode, self._message = None, bytearray()
        return _text(payload) if opcode == TEXT else payload


def unmasked(payload: bytes | bytearray, mask: bytes | bytearray) -> bytes:
    """A payload with its mask taken off, or put on.

    >>> unmasked(unmasked(b"hello", b"mask"), b"mask")
    b'hello'
    """
    size = len(payload)
    words = (size + 3) // 4
    key = int.from_bytes(mask, "little") * _ones(words)
    return (int.from_bytes(payload, "little") ^ key).to_bytes(4 * words, "little")[:size]


@lru_cache(maxsize=16)  # nearly all chunks are of one size
def _ones(words: int) -> int:
    """A mask multiplied by it is `words` copies of it: half the work of joining them."""
    return int.from_bytes(b"\1\0\0\0" * words, "little")


def _text(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError as e:
        raise WrongFrame(NO_TEXT, "a text that is not UTF-8") from e


def _read_close(payload: bytes) -> Closing:
    if not payload:
        return Closing(NO_CODE, "")
    code = int.from_bytes(payload[:2])
    if len(payload) < 2 or code not in CLOSE_CODES:
        raise WrongFrame(WRONG_FRAME, "a close frame with a code that there is not")
    return Closing(code, _text(payload[2:]))


def encode_frame(opcode: int, payload: bytes) -> bytes:
    """One whole frame of the service."""
    first, size = _FINAL | opcode, len(payload)
    if size < 126:
        return bytes((first, size)) + payload
    if size < 1 << 16:
        return _HEAD_16.pack(first, 126, size) + payload
    return _HEAD_64.pack(first, 127, size) + payload


def encode_close(code: int, reason: str) -> bytes:
    """A close frame; an empty one for `NO_CODE`."""
    return encode_frame(CLOSE, b"" if code == NO_CODE else code.to_bytes(2) + reason.encode())
