"""The last lines: a few calm ones that say all."""

import io
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from transcribe_cli.errors import StreamError
from transcribe_cli.exit_status import ExitStatus
from transcribe_cli.jobs.closing_lines import Saved, heard, how_to_go_on, tell_end, tell_total
from transcribe_cli.run.config import Result
from transcribe_cli.ui.notices import Notices

FOLDER = Path("/home/ana/recordings/2026-11-20-201837-talk")
SUMMARY: dict[str, Any] = {
    "audio_s": 754.2,
    "session_s": 760.0,
    "cost_usd": 0.0312,
    "sessions": 1,
    "turns": 42,
    "words": 1234,
    "languages": {"es": 100.0, "en": 300.0},
    "lost_ms": 0,
    "terminated": True,
    "complete": True,
}


def told(
    *,
    status: ExitStatus = ExitStatus.OK,
    problem: StreamError | None = None,
    folder: Path | None = FOLDER,
    local: bool = False,
    quiet: bool = False,
    broken: Sequence[str] = (),
    **changes: Any,
) -> list[str]:
    file = io.StringIO()
    notices = Notices(Console(file=file, color_system=None), quiet=quiet)
    result = Result(status, problem, SUMMARY | changes, interrupted=False)
    whole = {what: what not in broken for what in ("audio", "journal", "transcript")}
    saved = None if folder is None else Saved(folder, whole)
    tell_end(notices, result, saved, recorded=None, local=local)
    if (last := how_to_go_on(result.summary, saved)) is not None:
        notices.note(last)
    return file.getvalue().splitlines()


def test_all_is_well() -> None:
    assert told() == [
        f"saved: {FOLDER} (audio, journal and transcript)",
        "heard: 12:34, 42 turns, 1,234 words; English 75%, Spanish 25%",
        "billed: 12:40 of session, about $0.0312",
        "lost: nothing",
    ]


def test_the_local_service_costs_nothing() -> None:
    assert not [line for line in told(local=True) if line.startswith("billed")]


def test_what_was_lost_is_a_warning() -> None:
    lines = told(lost_ms=1950, complete=False, status=ExitStatus.INCOMPLETE)
    assert "warning: lost: 1.9 s of sound has no final words" in lines
    assert "error: The transcript is incomplete." in lines
    # With the place, because recordings are somewhere else by default.
    where = f"{FOLDER.name} --save-dir {FOLDER.parent}"
    assert lines[-1] == f"go on with: aai-stream recordings resume {where}"
    assert "lost: nothing" not in lines


def test_a_name_in_what_to_type_is_a_word_of_the_shell() -> None:
    folder = Path("/home/ana/my talks/2026-11-20-201837-$(x)")
    lines = told(folder=folder, complete=False, status=ExitStatus.INCOMPLETE)
    typed = shlex.split(lines[-1].partition(": ")[2])
    assert typed[-3:] == [folder.name, "--save-dir", str(folder.parent)]


def test_what_is_not_whole_is_not_told_as_saved() -> None:
    lines = told(broken=["transcript"], status=ExitStatus.INCOMPLETE)
    assert lines[:2] == [
        f"saved: {FOLDER} (audio and journal)",
        f"warning: not whole: transcript in {FOLDER}",
    ]
    assert told(broken=["audio", "journal", "transcript"])[0] == (
        f"warning: not whole: audio, journal and transcript in {FOLDER}"
    )


def test_a_journal_that_is_not_whole_is_nothing_to_go_on_with() -> None:
    lines = told(broken=["journal"], complete=False, status=ExitStatus.INCOMPLETE)
    assert lines[-1].endswith(f"aai-stream file {FOLDER}/audio.wav")
    lines = told(broken=["journal", "audio"], complete=False, status=ExitStatus.INCOMPLETE)
    assert not [line for line in lines if "aai-stream" in line]


def test_what_the_microphone_did_not_give_is_nothing_to_go_on_with() -> None:
    problem = StreamError("The microphone gave no audio.", exit_status=ExitStatus.AUDIO)
    lines = told(lost_ms=3000, missing_ms=3000, problem=problem, status=ExitStatus.AUDIO)
    assert lines[2:] == [
        "billed: 12:40 of session, about $0.0312",
        "warning: lost: 3.0 s for which no audio came",
        "error: The microphone gave no audio.",
    ]


def test_nothing_is_promised_of_a_recording_that_was_cut_short() -> None:
    assert not [line for line in told(complete=False) if line.startswith("lost")]


def test_without_a_session_nothing_was_heard() -> None:
    problem = StreamError("No network.", exit_status=ExitStatus.SERVICE)
    lines = told(sessions=0, turns=0, complete=False, problem=problem)
    assert [line.split(":")[0] for line in lines] == ["saved", "error", "go on with"]


def test_a_whole_transcript_is_not_called_incomplete_because_of_an_output() -> None:
    lines = told(status=ExitStatus.INCOMPLETE)
    assert not [line for line in lines if "incomplete" in line]


def test_quiet_leaves_what_is_wrong() -> None:
    assert told(quiet=True) == []
    assert told(quiet=True, lost_ms=60_000) == ["warning: lost: 1:00 of sound has no final words"]


def test_an_end_that_was_not_confirmed_is_told_instead_of_a_bill() -> None:
    lines = told(terminated=False)
    assert not [line for line in lines if line.startswith("billed")]
    assert [line for line in lines if "did not confirm the end" in line]


def test_many_languages_are_counted() -> None:
    languages = {"en": 40.0, "es": 30.0, "fr": 20.0, "de": 5.0, "xx": 3.0, "it": 2.0}
    assert heard(SUMMARY | {"languages": languages}).endswith(
        "; English 40%, Spanish 30%, French 20%, German 5%, 2 more"
    )


def test_no_language_is_no_share() -> None:
    assert heard(SUMMARY | {"languages": {}}).endswith("1,234 words")
    assert heard(SUMMARY | {"languages": {"en": 0.0}}).endswith("1,234 words")


def totals(*summaries: dict[str, Any], local: bool = False) -> list[str]:
    file = io.StringIO()
    notices = Notices(Console(file=file, color_system=None, width=300))
    tell_total(notices, summaries, Path("/recordings"), local=local)
    return file.getvalue().splitlines()


def test_several_files_have_one_line_for_what_they_come_to() -> None:
    assert totals(SUMMARY, SUMMARY | {"languages": {"de": 400.0}}) == [
        "in all: 25:08, 84 turns, 2,468 words; German 50%, English 38%, Spanish 12%"
        "; billed: 25:20 of session, about $0.0624; saved in /recordings"
    ]
    assert "billed" not in totals(SUMMARY, local=True)[0]


def test_files_that_opened_no_session_are_not_counted() -> None:
    assert totals(SUMMARY | {"sessions": 0}) == []
    assert totals(SUMMARY, SUMMARY | {"sessions": 0}) == totals(SUMMARY)
