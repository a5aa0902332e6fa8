"""The rules of one session on the service's side. Pure: frames and times in, actions out.

Sources: pages "Streaming API" reference, "Streaming messages" and "Common session errors and
closures". Times named `now` are seconds on a monotonic clock. The length of audio is computed from
its bytes, at the declared rate and encoding; of compressed audio, from its samples. Turns are what
an engine says (`turn_messages.py`).
"""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any, NamedTuple

from transcribe_cli.emulator.actions import (
    Action,
    Close,
    Configure,
    EndTurn,
    Finish,
    Hear,
    Send,
    ToClient,
    Wait,
    send,
)
from transcribe_cli.emulator.compressed_audio import BadAudio, make_decoder
from transcribe_cli.emulator.engine_settings import (
    DEFAULT_READINGS,
    Readings,
    engine_settings_of,
    redirected,
    updated,
)
from transcribe_cli.emulator.parameter_effects import WITHOUT_EFFECT, unused_of_update
from transcribe_cli.emulator.service_options import MAX_SESSION_S
from transcribe_cli.protocol.close_codes import ENGINE_FAILED, SEE_ERROR
from transcribe_cli.protocol.codec import BadMessage, client_object, read_client_object
from transcribe_cli.protocol.messages import (
    Begin,
    Configuration,
    Error,
    ForceEndpoint,
    Heartbeat,
    KeepAlive,
    Terminate,
    Termination,
    UpdateConfiguration,
)
from transcribe_cli.protocol.models import Family

API_VERSION = "2025-05-12"
MIN_CHUNK_MS = 50
MAX_CHUNK_MS = 1000
ERROR_TO_CLOSE_MS = 180  # measured live
SHORT_CHUNKS_REFUSED = 3  # one short last chunk is tolerated; so many in a row are not
HEARTBEAT_EVERY_S = 5.0
CANCELLED = "Session Cancelled: An error occurred"  # with 3005: an error of the service itself
_MOST_UNUSED = 10  # fields that are told
_RATE_ALLOWANCE_S = 2.0  # of audio; less is no measure of a rate


class Ending(NamedTuple):
    """How a session says that it is over: Termination so many ms late, or, None, without one."""

    late_ms: int | None


NORMAL = Ending(0)


class SessionTerms(NamedTuple):
    """What the service decides about a session, not the client.

    Attributes:
        max_session_s: seconds after which it is closed with 3008.
        max_audio_rate: audio faster than so many times real time is refused with 3007; None: no
            limit.
        redirects_to: the model that runs in place of the one asked for; None: the service's rule.
        like: the model of the table that the one asked for behaves as; None: itself.
        has_engine: whether the model can hear; else the session fails once it has begun.
        ending: how it says that it is over.
        begin, termination: text frames to send instead of the computed ones.
    """

    max_session_s: float = MAX_SESSION_S
    max_audio_rate: float | None = None
    readings: Readings = DEFAULT_READINGS
    redirects_to: str | None = None
    like: str | None = None
    has_engine: bool = True
    ending: Ending = NORMAL
    begin: str | None = None
    termination: str | None = None


def refusal(code: int, text: str) -> list[ToClient]:
    """An Error and the close that always follows it, with the same code."""
    return [
        send(Error(error_code=code, error=text)),
        Wait(ERROR_TO_CLOSE_MS),
        Close(code, SEE_ERROR, text),
    ]


