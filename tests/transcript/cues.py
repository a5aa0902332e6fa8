"""The captions of turns that are all there."""

from collections.abc import Iterable

from transcribe_cli.transcript.caption_cues import Cue, cut_turn, lay_out
from transcribe_cli.transcript.turns import TurnUpdate


def make_cues(turns: Iterable[TurnUpdate], *, non_speech: bool) -> list[Cue]:
    """The captions of final turns, in order; `non_speech`: also of those that are only tags."""
    return lay_out([phrase for turn in turns for phrase in cut_turn(turn, non_speech=non_speech)])
