"""A program that writes captions turn after turn, and says so after each, until it is killed."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from tests.outputs.run_records import recording
from tests.outputs.turn_records import WHEN
from tests.transcript.random_turns import turn
from transcribe_cli.outputs.caption_formats import Kind
from transcribe_cli.outputs.captions import CaptionsOutput
from transcribe_cli.outputs.jsonl_records import Record, turn_record
from transcribe_cli.protocol.messages import Word

TURNS = 300


def talk() -> Iterator[Record]:
    """A long talk: the record of its start, then one for each turn."""
    yield recording("talk.wav")
    for number in range(TURNS):
        said = f"This is turn {number} of a long talk, and it goes on for a while.".split()
        start = 8000 * number
        words = [
            Word(start + 400 * i, start + 400 * i + 300, text, 0.9, True)
            for i, text in enumerate(said)
        ]
        yield turn_record(turn(words, number, speaker="AB"[number % 2]), WHEN)


def main() -> None:
    path = Path(sys.argv[1])
    output = CaptionsOutput(path, cast(Kind, path.suffix[1:]), non_speech=True)
    for record in talk():
        output.write(record)
        sys.stdout.write(".\n")
        sys.stdout.flush()
    sys.stdin.read()  # everything is written: wait to be killed


if __name__ == "__main__":
    main()
