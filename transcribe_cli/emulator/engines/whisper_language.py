"""Which language speech is in, by a model's probabilities and by what came before. Pure."""

from collections.abc import Collection, Iterable

from transcribe_cli.emulator.turn_messages import Language

# Small models take short or accented English, German and Japanese for these.
_SELDOM = frozenset(("cy", "la", "mi", "nn", "jw", "haw", "br", "sn", "oc", "sa", "yi", "ht"))
_SELDOM_WEIGHT = 0.2
_EXPECTED_WEIGHT = 20.0  # what is expected is likelier, and not all that can be
_SAME_WEIGHT = 30.0  # few speakers change their language for a word; for a sentence they may
_FULL_MS = 1000  # the weight of no more speech than this; twice of it has the weight's root

_CLEAR = 0.5  # where no language is so likely, the one before stays


def choose_language(
    found: Iterable[tuple[str, float]],
    last: Language | None,
    speech_ms: int,
    expected: Collection[str] = (),
) -> Language:
    """The likeliest language.

    >>> choose_language([("cy", 0.5), ("en", 0.4)], None, 2000)
    Language(code='en', confidence=0.4)
    >>> choose_language([("nl", 0.8), ("en", 0.1)], Language("en"), 500)
    Language(code='en', confidence=0.1)
    >>> choose_language([("nl", 0.8), ("en", 0.1)], Language("en"), 3000)
    Language(code='nl', confidence=0.8)

    Args:
        found: codes and their probabilities, 0 to 1; at least one.
        last: of the piece before.
        speech_ms: length of the speech.
        expected: codes of languages that a client expects.
    """
    languages = [Language(code, probability) for code, probability in found]
    clear = max(language.confidence or 0.0 for language in languages) >= _CLEAR
    same = _SAME_WEIGHT ** (_FULL_MS / max(speech_ms, _FULL_MS) if clear else 1.0)

    def likelihood(language: Language) -> float:
        rare = _SELDOM_WEIGHT if language.code in _SELDOM else 1.0
        kept = same if last is not None and language.code == last.code else 1.0
        wanted = _EXPECTED_WEIGHT if language.code in expected else 1.0
        return (language.confidence or 0.0) * rare * kept * wanted

    return max(languages, key=likelihood)
