"""`-o -` and `--format`: any format on standard output."""

from collections.abc import Callable

import pytest

from tests.counting import counting_service, speak, write_wav
from tests.end_to_end.test_commands import FULL, needs_full
from tests.hostile.foreign_recordings import make_recording
from tests.program import Home, Outcome, finish
from transcribe_cli.settings.option_types import Format

pytestmark = pytest.mark.usefixtures("in_process")


@pytest.mark.parametrize("kind", Format)
def test_export_writes_to_standard_output_what_it_writes_to_a_file(
    home: Home, call: Callable[..., Outcome], kind: Format
) -> None:
    make_recording(home)
    outcome = call("recordings", "export", "latest", "-o", "-", "--format", kind, "-o", f"x.{kind}")

    assert (outcome.code, outcome.err) == (0, f"written: x.{kind}\n")
    assert outcome.out == (home.work / f"x.{kind}").read_text()
    assert not (home.work / "-").exists()


@pytest.mark.parametrize("kind", [Format.SRT, pytest.param(Format.JSON, marks=pytest.mark.long)])
def test_a_run_writes_to_standard_output_what_it_writes_to_a_file(home: Home, kind: Format) -> None:
    with counting_service() as service:
        outcome = home.run(
            *("file", "-", "--endpoint", service.url, "-o", "-", "--format", kind),
            *("-o", f"x.{kind}"),
            data=speak(10),
        )

    assert outcome.code == 0, outcome.err
    assert "w10" in outcome.out
    assert outcome.out == (home.work / f"x.{kind}").read_text()


@needs_full
def test_captions_that_standard_output_has_no_room_for_are_told(home: Home) -> None:
    write_wav(home.work / "talk.wav", 5)
    asked = ("file", "talk.wav", "--format", "vtt")
    with counting_service() as service, FULL.open("wb") as full:
        outcome = finish(home.start(*asked, "--endpoint", service.url, stdout=full))

    assert outcome.code == 6
    assert outcome.err.count("Standard output cannot be written: No space left") == 1
    assert "saved: " in outcome.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("-o", "-", "--jsonl"),
        ("-o", "-", "--text"),
        ("-o", "-", "-o", "-"),
        ("--format", "srt", "--text"),
    ],
)
def test_two_things_for_standard_output_are_refused(
    home: Home, call: Callable[..., Outcome], arguments: tuple[str, ...]
) -> None:
    outcome = call("file", "-", *arguments)

    assert outcome.code == 2
    assert "leave one of them out" in outcome.err
    assert not home.recordings.exists()
