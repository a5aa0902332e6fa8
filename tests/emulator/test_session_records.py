"""What is kept of each client's session, and what is forgotten when there is too much."""

import struct

import pytest

from transcribe_cli.emulator.session_records import (
    MOST_RECORDS,
    AudioStore,
    SessionRecord,
    SessionRecords,
)


def test_the_oldest_audio_goes_when_there_is_too_much() -> None:
    store = AudioStore(most_bytes=10)
    first, second = (SessionRecord(n, "/v3/ws", [], store) for n in range(2))
    first.frame(b"12345678", 0)
    second.frame(b"123", 5)
    first.frame(b"9", 10)
    assert first.audio is None and bytes(second.audio or b"") == b"123"
    assert list(first.chunk_bytes) == [8, 1] and first.wav() is None
    second.frame(b"4567890", 15)
    assert bytes(second.audio or b"") == b"1234567890"


def test_only_so_many_sessions_are_kept() -> None:
    records = SessionRecords(keep_audio=True)
    for number in range(MOST_RECORDS + 1):
        records.add(number, "/", []).frame(bytes(4), 0)
    assert records.find("0") is None and records.find("1") is not None
    last = records.find("last")
    assert last is not None and last.number == MOST_RECORDS and bytes(last.audio or b"") == bytes(4)


def test_audio_has_the_header_of_its_encoding_and_rate() -> None:
    for encoding, tag, width in (("pcm_s16le", 1, 2), ("pcm_mulaw", 7, 1)):
        record = SessionRecords(keep_audio=True).add(0, "/v3/ws?token=x", [])
        record.opened("id", {"encoding": encoding, "sample_rate": 8000, "token": "x"}, [])
        record.frame(b"abcd", 0)
        wav = record.wav()
        assert wav is not None and wav[44:] == b"abcd"
        assert struct.unpack("<HHII", wav[20:32]) == (tag, 1, 8000, 8000 * width)
        assert record.path == "/v3/ws" and "token" not in record.parameters


def test_what_nobody_can_ask_for_is_not_kept() -> None:
    records = SessionRecords(keep_audio=True, can_be_asked=False)
    record = records.add(0, "/v3/ws", [])
    record.frame('{"type":"KeepAlive"}', 0)
    record.frame(bytes(4), 50)
    assert (record.messages, record.audio, records.summaries()) == ([], None, [])
    assert (list(record.chunk_bytes), list(record.chunk_ms)) == ([4], [50])  # for the logbook


@pytest.mark.parametrize("asked", ["5", "fast", "8e3"])
def test_audio_of_a_refused_rate_has_the_usual_one(asked: str) -> None:
    record = SessionRecord(0, f"/v3/ws?sample_rate={asked}", [], AudioStore())
    wav = record.wav()
    assert wav is not None and struct.unpack("<I", wav[24:28]) == (16000,)


def test_credentials_are_not_kept_and_the_first_end_counts() -> None:
    names = ("Authorization", "cookie", "Proxy-Authorization", "X-Api-Key", "X-Session-Token")
    plain = [("Host", "h"), ("Sec-WebSocket-Key", "abc")]
    record = SessionRecord(0, "/?sample_rate=8000&token=x", [*((n, "x") for n in names), *plain])
    assert record.headers == [*((n, "[secret]") for n in names), *plain]
    assert record.query == "sample_rate=8000&token=[secret]"
    record.frame('{"type":"UpdateConfiguration","token":"x","prompt":"token"}', 0)
    (kept,) = record.messages
    assert kept["text"] == '{"type":"UpdateConfiguration","token":"[secret]","prompt":"token"}'
    record.end(1000, "service")
    record.end(1006, "client")
    assert record.ended == {"code": 1000, "by": "service"}


def test_a_clock_that_is_put_far_forward_is_kept() -> None:
    record = SessionRecord(0, "/v3/ws", [])
    record.frame(bytes(4), 366 * 86_400_000)
    assert list(record.chunk_ms) == [366 * 86_400_000]
