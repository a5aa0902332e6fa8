"""Findings as lines, as JSON and as an exit code."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribe_cli.doctor.findings import (
    Finding,
    FindingState,
    exit_status_of,
    failed,
    lines_of,
    ok,
    summary_of,
    to_json,
    warning,
)
from transcribe_cli.errors import AccountError, AudioError, InternalError, ServiceError, StreamError
from transcribe_cli.exit_status import ExitStatus

NO_KEY = failed("key", AccountError("There is no API key.", "set it"))
NO_NETWORK = failed("network", ServiceError("Nothing listens there."))
NO_DEVICE = failed("audio", AudioError("There is no input device.", "plug one in"))
WARNED = warning("disk", "2 GB free", "make room")


def test_area_stands_once_for_several_findings() -> None:
    assert lines_of(ok("audio", "2 devices")) == ["ok       audio     2 devices"]
    assert lines_of(NO_DEVICE, ok("audio", "2 devices")) == [
        "failed             There is no input device.",
        "                   -> plug one in",
    ]


def test_lines_are_broken_for_a_terminal_and_paths_are_not() -> None:
    path = "/a/very/long/path/" + "x" * 60
    lines = lines_of(warning("disk", f"no room in {path} at all", "make some room " * 4), width=60)
    assert f"                   {path} at" in lines or f"                   {path}" in lines
    assert all(len(line) <= 60 for line in lines if path not in line)
    assert all(line.startswith(" " * 19) for line in lines[1:])


@given(
    st.text(st.characters(categories=("L", "N"), max_codepoint=0x24F), max_size=80),
    st.integers(1, 200) | st.none(),
)
def test_no_word_is_lost(text: str, width: int | None) -> None:
    finding = warning("disk", f"{text} and {text}", f"try {text}")
    said = " ".join(" ".join(lines_of(finding, width=width)).split())
    assert said == " ".join(f"warning disk {text} and {text} -> try {text}".split())


@pytest.mark.parametrize(
    ("findings", "status"),
    [
        ([], ExitStatus.OK),
        ([ok("key", ""), WARNED], ExitStatus.OK),
        ([WARNED, NO_KEY, NO_NETWORK, NO_DEVICE], ExitStatus.ACCOUNT),
        ([ok("key", ""), NO_NETWORK, NO_DEVICE], ExitStatus.SERVICE),
        ([NO_DEVICE], ExitStatus.AUDIO),
    ],
)
def test_first_failure_decides_the_exit_code(findings: list[Finding], status: ExitStatus) -> None:
    assert exit_status_of(findings) is status
    assert to_json(findings)["exit_code"] == status


@pytest.mark.parametrize(
    ("findings", "said"),
    [
        ([ok("key", "")], "all is well"),
        ([WARNED, WARNED], "nothing failed, 2 warnings"),
        ([NO_KEY, WARNED], "1 failed, 1 warning"),
        ([NO_KEY, NO_DEVICE], "2 failed"),
    ],
)
def test_summary_counts(findings: list[Finding], said: str) -> None:
    assert summary_of(findings) == said


def test_programs_get_every_field() -> None:
    (found,) = json.loads(json.dumps(to_json([NO_DEVICE])))["findings"]
    assert found == {
        "area": "audio",
        "state": FindingState.FAILED,
        "text": "There is no input device.",
        "hint": "plug one in",
        "exit_code": 3,
    }


@pytest.mark.parametrize("error", [StreamError("No key."), InternalError(KeyError(5), "checking")])
def test_only_a_fault_of_the_program_has_a_traceback(error: StreamError) -> None:
    assert ("KeyError: 5" in failed("key", error).traceback) is isinstance(error, InternalError)
