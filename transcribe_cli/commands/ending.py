"""What is said at the end of a run."""

from pathlib import Path

from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.plans import Result
from transcribe_cli.ui.notices import Notices
from transcribe_cli.ui.render import clock


def tell_end(
    notices: Notices,
    result: Result,
    folder: Path | None,
    kind: str,
    *,
    recorded: Path | None,
    local: bool,
) -> None:
    """Where everything is, what it cost, and what went wrong."""
    summary = result.summary
    if recorded is not None:
        notices.note(f"audio: {recorded}")
    if folder is not None:
        what = "audio, journal and transcript" if kind != "file" else "journal and transcript"
        notices.note(f"saved: {folder} ({what})")
    if summary["sessions"] and summary["terminated"] and not local:
        cost = summary["cost_usd"]
        about = f", about ${cost:.4f}" if cost is not None else ""
        notices.note(f"billed: {clock(round(summary['session_s']) * 1000)} of session{about}")
    if summary["sessions"] and not summary["terminated"]:
        notices.warning(
            "the service did not confirm the end of every session; one that stays open is "
            "billed until it closes, after 3 hours at the latest"
        )
    if result.problem is not None:
        notices.error(result.problem)
    elif result.exit_status is ExitStatus.INCOMPLETE:
        notices.error("The transcript is incomplete.")
    if folder is not None and not summary["complete"]:
        notices.note(f"go on with: aai-stream recordings resume {folder.name}")
