"""Short ways to write Turn messages."""

from typing import Any

from transcribe_cli.protocol.codec import Decoded, decode_server_message, encode_server_message
from transcribe_cli.protocol.messages import Turn, Word


def decoded(turn: Turn) -> Decoded:
    """A Turn as it comes out of the codec."""
    return decode_server_message(encode_server_message(turn))


def said(order: int, text: str, start: int = 0, **fields: Any) -> Decoded:
    """A Turn whose words last 100 ms each from `start` on; a partial unless told otherwise."""
    words = [
        Word(start + 100 * i, start + 100 * i + 100, word, 0.9, True)
        for i, word in enumerate(text.split())
    ]
    return decoded(Turn(turn_order=order, transcript=text, words=words, **fields))


def raw_final(order: int, text: str, start: int = 0) -> Decoded:
    """The end of a turn, without punctuation."""
    return said(order, text, start, end_of_turn=True)


def formatted(order: int, text: str, start: int = 0) -> Decoded:
    """The end of a turn, with punctuation."""
    return said(order, text, start, end_of_turn=True, turn_is_formatted=True)