class EmulatedSession:
    """One session, from `Begin` to its close.

    Attributes:
        asked: the parameters that the client asked for.
        engine_settings: the current settings of its engine.
        closing: a close was decided; input is ignored from then on.
        idle: parameters that change nothing with its engine.
        unused: fields of UpdateConfigurations that changed nothing, the first ones.
        audio_bytes: bytes of audio received.
    """

    def __init__(
        self, session_id: str, parameters: Mapping[str, Any], terms: SessionTerms, now: float
    ) -> None:
        self.id = session_id
        self.asked = parameters
        parameters = redirected(parameters, terms.redirects_to)
        like = None if terms.redirects_to else terms.like
        self.engine_settings = engine_settings_of(parameters, terms.readings, like)
        self.closing = False
        self.idle = WITHOUT_EFFECT
        self.unused: set[str] = set()
        self.terminating = False
        self.audio_bytes = 0
        self._terms = terms
        self._parameters = parameters
        self._began = self._last_message = now
        self._inactivity_s: int | None = parameters.get("inactivity_timeout")
        self._heartbeat = parameters.get("session_heartbeat", False)
        self._beat_at = now
        self._beat_audio_s = 0.0
        self._short_chunks = 0
        self._decoder = make_decoder(parameters.get("encoding", ""))

    @property
    def audio_s(self) -> float:
        """Seconds of audio received."""
        return self.audio_bytes / self.engine_settings.bytes_per_second

    def begin(self, unix_time: float) -> list[Action]:
        """Begin the session; `unix_time` in seconds."""
        if self._terms.begin is not None:
            return [Send(self._terms.begin)]
        get = self._parameters.get
        pro = self.engine_settings.family is Family.PRO
        configuration = Configuration(
            model=self.engine_settings.model,
            mode=get("mode", "balanced") if pro else None,
            api_version=API_VERSION,
            speaker_labels=get("speaker_labels", False),
            redact_pii=get("redact_pii", False),
            filter_profanity=get("filter_profanity", False),
            domain=get("domain"),
            voice_focus=get("voice_focus"),
        )
        expires_at = int(unix_time + self._terms.max_session_s)
        begin = send(Begin(id=self.id, expires_at=expires_at, configuration=configuration))
        return [begin] if self._terms.has_engine else [begin, *self.failed()]

    def audio(self, data: bytes, now: float) -> Sequence[Action]:
        """Take one binary frame."""
        self._last_message = now
        if self.closing or self.terminating:
            return []
        if self._decoder is not None:
            try:
                data = self._decoder.decode(data)
            except BadAudio as e:
                return self._refuse(3006, str(e))
        elif (wrong := self._wrong_length(data)) is not None:
            return self._refuse(3007, wrong)
        self.audio_bytes += len(data)
        rate, elapsed_s = self._terms.max_audio_rate, now - self._began
        if rate is not None and self.audio_s > rate * elapsed_s + _RATE_ALLOWANCE_S:
            text = f"Received {self.audio_s:.2f} sec. audio in {elapsed_s:.2f} sec"
            return self._refuse(3007, f"Audio Transmission Rate Exceeded: {text}")
        return [Hear(data)]

    def _wrong_length(self, data: bytes) -> str | None:
        """What is wrong with the length of one message of PCM, if anything is."""
        length_ms = len(data) * 1000 / self.engine_settings.bytes_per_second
        self._short_chunks = self._short_chunks + 1 if length_ms < MIN_CHUNK_MS else 0
        if length_ms > MAX_CHUNK_MS or self._short_chunks >= SHORT_CHUNKS_REFUSED:
            expected = f"Expected between {MIN_CHUNK_MS} and {MAX_CHUNK_MS} ms"
            text = f"Input Duration Violation: {length_ms:.1f} ms. {expected}"
            return f"Input Duration Error: {text}"
        return None

    def text(self, data: str, now: float) -> Sequence[Action]:
        """Take one text frame."""
        self._last_message = now
        if self.closing or self.terminating:
            return []
        try:
            fields = client_object(data)
            match read_client_object(fields):
                case Terminate():
                    self.terminating = True
                    return [*self._last_audio(), Finish()]
                case ForceEndpoint():
                    return [EndTurn()]
                case UpdateConfiguration() as update:
                    actions = self._update(update)
                    if len(self.unused) < _MOST_UNUSED:
                        unused = unused_of_update(fields, self.engine_settings, self.idle)
                        self.unused.update(unused)
                    return actions
                case KeepAlive():
                    return []
        except BadMessage as e:
            return self._refuse(3006, e.text)

    def _last_audio(self) -> list[Action]:
        """What the decoder has held back."""
        rest = b"" if self._decoder is None else self._decoder.finish()
        self.audio_bytes += len(rest)
        return [Hear(rest)] if rest else []

    def tick(self, now: float, speech_probability: float) -> Sequence[Action]:
        """What is due by the clock: the session limit, inactivity, heartbeats.

        `speech_probability` is the greatest, 0 to 1, since the last heartbeat.
        """
        if self.closing:
            return []
        if self.age_s(now) >= self._terms.max_session_s:
            # By the documentation no Error message precedes this close.
            self.closing = True
            return [Close(3008, "Session Expired: Maximum session duration exceeded")]
        limit_s = self._inactivity_s
        if limit_s is not None and not self.terminating and now - self._last_message >= limit_s:
            text = f"No messages received for {limit_s} seconds"
            return self._refuse(3006, f"Session terminated due to inactivity: {text}")
        if self.is_beat_due(now):
            return [self._beat(now, speech_probability)]
        return []

    def is_beat_due(self, now: float) -> bool:
        """Whether a Heartbeat is due."""
        return self._heartbeat and now - self._beat_at >= HEARTBEAT_EVERY_S

    def age_s(self, now: float) -> float:
        """For how long it lasts, in seconds, as its limit counts."""
        return now - self._began

    def next_tick(self) -> float:
        """When `tick` is due, on the clock of `now`."""
        times = [self._began + self._terms.max_session_s]
        if self._inactivity_s is not None and not self.terminating:
            times.append(self._last_message + self._inactivity_s)
        if self._heartbeat:
            times.append(self._beat_at + HEARTBEAT_EVERY_S)
        return min(times)

    def was_held_up(self, now: float) -> None:
        """The service itself did not read until `now`, so this was no inactivity of the client."""
        self._last_message = max(self._last_message, now)

    def finished(self, now: float) -> Sequence[Action]:
        """The engine has finished: Termination and the close. Both durations are whole seconds."""
        if self.closing:
            return []
        self.closing = True
        termination = Termination(
            audio_duration_seconds=round(self.audio_s),
            session_duration_seconds=ceil(now - self._began),
        )
        own, late_ms = self._terms.termination, self._terms.ending.late_ms
        last: list[Action] = [send(termination) if own is None else Send(own)]
        if late_ms is None:
            last.clear()
        elif late_ms:
            last.insert(0, Wait(late_ms))
        return [*last, Close(1000, "Session Ended")]

    def failed(self, why: str = "") -> Sequence[Action]:
        """The service failed: its Error for an internal fault; ours where the engine says why."""
        return self._refuse(3005, f"{ENGINE_FAILED}: {why}" if why else CANCELLED)

    def _refuse(self, code: int, text: str) -> list[Action]:
        if self.closing:
            return []
        self.closing = True
        return [*refusal(code, text)]

    def _update(self, update: UpdateConfiguration) -> list[Action]:
        if update.session_heartbeat is not None:
            self._heartbeat = update.session_heartbeat
        self.engine_settings = updated(self.engine_settings, update)
        return [Configure(self.engine_settings)]

    def _beat(self, now: float, speech_probability: float) -> Send:
        audio_s = self.audio_s - self._beat_audio_s
        beat = Heartbeat(
            total_audio_received_ms=round(self.audio_s * 1000),
            total_duration_ms=round((now - self._began) * 1000),
            realtime_factor=round(audio_s / (now - self._beat_at), 4),
            max_speech_probability=round(speech_probability, 6),
        )
        self._beat_at, self._beat_audio_s = now, self.audio_s
        return send(beat)
