"""The sending side of one session: reads the audio log at its own offset, and sends it in chunks.

It never waits. The thread that appends to the log calls `push_block`, and so sends a microphone's
audio itself; main calls the rest.
"""

import threading
from typing import TYPE_CHECKING

from transcribe_cli.audio.audio_log import ReadableLog
from transcribe_cli.session.chunks import ChunkSizes, next_chunk
from transcribe_cli.session.connection import Connection
from transcribe_cli.session.pacing import Pacer

if TYPE_CHECKING:
    from transcribe_cli.audio.encoder import Encoder
    from transcribe_cli.session.last_frame import LastFrame

_CHUNKS_AT_ONCE = 64  # then other sessions have their turn


class Sender:
    """Reads the log and sends it, up to the frame at which the session ends.

    Args:
        log: the audio to send; offsets are frames of the log.
        start: the first frame to send; None: `start_at` sets it later.
        reserve: how many frames are held back until the log has ended, so that a short remainder
            can be sent with the chunk before it; 0 for a microphone.
        encoder: encodes the samples before they are sent; None: they are sent as they are.

    Attributes:
        connection: None before the upgrade is done.
        offset: the first frame that has not been sent yet; before `start_at`, 0.
        handed_over: all frames before this one were given to the connection.
        first: where the session's clock starts.
        has_start: the first frame to send is known.
        active: audio may be sent: the session has begun and has not ended its audio yet.
    """

    def __init__(
        self,
        log: ReadableLog,
        sizes: ChunkSizes,
        pacer: Pacer,
        start: int | None,
        reserve: int,
        encoder: "Encoder | None" = None,
    ) -> None:
        self.connection: Connection | None = None
        self.offset = self.first = self.handed_over = start or 0
        self.has_start = start is not None
        self.active = False
        self._log = log
        self._sizes = sizes
        self._pacer = pacer
        self._encoder = encoder
        self._reserve = reserve
        # A block of this size is a chunk; None where audio is held back, or chunks have times.
        aside = reserve or pacer.paced
        self._chunk_bytes = None if aside else sizes.wanted * log.audio.frame_bytes
        self._lock = threading.Lock()  # guards offset, pacer and last frame
        self._held = False
        self._starved = True  # no chunk has a known time: only the log's growth brings one
        self._last_frame: LastFrame | None = None  # None: the session was not asked to end

    @property
    def sent_ms(self) -> int:
        """How much audio was sent, in ms."""
        return self._log.audio.ms(self.offset - self.first)

    @property
    def sent_s(self) -> float:
        """How much audio was sent, in seconds."""
        return self._log.audio.seconds(self.offset - self.first)

    @property
    def is_whole(self) -> bool:
        """Whether all that is in the log was sent."""
        return self.offset >= self._log.frames

    def start_at(self, frame: int) -> None:
        """Set the first frame to send."""
        self.offset = frame
        self.has_start = True

    def begin(self, now: float) -> None:
        """Send from now on."""
        self.first = self.offset
        self._pacer.start(self.first, now)
        self.active = True

    def hold(self, *, held: bool, now: float) -> None:
        """Send nothing, or go on; the pacer then starts again at the current offset."""
        with self._lock:
            self._held = held
            self._pacer.start(self.offset, now)

    def finish_here(self) -> None:
        """End now, or after at most a second of audio; the rest is not sent."""
        if not self.has_start:
            self.finish_at(0)
        self._end().here = True

    def finish_at(self, frame: int) -> None:
        """End before that frame, or now if it has been sent."""
        with self._lock:
            self._end().at(max(frame, self.offset))
        self.has_start = True

    def finish_at_pause(self) -> None:
        """End at the next short pause of the speech; `offset` then lies at the pause."""
        with self._lock:
            self._end().at_pause(self.offset)

    def _end(self) -> "LastFrame":
        if self._last_frame is None:
            from transcribe_cli.session.last_frame import LastFrame

            self._last_frame = LastFrame(self._log)
        return self._last_frame

    def stop(self) -> None:
        """Send no more audio."""
        with self._lock:
            self.active = False

    def finish(self) -> None:
        """Send what the encoder still holds, and no more audio after that."""
        self.stop()
        if self.connection is not None and self._encoder is not None:
            rest = self._encoder.finish()
            if rest:
                self.connection.send_audio(rest)

    @property
    def is_done(self) -> bool:
        """Whether everything that should be sent has been sent."""
        if not self.active:
            return False
        with self._lock:
            ended, end = self._sends_to()
            return ended and self.offset >= end

    def push_block(self, start: int, samples: bytes, now: float) -> float | None:
        """Send what has just been appended at frame `start`; returns the same as `push`.

        A microphone's block is nearly always the next chunk, and due, so it is sent without reading
        it back from the log. A file's chunks have times of their own, and main knows the next one
        unless the session has waited for the log. Chunks of a live pipe or address have times too,
        but arrive at about that time: they are sent here if they are due, however late main is.
        """
        with self._lock:
            is_file = self._pacer.paced and self._reserve > 0  # a live source holds nothing back
            if is_file and not self._starved:
                return None
            connection, count = self.connection, self._sizes.wanted
            if (
                start == self.offset
                and len(samples) == self._chunk_bytes
                and connection is not None
                and self.active
                and self._last_frame is None
                and not self._held
                and not connection.unsent
                and connection.send_failure is None
                and now >= self._pacer.free
            ):
                self._send(connection, samples, count, now)
                return now if connection.unsent or connection.send_failure is not None else None
        return self.push(now)

    def push(self, now: float) -> float | None:
        """Send the audio that is due. Any thread may call it.

        Returns when `advance` must be called for the sending side; None: not before the log grows.
        """
        with self._lock:
            self._starved = False
            connection = self.connection
            if connection is None or not self.active:
                return None
            if connection.send_failure is not None:
                return None  # main closes it
            for _ in range(_CHUNKS_AT_ONCE):
                if connection.unsent:
                    connection.flush()
                    if connection.unsent:
                        return now  # main waits until the system takes more
                ended, end = self._sends_to()
                count = next_chunk(end - self.offset, ended, self._sizes)
                if count == 0:
                    self._starved = not ended
                    return now if ended else None
                due = self._pacer.due(self.offset + count, now)
                if (self._held or due > now) and not (self._last_frame and self._last_frame.here):
                    return None if self._held else due
                samples = self._log.read(self.offset, count)
                if count < self._sizes.least:
                    # Only at the very end, if the chunk before this one was already sent.
                    samples += bytes((self._sizes.least - count) * self._log.audio.frame_bytes)
                self._send(connection, samples, count, now)
                if connection.send_failure is not None or connection.unsent:
                    return now
                if not ended and end - self.offset < self._sizes.wanted:
                    self._starved = True
                    return None
            return now

    def _sends_to(self) -> tuple[bool, int]:
        """Whether the last frame to send is known, and up to which frame audio may be sent now."""
        log = self._log
        ended = log.ended  # read first, so that `frames` includes all that came before the end
        end = log.frames
        if self._last_frame is not None:
            last_frame = self._last_frame.find(self.offset, end, log_ended=ended)
            if last_frame is not None:
                return True, min(end, last_frame)
        return ended, end if ended else end - self._reserve

    def _send(self, connection: Connection, samples: bytes, count: int, now: float) -> None:
        if self._encoder is not None:
            samples = self._encoder.encode(samples)
        self.offset += count  # before sending: main may hear the answer before this thread goes on
        connection.send_audio(samples)
        self.handed_over = self.offset
        self._pacer.sent(count, now)
        self._log.consumed(self.offset)
