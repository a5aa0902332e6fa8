"""Which versions of a turn each model family sends, and what they are flagged with. Pure.

Sources: pages "Streaming messages", "Universal-3 Pro message sequence", "Whisper streaming" and
"Multilingual streaming"; livekit/agents pull requests 3535 and 3654 (`utterance`). Where sources
differ, `EngineSettings` says which one is followed.
"""

from transcribe_cli.emulator.engine_settings import MULTILINGUAL, EngineSettings
from transcribe_cli.protocol.messages import Turn, Word
from transcribe_cli.protocol.models import Family

_UTTERANCE_SILENCE_MS = 160


def formats_every_message(settings: EngineSettings) -> bool:
    """Whether partials and the one final are all flagged as formatted.

    That is `universal-streaming-english` where it formats inside the model.
    """
    return (
        settings.family is Family.UNIVERSAL_STREAMING
        and settings.like != MULTILINGUAL
        and settings.format_turns
        and settings.formatted_finals == "one"
    )


def partial_is_flagged(settings: EngineSettings) -> bool:
    """`turn_is_formatted` of a partial."""
    if settings.family is Family.PRO:
        return settings.formatted_partials
    return formats_every_message(settings)


def utterance_ends(settings: EngineSettings, silence_ms: int) -> bool:
    """Whether a partial says what was said up to a short pause in its `utterance`."""
    is_universal = settings.family is Family.UNIVERSAL_STREAMING
    return is_universal and silence_ms >= _UTTERANCE_SILENCE_MS


def sends_two_finals(settings: EngineSettings) -> bool:
    """Whether a formatted final follows the raw one."""
    return (
        settings.family is Family.UNIVERSAL_STREAMING
        and settings.like != MULTILINGUAL
        and settings.format_turns
        and settings.formatted_finals == "two"
    )


def finals_of(settings: EngineSettings, raw: Turn, formatted: Turn) -> list[Turn]:
    """What is sent at the end of a turn, of its raw and its formatted version; both may change."""
    if settings.family is Family.PRO:
        return [formatted]
    if settings.family is Family.WHISPER:
        return [formatted if settings.format_turns else raw]
    if settings.like == MULTILINGUAL:
        # Its text is always formatted; what the flag says is a matter of the source.
        formatted.turn_is_formatted = settings.format_turns and settings.multilingual_flag
        return [formatted]
    if not settings.format_turns:
        return [raw]
    if settings.formatted_finals == "one":
        return [formatted]
    formatted.utterance = ""
    return [raw, formatted]


def without_confidence(word: Word) -> Word:
    """The word as `whisper-rt` sends it: it gives no confidences."""
    return Word(word.start, word.end, word.text, 0.0, word.word_is_final)
