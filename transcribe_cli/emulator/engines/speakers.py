"""Labels turns and words with their speakers, and corrects them later. Pure.

Source: official streaming reference (`speaker_labels`, SpeakerRevision): labels are on final turns;
a turn whose speaker is not certain yet is revised later, before Termination at the latest.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from transcribe_cli.emulator.actions import Send, send
from transcribe_cli.protocol.messages import Revision, SpeakerRevision, Turn, Word

PENDING = "PENDING"  # of a turn whose speaker is not certain yet
_REVISED_EVERY_MS = (120_000, 300_000)  # the service's own clamp


class _Doubtful(NamedTuple):
    turn: Turn
    labels: list[str]


class Speakers:
    """The speakers of one session.

    Args:
        certain_after_words: how many words of a speaker make his label certain.
        every_ms: how often turns are revised, in audio; 0: at the end only.
    """

    def __init__(self, certain_after_words: int = 1, every_ms: int = 0) -> None:
        least_ms, most_ms = _REVISED_EVERY_MS
        self._every_ms = min(max(every_ms, least_ms), most_ms) if every_ms else 0
        self._certain_after = certain_after_words
        self._revised_at_ms = 0
        self._words: Counter[str] = Counter()
        self._doubtful: list[_Doubtful] = []
        self._revisions: list[Revision] = []

    def label(self, turns: Sequence[Turn], labels: list[str], corrected: str | None) -> None:
        """Label the versions of a final turn.

        Args:
            labels: who says each of its words.
            corrected: who said it, as a revision will have it; None: the same.
        """
        self._words.update(labels)
        last = turns[-1]
        if corrected is not None:
            self._revisions.append(_revision(last, [corrected] * len(labels)))
        elif not self._are_certain(labels):
            self._doubtful.append(_Doubtful(last, labels))
            labels = [PENDING] * len(labels)
        for turn in turns:
            turn.words = _labelled(turn.words, labels)
            turn.speaker_label = _most_heard(labels)

    def revise(self, now_ms: int | None = None) -> list[Send]:
        """The SpeakerRevision that is due, or nothing.

        Args:
            now_ms: how much audio has come; None: it is the end, and all is revised.
        """
        if now_ms is not None:
            if not self._every_ms or now_ms - self._revised_at_ms < self._every_ms:
                return []
            self._revised_at_ms = now_ms
        waiting, self._doubtful = self._doubtful, []
        for turn, labels in waiting:
            if now_ms is None or self._are_certain(labels):
                self._revisions.append(_revision(turn, labels))
            else:
                self._doubtful.append(_Doubtful(turn, labels))
        found, self._revisions = self._revisions, []
        found.sort(key=lambda revision: revision.turn_order)
        return [send(SpeakerRevision(found))] if found else []

    def _are_certain(self, labels: Sequence[str]) -> bool:
        return all(self._words[label] >= self._certain_after for label in labels)


def _labelled(words: Sequence[Word], labels: Sequence[str]) -> list[Word]:
    return [
        Word(w.start, w.end, w.text, w.confidence, w.word_is_final, label)
        for w, label in zip(words, labels, strict=True)
    ]


def _revision(turn: Turn, labels: Sequence[str]) -> Revision:
    return Revision(turn.turn_order, _most_heard(labels), _labelled(turn.words, labels))


def _most_heard(labels: Sequence[str]) -> str:
    return Counter(labels).most_common(1)[0][0]
