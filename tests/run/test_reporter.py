"""What is told of an outage, once, however often a try fails; and of messages that are no turns."""

import io
from typing import Any

import pytest
from rich.console import Console

from tests.run.config_and_parts import Kept, Words, run_config
from transcribe_cli.audio.format import AudioFormat
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.outputs.output import Outputs
from transcribe_cli.protocol.close_codes import Retry, Verdict
from transcribe_cli.protocol.codec import Decoded, read_server_object
from transcribe_cli.protocol.messages import Begin
from transcribe_cli.run.reporter import MOST_ODD, OTHER_MESSAGES_AT_FIRST, Reporter
from transcribe_cli.run.sequencer import Odd
from transcribe_cli.supervisor.actions import TellDisconnected
from transcribe_cli.ui.live_view import LiveView
from transcribe_cli.ui.notices import Notices


class View(LiveView):
    """Keeps the passing words."""

    def __init__(self) -> None:
        super().__init__(Console(file=io.StringIO(), force_terminal=True))
        self.hints: list[str] = []

    def hint(self, text: str) -> None:
        self.hints.append(text)


class Outage:
    """A reporter with what it has told."""

    def __init__(self, *, with_view: bool, channels: int = 1) -> None:
        self.view = View() if with_view else None
        self._stderr = io.StringIO()
        self._output = Kept()
        notices = Notices(Console(file=self._stderr, width=200))
        outputs = Outputs([self._output], lambda *_: None)
        config = run_config(audio=AudioFormat(channels=channels), each=channels > 1)
        self._reporter = Reporter(config, Words(1), outputs, notices, self.view)

    def fails(self, sentence: str, retry_in_s: float, session: int = 0) -> None:
        verdict = Verdict(sentence, "", ExitStatus.SERVICE, Retry.BACK_OFF)
        self._reporter.disconnected(TellDisconnected(session, verdict, retry_in_s), 1000)

    def begins(self) -> None:
        raw: dict[str, Any] = {"type": "Begin", "id": "x", "expires_at": 1}
        self._reporter.message(1, 0, Decoded(Begin("x", 1), raw))

    @property
    def lines(self) -> list[str]:
        return self._stderr.getvalue().splitlines()

    @property
    def records(self) -> list[str]:
        return [record.type for record in self._output.records]


def go_through(outage: Outage) -> None:
    """No network, then a page that asks for a log-in, then a session; then no network again."""
    outage.fails("No network.", 0.5)
    outage.fails("No network.", 1.0)
    outage.fails("No network.", 2.0)
    outage.fails("It answered with HTTP 511.", 4.0)
    outage.begins()
    outage.fails("It answered with HTTP 511.", 0.5)


def test_on_a_terminal_an_outage_is_one_line() -> None:
    outage = Outage(with_view=True)
    go_through(outage)
    assert outage.lines == [
        "warning: No network; the next try is in 0.5 s",
        "warning: It answered with HTTP 511; the next try is in 4.0 s",
        "warning: It answered with HTTP 511; the next try is in 0.5 s",
    ]
    assert outage.view is not None
    assert outage.view.hints == [
        "No network; the next try is in 1.0 s",
        "No network; the next try is in 2.0 s",
    ]


def test_one_channel_tells_its_outage_once_while_the_other_is_heard() -> None:
    outage = Outage(with_view=True, channels=2)
    outage.fails("No network.", 0.5, session=0)
    outage.begins()  # session 1, of the other channel
    outage.fails("No network.", 1.0, session=2)
    outage.fails("No network.", 0.5, session=3)
    outage.begins()
    outage.fails("No network.", 2.0, session=4)
    assert outage.lines == ["warning: No network; the next try is in 0.5 s"] * 2
    assert outage.view is not None
    assert [hint[-5:] for hint in outage.view.hints] == ["1.0 s", "2.0 s"]


@pytest.mark.parametrize("with_view", [True, False])
def test_each_try_is_in_the_record(with_view: bool) -> None:
    outage = Outage(with_view=with_view)
    go_through(outage)
    assert outage.records == ["Disconnected"] * 4 + ["Begin", "Disconnected"]


def test_without_a_view_each_try_is_a_line() -> None:
    outage = Outage(with_view=False)
    go_through(outage)
    assert len(outage.lines) == 5


def test_a_service_that_says_nothing_but_odd_things_is_soon_told_no_more() -> None:
    stderr, kept = io.StringIO(), Kept()
    notices = Notices(Console(file=stderr, width=200))
    outputs = Outputs([kept], lambda *_: None)
    reporter = Reporter(run_config(), Words(1), outputs, notices, None)
    reporter.tell(Odd(f"odd {number}") for number in range(1000))

    lines = stderr.getvalue().splitlines()
    assert len(lines) == len(kept.records) == MOST_ODD + 1
    assert "no more of it is told" in lines[-1]


class Beside(LiveView):
    """Keeps what is shown beside the turns."""

    def __init__(self) -> None:
        super().__init__(Console(file=io.StringIO(), force_terminal=True))
        self.lines: list[str] = []
        self.passing: list[str] = []

    def other_message(self, text: str) -> None:
        self.lines.append(text)

    def hint(self, text: str) -> None:
        self.passing.append(text)


def test_a_flood_of_unknown_messages_scrolls_no_turn_away() -> None:
    view = Beside()
    notices = Notices(Console(file=io.StringIO()))
    reporter = Reporter(run_config(), Words(1), Outputs([], lambda *_: None), notices, view)
    for number in range(OTHER_MESSAGES_AT_FIRST + 5):
        reporter.message(0, 0, read_server_object({"type": "New", "text": str(number)}))
    assert view.lines == [f"New: {number}" for number in range(OTHER_MESSAGES_AT_FIRST)]
    assert len(view.passing) == 5


def test_what_runs_otherwise_than_asked_is_told_and_recorded_once() -> None:
    stderr, output = io.StringIO(), Kept()
    notices = Notices(Console(file=stderr, width=200))
    outputs = Outputs([output], lambda *_: None)
    reporter = Reporter(run_config(), Words(1), outputs, notices, None)
    asked = {"speech_model": "u3-rt-pro"}
    reporter.compare(asked, {"speech_model": "u3-rt-pro"})
    assert stderr.getvalue() == ""
    for model in ("whisper-rt", "whisper-rt", "u3-rt-pro", "universal-9"):
        reporter.compare(asked, {"speech_model": model})
    assert stderr.getvalue().splitlines() == [
        "warning: the service runs whisper-rt instead of u3-rt-pro; counted at $0.30 an hour",
        "warning: the service runs universal-9 instead of u3-rt-pro; its price is not known here, "
        "counted at $0.45 an hour: --usd-per-hour universal-9=USD says it",
    ]
    told = [record.body for record in output.records if record.type == "Warning"]
    assert [body["runs"]["speech_model"] for body in told] == ["whisper-rt", "universal-9"]
    assert told[0]["asked"] == {"speech_model": "u3-rt-pro"}
