"""What a stop request changes: a first Ctrl+C, a second one, a limit, an internal error. Pure."""

from dataclasses import replace

from transcribe_cli.errors import StreamError
from transcribe_cli.exit_status import KEYBOARD_SIGNALS
from transcribe_cli.supervisor.facts import Facts, Stop

SHORT_DEADLINE_S = 2.0  # after a second Ctrl+C


def stop(facts: Facts, cause: str, now: float) -> Facts:
    """A signal, a key or a limit asks for the end; a second Ctrl+C asks for it at once.

    What a microphone has recorded is still sent; the unsent audio of a file is not.
    """
    earlier = facts.stop
    if earlier is None:
        reader = facts.reader
        sent = reader is not None and reader.drain is not None
        cut = facts.policy.drops_backlog and not (sent or facts.source_ended)
        return replace(facts, stop=Stop(now, cut=cut), paused_at=None)
    if cause not in KEYBOARD_SIGNALS:
        return facts  # a closed terminal sends several signals
    by = min(earlier.by, now + SHORT_DEADLINE_S)
    return replace(facts, stop=earlier._replace(by=by, source_told=False))


def fail(facts: Facts, problem: StreamError, now: float) -> Facts:
    """An internal error: sessions are still sent Terminate, so that they are not billed."""
    asked = facts.stop or Stop(now, cut=facts.policy.drops_backlog)
    asked = asked._replace(by=min(asked.by, now + SHORT_DEADLINE_S), fault=True)
    return replace(facts, stop=asked, paused_at=None, problem=facts.problem or problem)
