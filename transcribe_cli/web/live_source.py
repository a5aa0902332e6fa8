"""An endless source: after a connection breaks off, another one continues it.

The clock tells where a part begins: its first sample belongs at the time of its arrival, counted
from the arrival of the first part. Audio missing before a part becomes silence and a `Gap`; audio
that was heard already is dropped, because radio begins with what it sent a few seconds ago. HLS
itself tells how much is missing.
"""

import contextlib
import queue
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

from transcribe_cli.audio.format import SAMPLE_BYTES
from transcribe_cli.audio.pipe import Pipe
from transcribe_cli.audio.source import (
    AudioGap,
    Source,
    SourceEvent,
    SourceNote,
    SourceWarning,
    channels_of,
)
from transcribe_cli.errors import AudioError
from transcribe_cli.web.fetch import Refused, Unreachable

BLOCK_S = 0.25
GIVE_UP_S = 300.0  # without audio; meanwhile a session is open and billed
_WAITS_S = (0.2, 1.0, 2.0, 5.0, 10.0)  # between tries; the last one is repeated
_GOOD_S = 5.0  # after a connection with this much audio, the next is tried at once


class GaveUp(AudioError):
    """No more audio comes, and another try would be useless."""


class NetworkPipe(Pipe):
    """A pipe from the network.

    Attributes:
        problem: why it ended too early; None if it did not.
        told: events to report.
    """

    kind = "address"

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.problem: str | None = None
        self.told: queue.SimpleQueue[SourceEvent] = queue.SimpleQueue()


class Part(NamedTuple):
    """The audio from one connection.

    Attributes:
        came_at: when its first sample arrived, on the monotonic clock.
        missing_s: how much audio is missing before it; None if that is not known.
    """

    inner: Source
    pipe: NetworkPipe
    came_at: float
    missing_s: float | None = None

    def close(self) -> None:
        """Close the connection."""
        self.pipe.close()
        self.inner.close()


