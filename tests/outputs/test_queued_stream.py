"""A stream that a thread of its own writes to, so that nobody waits for its reader."""

import io
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.program import DEADLINE_S
from transcribe_cli.outputs import queued_stream, write_queue
from transcribe_cli.outputs.queued_stream import QueuedStream, open_queued_stream


def end(stream: QueuedStream) -> None:
    """Close it, and see that its thread ends."""
    stream.close()
    stream.close()
    stream._queue.thread.join(DEADLINE_S)
    assert stream._queue.over


def test_everything_arrives_in_order() -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "wb", buffering=0) as raw, os.fdopen(read_end, "rb") as reader:
        stream = QueuedStream(raw)
        for number in range(1000):
            stream.write(b"%d\n" % number)
        stream.drain()
        end(stream)
        raw.close()

        assert reader.read() == b"".join(b"%d\n" % number for number in range(1000))
        assert not stream.busy


def test_reader_that_does_not_read_holds_nobody_up() -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "wb", buffering=0) as raw, os.fdopen(read_end, "rb") as reader:
        stream = QueuedStream(raw)
        for _ in range(100):
            stream.write(bytes(100_000))  # a pipe holds 64 KiB
            stream.flush()
        assert stream.busy
        drained = threading.Thread(target=stream.drain)
        drained.start()
        assert len(reader.read(10_000_000)) == 10_000_000
        drained.join(DEADLINE_S)

        assert not stream.busy
        end(stream)


def test_reader_that_goes_away_is_told_at_once_and_is_an_error_of_what_comes_next() -> None:
    read_end, write_end = os.pipe()
    failed = threading.Event()
    with os.fdopen(write_end, "wb", buffering=0) as raw:
        stream = QueuedStream(raw, failed.set)
        os.close(read_end)
        stream.write(b"x")

        assert failed.wait(DEADLINE_S)
        for action in (stream.flush, stream.drain, lambda: stream.write(b"y")):
            with pytest.raises(BrokenPipeError):
                action()
        assert not stream.busy  # nobody need look again


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queued_stream, "MOST_WAITING_BYTES", 200_000)
    monkeypatch.setattr(write_queue, "ROOM_WAIT_S", DEADLINE_S)
    read_end, write_end = os.pipe()
    written: list[int] = []

    def write() -> None:
        for number in range(10):
            stream.write(bytes(100_000))
            written.append(number)

    with os.fdopen(write_end, "wb", buffering=0) as raw, os.fdopen(read_end, "rb") as reader:
        stream = QueuedStream(raw)
        writer = threading.Thread(target=write)
        writer.start()
        writer.join(0.2)
        assert len(written) < 5
        reader.read(1_000_000)
        writer.join(DEADLINE_S)

        assert len(written) == 10
        end(stream)


class Parts(io.RawIOBase):
    """A stream that keeps what it is given at once."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []

    def write(self, data: Any, /) -> int:
        self.taken.append(bytes(data))
        return len(data)


@pytest.mark.parametrize("text", ["é", "€", "😀", "x", "a€😀é"])
@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
def test_no_character_is_cut(before: str, text: str) -> None:
    parts = Parts()
    stream = QueuedStream(parts)
    whole = before + text * 10_000
    stream.write_text(whole, None)
    stream.drain()
    end(stream)

    assert "".join(part.decode() for part in parts.taken) == whole
    assert len(parts.taken) > 1


def test_bytes_that_are_no_characters_arrive_too() -> None:
    parts = Parts()
    stream = QueuedStream(parts)
    stream.write(b"\x80" * 10_000)
    stream.drain()
    end(stream)

    assert b"".join(parts.taken) == b"\x80" * 10_000


def test_text_has_the_line_ends_of_the_system_and_what_its_encoding_has() -> None:
    parts = Parts()
    stream = QueuedStream(parts)
    stream.write_text("é €\n", "latin-1")
    stream.drain()
    end(stream)

    assert b"".join(parts.taken) == b"\xe9 ?" + os.linesep.encode()


def test_file_is_written_to_under_a_number_of_its_own() -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as reader:
        with os.fdopen(write_end, "w", encoding="utf-8") as file:
            file.write("first, ")
            stream, unused = open_queued_stream(file), open_queued_stream(file)
        assert stream is not None
        assert unused is not None
        unused.close()
        stream.write(b"then this")
        end(stream)

        assert reader.read() == b"first, then this"  # to the end: nobody else holds it


def test_nobody_waits_for_a_regular_file(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        assert open_queued_stream(file) is None
    assert open_queued_stream(file) is None  # closed
    assert open_queued_stream(io.StringIO()) is None
