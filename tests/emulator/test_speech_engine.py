"""Turns of a speech engine, with a model that knows its audio by its level."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from transcribe_cli.emulator.engine_settings import EngineSettings
from transcribe_cli.emulator.engines.pieces import PieceRecogniser, Pieces, Transcription
from transcribe_cli.emulator.engines.speech_engine import FRAME_BYTES, SpeechEngine
from transcribe_cli.emulator.turn_messages import HeardWord
from transcribe_cli.protocol.models import Family

LOUD, QUIET = b"\xe8\x03" * (FRAME_BYTES // 2), bytes(FRAME_BYTES)
PIECES = Pieces(piece_ms=6000, longest_ms=10_000, step_ms=480, step_share=0.25, pause_ms=120)
SETTINGS = EngineSettings(
    model="universal-streaming-english",
    like="universal-streaming-english",
    family=Family.UNIVERSAL_STREAMING,
)


class Level:
    """What is loud is speech."""

    def is_speech(self, frame: bytes) -> bool:
        return frame == LOUD


def say(frames: str, pause_ms: int = 120) -> tuple[list[int], list[int]]:
    """Hear these frames (`#` speech, `.` silence): at which of them a piece was recognised for good
    while the turn went on, and at which one a final came."""
    now, recognised, ended = 0, [], []

    def hear(samples: Any, speech: Sequence[bool], final: bool) -> Transcription:
        if final:
            recognised.append(now)
        return Transcription([HeardWord("said", 0, 30 * len(speech))])

    pieces = PIECES._replace(pause_ms=pause_ms)
    engine = SpeechEngine(SETTINGS, PieceRecogniser(hear, pieces, writes=True), Level())
    for now, kind in enumerate(frames, start=1):
        messages = [json.loads(a.text) for a in engine.hear(LOUD if kind == "#" else QUIET)]
        ended += [now for message in messages if message["end_of_turn"]]
    return recognised, ended


@pytest.mark.parametrize("length", range(40, 44))
def test_a_pause_is_noticed_at_once_and_a_turn_ends_with_its_silence(length: int) -> None:
    recognised, ended = say("." * 10 + "#" * length + "." * 30)
    assert recognised == [10 + length + 4]  # 120 ms: before it is known whether the turn is over
    assert ended == [10 + length + 14]  # the first frame after 400 ms


def test_a_model_that_is_quick_is_asked_at_shorter_pauses() -> None:
    assert say("." * 10 + "#" * 40 + "." * 30, pause_ms=90) == ([53], [64])


def test_what_follows_a_short_pause_is_recognised_with_what_came_before() -> None:
    recognised, ended = say("." * 10 + "#" * 40 + "." * 8 + "#" * 40 + "." * 30)
    assert recognised == [54, 102]
    assert ended == [112]
