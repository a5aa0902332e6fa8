"""Caption files: whole at every moment, and what other programs read in them."""

import html
import os
import random
import re
import stat
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import pysubs2
import pytest
import webvtt
from hypothesis import HealthCheck, given, settings

from tests import recorded_messages as traces
from tests.outputs import captions_child
from tests.outputs.run_records import recording, told
from tests.outputs.turn_records import WHEN, record
from tests.program import DEADLINE_S
from tests.requirements import require_programs
from tests.transcript.cues import make_cues
from tests.transcript.random_turns import any_speech, clear_speech
from transcribe_cli.errors import UsageError
from transcribe_cli.outputs.caption_formats import (
    FORMATS,
    Kind,
    encode_ass,
    encode_lrc,
    encode_srt,
    encode_vtt,
)
from transcribe_cli.outputs.captions import CaptionsOutput
from transcribe_cli.outputs.jsonl_records import Record, message_record, turn_record
from transcribe_cli.protocol.messages import Word
from transcribe_cli.transcript.caption_cues import Cue
from transcribe_cli.transcript.turns import TurnUpdate

GOLDEN = Path(__file__).parent.parent / "data" / "golden"
KINDS: list[Kind] = ["srt", "vtt"]
ALL_KINDS = list(FORMATS)
ROOT = Path(__file__).parent.parent.parent

both_kinds = pytest.mark.parametrize("kind", KINDS)
every_kind = pytest.mark.parametrize("kind", ALL_KINDS)
in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def captions(path: Path, records: Iterable[Record], *, non_speech: bool = True) -> str:
    """The file at `path` after these records, its format named by its suffix."""
    output = CaptionsOutput(path, cast(Kind, path.suffix[1:]), non_speech=non_speech)
    for made in records:
        output.write(made)
    output.close()
    return path.read_bytes().decode()


def of_turns(turns: Iterable[TurnUpdate]) -> list[Record]:
    return [recording("x.wav"), *(turn_record(turn, WHEN) for turn in turns)]


def whole_file(cues: Iterable[Cue], kind: Kind) -> str:
    text, before_ms = FORMATS[kind].header, 0
    for number, cue in enumerate(cues, 1):
        text += FORMATS[kind].encode(cue, number, before_ms)
        before_ms = cue.end_ms
    return text


def spoken(speaker: str, start: int, text: str = "Hello there.", order: int = 0) -> Record:
    words = [Word(start, start + 1500, text, 0.9, True, speaker=speaker)]
    return record(text, turn_order=order, words=words, speaker_label=speaker)


def revised(order: int, speaker: str) -> Record:
    body = {"revisions": [{"turn_order": order, "speaker_label": speaker, "words": []}]}
    return message_record("SpeakerRevision", body, 0, 0, WHEN)


# What is in it


@both_kinds
@pytest.mark.parametrize("name", traces.NAMES)
def test_captions_are_as_they_were_read_and_found_right(
    tmp_path: Path, name: str, kind: Kind
) -> None:
    made = captions(tmp_path / f"x.{kind}", told(name))

    assert made == (GOLDEN / f"{name}.{kind}").read_text(encoding="utf-8")


def test_speaker_is_named_in_each_format_s_way(tmp_path: Path) -> None:
    talk = [recording("x.wav"), spoken("B", 500)]

    assert captions(tmp_path / "x.srt", talk) == (
        "1\n00:00:01,500 --> 00:00:03,000\nB: Hello there.\n\n"
    )
    assert captions(tmp_path / "x.vtt", talk) == (
        "WEBVTT\n\n00:00:01.500 --> 00:00:03.000\n<v B>Hello there.\n\n"
    )


def test_hours_are_counted() -> None:
    long = Cue(3_600_001, 35_999_999, ("a", "b"))

    assert encode_srt(long, 7) == "7\n01:00:00,001 --> 09:59:59,999\na\nb\n\n"
    assert ",1:00:00.00,9:59:59.99," in encode_ass(long)
    assert encode_lrc(long) == "[60:00.00]a b\n"


