"""A source that goes on without end: a connection that breaks off is followed by another.

Where a part begins is told by the clock: its first sample belongs where the clock was when it came,
counted from when the first part came. What is missing before it is silence, and a `Gap`; what is
there already is left out, since radio begins with what it sent a few seconds ago. HLS tells itself
how much is missing.
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
GIVE_UP_S = 300.0  # without audio: a session is open, and billed, meanwhile
_WAITS_S = (0.2, 1.0, 2.0, 5.0, 10.0)  # between tries; the last one is repeated
_GOOD_S = 5.0  # a connection that gave so much is followed by another at once


class GaveUp(AudioError):
    """Nothing comes any more: another try is not worth it."""


class NetworkPipe(Pipe):
    """A pipe from the network.

    Attributes:
        problem: why it ended too early.
        told: events that are to be reported.
    """

    kind = "address"

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.problem: str | None = None
        self.told: queue.SimpleQueue[SourceEvent] = queue.SimpleQueue()


class Part(NamedTuple):
    """What comes from one connection.

    Attributes:
        came_at: when its first sample came, on the monotonic clock.
        missing_s: how much is missing before it, where that is known.
    """

    inner: Source
    pipe: NetworkPipe
    came_at: float
    missing_s: float | None = None

    def close(self) -> None:
        """Give the connection back."""
        self.pipe.close()
        self.inner.close()


class LiveSource:
    """The parts, one after the other.

    Args:
        first: the one that is there.
        next_part: connects again, which may take a while; None: all has come.
        stop: has what waits for the network end soon.
        live: it runs on its own clock.
        clock: seconds that only go forward.
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
        self._sum = 0  # of what the part gave

    def blocks(self, report: Callable[[SourceEvent], None]) -> Iterator[bytes]:
        """The audio of all parts, and silence for what is missing between them.

        A server that gives the same once more has a file, which ends there.

        Raises:
            AudioError: nothing came for `GIVE_UP_S`, or sides that are kept apart are not the same.
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
            finally:  # also where the recording ends amid the silence
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
            # Where it was cut is no end that a decoder knows.
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
        """Give everything back; harmless twice."""
        self.stop()
        if self._part is not None:
            self._part.close()


class _Connecting:
    """Tries until there is a part: a thread, since names, proxies and servers take their time.

    Args:
        tries: so many have failed already.

    Attributes:
        done: it has ended, one way or another.
        part: what comes next; None: nothing does.
        problem: why nothing does, where something should.
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
                # A radio whose programme changes gives 404 for a while.
                may_pass = may_pass or (isinstance(e, Refused) and e.status == 404)
                if not may_pass or self._clock() >= give_up_at:
                    raise AudioError(e.message, "what came before that is transcribed") from e
