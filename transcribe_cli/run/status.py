"""What the status line shows of a run: takes values, returns a `Status`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from transcribe_cli.audio.format import SYSTEM
from transcribe_cli.audio.source import Source, is_spoken_now
from transcribe_cli.protocol.parameters import MANUAL
from transcribe_cli.run.config import RunConfig
from transcribe_cli.supervisor.facts import RunState
from transcribe_cli.transcript.turn_totals import TurnTotals
from transcribe_cli.transcript.turns import TurnUpdate

if TYPE_CHECKING:
    from transcribe_cli.ui.status_line import Status

QUIET_SOURCE_S = 10.0  # a microphone that gives only silence for this long may be muted
CATCHING_UP_S = 2.0  # a session further behind the microphone than this hears the past
_SILENT_PEAK = 8  # of 32768: the loudest sample that a muted input gives
_CLIP_SHOWN_S = 1.0
_WORDS_COME_S = 3.0
_RATE_KNOWN_S = 3.0


@dataclass(frozen=True, slots=True)
class Now:
    """A run at one moment.

    Attributes:
        time: on the monotonic clock, in seconds.
        elapsed_s, lag_s: as in `Progress`.
        peaks: the loudest sample of each track since the last `Now`, 0 to 32768.
        muted: the user has muted the microphone.
        cost_usd: None where no price is known.
    """

    time: float
    state: RunState
    elapsed_s: float
    lag_s: float
    peaks: list[int]
    muted: bool
    cost_usd: float | None


class RunStatus:
    """Makes the status line; remembers what is shown for a while, such as a clipped level.

    Args:
        now: when the run was made; monotonic, in seconds.

    Attributes:
        trouble: what is wrong with the source, in words; "" if nothing is.
        overflows: how often the system dropped samples.
        manual: a turn ends when the user says so.
        model: the name of the running model.
    """

    def __init__(self, config: RunConfig, source: Source, totals: TurnTotals, now: float) -> None:
        self.trouble = ""
        self.overflows = 0
        self._config = config
        self.manual = config.service.parameters.query.get("mode") == MANUAL
        self._source = source
        self.model = str(config.service.parameters.query["speech_model"])
        self._totals = totals
        self._spoken_now = is_spoken_now(source)
        point = config.resume_point
        first_ms = 0 if point is None else min(point.committed_ms)
        self._sound = _Sound(now)
        self._words = _Words(first_ms, now)
        self._position = _Position(first_ms / 1000, now)

    def heard(self, update: TurnUpdate, now: float) -> None:
        """The service heard words."""
        self._words.came(update.end_ms, now)

    def mark_ms(self, elapsed_s: float) -> int:
        """Where a mark that a person makes now belongs, on the recording's clock.

        A file and a pipe are read ahead of the words that a person sees, so their marks go there.

        Args:
            elapsed_s: as in `Progress`.
        """
        # The position moves only if there is a view.
        seen_ms = max(1000 * self._position.at_s, self._words.end_ms)
        return round(1000 * elapsed_s if self._spoken_now else seen_ms)

    def status(self, now: Now) -> "Status":
        """What the status line shows."""
        from transcribe_cli.audio.level import decibels
        from transcribe_cli.ui.status_line import Status

        is_live = now.state is RunState.LISTENING and not now.muted
        peak = now.peaks[0]
        self._sound.take(peak, now.time, is_expected=is_live)
        progress = None
        if not self._spoken_now:
            self._position.move(self._heard_s(now), now)
            progress = (self._position.at_s, self._source.length_s, self._position.rate)
        local = self._config.service.local
        return Status(
            state=self._state(now),
            elapsed_s=now.elapsed_s,
            model=self._config.service.engine_title or self.model,
            source=self._source.name,
            level_db=decibels(peak) if self._spoken_now else None,
            system_db=decibels(now.peaks[1]) if len(now.peaks) > 1 and self._spoken_now else None,
            clipped=self._sound.is_clipped(now.time),
            muted=now.muted,
            language=self._totals.language,
            turns=self._totals.turns,
            behind_s=self._behind_s(now),
            backlog_s=now.lag_s if now.lag_s > 1 else None,
            dropped=self.overflows,
            cost_usd=None if local else now.cost_usd,
            manual=self.manual,
            progress=progress,
            message=self.trouble or self._silence(now.time),
        )

    def _state(self, now: Now) -> str:
        """The word for the state; a microphone has words of its own."""
        match now.state:
            case RunState.LISTENING if not self._spoken_now:
                return "transcribing"
            case RunState.LISTENING if now.muted:
                return "muted"
            case RunState.LISTENING if now.lag_s >= CATCHING_UP_S:
                return "catching up"
            case RunState.DRAINING:
                return "stopping" if self._spoken_now else "transcribing"
        return str(now.state)

    def _heard_s(self, now: Now) -> float:
        """Up to where the service has heard a file or a pipe, as far as that is known.

        Audio sent in real time is heard as it is sent, even where nobody speaks.
        """
        sent_s = now.elapsed_s - now.lag_s
        in_time = self._config.sending.pace is not None and now.state is RunState.LISTENING
        if in_time and not self._words.come(now.time):
            return sent_s
        return min(self._words.end_ms / 1000, sent_s)

    def _behind_s(self, now: Now) -> float | None:
        """How far the last word lies behind the captured audio; None while no words come.

        Also None for a file or a pipe that is sent as fast as possible, or has audio waiting.
        """
        waits = self._config.sending.pace is None or now.lag_s >= CATCHING_UP_S
        if not self._words.come_anew(now.time) or (waits and not self._spoken_now):
            return None
        return max(0.0, now.elapsed_s - self._words.end_ms / 1000)

    def _silence(self, now: float) -> str:
        quiet_s = now - self._sound.at
        if not self._spoken_now or quiet_s < QUIET_SOURCE_S:
            return ""
        if self._config.tracks == (SYSTEM,):
            return f"no sound for {quiet_s:.0f} s: does anything play, and is the system muted?"
        return f"no sound for {quiet_s:.0f} s: is the microphone muted?"


class _Sound:
    """When a microphone last gave sound, and when it last clipped.

    Attributes:
        at: when sound last came, or last was not expected.
    """

    def __init__(self, now: float) -> None:
        self.at = now
        self._clipped_at = float("-inf")

    def take(self, peak: int, now: float, *, is_expected: bool) -> None:
        """Take the loudest sample since the last call."""
        from transcribe_cli.audio.level import CLIP_AT

        if peak > _SILENT_PEAK or not is_expected:
            self.at = now
        if peak >= CLIP_AT:
            self._clipped_at = now

    def is_clipped(self, now: float) -> bool:
        """Whether the microphone clipped a moment ago."""
        return now - self._clipped_at < _CLIP_SHOWN_S


class _Words:
    """When the last words came, and where they end.

    Attributes:
        end_ms: end of the last word on the recording's clock; before any, where the run began.
    """

    def __init__(self, first_ms: int, now: float) -> None:
        self.end_ms = first_ms
        self._first_ms = first_ms
        self._at = now

    def came(self, end_ms: int, now: float) -> None:
        """Words came that end at `end_ms`."""
        self._at = now
        self.end_ms = max(self.end_ms, end_ms)

    def come(self, now: float) -> bool:
        """Whether words came, or the run began, a short time ago."""
        return now - self._at <= _WORDS_COME_S

    def come_anew(self, now: float) -> bool:
        """Whether words of this run came a short time ago."""
        return self.end_ms != self._first_ms and self.come(now)


class _Position:
    """A position in a file that only moves forward, and its speed; times in seconds.

    Attributes:
        at_s: the position.
    """

    def __init__(self, first_s: float, now: float) -> None:
        self.at_s = first_s
        self._first_s: float | None = None  # the position after its first move
        self._looked_at = now
        self._active_s = 0.0  # time since the first move, without pauses and outages

    @property
    def rate(self) -> float:
        """Speed in multiples of real time; 0 until it is known.

        Time before the first words does not count: a model was loading, or a session opening.
        """
        if self._first_s is None or self._active_s < _RATE_KNOWN_S:
            return 0.0
        return (self.at_s - self._first_s) / self._active_s

    def move(self, to_s: float, now: Now) -> None:
        """Move the position to `to_s`, if that is forward."""
        if self._first_s is not None and now.state in (RunState.LISTENING, RunState.DRAINING):
            self._active_s += now.time - self._looked_at
        self._looked_at = now.time
        if to_s > self.at_s:
            self.at_s = to_s
            if self._first_s is None:
                self._first_s = to_s