def test_advanced_substation_takes_no_text_for_a_command(tmp_path: Path) -> None:
    require_programs("ffmpeg")
    said = r"{\an8}a {b} \N \h \\ c, d"
    made = FORMATS["ass"].header + encode_ass(Cue(0, 1000, (said, "more"), "A, B"))
    path = tmp_path / "x.ass"
    path.write_text(made, encoding="utf-8")

    command = ["ffmpeg", "-nostdin", "-v", "warning", "-i", str(path), "-f", "srt", "-"]
    read = subprocess.run(command, capture_output=True, timeout=30, check=True)

    assert read.stderr == b""
    text = re.sub("</?font[^>]*>", "", read.stdout.decode().replace("\u2060", ""))
    lines = text.splitlines()
    assert [line.replace("\\{", "{").replace("\\}", "}") for line in lines[2:4]] == [
        f"A, B: {said}",
        "more",
    ]
    assert made.splitlines()[-1].split(",")[4] == "A  B"


@given(turns=clear_speech())
@in_one_folder
def test_advanced_substation_is_read_back_by_pysubs2(
    tmp_path: Path, turns: list[TurnUpdate]
) -> None:
    read = pysubs2.SSAFile.from_string(captions(tmp_path / "x.ass", of_turns(turns)), "ass")

    assert [(e.start, e.end, e.name, e.text.replace("\u2060", "")) for e in read] == [
        (
            cue.start_ms // 10 * 10,
            cue.end_ms // 10 * 10,
            cue.speaker or "",
            (f"{cue.speaker}: " if cue.speaker else "") + r"\N".join(cue.lines),
        )
        for cue in make_cues(turns, non_speech=True)
    ]


def test_lrc_has_an_empty_line_where_nobody_speaks(tmp_path: Path) -> None:
    talk = [recording("x.wav"), spoken("A", 500), spoken("B", 60_000, "And me.", 1)]

    assert captions(tmp_path / "x.lrc", talk) == (
        "[00:01.50]A: Hello there.\n[00:03.00]\n[01:01.00]B: And me.\n"
    )


@pytest.mark.parametrize("said", ["[00:12.00] one", "<00:12.00> two", "[ti:x] three"])
def test_text_is_no_time_and_no_field_of_lrc(said: str) -> None:
    line = encode_lrc(Cue(1000, 2000, (said,)))

    assert line.replace("\u2060", "") == f"[00:01.00]{said}\n"
    assert re.findall(r"\[\w+:|<\d", line) == ["[00:"]


def test_lrc_is_read_by_ffmpeg(tmp_path: Path) -> None:
    require_programs("ffmpeg")
    path = tmp_path / "x.lrc"
    captions(path, [recording("x.wav"), spoken("A", 500), spoken("B", 60_000, "[Me] too.", 1)])

    command = ["ffmpeg", "-nostdin", "-v", "warning", "-i", str(path), "-f", "srt", "-"]
    read = subprocess.run(command, capture_output=True, timeout=30, check=True)

    said = [line for line in read.stdout.decode().splitlines() if ": " in line or "-->" in line]
    assert [said[0][:12], said[1]] == ["00:00:01,500", "A: Hello there."]
    assert "B: [Me] too." in said


@pytest.mark.parametrize(
    ("said", "srt", "vtt"),
    [
        ("Q&A", "Q&A", "Q&amp;A"),
        ("&lt;", "&lt;", "&amp;lt;"),
        ("a <b>c", "a <\u2060b>c", "a &lt;b&gt;c"),
        ("1 < 2 > 0", "1 <\u2060 2 > 0", "1 &lt; 2 &gt; 0"),
        ("a --> b", "a --\u2060> b", "a --&gt; b"),
        (r"{\an8}x", "{\u2060\\an8}x", r"{\an8}x"),
        (r"\N \h \x", "\\\u2060N \\\u2060h \\x", r"\N \h \x"),
        ("{x}", "{x}", "{x}"),
    ],
)
def test_text_is_never_markup(said: str, srt: str, vtt: str) -> None:
    cue = Cue(0, 1000, (said,))

    assert encode_srt(cue, 1).splitlines()[2] == srt
    assert encode_vtt(cue).splitlines()[1] == vtt


def test_speaker_s_name_is_never_markup() -> None:
    cue = Cue(0, 1000, ("Hi.",), "<A> & B")

    assert encode_vtt(cue).splitlines()[1] == "<v &lt;A&gt; &amp; B>Hi."
    assert encode_srt(cue, 1).splitlines()[2] == "<\u2060A> & B: Hi."


