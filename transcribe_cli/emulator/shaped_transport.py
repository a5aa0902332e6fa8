"""Writes to a connection in pieces, or several messages at once."""

import asyncio
from typing import Any

from transcribe_cli.emulator.actions import Shape


class ShapedTransport:
    """A transport that writes in another shape; in all else it is the one beneath it.

    Each write of the transport beneath is a TLS record of its own, or a segment.
    """

    def __init__(self, beneath: asyncio.Transport, shape: Shape) -> None:
        self._beneath = beneath
        self._shape = shape
        self._waiting = bytearray()
        self._timer: asyncio.TimerHandle | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._beneath, name)

    def write(self, data: bytes) -> None:
        join_ms = self._shape.join_ms
        if not join_ms:
            self._write_pieces(data)
            return
        self._waiting += data
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(join_ms / 1000, self._flush)

    def write_eof(self) -> None:
        self._flush()
        self._beneath.write_eof()

    def close(self) -> None:
        self._flush()
        self._beneath.close()

    def get_write_buffer_size(self) -> int:
        return len(self._waiting) + self._beneath.get_write_buffer_size()

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = bytes(self._waiting), bytearray()
        if waiting:
            self._write_pieces(waiting)

    def _write_pieces(self, data: bytes) -> None:
        size = self._shape.piece_bytes or len(data)
        for start in range(0, len(data), size):
            self._beneath.write(data[start : start + size])
