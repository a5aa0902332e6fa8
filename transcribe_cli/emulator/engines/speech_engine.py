"""Hears turns in a session's audio: one utterance of a recogniser is one turn."""

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Protocol

from transcribe_cli.emulator.actions import Send, send
from transcribe_cli.emulator.engine_settings import EngineSettings
from transcribe_cli.emulator.engines.pcm_reader import BYTES_PER_MS, PcmReader
from transcribe_cli.emulator.engines.speech_detector import FRAME_MS, SpeechDetector
from transcribe_cli.emulator.engines.voice_activity import VoiceActivity
from transcribe_cli.emulator.turn_messages import HeardWord, Language, TurnBuilder
from transcribe_cli.protocol.messages import ServerMessage, Silence

FRAME_BYTES = FRAME_MS * BYTES_PER_MS
STEP_FRAMES = 4  # a hypothesis every 120 ms
PRE_ROLL_FRAMES = 20  # 600 ms: the 300 ms in which speech was noticed, and 300 ms before them
_LEAST_VAD_THRESHOLD = 0.1  # one frame in ten; at 0 silence itself would be speech
_SILENCE_EVERY_MS = 1000


class Recogniser(Protocol):
    """Recognises one utterance at a time. Times of its words are ms from the utterance's start.

    Attributes:
        writes: its words have capitals and punctuation.
        language: of the utterance, as last heard.
        pause_ms: so much silence is a pause: what was said before it is recognised at once.
    """

    writes: bool
    language: Language
    pause_ms: int

    @property
    def settled(self) -> int | None:
        """How many of the utterance's first words stay as they are; None: it does not know."""

    def start(self) -> None:
        """Start an utterance."""

    def hear(self, frame: bytes, is_speech: bool) -> None:
        """The utterance's next frame: 30 ms of 16-bit samples at 16 kHz."""

    def hypothesis(self, more_waiting: bool) -> Sequence[HeardWord]:
        """The words so far. With more audio waiting it may be what was known before."""

    def end(self) -> Sequence[HeardWord]:
        """End the utterance: all of its words."""