@every_kind
def test_partials_and_turns_that_say_nothing_are_left_out(tmp_path: Path, kind: Kind) -> None:
    path = tmp_path / f"x.{kind}"

    assert captions(path, [recording("x.wav"), record("h", final=False), record("")]) == (
        FORMATS[kind].header
    )


@every_kind
def test_non_speech_is_kept_or_left_out(tmp_path: Path, kind: Kind) -> None:
    talk = [recording("x.wav"), record(" silence", utterance="[ Silence]")]

    assert "[Silence]" in captions(tmp_path / f"a.{kind}", talk)
    assert "[Silence]" not in captions(tmp_path / f"b.{kind}", talk, non_speech=False)


@every_kind
def test_speaker_that_is_corrected_is_corrected_in_the_file(tmp_path: Path, kind: Kind) -> None:
    path = tmp_path / f"x.{kind}"
    output = CaptionsOutput(path, kind, non_speech=True)
    for made in recording("x.wav"), spoken("A", 0), revised(0, "B"):
        output.write(made)
    corrected = path.read_text(encoding="utf-8")
    output.close()

    assert corrected == captions(tmp_path / f"y.{kind}", [recording("x.wav"), spoken("B", 0)])


def test_recordings_that_share_a_file_follow_one_another(tmp_path: Path) -> None:
    length = Record(WHEN, "Summary", {"audio_s": 10.0})
    talk = [recording("a.wav"), record("One."), length, recording("b.wav"), record("Two."), length]

    subtitles = pysubs2.SSAFile.from_string(captions(tmp_path / "x.srt", talk))

    assert [(event.start, event.text) for event in subtitles] == [(1000, "One."), (11_000, "Two.")]


def test_recordings_that_go_on_at_once_are_told_apart(tmp_path: Path) -> None:
    def about(source: str, made: Record) -> Record:
        return Record(made.time, made.type, made.body | {"source": source}, made.update)

    length = Record(WHEN, "Summary", {"audio_s": 10.0})
    one, two = record("One."), record("Two.")
    in_turn = [recording("a"), about("a", one), about("a", length), recording("b"), about("b", two)]
    mixed = [recording("a"), recording("b"), about("b", two), about("a", one), about("a", length)]

    assert captions(tmp_path / "x.srt", mixed) == captions(tmp_path / "y.srt", in_turn)


# What other programs read in it


@given(turns=any_speech())
@in_one_folder
def test_subrip_is_read_back_by_pysubs2(tmp_path: Path, turns: list[TurnUpdate]) -> None:
    made = captions(tmp_path / "x.srt", of_turns(turns))

    read = [(e.start, e.end, e.text) for e in pysubs2.SSAFile.from_string(made, "srt")]

    assert read == [
        (
            cue.start_ms,
            cue.end_ms,
            (f"{cue.speaker}: " if cue.speaker else "") + r"\N".join(cue.lines),
        )
        for cue in make_cues(turns, non_speech=True)
    ]


@given(turns=any_speech())
@in_one_folder
def test_webvtt_is_read_back_by_webvtt_py(tmp_path: Path, turns: list[TurnUpdate]) -> None:
    made = captions(tmp_path / "x.vtt", of_turns(turns))

    read = [
        (time_ms(caption.start), time_ms(caption.end), caption.voice, html.unescape(caption.text))
        for caption in webvtt.from_string(made).captions
    ]

    assert read == [
        (cue.start_ms, cue.end_ms, cue.speaker, "\n".join(cue.lines))
        for cue in make_cues(turns, non_speech=True)
    ]


def time_ms(timestamp: str) -> int:
    hours, minutes, seconds, ms = map(int, re.split("[:.]", timestamp))
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms


