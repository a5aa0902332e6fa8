"""A client's frames from bytes, however they are cut; clients of others write and read them."""

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websocket import ABNF
from websockets.frames import Close as TheirClose
from websockets.frames import Frame as TheirFrame
from websockets.frames import Opcode
from websockets.protocol import CLIENT
from websockets.protocol import Protocol as TheirProtocol

from transcribe_cli.emulator.websocket_frames import (
    BINARY,
    CLOSE_CODES,
    NO_CODE,
    PING,
    TEXT,
    Closing,
    Frame,
    FrameReader,
    Ping,
    Pong,
    WrongFrame,
    encode_close,
    encode_frame,
)

MOST_BYTES = 70_000

sizes = st.integers(0, 300) | st.sampled_from([125, 126, 127, 65535, 65536])
payloads = st.binary(max_size=300) | sizes.map(bytes)
texts = st.text(max_size=100) | st.just("\u00e9" * 33_000)
masks = st.binary(min_size=4, max_size=4)


def read(data: bytes, cuts: Sequence[int] = ()) -> list[Frame]:
    """What a reader finds in bytes that come in these pieces."""
    reader, found = FrameReader(MOST_BYTES), []
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, end in itertools.pairwise(places):
        reader.feed(data[start:end])
        while (frame := reader.next()) is not None:
            found.append(frame)
    return found


def theirs(opcode: Opcode, payload: bytes, *, fin: bool = True, mask: bool = True) -> bytes:
    """A frame that `websockets` writes, with a mask of chance."""
    return TheirFrame(opcode, payload, fin=fin).serialize(mask=mask)


def of_websocket_client(opcode: int, payload: bytes, mask: bytes, *, fin: bool = True) -> bytes:
    """A frame that `websocket-client` writes."""
    frame = ABNF(int(fin), 0, 0, 0, opcode, 1, payload)
    frame.get_mask_key = lambda length: mask
    return bytes(frame.format())


@st.composite
def said(draw: st.DrawFn) -> tuple[bytes, list[Frame]]:
    """The bytes of some messages in fragments, with control frames between, and what they are."""
    data = b""
    meant: list[Frame] = []
    for _ in range(draw(st.integers(1, 4))):
        text = draw(st.booleans())
        message: str | bytes = draw(texts) if text else draw(payloads)
        payload = message.encode() if isinstance(message, str) else message
        cuts = sorted(draw(st.lists(st.integers(0, len(payload)), max_size=3)))
        places = [0, *cuts, len(payload)]
        for number, (start, end) in enumerate(itertools.pairwise(places)):
            kind = (TEXT if text else BINARY) if number == 0 else 0
            last = number == len(cuts)
            part = payload[start:end]
            if draw(st.booleans()):
                data += theirs(Opcode(kind), part, fin=last)
            else:
                data += of_websocket_client(kind, part, draw(masks), fin=last)
            if not last and draw(st.booleans()):
                data += theirs(Opcode.PING, b"here?")
                meant.append(Ping(b"here?"))
        meant.append(message)
    if draw(st.booleans()):
        data += theirs(Opcode.CLOSE, TheirClose(1000, "bye").serialize())
        meant.append(Closing(1000, "bye"))
    return data, meant


@given(said(), st.lists(st.integers(0, 1000), max_size=20))
def test_what_other_clients_say_is_read_however_it_is_cut(
    said: tuple[bytes, list[Frame]], cuts: list[int]
) -> None:
    data, meant = said
    assert read(data, cuts) == meant


def test_it_is_read_cut_at_every_byte() -> None:
    data = theirs(Opcode.BINARY, bytes(range(256))) + theirs(Opcode.TEXT, "\u00e9".encode())
    data += theirs(Opcode.PONG, b"") + theirs(Opcode.CLOSE, b"")
    meant = [bytes(range(256)), "\u00e9", Pong(b""), Closing(NO_CODE, "")]
    assert read(data, range(len(data))) == meant
    for cut in range(len(data)):
        assert read(data, [cut]) == meant


