"""A process that writes a document over and over again, and says each time that it has."""

import sys
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from tests.outputs.run_records import recording
from transcribe_cli.outputs.document import DocumentOutput
from transcribe_cli.outputs.json_document import JsonEncoder
from transcribe_cli.outputs.jsonl_records import turn_record
from transcribe_cli.outputs.markdown import MarkdownEncoder
from transcribe_cli.protocol.codec import Decoded
from transcribe_cli.protocol.messages import Turn, Word
from transcribe_cli.transcript.turns import TurnUpdate

WORDS = 400


def update(number: int) -> TurnUpdate:
    """A final turn in which every word is the turn's number."""
    words = [Word(9 * i, 9 * i + 9, f"w{number}", 0.5, True) for i in range(WORDS)]
    text = " ".join(word.text for word in words)
    turn = Turn(turn_order=number, end_of_turn=True, transcript=text, words=words)
    return TurnUpdate(0, 0, number, True, False, 0, 9 * WORDS, Decoded(turn, {}))


def main(name: str) -> None:
    path = Path(name)
    encoder = (
        MarkdownEncoder(non_speech=True)
        if path.suffix == ".md"
        else JsonEncoder(non_speech=True, several=False)
    )
    hours = map(float, count(step=3600))  # each record comes an hour after the one before
    output = DocumentOutput(path, encoder, lambda: next(hours))
    output.write(recording("a.wav"))
    for number in count():
        output.write(turn_record(update(number), datetime.now(UTC)))
        print(number, flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
