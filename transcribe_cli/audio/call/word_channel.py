"""Which channel a word of a call has, even if the microphone hears the loudspeaker. Pure.

Levels alone do not tell, because each side may have any gain. So the leak is estimated: how much
louder the system's sound is in the microphone than in its own track, and how much later. Whatever
is louder than that was said into the microphone.

Levels are in dB below full scale, one for each `FRAME_S`. An estimate depends on the last
`WINDOW_FRAMES` of both tracks and on nothing else, so a resumed recording is judged as before. The
constants were chosen on calls of synthesised voices (`python -m bench call`).
"""

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Levels = NDArray[np.float32]
    Flags = NDArray[np.bool_]

MICROPHONE, SYSTEM = 0, 1
"""The channels of a call, as a word's `channel` has them."""

FRAMES_PER_S = 50
FRAME_S = 1 / FRAMES_PER_S
WINDOW_FRAMES = 120 * FRAMES_PER_S
SILENT_DB = -80.0

CONTEXT_FRAMES = 24
"""Sound that was played longer ago than this is heard no more."""

_LAGS = 13  # the greatest delay in frames from one track to the other, plus 1
_DECAY_DB = 2.5  # how fast a room falls silent, for each frame
_ACTIVE_DB, _HEARD_DB = 25.0, 30.0  # below the loudest: the system plays, or may be heard
_ALIKE, _SURE = 0.3, 0.75  # correlation of the two tracks' levels if one leaks into the other
_NEWEST = (75, 150, 600)  # active frames: as few as give certainty, since a volume may change
_FEWEST = 25
_ABOVE_FLOOR_DB, _ABOVE_ECHO_DB = 8.0, 6.0
_FLOOR_FRAMES = 60 * FRAMES_PER_S
_MOSTLY, _BELOW_NEAR_DB = 0.6, 8.0


class Estimate(NamedTuple):
    """How the two tracks of a call are related.

    Attributes:
        lag: by how many frames the microphone hears the system later.
        leak_db: how much louder it hears it than the system's own track; None: not at all.
        floor_db: level of the microphone's noise.
        loud_db: level of the system's speech.
        near_db: level of the speech into the microphone; None: there was none yet.
    """

    lag: int
    leak_db: float | None
    floor_db: float
    loud_db: float
    near_db: float | None


NOTHING_HEARD = Estimate(0, None, SILENT_DB, SILENT_DB, None)


def estimate(mic: "Levels", system: "Levels") -> Estimate:
    """The estimate from the last levels of both tracks: at most `WINDOW_FRAMES` of each."""
    import numpy as np

    if not len(mic):
        return NOTHING_HEARD
    floor = _percentile(mic[-_FLOOR_FRAMES:], 15)
    loud = _percentile(system, 98)
    found = Estimate(0, None, floor, loud, None)
    lag, alike = _lag_of(mic, system, loud) if loud > SILENT_DB + 10 else (0, 0.0)
    echo = _echo(system, lag)
    leak = _leak_of(mic, echo, loud) if alike > _ALIKE else None
    found = found._replace(lag=lag, leak_db=leak)
    of_mic, of_system = _sides(mic, echo, found)
    near = mic[np.flatnonzero(of_mic & ~of_system)[-30 * FRAMES_PER_S :]]
    if len(near) > 100:
        found = found._replace(near_db=_percentile(near, 85))
    return found


def sides(mic: "Levels", system: "Levels", found: Estimate) -> tuple["Flags", "Flags"]:
    """The frames in which somebody speaks into the microphone, and those in which the system plays.

    The first `CONTEXT_FRAMES` only serve as context for those behind them.
    """
    return _sides(mic, _echo(system, found.lag), found)


def _sides(mic: "Levels", echo: "Levels", found: Estimate) -> tuple["Flags", "Flags"]:
    import numpy as np

    least = np.full(len(mic), found.floor_db + _ABOVE_FLOOR_DB, np.float32)
    if found.leak_db is not None:
        least = np.maximum(least, echo + np.float32(found.leak_db + _ABOVE_ECHO_DB))
    return mic > least, echo > max(found.loud_db - _HEARD_DB, SILENT_DB)


