"""A client that is behind with reading when its session ends."""

import json
import socket
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.sync.client import connect

from tests.counting import speak
from tests.emulator.protocol_client import TERMINATE, until_close
from tests.program import DEADLINE_S, wait_until

WORDS = 100  # more messages than a small receive buffer holds
CHUNK_BYTES = 3200
BEHIND_S = 5


@pytest.mark.long
def test_a_client_that_is_seconds_behind_still_reads_all_up_to_the_close(
    serve: Callable[..., str], logbook: Callable[[], list[dict[str, Any]]]
) -> None:
    url = urlsplit(serve("--engine", "counting"))
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect((url.hostname, url.port))
        query = "speech_model=u3-rt-pro&sample_rate=16000"
        with connect(
            f"ws://{url.netloc}/v3/ws?{query}", sock=sock, max_queue=1, close_timeout=DEADLINE_S
        ) as connection:
            samples = speak(WORDS)
            for start in range(0, len(samples), CHUNK_BYTES):
                connection.send(samples[start : start + CHUNK_BYTES])
            connection.send(TERMINATE)
            wait_until(
                lambda: any(event["event"] == "close" for event in logbook()), within_s=DEADLINE_S
            )
            time.sleep(BEHIND_S)
            connection.ping()  # what a closed socket gets, it answers by a reset
            time.sleep(0.5)
            heard = until_close(connection)
    assert heard.code == 1000
    assert json.loads(heard.texts[-1])["type"] == "Termination"