class SpeechEngine:
    """One session's turns, by a recogniser and a detector of speech.

    Audio before, in and behind a turn is one stream, whose places its fields are.
    """

    def __init__(
        self, settings: EngineSettings, recogniser: Recogniser, voice_activity: VoiceActivity
    ) -> None:
        self._settings = settings
        self._recogniser = recogniser
        self._voice_activity = voice_activity
        self._builder = TurnBuilder(settings, written=recogniser.writes)
        self._reader = PcmReader(settings.encoding, settings.sample_rate_hz)
        self._detector = SpeechDetector()
        self._pending = bytearray()  # less than one frame
        self._recent: deque[tuple[bytes, bool]] = deque(maxlen=PRE_ROLL_FRAMES)
        self._more_waiting = False
        self._now_ms = 0
        self._said_until_ms = 0  # by the turns before
        self._audio_ends_ms: int | None = None  # where the last frame is not all audio
        self._in_turn = False
        self._turn_start_ms = 0
        self._stepped_ms = 0
        self._speech_frames = 0
        self._silent_since_ms = 0  # for acknowledge_silence
        self._loudest = 0.0

    def hear(self, data: bytes, more_waiting: bool = False) -> list[Send]:
        self._more_waiting = more_waiting
        return self._hear(self._reader.read(data))

    def configure(self, settings: EngineSettings) -> list[Send]:
        self._settings = self._builder.settings = settings
        return []

    def end_turn(self) -> list[Send]:
        return [send(message) for message in self._end_turn()]

    def finish(self) -> list[Send]:
        sent = self._hear(self._reader.finish())
        if self._pending:
            self._audio_ends_ms = self._now_ms + len(self._pending) // BYTES_PER_MS
            sent += self._hear(bytes(FRAME_BYTES - len(self._pending)))
        last = [*self._end_turn(), *self._builder.flush(self._detector.silence_ms)]
        return sent + [send(message) for message in last]

    def take_speech_probability(self) -> float:
        loudest, self._loudest = self._loudest, 0.0
        return loudest

    def _hear(self, samples: bytes) -> list[Send]:
        """Take 16 kHz samples; the recogniser gets whole frames, whatever the chunks were."""
        self._pending += samples
        whole = len(self._pending) - len(self._pending) % FRAME_BYTES
        sent: list[Send] = []
        for start in range(0, whole, FRAME_BYTES):
            frame = bytes(self._pending[start : start + FRAME_BYTES])
            sent += (send(message) for message in self._frame(frame))
        del self._pending[:whole]
        return sent

    def _frame(self, frame: bytes) -> Iterable[ServerMessage]:
        is_speech = self._voice_activity.is_speech(frame)
        self._detector.hear(is_speech)
        self._loudest = max(self._loudest, self._detector.probability)
        self._recent.append((frame, is_speech))
        self._now_ms += FRAME_MS
        if self._in_turn:
            self._speech_frames += is_speech
            self._recogniser.hear(frame, is_speech)
            return self._go_on()
        if self._detector.probability >= max(self._settings.vad_threshold, _LEAST_VAD_THRESHOLD):
            self._start_turn()
            return []
        return self._acknowledge_silence()

    def _start_turn(self) -> None:
        """Start an utterance a little before the detected speech, to include its first sound."""
        self._recogniser.start()
        for frame, is_speech in self._recent:
            self._recogniser.hear(frame, is_speech)
        self._turn_start_ms = self._now_ms - len(self._recent) * FRAME_MS
        self._stepped_ms = self._now_ms
        self._speech_frames = 0
        self._in_turn = True

    def _go_on(self) -> list[ServerMessage]:
        """Send a partial every 120 ms of a turn and where a pause begins; end it when it is due."""
        silence_ms, turn_ms = self._detector.silence_ms, self._now_ms - self._turn_start_ms
        messages: list[ServerMessage] = []
        if (
            self._now_ms - self._stepped_ms >= STEP_FRAMES * FRAME_MS
            or silence_ms == self._recogniser.pause_ms
        ):
            self._stepped_ms = self._now_ms
            speech = self._speech_frames * FRAME_MS / max(turn_ms - silence_ms, FRAME_MS)
            heard = self._on_the_clock(self._recogniser.hypothesis(self._more_waiting))
            settled, language = self._recogniser.settled, self._recogniser.language
            messages += self._builder.hypothesis(
                heard, self._now_ms, silence_ms, speech, settled, language
            )
        if self._builder.is_over(silence_ms, turn_ms):
            messages += self._end_turn()
        return messages

    def _end_turn(self) -> list[ServerMessage]:
        if not self._in_turn:
            return []
        heard = self._on_the_clock(self._recogniser.end())
        language = self._recogniser.language
        if heard:
            self._said_until_ms = heard[-1].end_ms
        messages = self._builder.end(heard, self._detector.silence_ms, language)
        self._in_turn = False
        self._silent_since_ms = self._now_ms
        # The next turn may begin here. Silence may be decoded twice, a word must not be.
        spare = min(self._detector.silence_ms // FRAME_MS, PRE_ROLL_FRAMES // 2)
        kept = list(islice(reversed(self._recent), spare))
        self._recent.clear()
        self._recent.extend(reversed(kept))
        return messages

    def _on_the_clock(self, words: Sequence[HeardWord]) -> list[HeardWord]:
        """Words of the utterance, on the session's clock."""
        first = self._turn_start_ms
        least, most = self._said_until_ms, self._audio_ends_ms or self._now_ms

        def on_the_clock(ms: int) -> int:
            return min(max(first + ms, least), most)

        return [
            w._replace(start_ms=on_the_clock(w.start_ms), end_ms=on_the_clock(w.end_ms))
            for w in words
        ]

    def _acknowledge_silence(self) -> list[ServerMessage]:
        if self._now_ms - self._silent_since_ms < _SILENCE_EVERY_MS:
            return []
        start_ms, self._silent_since_ms = self._silent_since_ms, self._now_ms
        if not self._settings.acknowledge_silence:
            return []
        return [Silence(start_ms=start_ms, end_ms=self._now_ms)]
