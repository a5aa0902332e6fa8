"""Media on a pipe that ffmpeg decodes while they arrive."""

import contextlib
import subprocess
import threading

from transcribe_cli.audio import ffmpeg
from transcribe_cli.audio.concatenated_files import Mp3Lengths, OggCheck
from transcribe_cli.audio.containers import MP3, OGG, Container
from transcribe_cli.audio.media_tracks import choose_track, probe_head
from transcribe_cli.audio.pipe import READ_BYTES, Pipe

_ANALYSED_US = 300_000  # of a stream, to find its codecs
_PROBED_BYTES = 1 << 16  # of a container, to find its tracks


class Streamed(ffmpeg.FfmpegSource):
    """A container on a pipe, decoded while it arrives; a thread feeds ffmpeg.

    Raises:
        AudioError: there is no audio that can be decoded here.
    """

    def __init__(
        self,
        pipe: Pipe,
        container: Container,
        rate_hz: int,
        track: int | None,
        channel: int | None,
    ) -> None:
        self._pipe = pipe
        head = pipe.peek(_PROBED_BYTES, 0.0)
        tracks = probe_head(head, container.demuxer)
        chosen, note = choose_track(tracks, track, pipe.name)
        super().__init__(
            # The format is known, so ffmpeg need not hold audio back to find it out.
            ["-analyzeduration", str(_ANALYSED_US), "-f", container.demuxer, "-i", "pipe:0"],
            rate_hz,
            name=pipe.name,
            kind=pipe.kind,
            track=chosen,
            length_s=tracks[chosen].duration_s if chosen < len(tracks) else None,
            heeds_complaints=container != MP3,
            channel=channel,
            note=note,
            stdin=subprocess.PIPE,
        )
        self._ogg = OggCheck() if container == OGG else None
        self._mp3s = Mp3Lengths() if container == MP3 else None
        self._feeder = threading.Thread(target=self._feed, name="aai-feeder", daemon=True)
        self._feeder.start()
        with contextlib.ExitStack() as stack:
            stack.callback(self.close)
            self.begin()
            stack.pop_all()

    def _feed(self) -> None:
        stdin = self.process.stdin
        assert stdin is not None
        with contextlib.suppress(OSError, ValueError):  # ffmpeg has ended, or is being closed
            while data := self._pipe.read(READ_BYTES):
                if self._ogg is not None:
                    self._ogg.see(data)
                if self._mp3s is not None:
                    self._mp3s.see(data)
                    self.promised_s = self._mp3s.promised_s
                stdin.write(data)
                stdin.flush()
        with contextlib.suppress(OSError, ValueError):
            stdin.close()

    @property
    def length_s(self) -> float | None:
        """None: more media may follow those that the header describes."""
        return None

    def all_faults(self) -> list[str]:
        """All that is wrong with the media; called when all have passed."""
        self._pipe.stop()
        self._feeder.join()
        return [] if self._ogg is None else self._ogg.faults

    def stop(self) -> None:
        """End ffmpeg's input; `blocks` ends after what ffmpeg decodes of it."""
        self.is_cut = True
        self._pipe.stop()

    def close(self) -> None:
        """End ffmpeg and its thread."""
        self._pipe.stop()
        if self.process.poll() is None:
            self.process.kill()
        self._feeder.join()
        super().close()
