"""How long a session waits for a service before it takes it for stuck."""

from typing import NamedTuple


class Timeouts(NamedTuple):
    """How long to wait for each, in seconds.

    Attributes:
        last_words_s: after Terminate, for a word that is new, or for Termination.
        send_s: for a socket that is full to take more audio.
    """

    last_words_s: float
    send_s: float


SERVICE = Timeouts(last_words_s=15.0, send_s=8.0)
LOCAL = Timeouts(last_words_s=60.0, send_s=60.0)
"""For the local service, which shares this machine with whatever else keeps it busy."""
