"""PocketSphinx: recognises US English; needs no more than 80 MB, and clear speech.

The decoder gives its best hypothesis while it decodes, from which partials are made. At the end of
a turn its second pass gives posteriors.
"""

from pocketsphinx import Decoder

from transcribe_cli.emulator.engine_settings import EngineSettings
from transcribe_cli.emulator.engines.pcm_reader import RATE_HZ
from transcribe_cli.emulator.engines.speech_engine import SpeechEngine
from transcribe_cli.emulator.engines.voice_activity import make_voice_activity
from transcribe_cli.emulator.turn_messages import ENGLISH, HeardWord

_CENTISECOND_MS = 10  # one frame of the decoder


def make_engine(settings: EngineSettings, model: str = "") -> SpeechEngine:
    """An engine of one session. Loading its model takes about half a second."""
    return SpeechEngine(settings, SphinxRecogniser(), make_voice_activity())


class SphinxRecogniser:
    """PocketSphinx's decoder with its own model of US English."""

    writes = False
    language = ENGLISH
    settled = None
    pause_ms = 120

    def __init__(self) -> None:
        self._decoder = Decoder(samprate=RATE_HZ, loglevel="FATAL")

    def start(self) -> None:
        self._decoder.start_utt()

    def hear(self, frame: bytes, is_speech: bool) -> None:
        self._decoder.process_raw(frame)

    def hypothesis(self, more_waiting: bool = False) -> list[HeardWord]:
        return self._heard()

    def end(self) -> list[HeardWord]:
        self._decoder.end_utt()
        return self._heard(posteriors=True)

    def _heard(self, posteriors: bool = False) -> list[HeardWord]:
        """The decoder's best hypothesis."""
        if self._decoder.hyp() is None:
            return []
        exp = self._decoder.logmath.exp
        return [
            HeardWord(
                text=segment.word.partition("(")[0],  # "use(2)" is a second way to say "use"
                start_ms=segment.start_frame * _CENTISECOND_MS,
                end_ms=(segment.end_frame + 1) * _CENTISECOND_MS,
                confidence=min(exp(segment.prob), 1.0) if posteriors else None,
            )
            for segment in self._decoder.seg() or ()
            if not segment.word.startswith(("<", "[", "+"))  # silence and noise
        ]
