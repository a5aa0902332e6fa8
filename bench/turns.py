"""What one turn of any length costs, in µs of CPU a character: main's share, and each output's.

Beside each figure stands the same for an ordinary turn, of which there are many: the ratio says
whether a long one costs more a character than a short one.
"""

import io
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.table import Row
from transcribe_cli.outputs.caption_file import CaptionFile
from transcribe_cli.outputs.formats import open_outputs
from transcribe_cli.outputs.jsonl_records import Record, turn_record
from transcribe_cli.outputs.output import Output
from transcribe_cli.protocol.codec import decode_server_message
from transcribe_cli.transcript.turn_totals import TurnTotals
from transcribe_cli.transcript.turns import Transcript, TurnUpdate
from transcribe_cli.ui.live_view import LiveView

CHARACTERS = 300_000
_ORDINARY = 600  # of a long turn of ordinary speech
_TARGET_US = 5.0
_FORMATS = ("txt", "md", "srt", "vtt", "json", "jsonl")

TEXTS: dict[str, Callable[[int], str]] = {
    "no blanks": lambda count: "x" * count,
    "wide": lambda count: "今" * count,
    "marks": lambda count: "e\u0301" * (count // 2),
    "words of a letter": lambda count: "a " * (count // 2),
}


def run(quick: bool) -> list[Row]:
    """One row for each output and main, the dearest text of all."""
    count = CHARACTERS // 10 if quick else CHARACTERS
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, cost_us in _measures(Path(folder)):
            ours, text = max((cost_us(make(count), 1), text) for text, make in TEXTS.items())
            short = cost_us(TEXTS[text](_ORDINARY), count // _ORDINARY)
            rows.append(
                Row(
                    f"a turn of {count:,} characters ({text}): {name}",
                    ours / short if short else None,
                    f"{ours:.2f} µs a character",
                    f"turns of {_ORDINARY} {short:.2f} µs",
                    f"at most {_TARGET_US:.0f} µs",
                    ours <= _TARGET_US,
                )
            )
    return rows


Cost = Callable[[str, int], float]


def _measures(folder: Path) -> Iterator[tuple[str, Cost]]:
    yield "main: decoded, folded, counted, its record", _cost_of_main
    yield "main: one drawing of the partial", partial(_cost_of_view, final=False)
    yield "main: one drawing of the final", partial(_cost_of_view, final=True)
    for suffix in _FORMATS:
        yield f"`-o x.{suffix}`", partial(_cost_of_output, partial(_open, folder, suffix))
    captions = partial(CaptionFile, folder / "captions.txt")
    yield "`--captions-file`", partial(_cost_of_output, captions)


def _open(folder: Path, suffix: str) -> Output:
    (output,) = open_outputs([f"{folder}/x.{suffix}"], "", partials=True, non_speech=True)
    return output


def _message(text: str, order: int, final: bool) -> bytes:
    word = {"start": 0, "end": 900, "text": text, "confidence": 0.9, "word_is_final": final}
    body: dict[str, Any] = {
        "turn_order": order,
        "turn_is_formatted": True,
        "end_of_turn": final,
        "transcript": text,
        "end_of_turn_confidence": 1.0,
        "words": [word],
        "utterance": "",
        "type": "Turn",
    }
    return json.dumps(body, ensure_ascii=False).encode()


def _updates(text: str, turns: int, final: bool) -> list[TurnUpdate]:
    transcript = Transcript()
    transcript.begin_session(0, 0, expects_formatted=True)
    return [
        update
        for order in range(turns)
        for update in transcript.receive(
            0, decode_server_message(_message(text, order, final)), 0.0
        )
    ]


def _us(began: float, text: str, turns: int) -> float:
    return (time.process_time() - began) / (len(text) * turns) * 1e6


def _cost_of_main(text: str, turns: int) -> float:
    messages = [_message(text, order, True) for order in range(turns)]
    transcript, totals = Transcript(), TurnTotals()
    transcript.begin_session(0, 5, expects_formatted=True)
    began = time.process_time()
    for message in messages:
        for update in transcript.receive(0, decode_server_message(message), 0.0):
            totals.add(update)
            turn_record(update, datetime.now(UTC))
    return _us(began, text, turns)


def _cost_of_view(text: str, turns: int, final: bool) -> float:
    console = Console(
        file=io.StringIO(),
        force_terminal=True,
        width=100,
        height=30,
        color_system="standard",
        _environ={"TERM": "xterm"},
    )
    view = LiveView(console, clock=lambda: 0.0)
    view.open()
    updates = _updates(text, turns, final)
    began = time.process_time()
    for number, update in enumerate(updates):
        view.turn(update)
        view.tick(float(number))
    cost_us = _us(began, text, turns)
    view.close()
    return cost_us


def _cost_of_output(make: Callable[[], Output], text: str, turns: int) -> float:
    now = datetime.now(UTC)
    records = [turn_record(update, now) for update in _updates(text, turns, final=True)]
    output = make()
    output.write(Record(now, "Recording", {"id": "x", "source": "x"}))
    began = time.process_time()
    for record in records:
        output.write(record)
    output.close()
    return _us(began, text, turns)
