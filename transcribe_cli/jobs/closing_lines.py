"""The lines on stderr at the end of a run: what was saved, what it cost, and what is missing."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from transcribe_cli.errors import UsageError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.protocol.languages import WHISPER_LANGUAGES
from transcribe_cli.recordings.folder import AUDIO
from transcribe_cli.run.config import Result
from transcribe_cli.settings.setting_origins import variable_of
from transcribe_cli.settings.user_folders import save_dir_of
from transcribe_cli.transcript.recording_clock import format_time
from transcribe_cli.ui.notices import Notices

MOST_LANGUAGES = 4
"""More languages than this are told by their number."""


class Saved(NamedTuple):
    """What a recording's folder holds.

    Attributes:
        whole: of "audio" (where it is saved there), "journal" and "transcript", in this order,
            whether everything was written.
    """

    folder: Path
    whole: Mapping[str, bool]


def tell_end(
    notices: Notices,
    result: Result,
    saved: Saved | None,
    *,
    recorded: Path | None,
    local: bool,
) -> None:
    """Say where everything is, what was heard, what it cost, what was lost and what went wrong."""
    summary = result.summary
    missing_ms = summary.get("missing_ms", 0)
    if recorded is not None:
        notices.note(f"audio: {recorded}")
    if saved is not None:
        if any(saved.whole.values()):
            notices.note(f"saved: {saved.folder} ({_listed(saved.whole, whole=True)})")
        if not all(saved.whole.values()):
            notices.warning(f"not whole: {_listed(saved.whole, whole=False)} in {saved.folder}")
    if summary["sessions"]:
        notices.note(f"heard: {heard(summary)}")
    if summary["sessions"] and summary["terminated"] and not local:
        notices.note(f"billed: {billed(summary['session_s'], summary['cost_usd'])}")
    unheard_ms = summary["lost_ms"] - missing_ms
    if missing_ms:
        notices.warning(f"lost: {_length(missing_ms)} for which no audio came")
    if unheard_ms:
        notices.warning(f"lost: {_length(unheard_ms)} of sound has no final words")
    elif summary["complete"] and summary["sessions"] and not missing_ms:
        notices.note("lost: nothing")
    if summary["sessions"] and not summary["terminated"]:
        notices.warning(
            "the service did not confirm the end of every session; one that stays open is "
            "billed until it closes, after 3 hours at the latest"
        )
    if result.problem is not None:
        notices.error(result.problem)
    elif result.exit_status is ExitStatus.INCOMPLETE and not summary["complete"]:
        notices.error(
            "The transcript is incomplete.",
            "run it again" if saved is None else "the last line says how to go on",
        )


def how_to_go_on(summary: Mapping[str, Any], saved: Saved | None) -> str | None:
    """What to type to have the rest of a recording; None where there is none, or no way."""
    if saved is None:
        return None
    folder = saved.folder
    if not saved.whole["journal"]:
        if not saved.whole.get("audio"):
            return None
        audio = _quoted(folder / AUDIO)
        return f"transcribe it anew, with room on the disk: aai-stream file {audio}"
    if summary["complete"]:
        return None
    return f"go on with: aai-stream recordings resume {_quoted(folder.name)}{_where(folder)}"


def _listed(parts: Mapping[str, bool], *, whole: bool) -> str:
    *most, last = [part for part, is_whole in parts.items() if is_whole is whole]
    return f"{', '.join(most)} and {last}" if most else last


def _where(folder: Path) -> str:
    """The option that finds a recording which is not in the default folder; "" where it is."""
    with suppress(UsageError):  # there is no home folder
        if folder.parent == save_dir_of(os.environ.get(variable_of("save_dir"))):
            return ""
    return f" --save-dir {_quoted(folder.parent)}"


def _quoted(path: Path | str) -> str:
    import shlex  # only what is not complete or lies elsewhere needs it

    return shlex.quote(str(path))


def tell_total(
    notices: Notices, summaries: Sequence[Mapping[str, Any]], save_dir: Path | None, *, local: bool
) -> None:
    """Say what several files come to, and where they are saved."""
    opened = [summary for summary in summaries if summary["sessions"]]
    if not opened:
        return
    total = total_of(opened)
    parts = [f"in all: {heard(total)}"]
    if not local:
        parts.append(f"billed: {billed(total['session_s'], total['cost_usd'])}")
    if save_dir is not None:
        parts.append(f"saved in {save_dir}")
    notices.note("; ".join(parts))


def total_of(summaries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The Summary of several recordings together; its cost is None where one's is."""
    sums = ("audio_s", "session_s", "sessions", "turns", "words", "lost_ms")
    total: dict[str, Any] = {name: sum(summary[name] for summary in summaries) for name in sums}
    languages: dict[str, float] = {}
    for summary in summaries:
        for code, seconds in summary["languages"].items():
            languages[code] = round(languages.get(code, 0.0) + seconds, 3)
    costs = [summary["cost_usd"] for summary in summaries]
    return {
        "audio_s": round(total["audio_s"], 3),
        "session_s": round(total["session_s"], 3),
        "cost_usd": None if None in costs else round(sum(costs), 6),
        "sessions": total["sessions"],
        "turns": total["turns"],
        "words": total["words"],
        "languages": languages,
        "lost_ms": total["lost_ms"],
        "terminated": all(summary["terminated"] for summary in summaries),
    }


def billed(session_s: float, cost_usd: float | None) -> str:
    """How long sessions were open, and what that costs.

    >>> billed(760.0, 0.0312), billed(60.0, None)
    ('12:40 of session, about $0.0312', '1:00 of session')
    """
    about = f", about ${cost_usd:.4f}" if cost_usd is not None else ""
    return f"{format_time(round(session_s) * 1000)} of session{about}"


def heard(summary: Mapping[str, Any]) -> str:
    """Duration, turns, words, and each language's share.

    >>> heard({"audio_s": 62.0, "turns": 2, "words": 1, "languages": {"en": 30.0, "es": 10.0}})
    '1:02, 2 turns, 1 word; English 75%, Spanish 25%'
    """
    length = _length(round(summary["audio_s"] * 1000))
    counted = f"{length}, {_count(summary['turns'], 'turn')}, {_count(summary['words'], 'word')}"
    shares = _shares(summary["languages"])
    return f"{counted}; {', '.join(shares)}" if shares else counted


def _shares(seconds: Mapping[str, float]) -> list[str]:
    total = sum(seconds.values())
    if total <= 0:
        return []
    ranking = sorted(seconds.items(), key=lambda share: (-share[1], share[0]))
    told = [f"{WHISPER_LANGUAGES.get(code, code)} {spoken / total:.0%}" for code, spoken in ranking]
    if len(told) > MOST_LANGUAGES:
        told[MOST_LANGUAGES:] = [f"{len(told) - MOST_LANGUAGES} more"]
    return told


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number:,} {noun}s"


def _length(ms: int) -> str:
    return f"{ms / 1000:.1f} s" if ms < 10_000 else format_time(ms)
