"""What the supervisor wants done is done."""

from typing import Any, cast

from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.run.action_runner import ActionRunner
from transcribe_cli.supervisor.actions import FinishRun


class Recording:
    """Of a recorder, what is asked of it here."""

    stopped = False

    def stop(self) -> None:
        self.stopped = True


def test_a_channel_that_is_over_stops_the_source() -> None:
    """Else another channel would go on alone, and nobody would know that this one is not heard."""
    recorder, nobody = Recording(), cast(Any, None)
    runner = ActionRunner(nobody, nobody, nobody, cast(Any, recorder), nobody)
    runner.do(FinishRun(ExitStatus.INCOMPLETE, complete=False), 0.0)

    assert runner.finish is not None
    assert recorder.stopped
