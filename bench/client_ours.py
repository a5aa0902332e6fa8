"""The latency client of this project: audio log, session, inbox and transcript, as `run` has them.

python -m bench.client_ours URL COUNT PER_SECOND
"""

import json
import sys
import threading
import time

from bench.pace import RATE_HZ, chunks
from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.protocol.messages import Begin, Turn
from transcribe_cli.run.loop import Loop
from transcribe_cli.session.chunks import chunk_sizes
from transcribe_cli.session.connect_thread import ConnectThread
from transcribe_cli.session.events import Closed, Event, Opened, Received, SourceEnded
from transcribe_cli.session.pacing import Pacer
from transcribe_cli.session.session import Session, Target
from transcribe_cli.transcript.turns import Transcript


class Task:
    """What `run` does with a chunk and with a Turn, and nothing else."""

    def __init__(self, loop: Loop, log: AudioLog, url: str, count: int, per_second: float) -> None:
        self.due = 0.0
        self.has_work = self.over = False
        self.given: list[float] = []
        self.handled: list[float] = []
        self.cpu_began = self.cpu_ended = 0.0
        self._loop = loop
        self._log = log
        self._url = f"{url}?speech_model=u3-rt-pro&sample_rate={RATE_HZ}"
        self._chunks = chunks(count, per_second, self.given)
        pacer = Pacer(RATE_HZ, None, limited=False)
        self._session = Session(0, log, chunk_sizes(log.audio, 50), pacer, 0)
        self._transcript = Transcript()
        self._transcript.begin_session(0, 0, expects_formatted=False)

    def start(self, now: float) -> None:
        """Connect."""
        ConnectThread(0, Target(self._url, {}), lambda event: self._loop.post(self, event))

    def _record(self) -> None:
        """On the recording thread."""
        for chunk in self._chunks:
            self._log.append(chunk, self._push)
        self._log.end()
        self._nudge()
        self._loop.post(self, SourceEnded())

    def _push(self, start: int, samples: bytes) -> None:
        if self._session.push_block(start, samples, time.monotonic()) is not None:
            self._nudge()

    def _nudge(self) -> None:
        self._session.has_work = self.has_work = True
        self._loop.wake()

    def take(self, event: Event, now: float) -> None:
        """On main."""
        if isinstance(event, Received) and isinstance(event.decoded.message, Turn):
            self._transcript.receive(0, event.decoded, event.at)
            self.handled.append(time.perf_counter())
            self.cpu_ended = time.process_time()
            return
        match event:
            case Opened(connection=connection):
                self._session.opened(connection, now)
                self._loop.watch(self, self._session)
            case Closed():
                self._loop.forget(self._session)
                self.over = True
            case Received(decoded=decoded) if isinstance(decoded.message, Begin):
                self.cpu_began = time.process_time()
                threading.Thread(target=self._record, daemon=True).start()

    def read(self, session: Session, now: float) -> None:
        """The socket has something."""
        for event in session.read(now):
            self.take(event, now)

    def advance(self, now: float) -> None:
        """Something is due."""
        self.has_work = False
        for event in self._session.advance(now):
            self.take(event, now)
        self.due = self._session.due

    def bail_out(self) -> None:
        """Nothing is kept."""


def main(url: str, count: int, per_second: float) -> None:
    """Print the moments at which chunks were given and Turns handled, and the CPU time."""
    with AudioLog.temporary(AudioFormat(RATE_HZ)) as log, Loop() as loop:
        task = Task(loop, log, url, count, per_second)
        loop.run([task])
    cpu_s = task.cpu_ended - task.cpu_began
    print(json.dumps({"given": task.given, "handled": task.handled, "cpu_s": cpu_s}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
