"""The messages of the Streaming v3 protocol, typed, for both sides of the wire.

Sources: AssemblyAI's pages "Streaming quickstart" (Begin, Turn, Termination, Terminate), "Whisper
streaming" and "Multilingual streaming" (language fields, utterance, non-speech tags), and "Message
sequence" (the rest). All times are milliseconds from the first audio sample of the session. Every
field has a default, because a missing or odd field must never end a session.
"""

from typing import Any, ClassVar

from msgspec import Struct, field


class Word(Struct, gc=False):  # many a second are made; none can be part of a reference cycle
    """One word of a turn; `start` and `end` in ms.

    `channel`: in a call, who said it: 0 the microphone, 1 the system. No service sends it.
    """

    start: int = 0
    end: int = 0
    text: str = ""
    confidence: float = 0.0
    word_is_final: bool = False
    speaker: str | None = None
    speaker_confidence: float | None = None
    channel: int | None = None


class Configuration(Struct):
    """The parameters of a session, as newer services echo them."""

    model: str | None = None
    mode: str | None = None
    api_version: str | None = None
    speaker_labels: bool | None = None
    redact_pii: bool | None = None
    filter_profanity: bool | None = None
    domain: str | None = None
    voice_focus: str | None = None


class Begin(Struct):
    """The session is open; `expires_at` is in Unix seconds."""

    type: ClassVar[str] = "Begin"
    id: str = ""
    expires_at: float | None = None
    configuration: Configuration | None = None


class SpeechStarted(Struct):
    """Speech of a new turn was heard at `timestamp` ms (the Pro models only)."""

    type: ClassVar[str] = "SpeechStarted"
    timestamp: int = 0
    confidence: float | None = None


class Turn(Struct, tag="Turn"):  # tagged, so that a decoder of Turns alone refuses other types
    """The state of one turn; its `turn_order` repeats until `end_of_turn`, or once more after it.

    `transcript` holds the finalized words on the Universal-Streaming models and the whole turn on
    the others; `utterance` is text set off at a pause, `""` if there is none.
    """

    type: ClassVar[str] = "Turn"
    turn_order: int = 0
    turn_is_formatted: bool = False
    end_of_turn: bool = False
    transcript: str = ""
    end_of_turn_confidence: float = 0.0
    words: list[Word] = field(default_factory=list)
    utterance: str = ""
    language_code: str | None = None
    language_confidence: float | None = None
    speaker_label: str | None = None
    speaker_confidence: float | None = None


class Termination(Struct):
    """The last message of a session; both durations in seconds."""

    type: ClassVar[str] = "Termination"
    audio_duration_seconds: float | None = None
    session_duration_seconds: float | None = None


class Error(Struct):
    """The reason why the service is about to close; a close with the same code follows."""

    type: ClassVar[str] = "Error"
    error_code: int | None = None
    error: str = ""


class Warning(Struct):  # noqa: A001 - the API's own name
    """A notice from the service; the session goes on."""

    type: ClassVar[str] = "Warning"
    warning_code: int | None = None
    warning: str = ""


class Heartbeat(Struct):
    """Sent every 5 s with `session_heartbeat`; totals in ms."""

    type: ClassVar[str] = "Heartbeat"
    total_audio_received_ms: int = 0
    total_duration_ms: int = 0
    realtime_factor: float | None = None
    max_speech_probability: float | None = None


class Silence(Struct):
    """A stretch without speech, in ms, with `acknowledge_silence`."""

    type: ClassVar[str] = "Silence"
    start_ms: int = 0
    end_ms: int = 0


class Revision(Struct):
    """New speaker labels for one turn; text and times are as before."""

    turn_order: int = 0
    speaker_label: str | None = None
    words: list[Word] = field(default_factory=list)


class SpeakerRevision(Struct):
    """Corrected speakers; the last one wins for each `turn_order`."""

    type: ClassVar[str] = "SpeakerRevision"
    revisions: list[Revision] = field(default_factory=list)


class LLMGatewayResponse(Struct):
    """A language model's answer to one finished turn; `data` is the gateway's own object."""

    type: ClassVar[str] = "LLMGatewayResponse"
    turn_order: int = 0
    transcript: str = ""
    data: Any = None


class UnknownMessage(Struct):
    """A message of an unknown type; it is passed on unchanged."""

    type: str = ""


class Terminate(Struct):
    """Client: end the session, after everything sent so far."""

    type: ClassVar[str] = "Terminate"


class ForceEndpoint(Struct):
    """Client: end the open turn now."""

    type: ClassVar[str] = "ForceEndpoint"


class KeepAlive(Struct):
    """Client: reset the inactivity timeout; nothing answers."""

    type: ClassVar[str] = "KeepAlive"


class UpdateConfiguration(Struct):
    """Client: change parameters during the session; only fields that are set are sent."""

    type: ClassVar[str] = "UpdateConfiguration"
    end_of_turn_confidence_threshold: float | None = None
    min_turn_silence: int | None = None
    max_turn_silence: int | None = None
    min_end_of_turn_silence_when_confident: int | None = None
    keyterms_prompt: list[str] | None = None
    prompt: str | None = None
    vad_threshold: float | None = None
    format_turns: bool | None = None
    filter_profanity: bool | None = None
    agent_context: str | None = None
    interruption_delay: int | None = None
    turn_left_pad_ms: int | None = None
    language_codes: list[str] | None = None
    session_heartbeat: bool | None = None
    acknowledge_silence: bool | None = None
    mode: str | None = None
    continuous_partials: bool | None = None


ServerMessage = (
    Begin
    | SpeechStarted
    | Turn
    | Termination
    | Error
    | Warning
    | Heartbeat
    | Silence
    | SpeakerRevision
    | LLMGatewayResponse
    | UnknownMessage
)
ClientMessage = Terminate | ForceEndpoint | KeepAlive | UpdateConfiguration

SERVER_MESSAGES: dict[str, type[ServerMessage]] = {
    cls.type: cls
    for cls in (
        Begin,
        SpeechStarted,
        Turn,
        Termination,
        Error,
        Warning,
        Heartbeat,
        Silence,
        SpeakerRevision,
        LLMGatewayResponse,
    )
}
CLIENT_MESSAGES: dict[str, type[ClientMessage]] = {
    cls.type: cls for cls in (Terminate, ForceEndpoint, KeepAlive, UpdateConfiguration)
}
