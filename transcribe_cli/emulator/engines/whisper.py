"""Whisper: recognises a hundred languages, each turn in its own, by any model of CTranslate2.

A model is a folder, or the name of one that was fetched (`model_store.py`). CTranslate2 computes
without the interpreter's lock. Whisper is made for 30 s at once; here it is given as much as there
is and some silence, which costs a fifth, and all of 30 s where that goes wrong.
"""

import threading
import zlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from transcribe_cli.emulator.actions import Send
from transcribe_cli.emulator.engine_settings import EngineSettings
from transcribe_cli.emulator.engines import model_store
from transcribe_cli.emulator.engines.pcm_reader import RATE_HZ
from transcribe_cli.emulator.engines.pieces import PieceRecogniser, Pieces, Transcription
from transcribe_cli.emulator.engines.shared_models import SharedModels
from transcribe_cli.emulator.engines.speech_detector import FRAME_MS
from transcribe_cli.emulator.engines.speech_engine import SpeechEngine
from transcribe_cli.emulator.engines.voice_activity import VoiceActivity, make_voice_activity
from transcribe_cli.emulator.engines.whisper_features import FRAMES_PER_SECOND, log_mel
from transcribe_cli.emulator.engines.whisper_language import choose_language
from transcribe_cli.emulator.engines.whisper_tokens import UNSPACED, Vocabulary
from transcribe_cli.emulator.engines.word_times import estimate_words, within_speech
from transcribe_cli.emulator.turn_messages import ENGLISH, HeardWord, Language
from transcribe_cli.errors import UsageError
from transcribe_cli.system.machine_resources import processors

_PIECES = Pieces(piece_ms=10_000, longest_ms=20_000, step_ms=480, step_share=0.55, pause_ms=120)
_WHOLE = 30 * FRAMES_PER_SECOND
# Without silence after them, short pieces are said again and again: with less than 8 s in all, 12
# of 29 pieces of human speech were; with 8 s one, with 30 s one.
_LEAST = 8 * FRAMES_PER_SECOND
_LEAST_PARTIAL = 6 * FRAMES_PER_SECOND  # what is said again in a partial, is left out
_SILENCE_AFTER = FRAMES_PER_SECOND
_TOKENS_A_SECOND = 20  # the most; scripts of several bytes a letter need many
_POSITIONS_A_SECOND = 50  # of what the decoder attends to
_MOST_THREADS = 4
# The paper's signs of a failed decoding.
_MOST_COMPRESSION = 2.4
_LEAST_SCORE = -1.0
_LEAST_CERTAINTY = 0.5  # of the language
_BEAMS = 5  # of the second try
_SCORED_MS = 1500  # of speech; a single word's score says little
_LOOP_TOKENS = 3
_MOST_SILENCE = 0.6
_SHARED: dict[Path, SharedModels["WhisperModel"]] = {}
_LOADING = threading.Lock()


def make_engine(settings: EngineSettings, model: str = "") -> SpeechEngine:
    """An engine of one session; `model` is a folder or a name.

    Raises:
        UsageError: there is no such model.
    """
    repository = model_store.repository_of(model, model_store.WHISPER)
    fetched = None if repository is None else model_store.stored(repository)
    transcribe = WhisperTranscriber(_models(fetched or Path(model)))
    recogniser = PieceRecogniser(transcribe, _PIECES, writes=True)
    return WhisperEngine(settings, recogniser, make_voice_activity(), transcribe)


def _models(folder: Path) -> SharedModels["WhisperModel"]:
    """The model of that folder; all sessions of the process share it, several threads at once.

    Raises:
        UsageError: the folder holds none.
    """
    with _LOADING:
        if folder not in _SHARED:
            try:
                model = WhisperModel(folder)
            except (OSError, ValueError, RuntimeError) as e:
                why = " ".join(str(e).split()).rstrip(".")
                raise UsageError(
                    f"'{folder}' is no model of Whisper for CTranslate2: {why}.",
                    "name a folder that holds model.bin, config.json and the vocabulary",
                ) from e
            _SHARED[folder] = SharedModels(lambda: model, most=processors())
        return _SHARED[folder]


class Decoded(NamedTuple):
    """What a model made of some audio.

    Attributes:
        ids: the tokens of its text.
        score: mean logarithm of their probabilities.
        no_speech: probability, 0 to 1, that nobody speaks.
    """

    ids: list[int]
    score: float
    no_speech: float


