"""How a run ends: its last records, such as the gaps, the error and the summary."""

from collections.abc import Sequence
from dataclasses import dataclass

from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.audio.source import is_spoken_now
from transcribe_cli.errors import AudioError, IncompleteError, StreamError, status_of
from transcribe_cli.exit_status import ExitStatus, is_stopped_by_person, of_run
from transcribe_cli.run.billing import Bill
from transcribe_cli.run.channel import Channel, ChannelEnd
from transcribe_cli.run.config import Result
from transcribe_cli.run.limits import Stops
from transcribe_cli.run.parts import RunParts
from transcribe_cli.run.progress import Progress
from transcribe_cli.run.reporter import Reporter
from transcribe_cli.transcript.recording_clock import format_time


@dataclass(frozen=True, slots=True)
class Conclusion:
    """Collects from the parts of a run what its last records need."""

    parts: RunParts
    channels: Sequence[Channel]
    progress: Progress
    stops: Stops
    bill: Bill
    reporter: Reporter

    def result(self, now: float) -> Result:
        """Report the end and return the result; all sessions are over."""
        self.parts.budget.settle(self.bill, now)
        return conclude(
            [channel.how_it_ended for channel in self.channels],
            *(self.stops.causes, self.parts, self.bill, self.reporter),
            audio_s=self.progress.elapsed_s,
            limit=self.stops.limit,
            now=now,
        )


def conclude(
    ends: Sequence[ChannelEnd],
    stops: Sequence[str],
    parts: RunParts,
    bill: Bill,
    reporter: Reporter,
    *,
    audio_s: float,
    limit: str = "",
    now: float,
) -> Result:
    """Report gaps, the error and the summary of a run whose sessions are all over.

    Args:
        ends: how each channel ended.
        stops: the causes of the run's stops, in order.
        audio_s: seconds captured, or for a file seconds sent.
        limit: what stopped the run before its source had ended, in words; "" if no limit did.
    """
    log, source = parts.log, parts.source
    captured_ms = log.audio.ms(log.frames)
    finish = max((end.finish for end in ends), key=lambda f: (f.problem is not None, f.exit_status))
    # What was captured while a forced end was already under way has not been sent.
    unheard = [end for end in ends if not end.finish.complete or end.sent < log.frames]
    heard = not unheard
    final_ms = min(end.final_ms for end in unheard or ends)
    gone_ms, gaps = reporter.end_device_gap(captured_ms), reporter.device_gaps
    missing_ms = sum(end - start for start, end in gaps)
    # If the audio was gone up to the end, also in an earlier run, nothing is left to be heard.
    lost_ms, heard_to_ms = missing_ms, captured_ms
    if gaps and gaps[-1][1] >= captured_ms:
        heard_to_ms = gaps[-1][0]
    if not heard and source.path is None and heard_to_ms > final_ms:
        silent = ((max(start, final_ms), min(end, heard_to_ms)) for start, end in gaps)
        lost_ms += heard_to_ms - final_ms - sum(max(0, end - start) for start, end in silent)
        reason = "stopped" if finish.problem is None else finish.problem.message
        reporter.record("Gap", start=final_ms, end=heard_to_ms, reason=reason)
    missing, unsaved = _gone(gone_ms), _tell_unsaved(log, reporter)
    spoken_now = is_spoken_now(source)
    complete = heard and (spoken_now or not limit)
    problem = finish.problem or missing or unsaved
    status = of_run(
        *(finish.exit_status, stops, status_of(problem)),
        spoken_now=spoken_now,
        limited=bool(limit),
    )
    if problem is None and limit and status is ExitStatus.INCOMPLETE:
        until = format_time(final_ms)
        problem = IncompleteError(
            f"'{source.name}' is transcribed up to {until}: {limit}.",
            "raise the limit for the rest",
        )
    if problem is not None:
        reporter.record("Error", exit_code=int(status), message=problem.message, hint=problem.hint)
    cost, totals = bill.cost_usd(now), reporter.totals
    summary = {
        "audio_s": round(audio_s, 3),
        "session_s": round(bill.session_s(now), 3),
        "cost_usd": None if cost is None else round(cost, 6),
        "sessions": bill.sessions,
        "turns": totals.turns,
        "words": totals.words,
        "languages": {c: ms / 1000 for c, ms in totals.language_ms.items()},
        "lost_ms": lost_ms,
        "missing_ms": missing_ms,
        "terminated": bill.terminated,
        "complete": complete,
    }
    reporter.record("Summary", **summary)
    return Result(status, problem, summary, is_stopped_by_person(stops))


def _gone(missed_ms: int) -> StreamError | None:
    """The error if the microphone was gone at the end and audio was missed; else None."""
    if not missed_ms:
        return None
    return AudioError(
        f"The microphone gave no audio for the last {missed_ms / 1000:.1f} s.",
        "what came before is saved; see that it is there with 'aai-stream devices'",
    )


def _tell_unsaved(log: AudioLog, reporter: Reporter) -> StreamError | None:
    """Report audio that was transcribed but could not be saved."""
    missing = log.missing if log.path is not None else []
    reason = f"not saved: {log.unwritable or 'the disk was full'}"
    for start, end in missing:
        reporter.record("Gap", start=log.audio.ms(start), end=log.audio.ms(end), reason=reason)
    if not missing:
        return None
    seconds = log.audio.seconds(sum(end - start for start, end in missing))
    return IncompleteError(
        f"{seconds:.1f} s of the recording could not be saved.",
        "free some space on the disk",
    )