class LiveSource:
    """The parts of a source in order, as one source.

    Args:
        first: the part that is open.
        next_part: connects again, which may take a while; returns None if all has come.
        stop: makes calls that wait for the network end soon.
        live: it runs on its own clock.
        clock: returns seconds that never go backwards.
    """

    kind = "address"
    path: str | None = None
    length_s: float | None = None

    def __init__(
        self,
        name: str,
        first: Part,
        next_part: Callable[[], Part | None],
        rate_hz: int,
        *,
        stop: Callable[[], None],
        live: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.live = live
        self._part: Part | None = first
        self._next_part = next_part
        self._rate_hz = rate_hz
        self._stop = stop
        self._clock = clock
        self._stopped = threading.Event()
        self.channels = channels_of(first.inner)
        self._frame_bytes = SAMPLE_BYTES * self.channels
        self._given = 0  # frames
        self._sum = 0  # checksum of the part's audio

    def blocks(self, report: Callable[[SourceEvent], None]) -> Iterator[bytes]:
        """The audio of all parts, with silence for what is missing between them.

        If a server gives the same audio twice, it serves a file, so the source ends there.

        Raises:
            AudioError: nothing came for `GIVE_UP_S`, or the number of kept channels changed.
        """
        part = self._part
        assert part is not None
        began_at = part.came_at
        drop = tries = last_sum = 0
        while part is not None:
            if channels_of(part.inner) != self.channels:
                raise AudioError(
                    f"'{self.name}' had {self.channels} channels, and has another number now.",
                    "what came before that is transcribed",
                )
            before = self._given
            yield from self._part_blocks(part, drop, report)
            tries = 0 if self._given - before >= self._frame_at(_GOOD_S) else tries + 1
            reason = part.pipe.problem or "its server ended it"
            part.close()
            if self._stopped.is_set():
                return
            was_ended = part.missing_s is None and part.pipe.problem is None
            if was_ended and self._sum and self._sum == last_sum:
                report(SourceNote(f"{self.name} gives the same again: it is over"))
                return
            last_sum = self._sum
            cut_at = self._given
            connecting = _Connecting(self._next_part, self._stopped, self._clock, tries)
            by_clock = part.missing_s is None
            told = False
            drop = 0
            try:
                while not connecting.done.wait(BLOCK_S) and not self._stopped.is_set():
                    if by_clock and not told:
                        cut = f"{self.name} was cut off: {reason}; connecting again"
                        report(SourceWarning(cut))
                        told = True
                    if by_clock:
                        yield from self._silence_until(self._frame_at(self._clock() - began_at))
                part = None if self._stopped.is_set() else connecting.part
                self._part = part
                if part is not None:
                    at = self._frame_at(part.came_at - began_at)
                    if part.missing_s is not None:
                        at = self._given + self._frame_at(part.missing_s)
                    drop = max(0, self._given - at)
                    yield from self._silence_until(at)
            finally:  # also if the recording ends during the silence
                if self._given > cut_at:
                    report(AudioGap((self._given - cut_at) / self._rate_hz, reason))
            if connecting.problem is not None and not self._stopped.is_set():
                raise connecting.problem
            if part is not None and by_clock:
                report(SourceNote(f"{self.name} is connected again"))

    def _part_blocks(
        self, part: Part, drop: int, report: Callable[[SourceEvent], None]
    ) -> Iterator[bytes]:
        self._sum = 0
        try:
            for block in part.inner.blocks(report):
                self._sum = zlib.crc32(block, self._sum)
                while not part.pipe.told.empty():
                    report(part.pipe.told.get())
                kept = block[drop * self._frame_bytes :]
                drop -= (len(block) - len(kept)) // self._frame_bytes
                self._given += len(kept) // self._frame_bytes
                yield kept
        except AudioError as e:
            # After a cut the decoder's error is not the media's fault.
            if part.pipe.problem is None:
                report(SourceWarning(e.message.rstrip(".")))

    def _frame_at(self, seconds: float) -> int:
        return round(seconds * self._rate_hz)

    def _silence_until(self, frame: int) -> Iterator[bytes]:
        most = self._frame_at(BLOCK_S)
        while self._given < frame and not self._stopped.is_set():
            count = min(most, frame - self._given)
            self._given += count
            yield bytes(count * self._frame_bytes)

    def stop(self) -> None:
        """End `blocks` soon."""
        self._stopped.set()
        self._stop()
        part = self._part
        if part is not None:
            part.inner.stop()
            part.pipe.stop()

    def close(self) -> None:
        """Close the open part; another call does nothing."""
        self.stop()
        if self._part is not None:
            self._part.close()


class _Connecting:
    """Tries to open a part, on a thread, because names, proxies and servers take their time.

    Args:
        tries: how many tries have failed already.

    Attributes:
        done: set when it has ended, with or without a part.
        part: the next part; None: there is none.
        problem: why there is no part; None if there need not be one.
    """

    def __init__(
        self,
        connect: Callable[[], Part | None],
        stopped: threading.Event,
        clock: Callable[[], float],
        tries: int,
    ) -> None:
        self.done = threading.Event()
        self.part: Part | None = None
        self.problem: AudioError | None = None
        self._connect = connect
        self._stopped = stopped
        self._clock = clock
        self._tries = tries
        threading.Thread(target=self._run, name="aai-reconnect", daemon=True).start()

    def _run(self) -> None:
        try:
            self._try()
        except AudioError as e:
            self.problem = e
        finally:
            self.done.set()
            if self._stopped.is_set() and self.part is not None:
                with contextlib.suppress(OSError, AudioError):
                    self.part.close()

    def _try(self) -> None:
        give_up_at = self._clock() + GIVE_UP_S
        while not self._stopped.is_set():
            if self._tries and self._stopped.wait(_WAITS_S[min(self._tries, len(_WAITS_S)) - 1]):
                return
            self._tries += 1
            try:
                self.part = self._connect()
                return
            except GaveUp:
                raise
            except AudioError as e:
                may_pass = isinstance(e, Unreachable) or not isinstance(e, Refused) or e.may_pass
                # A radio server may answer 404 for a while when its programme changes.
                may_pass = may_pass or (isinstance(e, Refused) and e.status == 404)
                if not may_pass or self._clock() >= give_up_at:
                    raise AudioError(e.message, "what came before that is transcribed") from e
