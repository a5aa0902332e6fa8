"""Markdown: what a person reads, and what a Markdown reader makes of it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.outputs.run_records import recording, summary
from tests.outputs.turn_records import WHEN, record, update
from transcribe_cli.outputs.document_contents import DocumentContents
from transcribe_cli.outputs.jsonl_records import Record, turn_record
from transcribe_cli.outputs.markdown import MarkdownEncoder, escape, format_hms
from transcribe_cli.outputs.plain_text import one_line
from transcribe_cli.protocol.messages import Word
from transcribe_cli.transcript.turn_totals import TurnTotals

# What widely used readers add to CommonMark.
READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def written(*records: Record, non_speech: bool = True) -> str:
    contents = DocumentContents()
    for made in records:
        contents.add(made)
    return MarkdownEncoder(non_speech=non_speech).encode(contents.all).decode()


def read(text: str) -> list[tuple[str, str]]:
    """What a reader sees: each block's tag, and its words with the tags that are in them."""
    return list(_blocks(READER.parse(text)))


def _blocks(tokens: Sequence[Token]) -> Iterator[tuple[str, str]]:
    tag = ""
    for token in tokens:
        if token.type == "inline":
            yield tag, "".join(_shown(child) for child in token.children or ())
        elif token.type in ("heading_open", "paragraph_open"):
            tag = token.tag
        elif not token.type.endswith("_close"):
            tag = ""
            if token.type not in ("bullet_list_open", "list_item_open"):
                yield token.type, token.content


def _shown(token: Token) -> str:
    """Text as it is, anything else by its tag."""
    return token.content if token.type in ("text", "text_special") else f"<{token.type}>"


def turn(text: str, *, start_s: int = 0, **fields: Any) -> Record:
    words = [Word(start=start_s * 1000 - 1000, end=start_s * 1000, text=text)]  # offset: 1 s
    return record(text, words=words, **fields)


def test_document_of_a_whole_run() -> None:
    totals = TurnTotals()
    for language, text in [("es", "Buenos días."), ("en", "Good day to you.")]:
        totals.add(update(text, language_code=language))

    assert (
        written(
            recording("talk.wav"),
            turn("Buenos días.", start_s=2, speaker_label="A"),
            Record(WHEN, "Mark", {"at": 3_665_000, "label": "decision"}),
            Record(WHEN, "Mark", {"at": 3_666_000}),
            turn("Good day.", start_s=3661, speaker_label="B"),
            turn("[Music]", start_s=3700),
            Record(WHEN, "Gap", {"start": 3_800_000, "end": 3_801_000, "reason": "Stopped."}),
            summary(totals, complete=False),
        )
        == """\
# talk.wav

- Date: 2026-11-20 09:05 UTC
- Length: 00:00:42
- Model: whisper-rt
- Speakers: A, B
- Recording: 2026-11-20-090507
- Complete: no, words are missing

## Bookmarks

- **01:01:05** decision
- **01:01:06**

## Transcript

**00:00:02** A: Buenos días.

**01:01:01** B: Good day.

**01:01:40** *\\[Music\\]*

**01:03:20** *No words until 01:03:21: Stopped.*
"""
    )


def test_what_heard_on_this_machine_is_named_and_not_the_model_that_it_stood_in_for() -> None:
    start = recording("talk.wav")
    local = replace(start, body=start.body | {"model": "u3-rt-pro", "engine": "moonshine"})

    assert "- Model: moonshine, local\n" in written(local)


def test_document_of_a_run_that_has_just_begun() -> None:
    assert read(written(recording("talk.wav")))[-1] == ("h2", "Transcript")
    assert written() == ""


def test_each_recording_in_one_file_has_its_own_title() -> None:
    text = written(
        recording("a.wav"), turn("One."), summary(TurnTotals()), recording("b.wav"), turn("Two.")
    )

    assert [words for tag, words in read(text) if tag == "h1"] == ["a.wav", "b.wav"]
    assert text.index("One.") < text.index("# b.wav") < text.index("Two.")


def test_source_that_came_to_nothing_is_told() -> None:
    error = {"exit_code": 3, "message": "'b.wav' is no audio.", "hint": "", "source": "b.wav"}

    assert read(written(Record(WHEN, "Error", error))) == [
        ("h1", "b.wav"),
        ("p", "Error: 'b.wav' is no audio."),
    ]


def test_date_is_in_utc_wherever_it_is_read() -> None:
    made = recording("a.wav")
    elsewhere = replace(made, time=made.time.astimezone(timezone(timedelta(hours=9))))

    assert written(elsewhere) == written(made)