def channel_of(mic: "Levels", system: "Levels", found: Estimate, context: int) -> int | None:
    """The channel of a word, from the levels of its frames; None if neither side is heard.

    Args:
        context: how many of the frames lie before the word.
    """
    of_mic, of_system = (flags[context:] for flags in sides(mic, system, found))
    if not len(of_mic):
        return None
    if (
        found.near_db is not None
        and of_system.mean() > _MOSTLY
        and _percentile(mic[context:], 70) < found.near_db - _BELOW_NEAR_DB
    ):
        return SYSTEM  # an echo canceller has left this much of the system's sound
    spoken, played = int(of_mic.sum()), int((of_system & ~of_mic).sum())
    if not spoken and not played:
        return None
    return MICROPHONE if spoken > played else SYSTEM


def levels(samples: Any, frame: int) -> "Levels":
    """The levels of s16 samples, one for each whole `frame` samples."""
    import numpy as np

    count = len(samples) // frame
    frames = samples[: count * frame].reshape(count, frame).astype(np.float32)
    power = np.einsum("ij,ij->i", frames, frames) / np.float32(frame * 32768.0**2)
    found: Levels = np.maximum(10 * np.log10(power + np.float32(1e-12)), np.float32(SILENT_DB))
    return found.astype(np.float32)


def _lag_of(mic: "Levels", system: "Levels", loud: float) -> tuple[int, float]:
    """The lag at which the levels are most alike, and their correlation there."""
    import numpy as np

    active = np.flatnonzero(system[: 1 - _LAGS] > loud - _ACTIVE_DB)[-_NEWEST[-1] :]
    if len(active) < _FEWEST:
        return 0, 0.0
    # All lags at once, a row for each: a fifth of the work of one after the other.
    heard = mic[active + np.arange(_LAGS)[:, np.newaxis]]
    heard -= heard.mean(axis=1, keepdims=True)
    played = system[active] - system[active].mean()
    scale = np.sqrt(np.einsum("ij,ij->i", heard, heard) * (played @ played))
    alike = heard @ played / np.maximum(scale, np.float32(1e-6))
    best = int(np.argmax(alike))
    return best, float(alike[best])


def _leak_of(mic: "Levels", echo: "Levels", loud: float) -> float | None:
    """The median difference of the newest active frames, as few as are surely alike."""
    import numpy as np

    active = np.flatnonzero(echo > loud - _ACTIVE_DB)
    for count in _NEWEST:
        newest = active[-count:]
        sure = _correlation(mic[newest], echo[newest]) > _SURE or count == _NEWEST[-1]
        if sure and len(newest) > _FEWEST:
            return float(np.median(mic[newest] - echo[newest]))
    return None


def _echo(system: "Levels", lag: int) -> "Levels":
    """The loudest echo that a room can still make of what was played, at a leak of 0 dB."""
    import numpy as np

    echo = np.full(len(system), SILENT_DB, np.float32)
    for number in range(12):
        later = lag + number - 1
        fallen = system - np.float32(max(number - 2, 0) * _DECAY_DB)
        if later < 0:
            np.maximum(echo[:later], fallen[-later:], out=echo[:later])
        elif later < len(system):
            np.maximum(echo[later:], fallen[: len(system) - later], out=echo[later:])
    return echo


def _correlation(one: "Levels", other: "Levels") -> float:
    if len(one) < 20:
        return 0.0
    one, other = one - one.mean(), other - other.mean()
    scale = float((one @ one) * (other @ other)) ** 0.5
    return float(one @ other) / scale if scale > 1e-6 else 0.0


def _percentile(values: "Levels", percent: int) -> float:
    """As numpy's percentile, which takes ten times as long because of its many cases."""
    import numpy as np

    at = (len(values) - 1) * percent / 100
    below = int(at)
    above = min(below + 1, len(values) - 1)
    parted = np.partition(values, (below, above))
    low, high = float(parted[below]), float(parted[above])
    return low + (high - low) * (at - below)
