"""Ogg pages written and read, however they are cut; libsndfile is the other reader and writer."""

import io

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from transcribe_cli.protocol.ogg_pages import (
    CONTINUED,
    FIRST,
    LAST,
    BadOgg,
    Page,
    PageReader,
    write_page,
)


def test_a_page_comes_back_as_it_was_written() -> None:
    written = write_page([b"one", b"", b"x" * 255, b"y" * 600], FIRST | LAST, 960, 7, 3)
    assert PageReader().feed(written) == [
        Page(FIRST | LAST, 960, 7, [b"one", b"", b"x" * 255, b"y" * 600])
    ]


@given(st.lists(st.binary(max_size=300), max_size=9), st.integers(1, 50))
def test_pages_are_found_however_the_stream_is_cut(packets: list[bytes], slice_bytes: int) -> None:
    stream = b"".join(write_page([packet], 0, at, 1, at) for at, packet in enumerate(packets))
    reader, found = PageReader(), []
    for start in range(0, len(stream), slice_bytes):
        found += reader.feed(stream[start : start + slice_bytes])
    assert [page.packets for page in found] == [[packet] for packet in packets]


def test_a_packet_that_goes_on_on_the_next_page_comes_whole() -> None:
    begun = bytearray(write_page([b"x" * 255], 0, -1, 1, 0))
    begun[26] = 1  # one segment: the packet does not end here
    del begun[28]  # the segment of no bytes that would end it
    rest = write_page([b"yz"], CONTINUED, 960, 1, 1)
    head = PageReader()
    with pytest.raises(BadOgg):
        head.feed(bytes(begun))  # its checksum is another one now
    begun[22:26] = write_page_checksum(bytes(begun))
    assert [page.packets for page in PageReader().feed(bytes(begun) + rest)] == [
        [],
        [b"x" * 255 + b"yz"],
    ]


def write_page_checksum(page: bytes) -> bytes:
    """The checksum as RFC 3533 says it: bit by bit."""
    value = 0
    for byte in page[:22] + bytes(4) + page[26:]:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 1 << 31 else 0)) & 0xFFFFFFFF
    return value.to_bytes(4, "little")


def test_what_another_program_has_written_is_read_to_its_last_sample() -> None:
    stream = io.BytesIO()
    soundfile.write(stream, np.zeros(16000, "int16"), 16000, format="OGG", subtype="OPUS")
    pages = PageReader().feed(stream.getvalue())
    assert pages[0].packets[0].startswith(b"OpusHead") and pages[0].flags & FIRST
    skipped = int.from_bytes(pages[0].packets[0][10:12], "little")
    assert pages[-1].flags & LAST and pages[-1].granule - skipped == 48000


@pytest.mark.parametrize("at", [0, 4, 22, 30], ids=["magic", "version", "checksum", "body"])
def test_a_damaged_page_is_refused(at: int) -> None:
    page = bytearray(write_page([b"some audio"], 0, 960, 1, 1))
    page[at] ^= 0x20
    with pytest.raises(BadOgg):
        PageReader().feed(bytes(page))


def test_a_packet_without_end_does_not_fill_memory() -> None:
    head = bytearray(write_page([b"x" * 255 * 254], 0, -1, 1, 1))
    head[26] = 254
    del head[27 + 254]
    head[22:26] = write_page_checksum(bytes(head))
    on = bytearray(head)
    on[5] = CONTINUED
    on[22:26] = write_page_checksum(bytes(on))
    with pytest.raises(BadOgg, match="without end"):
        PageReader().feed(bytes(head) + bytes(on))
