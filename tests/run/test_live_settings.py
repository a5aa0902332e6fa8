"""Settings that change while a recording runs: its session is told, and so are later ones."""

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

from tests.counting import CountingService, counting_service, drops_at
from tests.run.config_and_parts import Kept, Words, run_config, run_parts
from transcribe_cli.audio.audio_log import AudioLog
from transcribe_cli.outputs.jsonl_records import Record, encode_record
from transcribe_cli.protocol.endpoint import normalise_endpoint, session_url
from transcribe_cli.protocol.models import MODELS
from transcribe_cli.recordings.journal import summarize
from transcribe_cli.run.loop import Loop
from transcribe_cli.run.run import Run
from transcribe_cli.session.events import Event, KeyPressed, KeytermsChanged, SettingsTyped
from transcribe_cli.session.session import Target
from transcribe_cli.settings.journal_settings import parameters_of
from transcribe_cli.settings.keyterms_file import KeytermsFile
from transcribe_cli.settings.session_parameters import Parameters
from transcribe_cli.ui.live_view import LiveView

KEYTERMS = "keyterms_prompt"


class Acts(Kept):
    """An output that does something when the first turn is final."""

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__()
        self._act: Callable[[], None] | None = act

    def write(self, record: Record) -> None:
        super().write(record)
        if self._act is not None and record.type == "Turn" and record.body["final"]:
            self._act()
            self._act = None


def run(
    service: CountingService,
    *events: Event,
    file: KeytermsFile | None = None,
    act: Callable[[], None] = lambda: None,
    model: str = "u3-rt-pro",
    typed: Sequence[str] = (),
    **asked: Any,
) -> list[Record]:
    """The records of a run of 20 words; the events come after its first final turn."""
    query = {"speech_model": model, "sample_rate": 16000} | asked
    config = run_config(
        parameters=Parameters(query, MODELS[model], []),
        target=Target(session_url(normalise_endpoint(service.url), query), {}),
        pace=4.0,
    )
    with AudioLog.temporary(config.audio) as log, Loop() as loop:

        def post() -> None:
            act()
            for event in events:
                loop.post(None, event)

        output = Acts(post)
        view = LiveView(Console(file=io.StringIO(), force_terminal=True, width=80, height=24))
        parts = run_parts(
            Words(20), log, loop, [output], view=view, keyterms_file=file, typed=typed
        )
        loop.run([Run(config, parts)])
    return output.records


def updates(records: list[Record]) -> list[dict[str, Any]]:
    return [record.body["parameters"] for record in records if record.type == "UpdateConfiguration"]


def asked_of(service: CountingService, session: int) -> Any:
    return json.loads(service.sessions[session].query[KEYTERMS][0])


TYPED = (KeyPressed("k", "k"), KeyPressed("", "Sonny Miller, q"), KeyPressed("enter", "\r"))


def test_typed_key_terms_reach_the_session_the_record_and_the_next_session() -> None:
    with counting_service(fault=drops_at(12)) as service:
        records = run(service, *TYPED, keyterms_prompt=["LeMUR"])
    terms = ["LeMUR", "Sonny Miller", "q"]
    told = [json.loads(text) for text in service.sessions[0].texts]
    assert told == [{"type": "UpdateConfiguration", KEYTERMS: terms}]
    assert updates(records) == [{KEYTERMS: terms}]
    assert asked_of(service, 0) == ["LeMUR"]
    assert asked_of(service, 1) == terms
    assert service.sessions[1].texts == []
    assert records[-1].body["words"] == 20  # and the q in the line has stopped nothing


