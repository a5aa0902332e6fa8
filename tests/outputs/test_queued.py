"""A stream that is written to by a thread of its own, so that nobody waits for its reader."""

import os
import threading

import pytest

from transcribe_cli.outputs import queued
from transcribe_cli.outputs.queued import QueuedStream

DEADLINE_S = 10.0


def end(stream: QueuedStream) -> None:
    """Close it, and see that its thread ends."""
    stream.close()
    stream.close()
    assert stream._thread is not None
    stream._thread.join(DEADLINE_S)
    assert not stream._thread.is_alive()


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


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queued, "MOST_WAITING_BYTES", 200_000)
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
