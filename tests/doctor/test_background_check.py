"""Checks that may hang."""

import threading
from collections.abc import Iterator

from tests.program import DEADLINE_S
from transcribe_cli.doctor.background_check import BackgroundCheck
from transcribe_cli.doctor.findings import Finding, FindingState, ok
from transcribe_cli.errors import ServiceError
from transcribe_cli.exit_status import ExitStatus


def in_background(checks: Iterator[Finding], limit_s: float = 10.0) -> BackgroundCheck:
    return BackgroundCheck(
        "network", checks, hint="wait", exit_status=ExitStatus.SERVICE, limit_s=limit_s
    )


def test_findings_come_in_order_as_they_are_found() -> None:
    go_on = threading.Event()

    def checks() -> Iterator[Finding]:
        yield ok("network", "first")
        assert go_on.wait(DEADLINE_S)
        yield ok("network", "second")

    findings = in_background(checks()).findings()
    assert next(findings).text == "first"
    go_on.set()
    assert [finding.text for finding in findings] == ["second"]


def test_error_is_the_last_finding() -> None:
    def checks() -> Iterator[Finding]:
        yield ok("network", "first")
        raise ServiceError("Nothing listens there.", "start it")

    _, last = in_background(checks()).findings()
    assert (last.state, last.text, last.hint) == (
        FindingState.FAILED,
        "Nothing listens there.",
        "start it",
    )
    assert last.exit_status is ExitStatus.SERVICE


def test_fault_is_a_finding_and_no_traceback() -> None:
    def checks() -> Iterator[Finding]:
        yield from ()
        raise RuntimeError("oops")

    (last,) = in_background(checks()).findings()
    assert last.exit_status is ExitStatus.FAULT
    assert "RuntimeError: oops" in last.text


def test_what_hangs_is_given_up_and_what_it_found_is_kept() -> None:
    hangs, never = threading.Event(), threading.Event()

    def checks() -> Iterator[Finding]:
        yield ok("network", "first")
        hangs.set()
        never.wait()

    check = in_background(checks(), limit_s=0.2)
    assert hangs.wait(DEADLINE_S)
    first, last = check.findings()
    never.set()
    assert (first.text, last.state, last.hint) == ("first", FindingState.FAILED, "wait")
    assert last.exit_status is ExitStatus.SERVICE
