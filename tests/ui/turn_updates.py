"""Turns as the transcript hands them to the view."""

from typing import Any

from transcribe_cli.protocol.codec import Decoded
from transcribe_cli.protocol.messages import Turn, Word
from transcribe_cli.transcript.turns import TurnUpdate


def update(
    text: str,
    *,
    turn: int = 0,
    final: bool = False,
    held: bool = False,
    settled: int = 0,
    start_ms: int = 0,
    session: int = 0,
    confidences: list[float] | None = None,
    **fields: Any,
) -> TurnUpdate:
    """A turn that says `text`; of a partial the first `settled` words are final."""
    said = text.split()
    ended = final or held
    sure = confidences or [0.9] * len(said)
    words = [
        Word(
            start=start_ms + 300 * index,
            end=start_ms + 300 * index + 280,
            text=word,
            confidence=sure[index],
            word_is_final=ended or index < settled,
        )
        for index, word in enumerate(said)
    ]
    message = Turn(
        turn_order=turn,
        end_of_turn=ended,
        transcript=text if ended else " ".join(said[:settled]),
        words=words,
        **fields,
    )
    end_ms = words[-1].end if words else start_ms
    return TurnUpdate(session, 0, turn, final, held, start_ms, end_ms, Decoded(message, {}))


def tagged(tag: str, *, turn: int = 0, final: bool = True, start_ms: int = 0) -> TurnUpdate:
    """A turn without speech, such as `[Music]`."""
    message = Turn(turn_order=turn, end_of_turn=final, transcript=tag[1:-1], utterance=tag)
    return TurnUpdate(0, 0, turn, final, False, start_ms, start_ms, Decoded(message, {}))
