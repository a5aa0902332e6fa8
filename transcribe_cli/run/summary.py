"""How a run ends: its last records, its exit code and its bill."""

from collections.abc import Sequence

from transcribe_cli.audio.log import AudioLog
from transcribe_cli.audio.source import Source, is_spoken_now
from transcribe_cli.errors import AudioError, StreamError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.run.billing import Bill
from transcribe_cli.run.config import Result
from transcribe_cli.run.reporter import Reporter
from transcribe_cli.supervisor.actions import Finish
from transcribe_cli.supervisor.apply_event import FORCING


def exit_status(finished: ExitStatus, stops: Sequence[str], *, spoken_now: bool) -> ExitStatus:
    """The exit code of a run that was stopped by `stops`: names of signals, `q` or `limit`.

    Stopping a microphone is how it normally ends; anything else was cut short by it.

    >>> exit_status(ExitStatus.OK, ["SIGINT"], spoken_now=True)
    <ExitStatus.OK: 0>
    >>> exit_status(ExitStatus.OK, ["SIGTERM"], spoken_now=False)
    <ExitStatus.TERMINATED: 143>
    """
    signals = _signals(stops)
    cut_short = bool(signals or "q" in stops) and not spoken_now
    if not cut_short and signals.count("SIGINT") < 2:
        return finished
    by_term = cut_short and bool(signals) and signals[0] not in FORCING
    return ExitStatus.TERMINATED if by_term else ExitStatus.INTERRUPTED


def conclude(
    finish: Finish,
    stops: Sequence[str],
    source: Source,
    log: AudioLog,
    bill: Bill,
    tell: Reporter,
    *,
    sent: int,
    finished_ms: int,
    audio_s: float,
    now: float,
) -> Result:
    """Tell gaps, the error and the summary of a run whose sessions are all over.

    Args:
        sent: how many frames were sent.
        finished_ms: where the last final word ends.
        audio_s: how much was captured, or for a file was sent.
    """
    captured_ms = log.audio.ms(log.frames)
    # What was captured while a forced end was already under way has not been sent.
    complete = finish.complete and sent >= log.frames
    lost_ms = 0
    if not complete and source.kind != "file" and captured_ms > finished_ms:
        lost_ms = captured_ms - finished_ms
        reason = "stopped" if finish.problem is None else finish.problem.message
        tell.record("Gap", start=finished_ms, end=captured_ms, reason=reason)
    status = exit_status(finish.exit_status, stops, spoken_now=is_spoken_now(source))
    lost_ms += tell.missing_ms
    missing, unsaved = _tell_missing(captured_ms, tell), _tell_unsaved(log, tell)
    problem = finish.problem or missing or unsaved
    if problem is not None:
        status = status or problem.exit_status
        tell.record("Error", exit_code=int(status), message=problem.message, hint=problem.hint)
    cost, totals = bill.cost_usd(now), tell.totals
    summary = {
        "audio_s": round(audio_s, 3),
        "session_s": round(bill.session_s(now), 3),
        "cost_usd": None if cost is None else round(cost, 6),
        "sessions": bill.sessions,
        "turns": totals.turns,
        "words": totals.words,
        "languages": {c: ms / 1000 for c, ms in totals.language_ms.items()},
        "lost_ms": lost_ms,
        "missing_ms": tell.missing_ms,
        "terminated": bill.terminated,
        "complete": complete,
    }
    tell.record("Summary", **summary)
    return Result(status, problem, summary, bool(_signals(stops)) or "q" in stops)


def _signals(stops: Sequence[str]) -> list[str]:
    return [cause for cause in stops if cause.startswith("SIG")]


def _tell_missing(captured_ms: int, tell: Reporter) -> StreamError | None:
    """Audio that the microphone did not give; what it gave before is there."""
    if not tell.missing_ms:
        return None
    end = captured_ms + tell.missing_ms
    tell.record("Gap", start=captured_ms, end=end, reason="no audio from the microphone")
    return AudioError(
        f"The microphone gave no audio for the last {tell.missing_ms / 1000:.1f} s; what it gave "
        "before that is saved.",
        "plug it in or start the sound server again; 'aai-stream devices' lists what there is",
    )


def _tell_unsaved(log: AudioLog, tell: Reporter) -> StreamError | None:
    """Audio that was heard, and that the disk did not take."""
    missing = log.missing if log.path is not None else []
    reason = f"not saved: {log.unwritable or 'the disk was full'}"
    for start, end in missing:
        tell.record("Gap", start=log.audio.ms(start), end=log.audio.ms(end), reason=reason)
    if not missing:
        return None
    seconds = log.audio.seconds(sum(end - start for start, end in missing))
    return AudioError(
        f"{seconds:.1f} s of the recording could not be saved; the transcript has them.",
        "free some space on the disk",
    )
