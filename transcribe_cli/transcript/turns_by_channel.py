"""Adds to a call's turns the channel of each word, and cuts turns where the channel changes. Pure.

A service ends a turn at a pause, so one turn often holds words of both sides. The official SDK
calls a word's side its `channel`: 0 is the microphone, 1 the system.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

from msgspec.structs import replace

from transcribe_cli.protocol.codec import Decoded
from transcribe_cli.protocol.messages import Word
from transcribe_cli.transcript.text_timeline import lay_words, without_blanks
from transcribe_cli.transcript.turn_text import read_turn_text
from transcribe_cli.transcript.turns import TurnChannel, TurnUpdate

NAMES = ("You", "Them")

_Part = tuple[list[Word], str]


def with_channels(update: TurnUpdate, channel_of: Callable[[int, int], int | None]) -> TurnUpdate:
    """The turn with the channel of each word, in the typed message and in the raw one.

    A word for which neither side is heard gets the channel of the word before it, or else after it.

    Args:
        channel_of: returns the channel of speech from one time to another, in ms of the recording.
    """
    words = update.message.words
    heard = [channel_of(word.start, word.end) for word in words]
    known = next((channel for channel in heard if channel is not None), None)
    if known is None:
        return update
    channels = []
    for channel in heard:
        known = known if channel is None else channel
        channels.append(known)
    message = replace(
        update.message,
        words=[replace(word, channel=c) for word, c in zip(words, channels, strict=True)],
    )
    raw = dict(update.raw)
    if isinstance(raw.get("words"), list):
        raw["words"] = _raw_words(raw["words"], channels)
    return replace(update, decoded=Decoded(message, raw, update.decoded.problems))


def _raw_words(raw: Sequence[Any], channels: Sequence[int]) -> list[Any]:
    """The raw words with their channels; odd entries, which are no objects, stay as they are."""
    remaining = iter(channels)
    return [word | {"channel": next(remaining)} if isinstance(word, dict) else word for word in raw]


def cut_by_channel(update: TurnUpdate) -> list[TurnUpdate]:
    """The parts of a turn that one side said, in the order of the text, each with a speaker.

    The parts share the turn's number; a text of tags such as `[Music]` is not cut.
    """
    said = read_turn_text(update.message)
    if said.non_speech:
        return [update]
    parts: list[_Part] = []
    for words, text in _cut(said.whole, update.message.words):
        if text and parts and parts[-1][0][0].channel == words[0].channel:
            before = parts.pop()  # the text has no words of the other side between the two
            words, text = before[0] + words, f"{before[1]} {text}"
        if text:
            parts.append((words, text))
    return [_part_of(update, words, text) for words, text in parts]


def of_one_channel(update: TurnUpdate, channel: TurnChannel) -> TurnUpdate:
    """The turn with all its words on one channel."""
    told = with_channels(update, lambda start_ms, end_ms: channel.number)
    return replace(told, channel=channel)


def named(update: TurnUpdate, name: str) -> TurnUpdate:
    """The turn with its channel's name before the speaker's."""
    message = update.message
    label = f"{name} {message.speaker_label}" if message.speaker_label else name
    message = replace(message, speaker_label=label)
    return replace(update, decoded=Decoded(message, update.raw, update.decoded.problems))


def _part_of(update: TurnUpdate, words: list[Word], text: str) -> TurnUpdate:
    label = update.message.speaker_label
    name = name_of(words[0].channel)
    message = replace(
        update.message,
        transcript=text,
        utterance="",
        words=[replace(word, speaker=None) for word in words],  # the part has a speaker
        speaker_label=f"{name} {label}" if label and words[0].channel else name,
    )
    start, end = words[0].start, max(word.end for word in words)
    return replace(
        update, start_ms=start, end_ms=max(start, end), decoded=Decoded(message, {}), formatted=""
    )


def name_of(channel: int | None) -> str:
    """The name of a side, for people."""
    return NAMES[channel] if channel in (0, 1) else f"Channel {channel}"


def _cut(text: str, words: Sequence[Word]) -> Iterator[_Part]:
    """The words of each stretch with their text, which is empty if it does not have the words."""
    runs = [list(run) for _, run in groupby(words, lambda word: word.channel)]
    if len(runs) == 1:
        yield runs[0], text
        return
    run_of = _runs_of_characters(text, words, [n for n, run in enumerate(runs) for _ in run])
    texts = [""] * len(runs)
    character = 0
    now = 0
    for letter in text:
        if not letter.isspace():
            now = max(now, run_of[character])
            character += 1
        texts[now] += letter
    yield from ((run, said.strip()) for run, said in zip(runs, texts, strict=True))


def _runs_of_characters(text: str, words: Sequence[Word], run_of_word: Sequence[int]) -> list[int]:
    """The run of each non-blank character; characters between known words are shared evenly."""
    index_of = {id(word): index for index, word in enumerate(words)}
    spans = [(span.first, span.last, index_of[id(span.word)]) for span in lay_words(text, words)]
    total = len(without_blanks(text))
    runs: list[int] = []
    before = -1
    for first, last, index in [*spans, (total, total, len(words))]:
        missing, size = index - before - 1, first - len(runs)
        for place in range(size):
            at = before + 1 + missing * place // size if missing else max(before, 0)
            runs.append(run_of_word[at])
        runs += [run_of_word[min(index, len(words) - 1)]] * (last - first)
        before = index
    is_spaced = without_blanks(text) != without_blanks("".join(word.text for word in words))
    return _whole_tokens(text, runs) if is_spaced else runs


def _whole_tokens(text: str, runs: list[int]) -> list[int]:
    """Runs that cut no written word: all its characters get the run of its first one."""
    whole: list[int] = []
    for token in text.split():
        whole += [runs[len(whole)]] * len(token)
    return whole
