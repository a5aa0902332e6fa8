"""What no client can do without: a thread that sends frames, a main that reads and decodes.

No audio log, nothing that could reconnect, stop or say what went wrong; no Turn has a place in a
transcript. So this is where a client in Python with our frames and our decoder would end.

python -m bench.client_bare URL COUNT PER_SECOND
"""

import json
import socket
import sys
import threading
import time
from typing import Any

import msgspec
import websocket

from bench.pace import RATE_HZ, chunks
from transcribe_cli.protocol.messages import Turn
from transcribe_cli.session.frames import BINARY, FrameWriter, ServerFrameReader

_READ_BYTES = 1 << 14


def main(url: str, count: int, per_second: float) -> None:
    """Print the moments at which chunks were given and Turns handled, and the CPU time."""
    client: Any = websocket.create_connection(
        f"{url}?sample_rate={RATE_HZ}",
        suppress_origin=True,
        sockopt=((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),),
    )
    client.recv()  # Begin
    raw: socket.socket = client.sock
    raw.settimeout(None)
    given: list[float] = []
    handled: list[float] = []

    def send() -> None:
        writer = FrameWriter()
        for chunk in chunks(count, per_second, given):
            raw.sendall(writer.frame(BINARY, chunk))

    reader = ServerFrameReader()
    decoder = msgspec.json.Decoder(Turn)
    cpu_began = cpu_ended = time.process_time()
    threading.Thread(target=send, daemon=True).start()
    while len(handled) < count:
        for _, payload in reader.feed(raw.recv(_READ_BYTES)):
            decoder.decode(payload)
            handled.append(time.perf_counter())
            cpu_ended = time.process_time()
    client.send('{"type":"Terminate"}')
    client.recv()  # Termination, so that the server's report is out
    client.shutdown()
    print(json.dumps({"given": given, "handled": handled, "cpu_s": cpu_ended - cpu_began}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