@both_kinds
@given(turns=clear_speech())
@settings(in_one_folder, max_examples=settings().max_examples // 3)  # each is a process
@pytest.mark.first(1)
def test_ffmpeg_reads_it_without_a_warning(
    tmp_path: Path, kind: Kind, turns: list[TurnUpdate]
) -> None:
    require_programs("ffmpeg")
    path = tmp_path / f"x.{kind}"
    captions(path, of_turns(turns))
    cues = make_cues(turns, non_speech=True)

    command = ["ffmpeg", "-nostdin", "-v", "warning", "-i", str(path), "-f", "srt", "-"]
    read = subprocess.run(command, capture_output=True, timeout=30, check=bool(cues))

    assert not cues or read.stderr == b""
    text = read.stdout.decode().replace("\r\n", "\n")
    assert text == whole_file(
        [Cue(c.start_ms, c.end_ms, c.lines, c.speaker if kind == "srt" else None) for c in cues],
        "srt",
    )


def test_ffmpeg_takes_no_text_for_markup(tmp_path: Path) -> None:
    require_programs("ffmpeg")
    said = r"a <b>b</b> < i >c 1<2 {\an8}d \N \h --> &amp;"
    path = tmp_path / "x.srt"
    path.write_text(encode_srt(Cue(0, 1000, (said,)), 1), encoding="utf-8")

    command = ["ffmpeg", "-nostdin", "-v", "warning", "-i", str(path), "-f", "srt", "-"]
    read = subprocess.run(command, capture_output=True, timeout=30, check=True)

    assert read.stderr == b""
    assert read.stdout.decode().replace("\u2060", "").splitlines()[2] == said


# How it is written


@both_kinds
@given(turns=any_speech())
@in_one_folder
@pytest.mark.first(1)
def test_file_is_up_to_date_after_each_turn(
    tmp_path: Path, kind: Kind, turns: list[TurnUpdate]
) -> None:
    path = tmp_path / f"x.{kind}"
    output = CaptionsOutput(path, kind, non_speech=True)
    for count, made in enumerate(of_turns(turns)):
        output.write(made)

        cues = make_cues(turns[:count], non_speech=True)
        assert path.read_bytes().decode() == whole_file(cues, kind)
    output.close()


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> dict[Kind, list[bytes]]:
    """The talk's file after no record, after one, and so on."""
    made: dict[Kind, list[bytes]] = {}
    for kind in KINDS:
        path = tmp_path_factory.mktemp("talk") / f"x.{kind}"
        output = CaptionsOutput(path, kind, non_speech=True)
        made[kind] = [b""]  # there is no file yet
        for one in captions_child.talk():
            output.write(one)
            made[kind].append(path.read_bytes())
        output.close()
    return made


@both_kinds
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.first(1)
def test_file_of_a_killed_program_is_whole(
    tmp_path: Path, states: dict[Kind, list[bytes]], kind: Kind, seed: int
) -> None:
    path = tmp_path / f"x.{kind}"
    told_at_least = random.Random(f"{kind}{seed}").randrange(1, captions_child.TURNS - 50)
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.outputs.captions_child", str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with child:
        assert child.stdout is not None
        for _ in range(told_at_least):
            assert child.stdout.readline() == b".\n"
            assert path.read_bytes() in states[kind]
        child.kill()

    assert states[kind].index(path.read_bytes()) >= told_at_least - 1


@both_kinds
@pytest.mark.parametrize("place", ["none/x", "."])
def test_path_that_cannot_be_written_is_found_at_once(
    tmp_path: Path, kind: Kind, place: str
) -> None:
    with pytest.raises(UsageError) as refused:
        CaptionsOutput(tmp_path / place, kind, non_speech=True)

    assert str(tmp_path) in refused.value.message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="modes and links are of POSIX")
def test_link_and_permissions_stay(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "x.srt"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)

    captions(link, [recording("x.wav"), record("Hi.")])

    assert link.is_symlink()
    assert target.read_text().endswith("Hi.\n\n")
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are of POSIX")
def test_pipe_gets_the_file_once_at_the_end(tmp_path: Path) -> None:
    pipe = tmp_path / "x.vtt"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text(encoding="utf-8")))
    reader.start()

    output = CaptionsOutput(pipe, "vtt", non_speech=True)
    for made in [recording("x.wav"), record("One."), record("Two.")]:
        output.write(made)
    output.close()
    output.close()
    reader.join(DEADLINE_S)

    assert [text.count("WEBVTT") for text in read] == [1]
    assert "One." in read[0]
    assert "Two." in read[0]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_disk_that_is_full_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.srt"
    path.symlink_to("/dev/full")
    output = CaptionsOutput(path, "srt", non_speech=True)
    output.write(recording("x.wav"))
    output.write(record("Hi."))

    with pytest.raises(OSError, match="No space left"):
        output.close()
    output.close()