def test_a_resumed_recording_begins_with_what_was_changed_last() -> None:
    with counting_service() as service:
        records = run(service, *TYPED, *TYPED[:1], KeyPressed("", "max_turn_silence=900\r"))
    lines = [msgspec.json.decode(encode_record(r, n)) for n, r in enumerate(records)]
    journal = summarize(lines)
    assert journal.problem == ""
    resumed = parameters_of(journal.start, journal.changes, ["min_turn_silence=70"]).query
    assert resumed[KEYTERMS] == ["Sonny Miller", "q"]
    assert resumed["max_turn_silence"] == 900
    assert resumed["min_turn_silence"] == "70"


def test_a_term_that_is_too_long_and_a_wrong_file_are_warnings_of_the_record() -> None:
    line = (KeyPressed("k", "k"), KeyPressed("", "x" * 60 + "\r"))
    with counting_service() as service:
        records = run(service, *line, KeytermsChanged("'t.txt' holds 101 key terms"))
    told = [record.body["message"] for record in records if record.type == "Warning"]
    assert told == [
        f"the key term '{'x' * 20}...' is not listened for: 60 characters, and 50 are read",
        "'t.txt' holds 101 key terms",
    ]


def test_a_file_that_has_changed_takes_the_place_of_what_it_held(tmp_path: Path) -> None:
    path = tmp_path / "terms.txt"
    path.write_text("RNase\n")
    file = KeytermsFile(str(path))

    def change() -> None:
        path.write_text("DNase\n")
        file.look()
        assert file.look()

    with counting_service() as service:
        records = run(
            service, KeytermsChanged(), file=file, act=change, keyterms_prompt=["LeMUR", "RNase"]
        )
    assert updates(records) == [{KEYTERMS: ["LeMUR", "DNase"]}]
    assert len(service.sessions[0].texts) == 1


def test_a_recording_that_begins_after_the_file_has_changed_has_the_new_terms(
    tmp_path: Path,
) -> None:
    path = tmp_path / "terms.txt"
    path.write_text("RNase\n")
    file = KeytermsFile(str(path))
    path.write_text("DNase\n")
    file.look()
    assert file.look()
    with counting_service() as service:
        run(service, file=file, keyterms_prompt=["RNase"])
    assert asked_of(service, 0) == ["DNase"]


def test_a_line_that_is_typed_for_many_files_reaches_those_that_run_and_those_to_come() -> None:
    with counting_service() as service:
        running = run(service, SettingsTyped("Sonny Miller, q"), keyterms_prompt=["LeMUR"])
        to_come = run(service, typed=["Sonny Miller", "max_turn_silence=900"])
    terms = ["LeMUR", "Sonny Miller", "q"]
    assert [json.loads(text)[KEYTERMS] for text in service.sessions[0].texts] == [terms]
    assert updates(running) == [{KEYTERMS: terms}]
    assert asked_of(service, 1) == ["Sonny Miller"]
    assert service.sessions[1].query["max_turn_silence"] == ["900"]
    assert service.sessions[1].texts == []
    assert len(updates(to_come)) == 2


def test_what_the_model_does_not_take_is_not_sent() -> None:
    with counting_service() as service:
        records = run(service, *TYPED[:1], KeyPressed("m", "m"), model="whisper-rt")
        refused = run(service, TYPED[0], KeyPressed("", "language_codes=de\r"))
    assert updates(records) == updates(refused) == []
    assert service.sessions[0].texts == service.sessions[1].texts == []


def test_key_terms_that_are_typed_cost_what_they_cost() -> None:
    model = "universal-streaming-english"
    with counting_service() as service:
        records = run(service, *TYPED, model=model)
    summary = records[-1].body
    assert summary["cost_usd"] == pytest.approx(summary["session_s"] / 3600 * 0.19, abs=2e-6)


def test_a_line_that_is_given_up_changes_nothing_and_keys_are_keys_again() -> None:
    keys = (TYPED[0], KeyPressed("", "Sonny\x1b"), KeyPressed("b", "b"))
    with counting_service() as service:
        records = run(service, *keys)
    assert updates(records) == []
    assert [r.body["label"] for r in records if r.type == "Mark"] == ["bookmark"]