def test_languages_are_named_the_one_spoken_most_first() -> None:
    spoken = [
        turn("Hola.", start_s=2, language_code="es"),
        turn("Hi.", start_s=2, language_code="en"),
        turn("Bye.", start_s=2, language_code="en"),
    ]

    assert "- Languages: Spanish\n" in written(recording("a"), spoken[0])
    assert "- Languages: English (00:00:02), Spanish (00:00:01)\n" in written(
        recording("a"), *spoken
    )


def test_speakers_are_those_of_the_last_revision() -> None:
    said = record("Hi.", words=[Word(text="Hi.", speaker="A")], speaker_label="A")
    revised = {"turn_order": 0, "speaker_label": "C", "words": [{"text": "Hi.", "speaker": "C"}]}
    revision = {"session": 0, "session_offset_ms": 1000, "revisions": [revised]}
    text = written(recording("a"), said, Record(WHEN, "SpeakerRevision", revision))

    assert "- Speakers: C\n" in text
    assert "**00:00:01** C: Hi.\n" in text


def test_gap_stands_where_it_lies() -> None:
    text = written(
        recording("a"),
        turn("Before.", start_s=2),
        turn("After.", start_s=9),
        Record(WHEN, "Gap", {"start": 4000, "end": 5000, "reason": ""}),
    )

    assert text.index("Before.") < text.index("*No words until 00:00:05.*") < text.index("After.")


def test_tags_are_left_out_if_asked_and_empty_turns_always() -> None:
    said = [recording("a"), turn("[Music]"), turn(" "), turn("Hi.")]

    assert [words for _, words in read(written(*said, non_speech=False))][-1] == (
        "<strong_open>00:00:00<strong_close> Hi."
    )
    assert written(*said).count("**00:00:00**") == 2


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("AT&T & co", "AT&T & co"),
        ("&amp; &#42;", "\\&amp; \\&\\#42;"),
        ("3. point - no", "3. point - no"),
        ("$5 and $6", "\\$5 and \\$6"),
        ("a\n\n# b", "a \\# b"),
        ("<b> `c` _d_ ~e~ [f](g)", "\\<b\\> \\`c\\` \\_d\\_ \\~e\\~ \\[f\\](g)"),
    ],
)
def test_only_what_would_be_markup_is_escaped(text: str, escaped: str) -> None:
    assert escape(text) == escaped


def test_name_that_is_no_text_is_read_as_it_is_saved() -> None:
    assert escape("caf\udce9.wav") == "caf?.wav"


@pytest.mark.parametrize(("ms", "shown"), [(-5, "00:00:00"), (59_999, "00:00:59")])
def test_time_is_the_second_it_lies_in(ms: int, shown: str) -> None:
    assert format_hms(ms) == shown


MARKUP = st.text(st.sampled_from("*_`~[]()<>#!|$&;\\-+=.:1aé \n\t"), max_size=30)
SAID = st.one_of(MARKUP, st.text(st.characters(codec="utf-8"), max_size=30))
NAMED = st.one_of(MARKUP, st.text(st.characters(), max_size=30))  # not always text


@example("", "", "", "\xa0")
@given(NAMED, SAID, SAID, NAMED)
def test_text_from_outside_is_text_to_a_reader(
    source: str, said: str, speaker: str, label: str
) -> None:
    text = written(
        recording(source, model=label),
        Record(WHEN, "Mark", {"at": 0, "label": label}),
        turn_record(update(f"x{said}x", speaker_label=speaker), WHEN),
        Record(WHEN, "Gap", {"start": 90_000, "end": 90_000, "reason": f"x{label}x"}),
    )

    def shown(text: str) -> str:
        return one_line(text.encode("utf-8", "replace").decode())

    facts = [("p", "Date: 2026-11-20 09:05 UTC")]
    facts += [("p", f"Model: {shown(label)}")] if shown(label) else []
    facts += [("p", f"Speakers: {shown(speaker)}")] if shown(speaker) else []
    said_by = f"{shown(speaker)}: " if shown(speaker) else ""
    bookmark = f"<strong_open>00:00:00<strong_close> {shown(label)}".rstrip()
    reason = shown(f"x{label}x")
    assert read(text) == [
        ("h1", shown(source) or "Recording"),
        *facts,
        ("p", "Recording: 2026-11-20-090507"),
        ("h2", "Bookmarks"),
        ("p", bookmark),
        ("h2", "Transcript"),
        ("p", f"<strong_open>00:00:01<strong_close> {said_by}{shown(f'x{said}x')}"),
        (
            "p",
            "<strong_open>00:01:30<strong_close> "
            f"<em_open>No words until 00:01:30: {reason}.<em_close>",
        ),
    ]