@given(st.lists(texts, min_size=1, max_size=4), st.binary(max_size=125))
def test_what_it_writes_another_client_reads(texts: list[str], pinged: bytes) -> None:
    client = TheirProtocol(CLIENT)
    for text in texts:
        client.receive_data(encode_frame(TEXT, text.encode()))
    client.receive_data(encode_frame(PING, pinged) + encode_close(3005, "so"))
    frames = [event for event in client.events_received() if isinstance(event, TheirFrame)]
    assert [bytes(frame.data).decode() for frame in frames[:-2]] == texts
    assert (bytes(frames[-2].data), client.close_rcvd) == (pinged, TheirClose(3005, "so"))


def test_a_close_without_a_code_is_empty() -> None:
    assert encode_close(NO_CODE, "") == b"\x88\x00"


def masked(first: int, payload: bytes) -> bytes:
    """A short frame whose mask is 0."""
    return bytes((first, 0x80 | len(payload))) + bytes(4) + payload


LONG = (MOST_BYTES + 1).to_bytes(8)
WRONG = {
    "no mask": (theirs(Opcode.BINARY, b"x", mask=False), 1002),
    "a reserved bit": (masked(0xC2, b""), 1002),
    "another reserved bit": (masked(0x92, b""), 1002),
    "a reserved opcode": (masked(0x83, b""), 1002),
    "a reserved control opcode": (masked(0x8B, b""), 1002),
    "a ping in fragments": (masked(0x09, b""), 1002),
    "a ping that is too long": (b"\x89\xfe\x00\x7e", 1002),
    "a fragment without a beginning": (masked(0x80, b"x"), 1002),
    "a message within a message": (masked(0x01, b"x") + masked(0x81, b"y"), 1002),
    "a claim": (b"\x82\xff" + LONG, 1009),
    "a huge claim": (b"\x82\xff" + b"\xff" * 8, 1009),
    "fragments without end": (masked(0x02, b"x" * 100) + b"\x80\xff" + LONG, 1009),
    "no UTF-8": (masked(0x81, b"\xff"), 1007),
    "half of a character": (masked(0x01, b"\xc3") + masked(0x80, b""), 1007),
    "a surrogate": (masked(0x81, b"\xed\xa0\x80"), 1007),
    "half of a close code": (masked(0x88, b"\x03"), 1002),
    "a close code that no frame has": (masked(0x88, (1006).to_bytes(2)), 1002),
    "a close reason that is no UTF-8": (masked(0x88, b"\x03\xe8\xff"), 1007),
}


@pytest.mark.parametrize(("data", "code"), WRONG.values(), ids=WRONG)
def test_what_a_client_may_not_send_is_refused_with_its_code(data: bytes, code: int) -> None:
    for cuts in ((), range(len(data))):
        with pytest.raises(WrongFrame) as e:
            read(masked(0x82, b"before") + data, [cut + 12 for cut in cuts])
        assert e.value.code == code and str(e.value)


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1011, 3000, 4999])
def test_every_close_code_that_a_frame_may_carry_is_read(code: int) -> None:
    data = theirs(Opcode.CLOSE, TheirClose(code, "why \u00e9").serialize())
    assert code in CLOSE_CODES and read(data) == [Closing(code, "why \u00e9")]


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=3))
def test_whatever_comes_is_frames_or_refused_or_waited_for(data: bytes, cuts: list[int]) -> None:
    def outcome(cuts: Sequence[int]) -> object:
        try:
            return read(data, cuts)
        except WrongFrame as e:
            return e.code

    assert outcome(cuts) == outcome(())


def test_what_is_unread_is_kept_and_no_more() -> None:
    reader = FrameReader(MOST_BYTES)
    reader.feed(masked(0x82, b"one") + masked(0x82, b"two")[:-1])
    assert reader.next() == b"one" and reader.next() is None
    assert reader.unread_bytes == 8
    reader.feed(b"o")
    assert reader.next() == b"two" and reader.next() is None
    assert reader.unread_bytes == 0
