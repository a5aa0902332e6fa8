"""WebSocket frames, against another implementation of RFC 6455."""

import sys
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame as TheirFrame
from websockets.frames import Opcode
from websockets.protocol import SERVER, Protocol

from tests.session.server import payloads_heard
from transcribe_cli.session.frames import (
    BINARY,
    CLOSE,
    MOST_BYTES,
    PING,
    TEXT,
    FrameWriter,
    ServerFrameReader,
)

payloads = st.binary(max_size=300) | st.sampled_from([125, 126, 127, 65535, 65536]).map(bytes)


@given(st.lists(payloads, min_size=1, max_size=5))
def test_what_is_written_another_server_reads(sent: list[bytes]) -> None:
    server = Protocol(SERVER)
    writer = FrameWriter()
    for payload in sent:
        server.receive_data(writer.frame(BINARY, payload))

    assert payloads_heard(server) == sent


@given(st.lists(st.tuples(st.booleans(), payloads), max_size=5), st.lists(st.integers(1, 50)))
def test_what_another_server_writes_is_read_however_it_is_cut(
    sent: list[tuple[bool, bytes]], cuts: list[int]
) -> None:
    data = b"".join(
        TheirFrame(Opcode.TEXT if text else Opcode.BINARY, payload).serialize(mask=False)
        for text, payload in sent
    )
    reader, found = ServerFrameReader(), []
    for cut in [*cuts, len(data)]:
        found += reader.feed(data[:cut])
        data = data[cut:]

    assert found == [(TEXT if text else BINARY, payload) for text, payload in sent]


def test_fragments_are_one_message_and_a_ping_may_come_between() -> None:
    parts = [
        TheirFrame(Opcode.TEXT, b"one ", fin=False),
        TheirFrame(Opcode.PING, b"p"),
        TheirFrame(Opcode.CONT, b"two ", fin=False),
        TheirFrame(Opcode.CONT, b"three"),
        TheirFrame(Opcode.CLOSE, b"\x03\xe8bye"),
    ]
    data = b"".join(part.serialize(mask=False) for part in parts)

    assert ServerFrameReader().feed(data) == [
        (PING, b"p"),
        (TEXT, b"one two three"),
        (CLOSE, b"\x03\xe8bye"),
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"\xc1\x01x",  # a reserved bit
        b"\x81\x81abcdx",  # masked, as only a client may
        b"\x80\x01x",  # a fragment without a beginning
        b"\x01\x01x\x81\x01y",  # a message within a message
        b"\x82\x7f" + (MOST_BYTES + 1).to_bytes(8, "big"),
    ],
)
def test_what_is_no_websocket_is_refused(data: bytes) -> None:
    reader = ServerFrameReader()

    assert reader.feed(b"\x81\x01a" + data) == [(TEXT, b"a")]  # what came before it still counts
    assert reader.fault is not None
    assert reader.feed(b"\x81\x01a") == []


def test_message_without_end_is_refused() -> None:
    reader = ServerFrameReader()
    part = TheirFrame(Opcode.CONT, bytes(MOST_BYTES // 2), fin=False).serialize(mask=False)
    reader.feed(b"\x01\x00" + part)
    assert reader.fault is None
    reader.feed(part + part)

    assert reader.fault == "a message without end"


def test_long_message_in_many_pieces_is_copied_once() -> None:
    class CountingBuffer(bytearray):
        copied = 0

        def __getitem__(self, key: Any) -> Any:
            if isinstance(key, slice):
                self.copied += len(range(*key.indices(len(self))))
            return super().__getitem__(key)

    reader = ServerFrameReader()
    reader._data = buffer = CountingBuffer()
    message = bytes(MOST_BYTES)
    whole = TheirFrame(Opcode.TEXT, message).serialize(mask=False)
    found = [
        frame
        for start in range(0, len(whole), 1 << 14)
        for frame in reader.feed(whole[start : start + (1 << 14)])
    ]

    assert found == [(TEXT, message)]
    assert buffer.copied < 1.1 * MOST_BYTES


def test_every_frame_counts_fragments_and_empty_ones_too() -> None:
    reader = ServerFrameReader()
    reader.feed(b"\x01\x00" + b"\x00\x00" * 1000 + b"\x89\x00" * 10)

    assert reader.taken == 1011


def test_no_two_masks_in_a_row_are_the_same() -> None:
    writer = FrameWriter()
    masks = {writer.frame(BINARY, b"")[2:6] for _ in range(3000)}

    assert len(masks) > 2990


def test_threads_that_write_at_the_same_time_get_whole_frames() -> None:
    writer = FrameWriter()
    written: dict[int, list[bytes]] = {1: [], 200: [], 1600: []}
    together = threading.Barrier(len(written))

    def write(size: int) -> None:
        together.wait()
        for number in range(3000):
            written[size].append(writer.frame(BINARY, number.to_bytes(2) * size))

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=write, args=(size,)) for size in written]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)

    for size, frames in written.items():
        server = Protocol(SERVER)
        server.receive_data(b"".join(frames))
        assert payloads_heard(server) == [number.to_bytes(2) * size for number in range(3000)]


def test_stream_that_cannot_be_read_keeps_nothing() -> None:
    reader = ServerFrameReader()
    reader.feed(b"\x01\x02ab\x00\x02cd\x81\x01e")
    assert reader.fault is not None
    assert not reader._data and not reader._message
