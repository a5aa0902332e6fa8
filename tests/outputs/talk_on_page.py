"""Records of a talk, turn by turn, and a captions page to show them on."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.outputs.turn_records import WHEN
from tests.transcript.turn_shorthand import decoded
from transcribe_cli.outputs.caption_server import CaptionServer
from transcribe_cli.outputs.jsonl_records import Record, turn_record
from transcribe_cli.protocol.messages import Turn
from transcribe_cli.transcript.turns import Transcript


class Talk:
    """Turns of one recording, in order."""

    def __init__(self) -> None:
        self._transcript = Transcript()
        self._transcript.begin_session(0, 0, expects_formatted=False)

    def turn(self, order: int, text: str, *, final: bool = True, **fields: Any) -> Record:
        """One version of a turn."""
        message = Turn(turn_order=order, transcript=text, end_of_turn=final, **fields)
        (update,) = self._transcript.receive(0, decoded(message), 0.0)
        return turn_record(update, WHEN)


@contextmanager
def a_page(**options: Any) -> Iterator[CaptionServer]:
    """A captions page on a free port."""
    page = CaptionServer(0, **options)
    try:
        yield page
    finally:
        page.close()


def port_of(page: CaptionServer) -> int:
    """Where it listens."""
    return int(page.url.rstrip("/").rpartition(":")[2])
