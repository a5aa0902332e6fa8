"""When a turn ends: by silence, by its length, and by how sure its end is. Pure.

Sources: pages "Turn detection" and "Universal-3 Pro message sequence"; livekit/agents pull request
7107 (the confidence of a turn that is held). A client may end a turn itself (`ForceEndpoint`).
"""

from transcribe_cli.emulator.engine_settings import EngineSettings
from transcribe_cli.protocol.models import Family

MAX_TURN_MS = 60_000  # the Pro models' limit; here every family's, since memory grows with a turn
MAX_MANUAL_TURN_MS = 600_000  # in the mode `manual`, where the client ends turns
WRAP_UP_MS = 50_000  # from here on a turn ends at the first short pause
_WRAP_UP_SILENCE_MS = 150
_HALF_SURE_MS = 400  # of silence: confidence 0.5
_HELD = (0.4, 0.75)  # confidences from `min_turn_silence` on, and from half of what follows it


def is_over(settings: EngineSettings, silence_ms: int, turn_ms: int, confidence: float) -> bool:
    """Whether a turn of recognised speech ends.

    Args:
        silence_ms: silence at its end.
        turn_ms: its length with that.
        confidence: that this is its end, 0 to 1.
    """
    manual = settings.manual
    if turn_ms >= (MAX_MANUAL_TURN_MS if manual else MAX_TURN_MS):
        return True
    if turn_ms >= WRAP_UP_MS and silence_ms >= _WRAP_UP_SILENCE_MS and not manual:
        return True
    if silence_ms < settings.least_turn_silence_ms:
        return False
    if silence_ms >= settings.max_turn_silence_ms:
        return True
    threshold = settings.end_of_turn_confidence
    return threshold < 1 and confidence >= threshold


def silence_confidence(silence_ms: int) -> float:
    """How sure a silence makes the end of a turn whose words are certain.

    >>> [silence_confidence(ms) for ms in (0, 400, 800)]
    [0.0, 0.5, 0.75]
    """
    return float(1 - 0.5 ** (silence_ms / _HALF_SURE_MS))


def turn_silence_ms(settings: EngineSettings) -> int:
    """The silence that ends a turn whose text ends without punctuation.

    The Pro models hold such a turn open up to `max_turn_silence`; the others are sure of its end.
    """
    if settings.family is Family.PRO:
        return settings.max_turn_silence_ms
    return settings.least_turn_silence_ms


def held_confidence(settings: EngineSettings, silence_ms: int) -> float:
    """`end_of_turn_confidence` of a Pro partial: it rises while a silence holds the turn open.

    >>> settings = EngineSettings(min_turn_silence_ms=100, max_turn_silence_ms=1000)
    >>> [held_confidence(settings, ms) for ms in (0, 99, 100, 550, 999)]
    [0.0, 0.0, 0.4, 0.75, 0.75]
    """
    shortest, longest = settings.least_turn_silence_ms, settings.max_turn_silence_ms
    if silence_ms < shortest:
        return 0.0
    return _HELD[silence_ms >= (shortest + longest) / 2]
