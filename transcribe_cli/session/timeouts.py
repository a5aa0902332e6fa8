"""How long a session waits for a service before it takes it for stuck."""

from typing import NamedTuple


class Timeouts(NamedTuple):
    """In seconds.

    Attributes:
        last_words_s: after Terminate, until it says another word or is done.
        send_s: until it takes more audio, when it has stopped doing so.
    """

    last_words_s: float
    send_s: float


SERVICE = Timeouts(last_words_s=15.0, send_s=8.0)
LOCAL = Timeouts(last_words_s=60.0, send_s=60.0)
"""Where the recogniser shares this machine with whatever else keeps it busy, and bills nobody."""
