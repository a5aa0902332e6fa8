"""The latency client of this project: audio log, session, inbox and transcript, as `run` has them.

python -m bench.client_ours URL COUNT PER_SECOND
"""

import json
import queue
import sys
import threading
import time

from bench.pace import RATE_HZ, chunks
from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.audio.log import AudioLog
from transcribe_cli.protocol.messages import Begin, Turn
from transcribe_cli.session.chunks import chunk_sizes
from transcribe_cli.session.events import Closed, Event, Received
from transcribe_cli.session.pacing import Pacer
from transcribe_cli.session.session import Plan, Session, Target
from transcribe_cli.transcript.turns import Transcript


def main(url: str, count: int, per_second: float) -> None:
    """Print the moments at which chunks were given and Turns handled, and the CPU time."""
    audio = AudioFormat(RATE_HZ)
    inbox: queue.SimpleQueue[Event] = queue.SimpleQueue()
    transcript = Transcript()
    transcript.begin_session(0, 0, expects_formatted=False)
    given: list[float] = []
    handled: list[float] = []
    with AudioLog.temporary(audio) as log:
        session = Session(
            Plan(0, 0),
            Target(f"{url}?speech_model=u3-rt-pro&sample_rate={RATE_HZ}", {}),
            log,
            chunk_sizes(audio, 50),
            Pacer(RATE_HZ, None, limited=False),
            inbox.put,
        )

        def record() -> None:
            for chunk in chunks(count, per_second, given):
                log.append(chunk)
            log.end()

        session.start()
        cpu_began = cpu_ended = 0.0
        while True:
            event = inbox.get(timeout=30)
            if isinstance(event, Closed):
                break
            if not isinstance(event, Received):
                continue
            if isinstance(event.decoded.message, Begin):
                cpu_began = time.process_time()
                threading.Thread(target=record, daemon=True).start()
            elif isinstance(event.decoded.message, Turn):
                transcript.receive(0, event.decoded, event.at)
                handled.append(time.perf_counter())
                cpu_ended = time.process_time()
        session.join(5)
    print(json.dumps({"given": given, "handled": handled, "cpu_s": cpu_ended - cpu_began}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
