"""A long file: its audio is there already, so little of it is kept a second time."""

import json
import socket
import sys
from pathlib import Path

import pytest

from tests.counting import Session, counting_service, write_wav
from tests.program import Home, finish
from tests.word_comparison import assert_exact

WORDS = 6000  # ten minutes
TURN_WORDS = 250
DROPS_AT = ("w1245", "w2445", "w4245")  # each in a turn that began in the minute before
PACE = "90"
MINUTE_BYTES = 60 * 16000 * 2


def drop_in_turns(session: Session, heard: int) -> None:
    """Each session breaks at another of these words."""
    words = [word["text"] for word in session.open_words]
    if words and session.number < len(DROPS_AT) and words[-1] == DROPS_AT[session.number]:
        session.connection.socket.shutdown(socket.SHUT_RDWR)


def kept_bytes(pid: int) -> int:
    """The size of the greatest file that a process has open and nobody else can see."""
    sizes = [0]
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if str(entry.readlink()).endswith("(deleted)"):
                sizes.append(entry.stat().st_size)
        except OSError:  # closed in the meantime
            continue
    return max(sizes)


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_no_more_is_kept_than_may_be_sent_again_and_no_word_is_lost(home: Home) -> None:
    write_wav(home.work / "talk.wav", WORDS)
    with counting_service(TURN_WORDS, fault=drop_in_turns) as service:
        process = home.start(
            *("file", "talk.wav", "--endpoint", service.url, "--pace", PACE),
            *("--no-partials", "-o", "out.jsonl", "-q", "--no-save"),
        )
        kept = []
        for words in range(1000, 6000, 1000):
            service.wait_for_words(words)
            kept.append(kept_bytes(process.pid))
        outcome = finish(process)
    assert outcome.code == 0, outcome.err
    assert len(service.sessions) == 1 + len(DROPS_AT)
    lines = (home.work / "out.jsonl").read_text().splitlines()
    assert_exact([json.loads(line) for line in lines], WORDS)
    assert 0 < max(kept) <= 5 * MINUTE_BYTES
