"""An engine that recognises US English with PocketSphinx: one utterance is one turn.

The decoder gives its best hypothesis while it decodes, from which partials are made. At the end of
a turn its second pass gives posteriors.
"""

from collections import deque
from collections.abc import Iterable
from itertools import islice

from pocketsphinx import Decoder, Vad

from transcribe_cli.emulator.actions import Send, send
from transcribe_cli.emulator.engine_settings import EngineSettings
from transcribe_cli.emulator.engines.pcm_reader import BYTES_PER_MS, RATE_HZ, PcmReader
from transcribe_cli.emulator.engines.speech_detector import FRAME_MS, SpeechDetector
from transcribe_cli.emulator.turn_messages import HeardWord, TurnBuilder
from transcribe_cli.protocol.messages import ServerMessage, Silence

FRAME_BYTES = FRAME_MS * BYTES_PER_MS
STEP_FRAMES = 4  # a hypothesis every 120 ms
PRE_ROLL_FRAMES = 20  # 600 ms: the 300 ms in which speech was noticed, and 300 ms before them
_CENTISECOND_MS = 10  # one frame of the decoder
_LEAST_VAD_THRESHOLD = 0.1  # one frame in ten; at 0 silence itself would be speech
_SILENCE_EVERY_MS = 1000


class SphinxEngine:
    """One session's recogniser. Loading its model takes about half a second."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._builder = TurnBuilder(settings)
        self._reader = PcmReader(settings.encoding, settings.sample_rate_hz)
        self._vad = Vad(Vad.MEDIUM_LOOSE, RATE_HZ, FRAME_MS / 1000)
        self._decoder = Decoder(samprate=RATE_HZ, loglevel="FATAL")
        self._detector = SpeechDetector()
        self._pending = bytearray()  # less than one frame
        self._recent: deque[bytes] = deque(maxlen=PRE_ROLL_FRAMES)
        self._now_ms = 0
        self._in_turn = False
        self._turn_start_ms = 0
        self._speech_frames = 0
        self._silent_since_ms = 0  # for acknowledge_silence
        self._loudest = 0.0

    def hear(self, data: bytes) -> list[Send]:
        return self._hear(self._reader.read(data))

    def configure(self, settings: EngineSettings) -> list[Send]:
        self._settings = self._builder.settings = settings
        return []

    def end_turn(self) -> list[Send]:
        return [send(message) for message in self._end_turn()]

    def finish(self) -> list[Send]:
        sent = self._hear(self._reader.finish())
        if self._pending:
            sent += self._hear(bytes(FRAME_BYTES - len(self._pending)))
        last = [*self._end_turn(), *self._builder.flush(self._detector.silence_ms)]
        return sent + [send(message) for message in last]

    def take_speech_probability(self) -> float:
        loudest, self._loudest = self._loudest, 0.0
        return loudest

    def _hear(self, samples: bytes) -> list[Send]:
        """Take 16 kHz samples; the decoder gets whole frames, whatever the chunks were."""
        self._pending += samples
        whole = len(self._pending) - len(self._pending) % FRAME_BYTES
        sent: list[Send] = []
        for start in range(0, whole, FRAME_BYTES):
            frame = bytes(self._pending[start : start + FRAME_BYTES])
            sent += (send(message) for message in self._frame(frame))
        del self._pending[:whole]
        return sent

    def _frame(self, frame: bytes) -> Iterable[ServerMessage]:
        is_speech = self._vad.is_speech(frame)
        self._detector.hear(is_speech)
        self._loudest = max(self._loudest, self._detector.probability)
        self._recent.append(frame)
        self._now_ms += FRAME_MS
        if self._in_turn:
            self._speech_frames += is_speech
            self._decoder.process_raw(frame)
            return self._step()
        if self._detector.probability >= max(self._settings.vad_threshold, _LEAST_VAD_THRESHOLD):
            self._start_turn()
            return []
        return self._acknowledge_silence()

    def _start_turn(self) -> None:
        """Start an utterance a little before the detected speech, to include its first sound."""
        self._decoder.start_utt()
        for frame in self._recent:
            self._decoder.process_raw(frame)
        self._turn_start_ms = self._now_ms - len(self._recent) * FRAME_MS
        self._speech_frames = 0
        self._in_turn = True

    def _step(self) -> list[ServerMessage]:
        """Every 120 ms of a turn: send a partial, and end the turn if it is due."""
        if self._now_ms // FRAME_MS % STEP_FRAMES:
            return []
        silence_ms, turn_ms = self._detector.silence_ms, self._now_ms - self._turn_start_ms
        speech = self._speech_frames * FRAME_MS / max(turn_ms - silence_ms, FRAME_MS)
        messages = self._builder.hypothesis(self._heard(), self._now_ms, silence_ms, speech)
        if self._builder.is_over(silence_ms, turn_ms):
            messages += self._end_turn()
        return messages

    def _end_turn(self) -> list[ServerMessage]:
        if not self._in_turn:
            return []
        self._decoder.end_utt()
        messages = self._builder.end(self._heard(posteriors=True), self._detector.silence_ms)
        self._in_turn = False
        self._silent_since_ms = self._now_ms
        # The next turn may begin here. Silence may be decoded twice, a word must not be.
        spare = min(self._detector.silence_ms // FRAME_MS, PRE_ROLL_FRAMES // 2)
        kept = list(islice(reversed(self._recent), spare))
        self._recent.clear()
        self._recent.extend(reversed(kept))
        return messages

    def _heard(self, posteriors: bool = False) -> list[HeardWord]:
        """The decoder's best hypothesis, on the session's clock."""
        if self._decoder.hyp() is None:
            return []
        exp = self._decoder.logmath.exp
        return [
            HeardWord(
                text=segment.word.partition("(")[0],  # "use(2)" is a second way to say "use"
                start_ms=self._turn_start_ms + segment.start_frame * _CENTISECOND_MS,
                end_ms=self._turn_start_ms + (segment.end_frame + 1) * _CENTISECOND_MS,
                confidence=min(exp(segment.prob), 1.0) if posteriors else None,
            )
            for segment in self._decoder.seg() or ()
            if not segment.word.startswith(("<", "[", "+"))  # silence and noise
        ]

    def _acknowledge_silence(self) -> list[ServerMessage]:
        if self._now_ms - self._silent_since_ms < _SILENCE_EVERY_MS:
            return []
        start_ms, self._silent_since_ms = self._silent_since_ms, self._now_ms
        if not self._settings.acknowledge_silence:
            return []
        return [Silence(start_ms=start_ms, end_ms=self._now_ms)]