class WhisperModel:
    """A model of Whisper, for any number of sessions."""

    def __init__(self, folder: Path) -> None:
        import ctranslate2

        self.vocabulary = Vocabulary.load(folder)
        self._model = ctranslate2.models.Whisper(
            str(folder),
            device="cpu",
            compute_type="int8",
            intra_threads=min(processors(), _MOST_THREADS),
            inter_threads=processors(),
        )
        self.is_multilingual: bool = self._model.is_multilingual

    def encode(self, samples: Any, frames: int) -> Any:
        """What the decoder attends to; `frames` of 10 ms."""
        import ctranslate2

        features = log_mel(samples, frames, self._model.n_mels)
        return self._model.encode(ctranslate2.StorageView.from_array(features))

    def languages(self, encoded: Any) -> list[tuple[str, float]]:
        """The probability, 0 to 1, of each language by its code."""
        (found,) = self._model.detect_language(encoded)
        return [(token.strip("<|>"), probability) for token, probability in found]

    def decode(self, encoded: Any, language: str, most_tokens: int, beams: int) -> Decoded:
        """The likeliest text of so many that are followed, token by token."""
        (result,) = self._model.generate(
            encoded,
            [self._prompt(language)],
            beam_size=beams,
            max_length=most_tokens,
            return_scores=True,
            return_no_speech_prob=True,
        )
        ids = self.vocabulary.spoken(result.sequences_ids[0])
        return Decoded(ids, result.scores[0], result.no_speech_prob)

    def words(self, encoded: Any, language: str, ids: list[int], frames: int) -> list[HeardWord]:
        """The words of a text, with their times in ms and confidences, by forced alignment."""
        (found,) = self._model.align(encoded, self._prompt(language), [ids], [frames])
        starts: dict[int, int] = {}  # of tokens, and of the end of the text after them
        for token, position in found.alignments:
            starts.setdefault(token, position * 1000 // _POSITIONS_A_SECOND)
        last_ms = frames * 1000 // FRAMES_PER_SECOND
        sure = found.text_token_probs
        return [
            HeardWord(
                word.text,
                starts.get(word.first, last_ms),
                starts.get(word.end, last_ms),
                sum(sure[word.first : word.end]) / (word.end - word.first),
            )
            for word in self.vocabulary.words(ids, language not in UNSPACED)
        ]

    def _prompt(self, language: str) -> list[int]:
        spoken = (f"<|{language}|>", "<|transcribe|>") if self.is_multilingual else ()
        tokens = ("<|startoftranscript|>", *spoken, "<|notimestamps|>")
        return [self.vocabulary.id(token) for token in tokens]


class WhisperEngine(SpeechEngine):
    """One session's turns; what languages are expected may change while it is open."""

    def __init__(
        self,
        settings: EngineSettings,
        recogniser: PieceRecogniser,
        voice_activity: VoiceActivity,
        transcribe: "WhisperTranscriber",
    ) -> None:
        super().__init__(settings, recogniser, voice_activity)
        self._transcribe = transcribe
        self.configure(settings)

    def configure(self, settings: EngineSettings) -> list[Send]:
        self._transcribe.expected = settings.language_codes
        return super().configure(settings)


class WhisperTranscriber:
    """Recognises the pieces of one session, each in its language.

    Attributes:
        expected: codes of languages that the client expects.
    """

    def __init__(self, models: SharedModels[WhisperModel]) -> None:
        self.expected: Collection[str] = ()
        self._models = models
        self._last: Language | None = None  # of the piece before

    def __call__(self, samples: Any, speech: Sequence[bool], final: bool) -> Transcription | None:
        with self._models.lend(wait=final) as model:
            if model is None:
                return None
            found = self._transcribe(model, samples, speech, final)
        if final and found.words:
            self._last = found.language
        return found

    def _transcribe(
        self, model: WhisperModel, samples: Any, speech: Sequence[bool], final: bool
    ) -> Transcription:
        heard = min(-(-len(samples) * FRAMES_PER_SECOND // RATE_HZ), _WHOLE)
        speech_ms = sum(speech) * FRAME_MS
        least = _LEAST if final else _LEAST_PARTIAL
        frames = min(max(heard + heard % 2 + _SILENCE_AFTER, least), _WHOLE)
        encoded, language, decoded = self._decode(model, samples, speech_ms, frames, beams=1)
        if final and frames < _WHOLE and has_failed(model, language, decoded, speech_ms):
            encoded, language, decoded = self._decode(model, samples, speech_ms, _WHOLE, _BEAMS)
        ids = without_loop(decoded.ids, copies=3 if final else 2)
        if not ids or (decoded.no_speech > _MOST_SILENCE and decoded.score < _LEAST_SCORE):
            return Transcription((), language)
        if not final:
            texts = model.vocabulary.words(ids, language.code not in UNSPACED)
            words = estimate_words([word.text for word in texts], speech)
            return Transcription(words, language, timed=False)
        words = model.words(encoded, language.code, ids, heard)
        return Transcription(within_speech(words, speech), language)

    def _decode(
        self, model: WhisperModel, samples: Any, speech_ms: int, frames: int, beams: int
    ) -> tuple[Any, Language, Decoded]:
        encoded = model.encode(samples, frames)
        language = ENGLISH
        if model.is_multilingual:
            language = choose_language(
                model.languages(encoded), self._last, speech_ms, self.expected
            )
        most = 20 + len(samples) * _TOKENS_A_SECOND // RATE_HZ
        return encoded, language, model.decode(encoded, language.code, most, beams)


def has_failed(model: WhisperModel, language: Language, decoded: Decoded, speech_ms: int) -> bool:
    """Whether a decoding should be tried again: it goes round and round, or is unlikely, or so is
    its language."""
    text = model.vocabulary.bytes_of(decoded.ids)
    too_plain = len(text) > _MOST_COMPRESSION * len(zlib.compress(text))
    said_twice = len(without_loop(decoded.ids, copies=2)) < len(decoded.ids)
    certainty = 1.0 if language.confidence is None else language.confidence
    unsure = decoded.score < _LEAST_SCORE or certainty < _LEAST_CERTAINTY
    return too_plain or said_twice or (unsure and speech_ms >= _SCORED_MS)


def without_loop(ids: Sequence[int], copies: int) -> list[int]:
    """The tokens without what says the same again at their end.

    >>> without_loop([7, 1, 2, 3, 1, 2, 3, 1], copies=2)
    [7, 1, 2, 3]
    >>> without_loop([7, 1, 2, 3, 1, 2, 3, 1], copies=3)
    [7, 1, 2, 3, 1, 2, 3, 1]

    Args:
        copies: fewer of them, one after another, are no loop; each of three or more tokens.
    """
    for length in range(_LOOP_TOKENS, len(ids) // copies + 1):
        same = 0  # tokens at the end that are those `length` before them
        while same + length < len(ids) and ids[-1 - same] == ids[-1 - same - length]:
            same += 1
        if same >= length * (copies - 1):
            return list(ids[: len(ids) - same])
    return list(ids)
